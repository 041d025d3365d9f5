import assert from "node:assert/strict";
import test from "node:test";
import { Drafts } from "./drafts";
import { limiter } from "./limit";
import { link, parseHash } from "./routes";
import { memoryStore } from "./store";
import { percent, plural, prettyJson, visible } from "./text";
import { duration, relativeTime, utcTime } from "./time";
import { keyFault, takeOver } from "./token";

test("a token is taken out of the fragment, with the page to go on with", () => {
  assert.deepEqual(takeOver("#token=crs_abc"), { token: "crs_abc", hash: "" });
  assert.deepEqual(takeOver("#token=crs_abc&to=/webhooks/whk_1/logs?state=held"), { token: "crs_abc", hash: "#/webhooks/whk_1/logs?state=held" });
  assert.deepEqual(takeOver("#token=crs_abc&to=https://elsewhere"), { token: "crs_abc", hash: "" });
  for (const none of ["", "#", "#/webhooks", "#token=", "#token=%20", "#/webhooks?token=crs_abc", "#/webhooks?a=1&token=crs_abc"]) {
    assert.equal(takeOver(none), null, none);
  }
});

test("a key that can't be one is told before it is sent", () => {
  assert.equal(keyFault("crk_" + "a".repeat(72)), null);
  assert.equal(keyFault("crs_" + "0".repeat(72)), null);
  for (const bad of ["", "Bearer crk_x", "crk_short", "crk_" + "A".repeat(72), "crk_" + "a".repeat(71), "crk_" + "a".repeat(71) + "\n"]) {
    assert.notEqual(keyFault(bad), null, bad);
  }
});

test("every page's link leads to it", () => {
  const id = "whk_a/b?c#d %";
  const cases: [string, string][] = [
    [link.list(), "list"],
    [link.create(), "create"],
    [link.webhook(id), "webhook"],
    [link.edit(id), "edit"],
    [link.test(id), "test"],
    [link.logs(id, { state: "held", eventType: undefined }), "logs"],
    [link.delivery(id, id), "delivery"],
    [link.recover(id), "recover"],
    [link.signature(), "signature"],
    [link.eventTypes(), "eventTypes"],
  ];
  for (const [hash, page] of cases) {
    const route = parseHash(hash);
    assert.equal(route.page, page, hash);
    assert.equal(route.params["id"] ?? id, id);
    assert.equal(route.params["deliveryId"] ?? id, id);
  }
  assert.equal(link.logs("w", { state: "held", eventType: undefined }), "#/webhooks/w/logs?state=held");
  assert.equal(parseHash("#/webhooks/w/logs?state=held").query.get("state"), "held");
  assert.equal(parseHash("").page, "list");
  assert.equal(parseHash("#/webhooks/").page, "list");
  for (const hash of ["#/nothing", "#/webhooks/w/other", "#/webhooks/%", "#/webhooks//edit"]) {
    assert.equal(parseHash(hash).page, "unknown", hash);
  }
});

test("what can't be seen is shown as a symbol", () => {
  assert.equal(visible("a\tb\nc"), "a\tb\nc");
  assert.equal(visible("\u0000\u001b[31m\r\u007f"), "\u2400\u241b[31m\u240d\u2421");
  assert.equal(visible("\u202egpj.exe\u200b\ufeff\u0085"), "⟨U+202E⟩gpj.exe⟨U+200B⟩⟨U+FEFF⟩⟨U+0085⟩");
  assert.equal(visible("grüße 😀"), "grüße 😀");
  assert.equal(visible("\ud83d!\ude00"), "⟨U+D83D⟩!⟨U+DE00⟩");
});

test("texts for people", () => {
  assert.equal(prettyJson('{"a":1}'), '{\n  "a": 1\n}');
  assert.equal(prettyJson("{oops"), "{oops");
  for (const value of [{}, [], "a", 1, null, { a: {}, b: [], c: [[1, { d: "{[,:]}\\\" \u2028" }], true], "e f": -1.5e30 }]) {
    for (const text of [JSON.stringify(value), JSON.stringify(value, null, 5)]) {
      assert.equal(prettyJson(text), JSON.stringify(value, null, 2));
    }
  }
  assert.equal(prettyJson('{"2":12345678901234567890,"1":1.50}'), '{\n  "2": 12345678901234567890,\n  "1": 1.50\n}');
  assert.equal(plural(1, "event"), "1 event");
  assert.equal(plural(1000, "delivery", "deliveries"), "1,000 deliveries");
  assert.equal(percent(1), "100 %");
  assert.equal(percent(0.99996), "99.99 %");
  assert.equal(percent(0.9555), "95.5 %");
  assert.equal(percent(0), "0 %");
});

test("times for people", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  const at = (s: number) => relativeTime(now + s * 1000, now);
  assert.equal(at(0), "now");
  assert.equal(at(-59), "59 seconds ago");
  assert.equal(at(-119), "1 minute ago");
  assert.equal(at(-7200), "2 hours ago");
  assert.equal(at(-86400), "yesterday");
  assert.equal(at(90), "in 1 minute");
  assert.equal(at(-40 * 86400), "Dec 22, 2025");
  assert.equal(utcTime(now), "2026-01-31 12:00:00 UTC");
  assert.equal(utcTime(now + 7, true), "2026-01-31 12:00:00.007 UTC");
  assert.deepEqual([850, 1999, 59_999, 125_000, 12_000_000, 60_000].map(duration), ["850 ms", "1.9 s", "59 s", "2 min 5 s", "3 h 20 min", "1 min"]);
});

test("drafts are kept, found again and all forgotten", () => {
  const store = memoryStore();
  new Drafts(store).save("new", { url: "https://a" });
  new Drafts(store).save("whk_1", { url: "https://b" });
  assert.deepEqual(new Drafts(store).load("new"), { url: "https://a" });
  new Drafts(store).remove("new");
  assert.equal(new Drafts(store).load("new"), null);
  new Drafts(store).clear();
  assert.equal(new Drafts(store).load("whk_1"), null);
  assert.equal(store.getItem("console.drafts"), null);
  store.setItem("console.draft.new", "{broken");
  assert.equal(new Drafts(store).load("new"), null);
});

test("a store that is full loses the draft and nothing else", () => {
  const full = { ...memoryStore(), setItem: () => { throw new DOMException("full", "QuotaExceededError"); } };
  new Drafts(full).save("new", {});
  assert.equal(new Drafts(full).load("new"), null);
});

test("a limiter runs so many at once and all in the end", async () => {
  const limit = limiter(2);
  let running = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const run = async () => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running--;
  };
  const abort = new AbortController();
  const all = [limit(run), limit(run), limit(run, abort.signal), limit(run)];
  const aborted = assert.rejects(all[2]!, { name: "AbortError" });
  abort.abort();
  for (const i of [0, 1, 2]) {
    for (let turns = 0; ends.length <= i; turns++) {
      assert.ok(turns < 1000, `the thing number ${i + 1} does not run`);
      await Promise.resolve();
    }
    ends[i]!();
  }
  await aborted;
  await Promise.all([all[0], all[1], all[3]]);
  assert.equal(most, 2);
});
