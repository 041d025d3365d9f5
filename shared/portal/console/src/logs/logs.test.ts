import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import type { Delivery, DeliveryDetail, List } from "../api/types";
import { link, parseHash } from "../lib/routes";
import { countdown, loadAgainIn, nextOf } from "./countdown";
import { curlOf, quote, sentHeaders } from "./curl";
import { addressOf, askedFor, fromInput, inputOf, isEmpty, rangeFault, readFilter, type Filter } from "./filter";
import { append, changed, emptyLog, logOf, refresh, since, unseen } from "./pages";

const delivery = (id: string, more: Partial<Delivery> = {}): Delivery => ({
  id, state: "delivered", eventType: "verification.completed", verificationId: "ver_" + id, createdAt: "2026-01-31T12:00:00Z",
  updatedAt: "2026-01-31T12:00:01Z", attempts: 1, lastStatusCode: 200, lastErrorCode: null, nextAttemptAt: null,
  resendRequestedAt: null, reason: null, ...more,
});
const page = (ids: string, nextCursor: string | null = null): List<Delivery> => ({ items: [...ids].map((id) => delivery(id)), nextCursor });
const ids = (log: { items: readonly Delivery[] }) => log.items.map((d) => d.id).join("");

test("older pages are added once each", () => {
  let log = append(emptyLog, page("fe", "1"));
  log = append(log, page("", "2"));
  log = append(log, page("edc", "3"));
  log = append(log, page("ba"));
  assert.equal(ids(log), "fedcba");
  assert.equal(log.cursor, null);
});

test("a newer first page is merged into what is shown", () => {
  const log = append(logOf(page("fed", "1")), page("cb", "2"));
  const first: List<Delivery> = { items: [delivery("h"), delivery("f", { state: "exhausted" }), delivery("e"), delivery("d")], nextCursor: "x" };
  const now = refresh(log, first);
  assert.equal(ids(now), "hfedcb");
  assert.equal(now.items[1]?.state, "exhausted");
  assert.equal(now.cursor, "2", "it goes on where it was");
  assert.deepEqual(unseen(log, first), { count: 1, more: false });

  assert.equal(ids(changed(log, first)), "fedcb", "nothing is put in while one reads");
  assert.equal(changed(log, first).items[0]?.state, "exhausted");
});

test("what a first page no longer holds is no longer in the list", () => {
  const log = append(logOf(page("fed", "1")), page("cb", "2"));
  assert.equal(ids(refresh(log, page("fd", "x"))), "fdcb", "e has another state by now");
  assert.equal(ids(refresh(log, page("b"))), "b", "the page is the whole list");
  assert.equal(ids(refresh(log, page(""))), "");
  assert.equal(ids(refresh(log, page("", "x"))), "fedcb", "an empty page with a successor says nothing");
});

test("a delivery whose record came late stands in its place", () => {
  const log = logOf(page("fdc", "1"));
  assert.equal(ids(refresh(log, page("fed", "x"))), "fedc");
});

test("a log begins anew when more is new than one page holds", () => {
  const log = append(logOf(page("cb", "1")), page("a"));
  const first = page("hgf", "x");
  assert.deepEqual(refresh(log, first), logOf(first), "d and e would be missing");
  assert.deepEqual(unseen(log, first), { count: 3, more: true });
  assert.deepEqual(refresh(emptyLog, first), logOf(first));
});

test("a preset of the time moves on", () => {
  const log = { items: [delivery("b"), delivery("a", { createdAt: "2026-01-31T10:00:00Z" })], cursor: "1" };
  assert.equal(ids(since(log, Date.parse("2026-01-31T11:00:00Z"))), "b");
  assert.equal(since(log, null), log);
});

