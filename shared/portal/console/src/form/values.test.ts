import assert from "node:assert/strict";
import test from "node:test";
import type { Webhook } from "../api/types";
import { changedParts, createBody, emptyValues, merge, patchOf, take, valuesOf, withoutSecrets, type Values } from "./values";

const stored: Webhook = {
  id: "whk_1",
  url: "https://example.com/a",
  active: true,
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  lastDeliveryAt: null,
  successRate: null,
  health: "grey",
  healthReason: "",
  eventTypes: ["verification.completed", "verification.failed"],
  typeNaming: "detailed",
  autoReactivate: false,
  description: "d",
  authHeader: { name: "X-Key", value: "********" },
  payloadTemplate: { a: "{{ type }}", b: null },
  secretHint: "abcd",
  rotation: null,
  deactivation: null,
  heldCount: 0,
  heldCountCapped: false,
  drain: null,
};
const base = valuesOf(stored);
const edited = (change: Partial<Values>): Values => ({ ...base, ...change });

test("what is loaded and not touched is not sent", () => {
  assert.deepEqual(patchOf(base, base), {});
  assert.deepEqual(changedParts(base, edited({ templateText: '{"a":"{{ type }}",  "b":null}', url: " https://example.com/a " })), []);
  // What is chosen of is remembered, but does not count while all is chosen.
  assert.deepEqual(changedParts(emptyValues, { ...emptyValues, eventTypes: [] }), []);
});

test("a patch has what was changed", () => {
  const to = edited({
    url: "https://example.com/b",
    active: false,
    description: "",
    allEvents: true,
    typeNaming: "guide",
    autoReactivate: true,
    secretChoice: "own",
    secret: "0123456789012345678901234",
    ownTemplate: false,
  });
  assert.deepEqual(patchOf(base, to), {
    url: "https://example.com/b",
    active: false,
    description: null,
    eventTypes: null,
    typeNaming: "guide",
    autoReactivate: true,
    secret: "0123456789012345678901234",
    payloadTemplate: null,
  });
  assert.deepEqual(patchOf(base, edited({ templateText: '{"c": 1}', eventTypes: [] })), { payloadTemplate: { c: 1 }, eventTypes: [] });
});

test("an authentication header stays, is renamed, replaced or removed", () => {
  assert.deepEqual(patchOf(base, edited({ header: "set", headerName: "X-Other" })), { authHeader: { name: "X-Other" } });
  assert.deepEqual(patchOf(base, edited({ header: "set", headerValue: "v" })), { authHeader: { name: "X-Key", value: "v" } });
  assert.deepEqual(patchOf(base, edited({ header: "none" })), { authHeader: null });
  const none = valuesOf({ ...stored, authHeader: null });
  assert.deepEqual(patchOf(none, { ...none, header: "set", headerName: "A" }), { authHeader: { name: "A", value: "" } });
});

test("a creation leaves out what has its default", () => {
  assert.deepEqual(createBody({ ...emptyValues, url: " https://example.com " }), { url: "https://example.com", active: true });
  assert.deepEqual(
    createBody({
      ...emptyValues,
      url: "u",
      active: false,
      description: "d",
      allEvents: false,
      eventTypes: ["verification.failed"],
      typeNaming: "detailed",
      autoReactivate: true,
      header: "set",
      headerName: "N",
      headerValue: "V",
      secretChoice: "own",
      secret: "S",
      ownTemplate: true,
      templateText: '{"a":1}',
    }),
    {
      url: "u",
      active: false,
      description: "d",
      eventTypes: ["verification.failed"],
      typeNaming: "detailed",
      autoReactivate: true,
      authHeader: { name: "N", value: "V" },
      secret: "S",
      payloadTemplate: { a: 1 },
    },
  );
});

test("a draft holds no secret", () => {
  const draft = JSON.stringify(withoutSecrets({ ...emptyValues, headerName: "N", headerValue: "hidden-1", secret: "hidden-2" }));
  assert.doesNotMatch(draft, /hidden/);
  assert.match(draft, /"N"/);
});

test("what another saved is kept, what was typed comes on top, and where both did somebody chooses", () => {
  const theirs = edited({ url: "https://theirs", description: "theirs", typeNaming: "guide", active: false });
  const mine = edited({ url: "https://mine", autoReactivate: true, typeNaming: "guide" });
  const m = merge(base, theirs, mine);
  assert.deepEqual([m.both, m.theirs, m.mine], [["url"], ["active", "description", "typeNaming"], ["autoReactivate"]]);
  assert.deepEqual(patchOf(theirs, m.merged), { autoReactivate: true });
  assert.deepEqual(patchOf(theirs, take("url", m.merged, mine)), { url: "https://mine", autoReactivate: true });
});

test("a part is taken whole", () => {
  const mine = edited({ header: "set", headerName: "Y", headerValue: "v", ownTemplate: false, allEvents: true, secretChoice: "own", secret: "s" });
  let v = base;
  for (const part of ["header", "template", "eventTypes", "secret"] as const) {
    v = take(part, v, mine);
  }
  assert.deepEqual(changedParts(v, mine), []);
});
