import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { type Code, everyCode, finding } from "./advice";
import { type Bytes, concat, latin1, utf8 } from "./bytes";
import sent from "./testdata/vectors.json";
import { type Input, type Outcome, type Verdict, verify } from "./verify";

interface Vector {
  name: string;
  secret: string;
  next?: string;
  headers: Record<string, string>;
  body: string;
}
const vectors = sent as unknown as Vector[];

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
const other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs=";
const id = "dlv_1";
const at = 1764000000;
// What other software writes in another way: a slash, letters that are not ASCII, markup, a large number, a plus, names
// that do not stand in the order of the alphabet.
const body =
  '{"type":"verification.completed","status":"success","data":{"verificationId":"ver_é😀","sessionId":123,"status":"VERIFIED",' +
  '"proofData":{"7":1,"10":2,"amount":5000,"big":1e+21,"source":"a/b <&>"},"metadata":{"at":"2024-01-15T14:30:00+02:00","name":"Zoë \\"Ö\\""}}}';

const mac = (key: string | Uint8Array, message: string | Uint8Array, hash = "sha256") => createHmac(hash, key).update(message);
const plain = (signed: string | Uint8Array, key: string | Uint8Array = secret) => mac(key, signed).digest("hex");
const decoded = (s: string) => Buffer.from(s.slice(6), "base64");
const standard = (signed: string | Uint8Array, key: string | Uint8Array = decoded(secret), time: number | string = at) =>
  "v1," + mac(key, concat(utf8(`${id}.${time}.`), typeof signed === "string" ? utf8(signed) : new Uint8Array(signed))).digest("base64");
const headers = (values: Record<string, string | number>) => Object.entries(values).map(([name, value]) => `${name}: ${value}`).join("\n");
const standardHeaders = (signature: string, time: number | string = at) =>
  headers({ "webhook-id": id, "webhook-timestamp": time, "webhook-signature": signature });

function ask(how: Partial<Omit<Input, "body">> & { body?: string | Uint8Array }): Promise<Verdict> {
  const bytes = typeof how.body === "string" ? utf8(how.body) : (how.body as Bytes | undefined);
  return verify({ signature: plain(body), secret, otherSecret: "", now: at, ...how, body: bytes ?? utf8(body) });
}

function codes(verdict: Verdict): Code[] {
  return [...verdict.findings, ...verdict.checks.flatMap((c) => c.findings)].map((f) => f.code);
}

async function expect(how: Parameters<typeof ask>[0], outcome: Outcome, ...want: Code[]): Promise<void> {
  const verdict = await ask(how);
  assert.deepEqual([verdict.outcome, ...codes(verdict)], [outcome, ...want]);
}

test("what the product sends matches, each of its headers", async () => {
  for (const [i, v] of vectors.entries()) {
    const under = (key: string, text = v.body) => ask({ body: text, signature: headers(v.headers), secret: key });
    const verdict = await under(v.secret);
    const fits = verdict.checks.filter((c) => c.outcome === "match").map((c) => c.header);
    assert.deepEqual(fits, ["x-webhook-signature", "webhook-signature"], v.name);
    assert.deepEqual(verdict.findings, [], v.name);
    if (i % 5 > 0 && !v.next) {
      continue;
    }
    assert.equal((await under(v.secret, v.body.replace("success", "succesS"))).outcome, "unknown", v.name);
    assert.equal((await under("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")).outcome, "unknown", v.name);
    if (v.next) {
      const next = await under(v.next);
      assert.deepEqual(next.checks.map((c) => c.outcome), ["unknown", "match", "match"]);
      assert.deepEqual(codes(next), ["rotation.old", "header.next"]);
    }
  }
});

