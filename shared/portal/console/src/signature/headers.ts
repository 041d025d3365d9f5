import { fromHex, fromLooseBase64, hex, textOf } from "./bytes";
import type { Code } from "./advice";

export type SignatureHeader = "x-webhook-signature" | "x-webhook-signature-next" | "webhook-signature";

/** Pasted is what was found in the field for the signature: headers by name, or a value alone. */
export interface Pasted {
  headers: Partial<Record<SignatureHeader | "webhook-id" | "webhook-timestamp", string>>;
  bare?: string;
}

const named =
  /(?<![a-z0-9_-])(?:http_)?(x[-_]webhook[-_]signature(?:[-_]next)?|webhook[-_](?:id|timestamp|signature))["'\]]?\s*(?:[:=]>?\s*)?(?:\[\s*)?(?:"([^"\n]*)"|'([^'\n]*)'|([^"'\]\n]*))/gi;

/**
 * parseHeaders reads headers as they are copied from a log, a browser, a command line or a program's print of its map, in
 * JSON, Go, Python or PHP. Without a name that we send, the whole text is a value.
 */
export function parseHeaders(text: string): Pasted {
  const pasted: Pasted = { headers: {} };
  for (const [, name = "", ...values] of text.matchAll(named)) {
    const key = name.toLowerCase().replace(/_/g, "-") as keyof Pasted["headers"];
    const value = values.find((v) => v !== undefined)?.trim();
    if (value && pasted.headers[key] === undefined) {
      pasted.headers[key] = value;
    }
  }
  const bare = text.trim();
  if (Object.keys(pasted.headers).length === 0 && bare !== "") {
    pasted.bare = bare;
  }
  return pasted;
}

/** A MAC that is cut off still says something if it has as many bytes. */
const shortest = 16;

export type Scheme = "plain" | "standard";

/** Signature is one MAC as hex; codes say in what way its text is not the one that is sent. */
export interface Signature {
  mac: string;
  scheme: Scheme;
  codes: Code[];
}

/** signaturesOf reads the value of a signature header: one MAC, or several of the Standard Webhooks form. */
export function signaturesOf(value: string): Signature[] {
  const text = value.trim().replace(/^(["'])(.*)\1$/, "$2").replace(/[,;]$/, "");
  const versioned = [...text.matchAll(/(?<![A-Za-z0-9])v1[,=]([A-Za-z0-9+/_-]+=*)/g)];
  if (versioned.length > 0) {
    return versioned.flatMap(([, mac = ""]) => standard(mac));
  }
  const rest = text.replace(/^(?:hmac-)?sha-?256[=:]\s*/i, "").replace(/^0x/i, "");
  const prefix: Code[] = rest === text ? [] : ["signature.prefix"];
  return plain(rest, prefix);
}

function standard(text: string): Signature[] {
  if (fromHex(text)?.length === 32) {
    return [{ mac: text.toLowerCase(), scheme: "standard", codes: ["signature.hex"] }];
  }
  const bytes = fromLooseBase64(text);
  return bytes && bytes.length >= shortest ? [{ mac: hex(bytes), scheme: "standard", codes: [] }] : [];
}

function plain(text: string, prefix: Code[]): Signature[] {
  if ((fromHex(text)?.length ?? 0) >= shortest) {
    const upper: Code[] = /[A-F]/.test(text) ? ["signature.upper-case"] : [];
    return [{ mac: text.toLowerCase(), scheme: "plain", codes: [...prefix, ...upper] }];
  }
  const joined = text.replace(/[\s:-]/g, "");
  if (/^[0-9a-f]{2}([\s:-][0-9a-f]{2})+$/i.test(text)) {
    return [{ mac: joined.toLowerCase(), scheme: "plain", codes: [...prefix, "signature.separators"] }];
  }
  const bytes = fromLooseBase64(text);
  if (!bytes || bytes.length < shortest) {
    return [];
  }
  const inner = textOf(bytes);
  if (inner && fromHex(inner)?.length === 32) {
    return [{ mac: inner.toLowerCase(), scheme: "plain", codes: [...prefix, "signature.base64-of-hex"] }];
  }
  return [
    { mac: hex(bytes), scheme: "plain", codes: [...prefix, "signature.base64"] },
    { mac: hex(bytes), scheme: "standard", codes: [...prefix, "signature.no-version"] },
  ];
}