test("a filter survives the address", () => {
  const filters: Filter[] = [
    {},
    { state: "held", eventType: "verification.failed", verificationId: "ver &?#=+/é%", time: "24h" },
    { time: "range" },
    { time: "range", since: "2026-01-31T00:00:00.000Z" },
    { time: "range", since: "2026-01-31T00:00:00.000Z", until: "2026-02-01T00:00:00.000Z" },
  ];
  for (const filter of filters) {
    const { page: name, query } = parseHash(link.logs("whk_1", addressOf(filter)));
    assert.equal(name, "logs");
    assert.deepEqual(readFilter(query), filter);
  }
});

test("what an address must not say is left out", () => {
  const read = (text: string) => readFilter(new URLSearchParams(text));
  for (const bad of ["state=gone", "eventType=test", "verificationId=%20", "time=9d", "time=constructor", "since=yesterday", `verificationId=${"v".repeat(1025)}`]) {
    assert.deepEqual(read(bad), {}, bad);
  }
  assert.deepEqual(read("since=2026-01-31T01:00:00%2B01:00"), { time: "range", since: "2026-01-31T00:00:00.000Z" });
});

test("a filter as the API takes it", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  assert.deepEqual(askedFor({}, now), {});
  assert.deepEqual(askedFor({ state: "held", time: "1h" }, now), { state: "held", since: "2026-01-31T11:00:00.000Z" });
  assert.deepEqual(askedFor({ time: "7d" }, now), { since: "2026-01-24T12:00:00.000Z" });
  const range: Filter = { time: "range", since: "2026-01-01T00:00:00.000Z", until: "2026-01-02T00:00:00.000Z" };
  assert.deepEqual(askedFor(range, now), { since: range.since, until: range.until });
  assert.equal(rangeFault(range), null);
  assert.notEqual(rangeFault({ time: "range", since: range.until!, until: range.until! }), null);
  assert.ok(isEmpty({}) && isEmpty({ time: "range" }));
  assert.ok(!isEmpty({ time: "1h" }) && !isEmpty({ state: "held" }));
});

test("times in inputs mean UTC", () => {
  assert.equal(fromInput("2026-01-31T12:30"), "2026-01-31T12:30:00.000Z");
  assert.equal(inputOf("2026-01-31T12:30:00.000Z"), "2026-01-31T12:30");
  assert.equal(fromInput(""), undefined);
  assert.equal(fromInput("2026-13-01T00:00"), undefined);
});

test("a countdown never shows less than there is", () => {
  const at = Date.parse("2026-01-31T12:00:00Z");
  const cases: [number, string][] = [
    [1, "in 1 s"], [1000, "in 1 s"], [1001, "in 2 s"], [59_001, "in 1 min"], [61_000, "in 1 min 1 s"], [3_600_000, "in 1 h"],
    [12_000_000, "in 3 h 20 min"], [0, "due now"], [-5000, "due now"],
  ];
  for (const [ms, text] of cases) {
    assert.equal(countdown(at, at - ms), text);
  }
});

test("a delivery is loaded again when something may have changed", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  const due = (s: number) => delivery("a", { state: "pending", nextAttemptAt: new Date(now + s * 1000).toISOString() });
  assert.equal(loadAgainIn(due(4), now), 4500);
  assert.equal(loadAgainIn(due(900), now), 10_000);
  assert.equal(loadAgainIn(due(-100), now), 1000);
  assert.equal(loadAgainIn(delivery("a", { state: "pending" }), now), 1000);
  assert.equal(loadAgainIn(delivery("a", { resendRequestedAt: "2026-01-31T12:00:00Z" }), now), 1000);
  assert.equal(loadAgainIn(delivery("a"), now), 30_000);
  assert.deepEqual(nextOf(delivery("a", { state: "exhausted", resendRequestedAt: "2026-01-31T12:00:00Z" })), { kind: "resend" });
});

/** Should a body break out of its quotes, it finds no program, and writes no file. */
const confined = "PATH=; set -r";