// The body was changed on its way into the field: what we sent can be told from it.
const changedBodies: [string, string | Uint8Array, ...Code[]][] = [
  ["a byte order mark", "\ufeff" + body, "body.bom"],
  ["a line feed at the end", body + "\n", "body.newline"],
  ["a carriage return as well", body + "\r\n", "body.newline"],
  ["white space around it", "\n  " + body, "body.white-space"],
  ["indents", JSON.stringify(JSON.parse(body), null, 2), "body.white-space"],
  ["Windows' line ends", JSON.stringify(JSON.parse(body), null, 4).replaceAll("\n", "\r\n"), "body.white-space"],
  ["indents and a line end", JSON.stringify(JSON.parse(body), null, 2) + "\n", "body.white-space"],
  ["lines wrapped by a terminal", body.slice(0, 110) + "\n" + body.slice(110), "body.line-breaks"],
  ["headers before it", `POST /hook HTTP/1.1\r\nHost: example.com\r\n\r\n${body}`, "body.headers"],
  ["single quotes", `'${body}'`, "body.quoted"],
  ["HTML", body.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"), "body.markup"],
  ["a form's encoding", new URLSearchParams([["", body]]).toString().slice(1), "body.form"],
  ["a form's name", body + "=", "body.form"],
  ["a form's spaces", body.replaceAll("+", " "), "body.form"],
  ["a JSON string", JSON.stringify(body), "body.encoded-twice"],
  ["a JSON string, indented inside", JSON.stringify(JSON.stringify(JSON.parse(body), null, 2)), "body.encoded-twice", "body.white-space"],
  ["a JSON string without its quotes", JSON.stringify(body).slice(1, -1), "body.encoded-twice"],
  ["typographic quotes", body.replaceAll(/(?<!\\)"/g, "\u201c"), "body.typography"],
  ["Latin-1 shown", new TextDecoder("windows-1252").decode(utf8(body)), "body.charset"],
  ["Latin-1 in a file", latin1(body.replace("😀", "")), "body.charset"],
  ["decomposed letters", body.normalize("NFD"), "body.normalized"],
  ["escapes of what is not ASCII", body.replace("é", "\\u00e9"), "body.escapes"],
  ["escaped slashes", body.replace("a/b", "a\\/b"), "body.escapes"],
  ["other numbers", body.replace("5000", "5000.0").replace("1e+21", "1000000000000000000000"), "body.numbers"],
  ["sorted members", sorted(body), "body.order"],
  ["Python's spaces and escapes", body.replaceAll('":', '": ').replace("é", "\\u00e9"), "body.white-space", "body.escapes"],
];

function sorted(text: string): string {
  const walk = (v: unknown): string =>
    typeof v === "object" && v !== null
      ? `{${Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, x]) => `${JSON.stringify(k)}:${walk(x)}`).join(",")}}`
      : JSON.stringify(v);
  return walk(JSON.parse(text));
}

for (const [name, changed, ...want] of changedBodies) {
  test(`a pasted body with ${name}`, async () => {
    const sent = name === "Latin-1 in a file" ? body.replace("😀", "") : body;
    await expect({ body: changed, signature: plain(sent) }, "explained", ...want);
    await expect({ body: changed, signature: standardHeaders(standard(sent)) }, "explained", ...want);
  });
}

// The receiver's own code signed something else than the body that is pasted.
const pythonic = (v: unknown): string =>
  typeof v === "object" && v !== null
    ? `{${Object.entries(v).map(([k, x]) => `${JSON.stringify(k)}: ${pythonic(x)}`).join(", ")}}`
    : JSON.stringify(v).replace(/[^\0-\x7e]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
const receivers: [string, string | Uint8Array, Code][] = [
  ["nothing", "", "code.empty"],
  ["an object's text", "[object Object]", "code.object"],
  ["a line end too many", body + "\n", "code.newline"],
  ["a byte order mark", "\ufeff" + body, "code.bom"],
  ["Latin-1", latin1(body), "code.charset"],
  ["UTF-8 taken for Latin-1", new TextDecoder("windows-1252").decode(utf8(body)), "code.charset"],
  ["a JSON string", JSON.stringify(body), "code.encoded-twice"],
  ["a form", new URLSearchParams([["", body]]).toString().slice(1), "code.form"],
  ["indents", JSON.stringify(JSON.parse(body), null, 2), "code.indented"],
  ["json.dumps", pythonic(JSON.parse(body)), "code.python"],
  ["json_encode", body.replaceAll("/", "\\/").replace(/[^\0-\x7e]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0")), "code.php"],
  ["json.Marshal", body.replace("<&>", "\\u003c\\u0026\\u003e"), "code.go"],
  ["sorted members", sorted(body), "code.sorted"],
  ["the data", JSON.stringify((JSON.parse(body) as { data: unknown }).data), "code.data-only"],
];
for (const [name, signed, want] of receivers) {
  test(`a signature over ${name}`, async () => {
    await expect({ signature: plain(signed) }, "explained", want);
    await expect({ signature: standardHeaders(standard(signed)) }, "explained", want);
  });
}

test("secrets that are not quite the secret", async () => {
  const inner = "a secret with 24+ characters%";
  await expect({ secret: ` ${secret}\n` }, "explained", "secret.space");
  await expect({ secret: `"${secret}"` }, "explained", "secret.quotes");
  await expect({ secret: `WEBHOOK_SECRET=${secret}` }, "explained", "secret.quotes");
  await expect({ secret: secret.slice(6) }, "explained", "secret.prefix-missing");
  await expect({ secret: secret.slice(6), signature: standardHeaders(standard(body)) }, "explained", "secret.prefix-missing");
  await expect({ secret: encodeURIComponent(secret) }, "explained", "secret.url");
  await expect({ secret: other.replace("+", " "), signature: plain(body, other) }, "explained", "secret.url");
  await expect({ secret: btoa(secret) }, "explained", "secret.base64");
  await expect({ secret: btoa(secret + "\n") }, "explained", "secret.base64");
  await expect({ signature: plain(body, secret.slice(6)) }, "explained", "secret.prefix-cut");
  await expect({ signature: standardHeaders(standard(body, secret.slice(6))) }, "explained", "secret.prefix-cut");
  await expect({ signature: plain(body, decoded(secret)) }, "explained", "secret.decoded");
  await expect({ signature: standardHeaders(standard(body, secret)) }, "explained", "secret.not-decoded");
  await expect({ signature: plain(body, secret + "\n") }, "explained", "secret.newline");
  await expect({ secret: inner, signature: plain(body, inner) }, "match");
  await expect({ secret: inner, signature: standardHeaders(standard(body, inner)) }, "match");
});

test("the other secret of a rotation", async () => {
  await expect({ secret: other, otherSecret: secret }, "explained", "secret.other");
  await expect({ secret: other, otherSecret: secret + " " }, "explained", "secret.other", "secret.space");
  await expect({ secret: other, signature: standardHeaders(`${standard(body)} ${standard(body, decoded(other))}`) }, "match");
});

test("signatures in other forms", async () => {
  const raw = mac(secret, body).digest();
  await expect({ signature: "sha256=" + plain(body) }, "explained", "signature.prefix");
  await expect({ signature: plain(body).toUpperCase() }, "explained", "signature.upper-case");
  await expect({ signature: plain(body).toUpperCase().replace(/(..)(?=.)/g, "$1-") }, "explained", "signature.separators");
  await expect({ signature: raw.toString("base64") }, "explained", "signature.base64");
  await expect({ signature: raw.toString("base64url") }, "explained", "signature.base64");
  await expect({ signature: btoa(plain(body)) }, "explained", "signature.base64-of-hex");
  await expect({ signature: plain(body).slice(0, 40) + plain(body).slice(40, 50) }, "explained", "signature.truncated");
  await expect({ signature: mac(secret, body, "sha1").digest("hex") }, "explained", "signature.sha1");
  await expect({ signature: mac(secret, body, "sha512").digest("hex") }, "explained", "signature.sha512");
  await expect({ signature: createHash("sha256").update(body).digest("hex") }, "explained", "signature.no-key");
  await expect({ signature: createHash("sha256").update(secret + body).digest("hex") }, "explained", "signature.no-key");
  await expect({ signature: "test-signature" }, "unknown", "unknown.secret", "unknown.request", "unknown.forged", "signature.form");
  const bare = standard(body).slice(3);
  await expect({ signature: standardHeaders(bare) }, "explained", "signature.no-version");
  await expect({ signature: standardHeaders("v1," + Buffer.from(bare, "base64").toString("hex")) }, "explained", "signature.hex");
});

test("messages in other forms", async () => {
  await expect({ signature: standard(body) }, "incomplete", "message.no-id");
  await expect({ signature: "v1," + mac(decoded(secret), body).digest("base64") }, "explained", "message.body-only");
  await expect({ signature: standardHeaders(standard(body), at * 1000) }, "explained", "message.form");
  await expect({ signature: standardHeaders(standard(body), at + 31) }, "explained", "message.other-attempt");
  await expect({ signature: headers({ "webhook-id": id, "webhook-timestamp": at, "x-webhook-signature": plain(`${id}.${at}.${body}`) }) }, "explained", "message.standard");
  await expect({ signature: headers({ "webhook-timestamp": at, "x-webhook-signature": plain(`${at}.${body}`) }) }, "explained", "message.timestamped");
  const misnamed = headers({ "webhook-id": id, "webhook-timestamp": at, "x-webhook-signature": standard(body) });
  await expect({ signature: misnamed }, "explained", "header.misnamed");
});

test("the time stamp", async () => {
  const signature = standardHeaders(standard(body));
  await expect({ signature, now: at + 300 }, "match");
  await expect({ signature, now: at + 301 }, "match", "time.old");
  await expect({ signature, now: at - 301 }, "match", "time.ahead");
  await expect({ signature: headers({ "webhook-timestamp": at, "x-webhook-signature": plain(body) }), now: at + 10_000 }, "match");
});

test("what fits and is not ours", () => expect({ body: body + "\n", signature: plain(body + "\n") }, "match", "match.not-ours"));

test("what can only be guessed", async () => {
  const signature = plain(body, other);
  const unknown: Code[] = ["unknown.secret", "unknown.request", "unknown.forged"];
  await expect({ signature }, "unknown", ...unknown);
  await expect({ secret: "crk_0123", signature }, "unknown", "secret.is-api-key");
  await expect({ secret: "whk_0123", signature }, "unknown", "secret.is-id");
  await expect({ secret: "…KYo=", signature }, "unknown", "secret.is-hint");
  await expect({ secret: secret.slice(0, -3), signature }, "unknown", "secret.cut");
  await expect({ body: body.slice(0, 200) }, "unknown", "body.truncated");
  await expect({ body: body.replace("é", "\ufffd") }, "unknown", "body.lost-characters");
  await expect({ body: "[object Object]" }, "unknown", "body.object");
  await expect({ body: "{'type': 'verification.completed'}" }, "unknown", "body.python-dict");
  await expect({ body: "hello" }, "unknown", "body.not-json");
  await expect({ body: '{"verificationId":"ver_1"}' }, "unknown", "body.data-only");
});

test("what is missing", async () => {
  await expect({ body: "" }, "incomplete", "nothing.body");
  await expect({ signature: " " }, "incomplete", "nothing.signature");
  await expect({ secret: "" }, "incomplete", "nothing.secret");
});

test("headers as they are copied", async () => {
  const [s, n] = [standard(body), plain(body)];
  for (const signature of [
    `Webhook-Id: ${id}\r\nWebhook-Timestamp: ${at}\r\nWebhook-Signature: ${s}\r\nX-Webhook-Signature: ${n}\r\n`,
    JSON.stringify({ "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": s, "x-webhook-signature": n }),
    JSON.stringify({ "webhook-id": [id], "webhook-timestamp": [String(at)], "webhook-signature": [s], "x-webhook-signature": [n] }),
    `map[Webhook-Id:[${id}] Webhook-Signature:[${s}] Webhook-Timestamp:[${at}] X-Webhook-Signature:[${n}]]`,
    `{'webhook-id': '${id}', 'webhook-timestamp': '${at}', 'webhook-signature': '${s}', 'x-webhook-signature': '${n}'}`,
    `-H 'webhook-id: ${id}' -H 'webhook-timestamp: ${at}' -H 'webhook-signature: ${s}' -H 'x-webhook-signature: ${n}'`,
    `[HTTP_WEBHOOK_ID] => ${id}\n[HTTP_WEBHOOK_TIMESTAMP] => ${at}\n[HTTP_WEBHOOK_SIGNATURE] => ${s}\n[HTTP_X_WEBHOOK_SIGNATURE] => ${n}`,
    `webhook-id\n${id}\nwebhook-timestamp\n${at}\nwebhook-signature\n${s}\nx-webhook-signature\n${n}\n`,
    `my-webhook-id: another\nwebhook-id\t${id}\nwebhook-timestamp\t${at}\nwebhook-signature\t${s}\nx-webhook-signature\t${n}`,
  ]) {
    const verdict = await ask({ signature });
    assert.deepEqual(verdict.checks.map((c) => [c.header, c.outcome]), [["x-webhook-signature", "match"], ["webhook-signature", "match"]], signature);
  }
});

test("a body of the largest size is gone through as well", { timeout: 20_000 }, async () => {
  const large = body.replace("Zoë", "Zoë".repeat(25_000));
  const signature = plain(large, other);
  await expect({ body: large, signature, otherSecret: "another secret of ours 1" }, "unknown", "unknown.secret", "unknown.request", "unknown.forged");
});

test("every finding is a sentence with another of advice", () => {
  for (const code of everyCode) {
    const { title, advice } = finding(code);
    assert.match(title, /^\S.*\S\.$/, code);
    assert.match(advice, /^\S.*\S\.$/, code);
  }
});
