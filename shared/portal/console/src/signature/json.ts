// JSON as other software writes it.

import type { Code } from "./advice";

/** parse returns a box with the value, or undefined if the text is not JSON. */
export function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

export interface Style {
  comma?: string;
  colon?: string;
  text?: (quoted: string) => string;
  sorted?: boolean;
}

/** write serialises as told: Python's spaces, PHP's and Go's escapes, members by name. */
export function write(value: unknown, style: Style): string {
  const text = style.text ?? ((quoted: string) => quoted);
  if (Array.isArray(value)) {
    return `[${value.map((item) => write(item, style)).join(style.comma ?? ",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    if (style.sorted) {
      entries.sort(([a], [b]) => (a < b ? -1 : 1));
    }
    const members = entries.map(([name, v]) => text(JSON.stringify(name)) + (style.colon ?? ":") + write(v, style));
    return `{${members.join(style.comma ?? ",")}}`;
  }
  return typeof value === "string" ? text(JSON.stringify(value)) : JSON.stringify(value);
}

function escape(text: string, which: RegExp): string {
  return text.replace(which, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

export const ascii = (quoted: string) => escape(quoted, /[\u007f-\uffff]/g);
export const slashes = (quoted: string) => quoted.replace(/\//g, "\\/");
export const markup = (quoted: string) => escape(quoted, /[<>&\u2028\u2029]/g);

const order = {
  top: ["type", "status", "data"],
  data: ["verificationId", "sessionId", "stepId", "status", "proofData", "formattedData", "metadata"],
};

/**
 * inOurOrder writes a body whose members have been moved as we do: the guide's order, and in the records' own maps array
 * indices first, then the names by UTF-16 code unit. It cannot know the order of a payload template.
 */
export function inOurOrder(value: unknown): string {
  return ordered(value, order.top, (name, v) => (name === "data" ? ordered(v, order.data, byName) : byName(name, v)));
}

function byName(_: string, value: unknown): string {
  return ordered(value, [], byName);
}

function ordered(value: unknown, first: string[], inner: (name: string, v: unknown) => string): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => byName("", item)).join(",")}]`;
  }
  if (typeof value !== "object" || value === null) {
    return JSON.stringify(value);
  }
  const rank = (name: string) => {
    const known = first.indexOf(name);
    return known >= 0 ? known : isIndex(name) ? first.length : first.length + 1;
  };
  const entries = Object.entries(value).sort(
    ([a], [b]) => rank(a) - rank(b) || (isIndex(a) && isIndex(b) ? Number(a) - Number(b) : a < b ? -1 : 1),
  );
  return `{${entries.map(([name, v]) => `${JSON.stringify(name)}:${inner(name, v)}`).join(",")}}`;
}

function isIndex(name: string): boolean {
  return String(Number(name)) === name && Number.isInteger(Number(name)) && Number(name) >= 0 && Number(name) < 2 ** 32 - 1;
}

const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\],:]|true|false|null|\s+/g;

/** differences tells in what a JSON text differs from what JavaScript makes of it. */
export function differences(text: string, canonical: string): Code[] {
  const were: string[] = text.match(tokens) ?? [];
  const are: string[] = canonical.match(tokens) ?? [];
  const solid = were.filter((token) => token.trim() !== "");
  const codes: Code[] = [];
  if (solid.length < were.length) {
    codes.push("body.white-space");
  }
  if (solid.length !== are.length) {
    return [...codes, "body.members"];
  }
  const changed = (kind: RegExp) => solid.some((token, i) => token !== are[i] && kind.test(token));
  if (changed(/^[-\d]/)) {
    codes.push("body.numbers");
  }
  const moved = solid.some((token, i) => token !== are[i] && !sameValue(token, are[i] ?? ""));
  if (!moved && changed(/^"/)) {
    codes.push("body.escapes");
  }
  return moved ? [...codes.filter((code) => code !== "body.numbers"), "body.order"] : codes;
}

function sameValue(a: string, b: string): boolean {
  const [x, y] = [parse(a), parse(b)];
  return x !== undefined && y !== undefined && x.value === y.value;
}

/** truncated tells whether a JSON text ends before it is complete. */
export function truncated(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) {
    return false;
  }
  const open: string[] = [];
  for (const token of text.match(/"(?:[^"\\]|\\[^])*"?|[{}[\]]/g) ?? []) {
    if (token === "{" || token === "[") {
      open.push(token);
    } else if (token === "}" || token === "]") {
      if (open.pop() !== (token === "}" ? "{" : "[")) {
        return false;
      }
    }
  }
  return open.length > 0;
}
