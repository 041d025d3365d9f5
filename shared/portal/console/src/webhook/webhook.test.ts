import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import type { Webhook } from "../api/types";
import { heldText, neverActive, nextSteps } from "./next";
import { barsOf, busy, hourText, linesOf } from "./numbers";
import { bodyOf, formFaults, initialForm, otherJob } from "./recovery";

const now = Date.parse("2026-01-31T12:00:00Z");

const healthy: Webhook = {
  id: "whk_1",
  url: "https://example.com/hook",
  active: true,
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  lastDeliveryAt: null,
  successRate: 1,
  health: "green",
  healthReason: "The last attempt succeeded.",
  eventTypes: ["verification.completed"],
  typeNaming: "guide",
  autoReactivate: false,
  description: null,
  authHeader: null,
  payloadTemplate: null,
  secretHint: "abcd",
  rotation: null,
  deactivation: null,
  heldCount: 0,
  heldCountCapped: false,
  drain: null,
};

const labels = (w: Partial<Webhook>) => nextSteps({ ...healthy, ...w }, now).map((s) => s.label);

test("the next steps follow from the state", () => {
  const off = (deliveryId: string | null) => ({ at: "2026-01-31T11:00:00Z", reason: "failures" as const, deliveryId });
  assert.deepEqual(labels({}), []);
  assert.deepEqual(labels({ health: "grey" }), ["Send a test"]);
  assert.deepEqual(labels({ health: "red", successRate: null }), ["Open the logs", "Send a test"]);
  const retried = "The last attempt failed (timeout) and is retried.";
  assert.deepEqual(labels({ health: "yellow", healthReason: retried, successRate: 0.9 }), ["Open the logs", "Send a test", "Recover failed"]);
  const again = "The last attempt succeeded, but all retries of some of the last day's deliveries failed.";
  assert.ok(readFileSync("../../webhook/health.go", "utf8").includes(again));
  assert.deepEqual(labels({ health: "yellow", healthReason: again, successRate: 0.5 }), ["See what is exhausted"]);
  assert.deepEqual(labels({ health: "red", drain: { state: "running", done: 0, total: 5 } }), []);
  assert.deepEqual(labels({ active: false }), ["Send a test", "Activate"]);
  assert.deepEqual(labels({ active: false, health: "red", deactivation: off("dlv_1") }), ["See the failed delivery", "Send a test", "Activate"]);
  const steps = (id: string | null) => nextSteps({ ...healthy, active: false, deactivation: off(id), heldCount: 2 }, now);
  assert.equal(steps("dlv_1")[0]?.href, "#/webhooks/whk_1/logs/dlv_1");
  assert.equal(steps(null)[0]?.href, "#/webhooks/whk_1/logs?state=exhausted");
  assert.match(steps(null)[2]?.text ?? "", /2 held events are delivered then/);
});

test("a template that fails and a rotation that ends soon are steps, too", () => {
  const failing = "The last attempt succeeded. The payload template failed on an event, which was not sent: the delivery log says why.";
  assert.match(readFileSync("../../webhook/health.go", "utf8"), /The payload template failed on an event, which was not sent: the delivery log says why\./);
  assert.deepEqual(labels({ healthReason: failing, payloadTemplate: {} }), ["Edit the template", "Recover them"]);
  assert.deepEqual(labels({ healthReason: failing, payloadTemplate: {}, health: "grey" }), ["Edit the template", "Recover them", "Send a test"]);
  assert.deepEqual(labels({ healthReason: failing }), []);
  const rotation = (endsAt: string) => ({ rotation: { endsAt, secretHint: "wxyz" } });
  assert.deepEqual(labels(rotation("2026-01-31T17:59:00Z")), ["Complete the rotation"]);
  assert.deepEqual(labels(rotation("2026-01-31T18:01:00Z")), []);
});

test("held events are counted as far as they are known", () => {
  assert.equal(heldText({ heldCount: 1, heldCountCapped: false }), "1 held event");
  assert.equal(heldText({ heldCount: 1000, heldCountCapped: true }), "more than 1,000 held events");
  assert.equal(neverActive({ active: false, deactivation: null }), true);
  assert.equal(neverActive({ active: true, deactivation: null }), false);
});

test("hours become bars that stand on each other, and lines with gaps", () => {
  const hours = [
    { hour: "2026-01-31T10:00:00Z", delivered: 3, failed: 2, p50Ms: 100, p95Ms: 900 },
    { hour: "2026-01-31T11:00:00Z", delivered: 0, failed: 0, p50Ms: null, p95Ms: null },
    { hour: "2026-01-31T12:00:00Z", delivered: 0, failed: 1, p50Ms: 50, p95Ms: 60 },
  ];
  const first = Date.parse("2026-01-31T10:30:00Z") / 1000;
  assert.deepEqual(barsOf(hours), { times: [first, first + 3600, first + 7200], delivered: [3, 0, 0], sum: [5, 0, 1] });
  assert.deepEqual(linesOf(hours).p95, [900, null, 60]);
  assert.deepEqual(busy(hours).map((h) => hourText(h.hour)), ["31 Jan, 12:00", "31 Jan, 10:00"]);
});

test("a recovery's form asks for what it shows, in UTC", () => {
  const form = initialForm(new URLSearchParams("states=undeliverable,nonsense&since=2026-01-30T08:15:42Z"), now);
  assert.deepEqual(form, { since: "2026-01-30T08:15", until: "", states: ["undeliverable"], eventType: "" });
  assert.deepEqual(initialForm(new URLSearchParams(), now), { since: "2026-01-30T12:00", until: "", states: ["exhausted"], eventType: "" });
  assert.deepEqual(bodyOf(form, true), { since: "2026-01-30T08:15:00.000Z", states: ["undeliverable"], dryRun: true });
  const counted = "2026-01-31T11:59:58.123Z";
  assert.deepEqual(bodyOf({ ...form, eventType: "verification.failed" }, false, counted), {
    since: "2026-01-30T08:15:00.000Z",
    until: counted,
    states: ["undeliverable"],
    eventType: "verification.failed",
    dryRun: false,
  });
  assert.equal(bodyOf({ ...form, until: "2026-01-31T00:00" }, false, counted).until, "2026-01-31T00:00:00.000Z");
});

test("a recovery's form is checked before it is sent", () => {
  const form = initialForm(new URLSearchParams(), now);
  assert.equal(formFaults(form, now).size, 0);
  const faults = formFaults({ ...form, since: "2026-01-31T12:01", until: "2026-01-31T12:01", states: [] }, now);
  assert.deepEqual([...faults.keys()], ["since", "until", "states"]);
  assert.ok(formFaults({ ...form, since: "" }, now).has("since"));
  assert.equal(otherJob("Another recovery is under way, job_06h0abc. Ask again when it has ended."), "job_06h0abc");
  assert.equal(otherJob("The webhook is inactive."), null);
});
