import type { Code } from "./advice";
import { type Bytes, concat, fromBase64, fromHex, fromLooseBase64, textOf, utf8 } from "./bytes";
import type { Scheme } from "./headers";

const prefix = "whsec_";

export interface Key {
  bytes: Bytes;
  codes: Code[];
}

/** keyOf is the rule: the secret's own bytes, or for Standard Webhooks what the base64 after `whsec_` stands for. */
export function keyOf(secret: string, scheme: Scheme): Bytes {
  const decoded = scheme === "standard" && secret.startsWith(prefix) ? fromBase64(secret.slice(prefix.length)) : undefined;
  return decoded ?? utf8(secret);
}

/** keysOf lists the keys that may have been used for a secret by mistake, the right one first. */
export function keysOf(secret: string, scheme: Scheme): Key[] {
  const keys: Key[] = [];
  for (const { text, codes } of spellings(secret)) {
    const rest = text.startsWith(prefix) ? text.slice(prefix.length) : undefined;
    const decoded = fromBase64(rest ?? text);
    add(keys, keyOf(text, scheme), codes);
    if (rest === undefined) {
      add(keys, keyOf(prefix + text, scheme), [...codes, "secret.prefix-missing"]);
    } else {
      add(keys, utf8(rest), [...codes, "secret.prefix-cut"]);
    }
    if (scheme === "standard") {
      add(keys, utf8(text), [...codes, "secret.not-decoded"]);
    } else if (decoded && (rest !== undefined || printable(decoded) === undefined)) {
      add(keys, decoded, [...codes, "secret.decoded"]);
    }
    add(keys, fromHex(text), [...codes, "secret.decoded"]);
    add(keys, concat(utf8(text), utf8("\n")), [...codes, "secret.newline"]);
    add(keys, concat(utf8(text), utf8("\r\n")), [...codes, "secret.newline"]);
  }
  return keys;
}

function add(keys: Key[], bytes: Bytes | undefined, codes: Code[]): void {
  const same = (a: Bytes) => a.length === bytes?.length && a.every((byte, i) => byte === bytes[i]);
  if (bytes && bytes.length > 0 && !keys.some((key) => same(key.bytes))) {
    keys.push({ bytes, codes });
  }
}

/** spellings are what a secret may have looked like before it was pasted. */
function spellings(secret: string): { text: string; codes: Code[] }[] {
  const all: { text: string; codes: Code[] }[] = [{ text: secret, codes: [] }];
  const trimmed = secret.trim();
  const space: Code[] = trimmed === secret ? [] : ["secret.space"];
  if (space.length > 0) {
    all.push({ text: trimmed, codes: space });
  }
  const unquoted = /^(?:[A-Z_]+=)?(["'`]?)(.*)\1$/.exec(trimmed)?.[2] ?? trimmed;
  if (unquoted !== trimmed) {
    all.push({ text: unquoted, codes: ["secret.quotes"] });
  }
  if (/%[0-9a-f]{2}/i.test(trimmed)) {
    all.push({ text: trimmed.replace(/%([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(parseInt(code, 16))), codes: ["secret.url"] });
  }
  if (/\S \S/.test(trimmed)) {
    all.push({ text: trimmed.replace(/ /g, "+"), codes: ["secret.url"] });
  }
  const inner = printable(fromLooseBase64(trimmed) ?? new Uint8Array());
  if (inner !== undefined && !trimmed.startsWith(prefix)) {
    all.push({ text: inner.trim(), codes: ["secret.base64"] });
  }
  return all;
}

function printable(bytes: Bytes): string | undefined {
  const text = textOf(bytes);
  return text !== undefined && /^[\x20-\x7e]+\r?\n?$/.test(text) ? text : undefined;
}

/** observeSecret says what a secret is that cannot be one. */
export function observeSecret(secret: string): Code[] {
  const text = secret.trim();
  if (/^(Bearer )?(crk|crs)_/.test(text)) {
    return ["secret.is-api-key"];
  }
  if (/^(whk|dlv|prt|ver|job)_/.test(text)) {
    return ["secret.is-id"];
  }
  if (/[\u2022\u2026*]{2,}|\u2026/.test(text) || [...text].length <= 4) {
    return ["secret.is-hint"];
  }
  if (text.startsWith(prefix) && !fromBase64(text.slice(prefix.length))) {
    return ["secret.cut"];
  }
  return [];
}
