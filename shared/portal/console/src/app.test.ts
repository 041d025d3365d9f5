import assert from "node:assert/strict";
import test from "node:test";
import { App } from "./app";

test("the app renders its main region", () => {
  assert.equal(App().type, "main");
});
