// Says whether a signature fits a body and a secret, and if not, why. It runs in the browser: nothing is sent.

import { type Code, type Finding, finding } from "./advice";
import { type Body, bodiesOf, isOurs, observeBody } from "./bodies";
import { type Bytes, concat, digest, type Hash, signer, utf8 } from "./bytes";
import { parseHeaders, type Pasted, type Scheme, type Signature, type SignatureHeader, signaturesOf } from "./headers";
import { type Key, keyOf, keysOf, observeSecret } from "./keys";

export interface Input {
  body: Bytes;
  /** The value of a signature header, or headers in any form that they are copied in. */
  signature: string;
  secret: string;
  /** The other secret of a rotation, or an older one; may be empty. */
  otherSecret: string;
  /** Unix time in seconds. */
  now: number;
}

/** match: as it should be; explained: it fits after the changes that the findings name; unknown: nothing fits. */
export type Outcome = "match" | "explained" | "unknown" | "incomplete";

export interface Check {
  header: SignatureHeader;
  outcome: Outcome;
  findings: Finding[];
}

export interface Verdict {
  outcome: Outcome;
  findings: Finding[];
  checks: Check[];
}

const toleranceSeconds = 300;
// The ladder and its time-outs: attempts of one round are no further apart.
const attemptsSeconds = 120;

/** verify checks every signature that was pasted. */
export async function verify(input: Input): Promise<Verdict> {
  const pasted = parseHeaders(input.signature);
  const missing = whatIsMissing(input, pasted);
  if (missing.length > 0) {
    return { outcome: "incomplete", findings: missing.map(finding), checks: [] };
  }
  const checks: Check[] = [];
  for (const [header, value] of signatureHeaders(pasted)) {
    checks.push(await check(header, value, pasted, input));
  }
  addRotation(checks);
  const outcome = (["match", "explained", "incomplete"] as const).find((o) => checks.some((c) => c.outcome === o)) ?? "unknown";
  const codes = outcome === "match" ? afterMatch(input, pasted, checks) : outcome === "unknown" ? observed(input) : [];
  return { outcome, findings: codes.map(finding), checks };
}

function whatIsMissing(input: Input, pasted: Pasted): Code[] {
  const codes: Code[] = [];
  if (!globalThis.crypto?.subtle) {
    codes.push("nothing.crypto");
  }
  if (input.body.length === 0) {
    codes.push("nothing.body");
  }
  if (signatureHeaders(pasted).length === 0) {
    codes.push("nothing.signature");
  }
  if (input.secret.trim() === "") {
    codes.push("nothing.secret");
  }
  return codes;
}

function observed(input: Input): Code[] {
  const codes = [...observeSecret(input.secret), ...observeBody(input.body)];
  return codes.length > 0 ? codes : ["unknown.secret", "unknown.request", "unknown.forged"];
}

/** addRotation explains why only one of the two headers of a rotation fits one secret. */
function addRotation(checks: Check[]): void {
  const [current, next] = ["x-webhook-signature", "x-webhook-signature-next"].map((name) => checks.find((c) => c.header === name));
  if (current?.outcome === "unknown" && next?.outcome === "match") {
    current.findings.push(finding("rotation.old"));
  }
  if (next?.outcome === "unknown" && current?.outcome === "match") {
    next.findings.push(finding("header.next"));
  }
}

function signatureHeaders(pasted: Pasted): [SignatureHeader, string][] {
  if (pasted.bare !== undefined) {
    const scheme = signaturesOf(pasted.bare)[0]?.scheme;
    return [[scheme === "standard" ? "webhook-signature" : "x-webhook-signature", pasted.bare]];
  }
  const names: SignatureHeader[] = ["x-webhook-signature", "x-webhook-signature-next", "webhook-signature"];
  return names.flatMap((name) => (pasted.headers[name] === undefined ? [] : [[name, pasted.headers[name]]]));
}

function afterMatch(input: Input, pasted: Pasted, checks: Check[]): Code[] {
  const codes: Code[] = isOurs(input.body) ? [] : ["match.not-ours"];
  const standard = checks.some((c) => c.header === "webhook-signature" && c.outcome === "match");
  const age = input.now - Number(pasted.headers["webhook-timestamp"]);
  if (standard && Math.abs(age) > toleranceSeconds) {
    codes.push(age > 0 ? "time.old" : "time.ahead");
  }
  return codes;
}

async function check(header: SignatureHeader, value: string, pasted: Pasted, input: Input): Promise<Check> {
  const expected: Scheme = header === "webhook-signature" ? "standard" : "plain";
  const signatures = signaturesOf(value);
  if (signatures.length === 0) {
    return { header, outcome: "unknown", findings: [finding("signature.form")] };
  }
  const best = await search(signatures, pasted, input);
  if (!best) {
    const incomplete = signatures.some((s) => s.scheme === "standard") && !identified(pasted);
    return incomplete
      ? { header, outcome: "incomplete", findings: [finding("message.no-id")] }
      : { header, outcome: "unknown", findings: [] };
  }
  const codes = [...best.codes];
  if (best.scheme !== expected) {
    codes.push("header.misnamed");
  }
  const matches = codes.length === 0;
  if (header === "x-webhook-signature-next") {
    codes.push("header.next");
  }
  return { header, outcome: matches ? "match" : "explained", findings: [...new Set(codes)].map(finding) };
}

