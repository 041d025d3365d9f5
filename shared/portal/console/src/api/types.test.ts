import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

interface Schema {
  properties?: Record<string, unknown>;
}

const document = JSON.parse(readFileSync("../testdata/openapi.json", "utf8")) as { components: { schemas: Record<string, Schema> } };
const source = readFileSync("src/api/types.ts", "utf8");

/** membersOf reads the members of an interface, those that it inherits too. */
function membersOf(name: string): string[] {
  const found = new RegExp(`export interface ${name}(?: extends (\\w+))? \\{\\n([\\s\\S]*?)\\n\\}`).exec(source);
  assert.ok(found, `there is no interface ${name}`);
  const own = [...(found[2] ?? "").matchAll(/^ {2}(\w+)\??:/gm)].map((m) => m[1] ?? "");
  return [...own, ...(found[1] ? membersOf(found[1]) : [])];
}

const schemas = {
  AuthHeader: "AuthHeaderView",
  Deactivation: "DeactivationView",
  Rotation: "RotationView",
  Drain: "DrainView",
  Webhook: "WebhookView",
  CreatedWebhook: "CreatedView",
  CreateWebhook: "CreateBody",
  PatchWebhook: "PatchBodyFields",
  RotateSecret: "RotateBody",
  Preview: "PreviewView",
  PreviewRequest: "PreviewBody",
  AttemptError: "AttemptError",
  TestResult: "TestView",
  Delivery: "DeliveryView",
  Attempt: "AttemptView",
  DeliveryDetail: "DeliveryDetail",
  Recover: "RecoverBody",
  Job: "JobView",
  EventType: "EventTypeView",
  HourStats: "StatsHour",
  WebhookStats: "WebhookStats",
  Fault: "Fault",
};

test("the types have the members that the API's document describes", () => {
  for (const [name, schema] of Object.entries(schemas)) {
    const described = Object.keys(document.components.schemas[schema]?.properties ?? {});
    assert.ok(described.length > 0, `the document has no ${schema}`);
    assert.deepEqual(membersOf(name).sort(), described.sort(), `${name} against ${schema}`);
  }
});