/** words runs commands in bash with a curl that only tells its arguments, which it returns for each command. */
function words(commands: string[]): string[][] {
  const script = ["curl() { printf '%s\\0' \"$@\"; printf '\\1\\0'; }", confined, ...commands].join("\n");
  const { stdout, stderr, status } = spawnSync("bash", ["--norc"], { input: script, maxBuffer: 1 << 28 });
  assert.equal(status, 0, stderr.toString());
  assert.equal(stderr.toString(), "");
  const all: string[][] = [[]];
  for (const word of stdout.toString().split("\0").slice(0, -1)) {
    if (word === "\x01") {
      all.push([]);
    } else {
      all.at(-1)?.push(word);
    }
  }
  return all.slice(0, -1);
}

const nasty = [
  "", "'", "''", "\\", "\\'", "'\\''", '"', "$HOME", "${x}", "`id`", "$(id)", "!", "!!", "'!'", "\n", "\\\n", "\r\n", "\t", "*", "~", "#", " ", ";",
  "&", "|", "<", ">", "é", "\u{1f600}", "\u202e", "\u200b", "\ufeff", "\u0001x", "\u001b[31m", "\u007f", "\u0085", "--", "-d", "@/etc/passwd",
  "%s", "{a,b}", "[x]", "EOF", "a",
];

test("bash reads every body as the bytes that were sent", () => {
  let seed = 20260131;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const bodies = nasty.map((s) => JSON.stringify({ text: s }));
  bodies.push(...nasty.filter((s) => s !== "\u0001"), `{"big":"${"'x!".repeat(30_000)}"}`);
  for (let i = 0; i < 1000; i++) {
    bodies.push(Array.from({ length: 1 + random(12) }, () => nasty[random(nasty.length)]).join(""));
  }
  const url = "https://example.com/it's?a=$b&c=!d#`e`";
  const headers = [{ name: "x-o'clock", value: "$(date) !!" }];
  const got = words(bodies.map((body) => curlOf(url, headers, body)));
  assert.equal(got.length, bodies.length);
  for (const [i, body] of bodies.entries()) {
    assert.deepEqual(got[i], ["-i", "-X", "POST", url, "-H", "x-o'clock: $(date) !!", "--data-raw", body], JSON.stringify(body));
  }
});

test("an interactive shell's history leaves a body alone", () => {
  const body = JSON.stringify({ text: `it's !! and !x, "!y" '!z'` });
  const { stdout, stderr } = spawnSync("bash", ["--norc"], {
    input: `set -o history -o histexpand; ${confined}\nprintf '%s' ${quote(body)}\n`,
  });
  assert.equal(stdout.toString(), body, stderr.toString());
});

test("a request is shown as it was sent, but for what is secret", () => {
  const d: DeliveryDetail = {
    ...delivery("dlv_1", { attempts: 2 }), body: "{}",
    attemptLog: [{ number: 2, startedAt: "2026-01-31T12:00:03.900Z", durationMs: 5, manual: false, statusCode: 500, error: null, response: null }],
  };
  const headers = sentHeaders(d, { authHeader: { name: "X-Key", value: "********" }, rotation: null });
  const shown = Object.fromEntries(headers.map((h) => [h.name, h.value]));
  assert.equal(shown["x-webhook-attempt"], "2");
  assert.equal(shown["webhook-id"], "dlv_1");
  assert.equal(shown["webhook-timestamp"], "1769860803");
  assert.equal(shown["X-Key"], "<value>", "the mask must not be taken for the value");
  assert.deepEqual(headers.filter((h) => h.hidden).map((h) => h.name), ["x-webhook-signature", "webhook-signature", "X-Key"]);
  const rotating = sentHeaders(d, { authHeader: null, rotation: { endsAt: "2026-02-01T00:00:00Z", secretHint: "abcd" } });
  assert.ok(rotating.some((h) => h.name === "x-webhook-signature-next"));
  assert.equal(sentHeaders({ ...d, attempts: 0, attemptLog: [] }, undefined).find((h) => h.name === "x-webhook-attempt")?.value, "1");
});