function identified(pasted: Pasted): boolean {
  return pasted.headers["webhook-id"] !== undefined && pasted.headers["webhook-timestamp"] !== undefined;
}

interface Explanation {
  scheme: Scheme;
  codes: Code[];
}

/** search tries what is likely first, and returns the explanation with the fewest changes. */
async function search(signatures: Signature[], pasted: Pasted, input: Input): Promise<Explanation | undefined> {
  const bodies = bodiesOf(input.body);
  let best: Explanation | undefined;
  for (const way of [keyed, otherAttempt, unkeyed]) {
    for (const signature of signatures) {
      const codes = await way(signature, pasted, input, bodies);
      if (codes && (!best || codes.length < best.codes.length)) {
        best = { scheme: signature.scheme, codes };
      }
    }
    if (best) {
      return best;
    }
  }
  return undefined;
}

// A MAC by its length in hex digits.
const hashes: Record<number, { hash: Hash; codes: Code[] }> = {
  40: { hash: "SHA-1", codes: ["signature.sha1"] },
  64: { hash: "SHA-256", codes: [] },
  96: { hash: "SHA-384", codes: ["signature.sha512"] },
  128: { hash: "SHA-512", codes: ["signature.sha512"] },
};
async function keyed(signature: Signature, pasted: Pasted, input: Input, bodies: Body[]): Promise<Code[] | undefined> {
  const { mac, scheme } = signature;
  const whole = hashes[mac.length];
  if (!whole && mac.length > 64) {
    return undefined;
  }
  const { hash, codes } = whole ?? { hash: "SHA-256" as const, codes: ["signature.truncated"] as Code[] };
  let best: Code[] | undefined;
  for (const key of keysOfBoth(input, scheme)) {
    const sign = signer(key.bytes, hash);
    for (const message of messagesOf(scheme, pasted)) {
      for (const body of bodies) {
        const all = [...signature.codes, ...codes, ...key.codes, ...message.codes, ...body.codes];
        if ((!best || all.length < best.length) && (await sign(concat(message.before, body.bytes))).startsWith(mac)) {
          best = all;
        }
      }
    }
    if (best?.length === 0) {
      break;
    }
  }
  return best;
}

function keysOfBoth(input: Input, scheme: Scheme): Key[] {
  const other = input.otherSecret.trim() === "" ? [] : keysOf(input.otherSecret, scheme);
  return [...keysOf(input.secret, scheme), ...other.map(({ bytes, codes }) => ({ bytes, codes: ["secret.other" as Code, ...codes] }))];
}

interface Message {
  before: Bytes;
  codes: Code[];
}

/** messagesOf lists what may have been signed before the body, the right one first. */
function messagesOf(scheme: Scheme, pasted: Pasted): Message[] {
  const { "webhook-id": id, "webhook-timestamp": at } = pasted.headers;
  const all: Message[] = scheme === "plain" ? [{ before: utf8(""), codes: [] }] : [];
  if (id !== undefined && at !== undefined) {
    all.push({ before: utf8(`${id}.${at}.`), codes: scheme === "plain" ? ["message.standard"] : [] });
    const seconds = secondsOf(at);
    if (seconds !== undefined && seconds !== at) {
      all.push({ before: utf8(`${id}.${seconds}.`), codes: ["message.form"] });
    }
  }
  if (at !== undefined) {
    all.push({ before: utf8(`${at}.`), codes: ["message.timestamped"] });
  }
  if (scheme === "standard") {
    all.push({ before: utf8(""), codes: ["message.body-only"] });
  }
  return all;
}

function secondsOf(text: string): string | undefined {
  const number = Number(text);
  const ms = Number.isNaN(number) ? Date.parse(text) : number > 1e11 ? number : number * 1000;
  return Number.isNaN(ms) ? undefined : String(Math.floor(ms / 1000));
}

/** otherAttempt looks for a time stamp near the pasted one. */
async function otherAttempt(signature: Signature, pasted: Pasted, input: Input, bodies: Body[]): Promise<Code[] | undefined> {
  const { "webhook-id": id, "webhook-timestamp": at } = pasted.headers;
  const seconds = Number(secondsOf(at ?? ""));
  const body = bodies.find((b) => isOurs(b.bytes));
  if (signature.scheme !== "standard" || id === undefined || at === undefined || Number.isNaN(seconds) || !body) {
    return undefined;
  }
  const sign = signer(keyOf(input.secret.trim(), "standard"));
  for (let off = 1; off <= attemptsSeconds; off++) {
    for (const then of [seconds - off, seconds + off]) {
      if ((await sign(concat(utf8(`${id}.${then}.`), body.bytes))) === signature.mac) {
        return [...signature.codes, "message.other-attempt", ...body.codes];
      }
    }
  }
  return undefined;
}

/** unkeyed looks for a SHA-256 without a key, or with the secret put before the body. */
async function unkeyed(signature: Signature, _: Pasted, input: Input, bodies: Body[]): Promise<Code[] | undefined> {
  for (const body of bodies) {
    for (const message of [body.bytes, concat(utf8(input.secret), body.bytes), concat(body.bytes, utf8(input.secret))]) {
      if ((await digest(message)) === signature.mac) {
        return [...signature.codes, "signature.no-key", ...body.codes];
      }
    }
  }
  return undefined;
}
