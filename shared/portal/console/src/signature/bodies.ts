import type { Code } from "./advice";
import { type Bytes, concat, latin1, textOf, utf8 } from "./bytes";
import { ascii, differences, inOurOrder, markup, parse, slashes, truncated, write } from "./json";

/** Body is what may have been signed; codes say what lies between it and what was pasted. */
export interface Body {
  bytes: Bytes;
  codes: Code[];
}

interface Text {
  text: string;
  codes: Code[];
}

/** bodiesOf lists what we may have sent, and what a receiver's own code may have signed, the pasted body first. */
export function bodiesOf(pasted: Bytes): Body[] {
  const bodies: Body[] = [{ bytes: pasted, codes: [] }];
  const texts = peeled(decode(pasted)).flatMap(charsets);
  for (const { text, codes } of texts) {
    bodies.push({ bytes: utf8(text), codes });
  }
  const sent = texts.flatMap(canonical);
  for (const { text, codes } of sent) {
    bodies.push({ bytes: utf8(text), codes });
  }
  for (const { text, codes } of sent.length > 0 ? sent : texts.slice(-1)) {
    bodies.push(...signedByReceivers(text).map((body) => ({ ...body, codes: [...codes, ...body.codes] })));
  }
  return bodies;
}

/** isOurs tells whether a body has the form that we send: bytes that JavaScript leaves as they are. */
export function isOurs(bytes: Bytes): boolean {
  const text = textOf(bytes);
  const parsed = text === undefined ? undefined : parse(text);
  return parsed !== undefined && JSON.stringify(parsed.value) === text;
}

