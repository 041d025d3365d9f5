import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { advice } from "./advice";

const codes = [
  "dns_error", "blocked_address", "connection_refused", "connection_reset", "connect_timeout",
  "tls_error", "timeout", "http_status", "protocol_error", "interrupted",
];

test("every error code has a title and steps of its own", () => {
  const titles = codes.map((code) => {
    const { title, steps } = advice(code);
    assert.ok(title.length > 0 && steps.length > 0 && steps.every((s) => /[.!]$/.test(s)), code);
    return title;
  });
  assert.equal(new Set(titles).size, codes.length);
  assert.ok(!titles.includes(advice("of a later version").title));
  for (const inherited of ["constructor", "toString", ""]) {
    assert.equal(advice(inherited).title, "The attempt failed");
  }
});

test("a status says what to look at", () => {
  const cases: [number, RegExp][] = [
    [301, /not followed/],
    [308, /not followed/],
    [401, /authentication header/],
    [403, /authentication header/],
    [404, /path/],
    [405, /POST/],
    [413, /limit on request bodies/],
    [415, /application\/json/],
    [418, /200 to 299/],
    [500, /log/],
    [599, /log/],
    [204, /200 to 299/],
  ];
  for (const [status, pattern] of cases) {
    const { title, steps } = advice("http_status", status);
    assert.match(title, new RegExp(`\\(${status}\\)`));
    assert.match(steps.join(" "), pattern, String(status));
  }
  assert.doesNotMatch(advice("http_status").title, /\(/);
  // Our sample code answers 401 to a wrong secret, and a webhook has no authentication header unless one was added.
  assert.match(advice("http_status", 401).steps[0] ?? "", /signature/);
});

/** sent is where the messages are made; a text that stands on two lines is one there. */
const sent = readFileSync("../../egress/classify.go", "utf8").replace(/" \+\s+"/g, "");

test("a certificate's fault is told apart by the message", () => {
  const cases: [string, RegExp][] = [
    ["The endpoint's certificate has expired or is not valid yet.", /expired/],
    ["The endpoint's certificate is for another host.", /another host name/],
    ["The endpoint's certificate is not signed by a known authority; its chain may be incomplete.", /known authority/],
    ["The endpoint does not speak TLS on this port.", /does not speak TLS/],
    ["The endpoint does not offer HTTP/1.1.", /HTTP\/1\.1/],
    ["The endpoint broke off the TLS connection before it answered.", /broke off/],
    ["The endpoint's chain of certificates is too large.", /too large/],
    ["The TLS handshake failed; TLS 1.2 or later is required.", /handshake/],
    ["The endpoint's certificate could not be verified.", /No secure connection/],
    ["The endpoint sent a TLS session ticket that is not valid.", /No secure connection/],
  ];
  for (const [message, title] of cases) {
    assert.match(advice("tls_error", null, message).title, title, message);
    assert.ok(sent.includes(`"${message}"`), `no attempt ends with “${message}”`);
  }
});

test("an interruption says whether something was sent", () => {
  assert.match(advice("interrupted", null, "The sender was interrupted before the endpoint answered.").steps.join(" "), /second time/);
  const none = "The sender had too many connections open; nothing was sent.";
  assert.match(advice("interrupted", null, none).title, /Nothing was sent/);
  assert.ok(sent.includes(`"${none}"`));
});
