// Bytes, their texts, and the keyed hashes of WebCrypto.

const encoder = new TextEncoder();

export type Bytes = Uint8Array<ArrayBuffer>;

export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** The text of UTF-8, a byte order mark included; undefined if the bytes are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text: string): Bytes | undefined {
  if (!/^(?:[0-9a-f]{2})+$/i.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Standard base64 with its padding, as Go's StdEncoding and the Standard Webhooks libraries read it. */
export function fromBase64(text: string): Bytes | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  try {
    return latin1(atob(text));
  } catch {
    return undefined;
  }
}

/** Base64 as people copy it: of the URL alphabet too, without padding too. */
export function fromLooseBase64(text: string): Bytes | undefined {
  const standard = text.replace(/-/g, "+").replace(/_/g, "/").replace(/=+$/, "");
  return fromBase64(standard.padEnd(Math.ceil(standard.length / 4) * 4, "="));
}

/** One byte for each character up to U+00FF; what is beyond loses its upper bits. */
export function latin1(text: string): Bytes {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

export type Hash = "SHA-256" | "SHA-1" | "SHA-384" | "SHA-512";

/** A function that signs with one key, which is imported once. */
export function signer(key: Bytes, hash: Hash = "SHA-256"): (message: Bytes) => Promise<string> {
  const imported = crypto.subtle.importKey("raw", key, { name: "HMAC", hash }, false, ["sign"]);
  return async (message) => hex(new Uint8Array(await crypto.subtle.sign("HMAC", await imported, message)));
}

export async function digest(message: Bytes): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", message)));
}

export function concat(...parts: Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