/** observeBody says what is wrong with a body that cannot be put right. */
export function observeBody(pasted: Bytes): Code[] {
  const { text } = peeled(decode(pasted)).at(-1) ?? { text: "" };
  if (text.includes("\ufffd")) {
    return ["body.lost-characters"];
  }
  if (/^\[object Object\]$/.test(text)) {
    return ["body.object"];
  }
  if (/^\{\s*'/.test(text)) {
    return ["body.python-dict"];
  }
  const parsed = parse(text);
  if (!parsed) {
    return [truncated(text) ? "body.truncated" : "body.not-json"];
  }
  const value = parsed.value as { verificationId?: unknown; type?: unknown } | null;
  return value && typeof value === "object" && "verificationId" in value && !("type" in value) ? ["body.data-only"] : [];
}

function decode(pasted: Bytes): Text {
  const text = textOf(pasted);
  return text === undefined ? { text: new TextDecoder("windows-1252").decode(pasted), codes: ["body.charset"] } : { text, codes: [] };
}

const entities: Record<string, string> = { quot: '"', "#34": '"', "#39": "'", apos: "'", lt: "<", gt: ">", amp: "&" };

// Each takes one wrapping off a text that has it, and gives undefined for others.
const peelings: { code: Code; peel: (text: string) => string | undefined }[] = [
  { code: "body.bom", peel: (text) => (text.startsWith("\ufeff") ? text.slice(1) : undefined) },
  { code: "body.newline", peel: (text) => (/^\S[^]*\S\r?\n$/.test(text) ? text.trimEnd() : undefined) },
  { code: "body.white-space", peel: (text) => (text.trim() !== text ? text.trim() : undefined) },
  { code: "body.headers", peel: (text) => /^(?:POST |[\w-]+: )[^]*?\r?\n\r?\n([^]*)$/.exec(text)?.[1] },
  { code: "body.quoted", peel: (text) => /^b?'(\{[^]*\})'$/.exec(text)?.[1] },
  { code: "body.markup", peel: (text) => (/^\{\s*&(quot|#34);/.test(text) ? unescapeMarkup(text) : undefined) },
  { code: "body.form", peel: unescapeForm },
  { code: "body.encoded-twice", peel: unescapeJson },
  { code: "body.typography", peel: (text) => (/[\u201c\u201d\u00a0]/.test(text) ? ifJson(text, text.replace(/[\u201c\u201d]/g, '"').replace(/\u00a0/g, " ")) : undefined) },
  { code: "body.line-breaks", peel: (text) => ifJson(text, text.replace(/\r?\n/g, "")) },
];

/** peeled returns the text and what is left of it after each wrapping that was taken off. */
function peeled(first: Text): Text[] {
  const all = [first];
  for (let now: Text | undefined = first; now && all.length < 8; ) {
    const { text, codes }: Text = now;
    now = undefined;
    for (const { code, peel } of peelings) {
      const inner = peel(text);
      if (inner !== undefined && inner !== text) {
        now = { text: inner, codes: codes.includes(code) ? codes : [...codes, code] };
        all.push(now);
        break;
      }
    }
  }
  return all;
}

function ifJson(text: string, changed: string): string | undefined {
  return changed !== text && !parse(text) && parse(changed) ? changed : undefined;
}

function unescapeMarkup(text: string): string {
  return text.replace(/&(quot|apos|lt|gt|amp|#34|#39);/g, (_, name: string) => entities[name] ?? "");
}

function unescapeForm(text: string): string | undefined {
  if (/^\{[^]*\}=$/.test(text)) {
    return text.slice(0, -1);
  }
  if (!/^(%7B|\{(%22|\+*%22))/i.test(text)) {
    return undefined;
  }
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    return undefined;
  }
}

function unescapeJson(text: string): string | undefined {
  const quoted = text.startsWith('"') ? text : text.startsWith('{\\"') ? `"${text}"` : undefined;
  const value = quoted === undefined ? undefined : parse(quoted)?.value;
  return typeof value === "string" ? value : undefined;
}

/** charsets adds what a text was before it was read in another character set, or as a form, or written by an editor. */
function charsets({ text, codes }: Text): Text[] {
  const all = [{ text, codes }];
  const add = (changed: string | undefined, code: Code) => {
    if (changed !== undefined && !all.some((t) => t.text === changed)) {
      all.push({ text: changed, codes: [...codes, code] });
    }
  };
  add(unmangled(text), "body.charset");
  add(text.replace(/(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?|\de) (?=\d)/g, "$1+"), "body.form");
  add(text.normalize("NFC"), "body.normalized");
  add(text.normalize("NFD"), "body.normalized");
  return all;
}

const windows1252 = new Map(
  Array.from({ length: 32 }, (_, i) => [new TextDecoder("windows-1252").decode(Uint8Array.of(0x80 + i)), 0x80 + i]),
);

/** unmangled reads UTF-8 out of a text that shows it as one character for each byte. */
function unmangled(text: string): string | undefined {
  const chars = Array.from(text, (c) => windows1252.get(c) ?? c.charCodeAt(0) + (c.length > 1 ? 0x100 : 0));
  return chars.some((c) => c > 0x7f) && chars.every((c) => c <= 0xff) ? textOf(Uint8Array.from(chars)) : undefined;
}

/** canonical returns the forms that we would have sent of what is in a JSON text. */
function canonical({ text, codes }: Text): Text[] {
  const parsed = parse(text);
  if (!parsed) {
    return [];
  }
  const again = JSON.stringify(parsed.value);
  const all = [{ text: again, codes: merge(codes, again === text ? [] : differences(text, again)) }];
  const ours = inOurOrder(parsed.value);
  if (ours !== again) {
    const rest = all[0]?.codes.filter((code) => code !== "body.numbers") ?? [];
    all.push({ text: ours, codes: merge(rest, ["body.order"]) });
  }
  return all;
}

function merge(a: Code[], b: Code[]): Code[] {
  return [...new Set([...a, ...b])];
}

/** signedByReceivers lists what the code of receivers signs instead of the body that it got. */
function signedByReceivers(text: string): Body[] {
  const bytes = utf8(text);
  const bodies: Body[] = [];
  const add = (signed: string | Bytes, code: Code) =>
    bodies.push({ bytes: typeof signed === "string" ? utf8(signed) : signed, codes: [code] });
  add("", "code.empty");
  add("{}", "code.empty");
  add("undefined", "code.empty");
  add("[object Object]", "code.object");
  add(text + "\n", "code.newline");
  add(text + "\r\n", "code.newline");
  add("\ufeff" + text, "code.bom");
  add(latin1(text), "code.charset");
  add(new TextDecoder("windows-1252").decode(bytes), "code.charset");
  add(JSON.stringify(text), "code.encoded-twice");
  add(new URLSearchParams([["", text]]).toString().slice(1), "code.form");
  add(concat(bytes, utf8("=")), "code.form");
  const parsed = parse(text);
  if (parsed) {
    rewritten(parsed.value, add);
  }
  return bodies;
}

function rewritten(value: unknown, add: (signed: string, code: Code) => void): void {
  const spaced = { comma: ", ", colon: ": " };
  for (const indent of [2, 4, "\t"]) {
    const pretty = JSON.stringify(value, null, indent);
    add(pretty, "code.indented");
    add(ascii(pretty), "code.indented");
  }
  add(write(value, { ...spaced, text: ascii }), "code.python");
  add(write(value, spaced), "code.python");
  add(write(value, { text: ascii }), "code.python");
  add(write(value, { ...spaced, text: ascii, sorted: true }), "code.python");
  add(write(value, { text: (t) => slashes(ascii(t)) }), "code.php");
  add(write(value, { text: slashes }), "code.php");
  add(write(value, { text: markup, sorted: true }), "code.go");
  add(write(value, { text: markup }), "code.go");
  add(write(value, { sorted: true }), "code.sorted");
  add(write(value, { text: ascii, sorted: true }), "code.sorted");
  const data = (value as { data?: unknown } | null)?.data;
  if (data !== undefined) {
    add(JSON.stringify(data), "code.data-only");
  }
}
