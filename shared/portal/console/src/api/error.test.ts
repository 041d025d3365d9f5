import assert from "node:assert/strict";
import test from "node:test";
import { ApiError, describe, errorOf, fieldErrors, parseRetryAfter, problemFrom, sentence } from "./error";

const now = Date.parse("2026-01-31T12:00:00Z");

test("a problem document becomes an error with all it says", () => {
  const body = JSON.stringify({
    type: "about:blank",
    title: "Unprocessable Entity",
    status: 422,
    code: "invalid",
    detail: "The request is not valid.",
    errors: [{ location: "body.url", message: "must be https" }, { location: 5 }, null],
  });
  const e = problemFrom(422, body, null, now);
  assert.deepEqual(
    [e.status, e.code, e.title, e.detail, e.errors, e.outcomeUnknown],
    [422, "invalid", "Unprocessable Entity", "The request is not valid.", [{ location: "body.url", message: "must be https" }], false],
  );
});

test("an answer that is no problem document is told by its status", () => {
  for (const body of ["<html>Bad gateway</html>", "", "null", "[]", '"text"']) {
    const e = problemFrom(502, body, "7", now);
    assert.equal(e.code, "unknown");
    assert.match(e.detail, /wrong on our side \(status 502\)/);
    assert.equal(e.retryAfter, 7);
    assert.equal(e.outcomeUnknown, true);
  }
  assert.match(problemFrom(413, "", null, now).detail, /413/);
});

test("Retry-After is seconds or a date", () => {
  assert.equal(parseRetryAfter(null, now), null);
  assert.equal(parseRetryAfter("30", now), 30);
  assert.equal(parseRetryAfter("Sat, 31 Jan 2026 12:00:05 GMT", now), 5);
  assert.equal(parseRetryAfter("Sat, 31 Jan 2026 11:00:00 GMT", now), 0);
  assert.equal(parseRetryAfter("soon", now), null);
});

test("faults of the body are found by field, the others are not", () => {
  const errors = fieldErrors(
    new ApiError(422, "invalid", "", "", [
      { location: "body.url", message: "first" },
      { location: "body.url", message: "second" },
      { location: "body.authHeader.name", message: "reserved" },
      { location: "body.eventTypes[0]", message: "unknown" },
      { location: "body", message: "whole" },
      { location: "header.If-Match", message: "no" },
      { location: "query.limit", message: "no" },
    ]),
  );
  assert.deepEqual(
    [...errors],
    [
      ["url", "first"],
      ["authHeader.name", "reserved"],
      ["eventTypes[0]", "unknown"],
      ["", "whole"],
    ],
  );
  assert.equal(errorOf(errors, "eventTypes"), "unknown");
  assert.equal(errorOf(errors, "authHeader"), "reserved");
  assert.equal(errorOf(errors, "authHeader.value"), undefined);
  assert.equal(errorOf(errors, "auth"), undefined);
  assert.equal(fieldErrors(new TypeError("x")).size, 0);
});

test("faults that the schema finds are told in words", () => {
  const told = ["expected length >= 1", "expected array length >= 1", "expected length <= 500", "must be https", "expected string"].map(
    (message) => fieldErrors(new ApiError(422, "invalid", "", "", [{ location: "body.x", message }])).get("x"),
  );
  assert.deepEqual(told, ["must not be empty", "needs at least one", "must have at most 500 characters", "must be https", "expected string"]);
});

test("the API's messages become sentences", () => {
  assert.equal(sentence("Webhook URL", "must be https"), "Webhook URL must be https.");
  assert.equal(sentence("Webhook URL", "expected string"), "Webhook URL: expected string.");
  assert.equal(sentence("Secret", "is a mask; send the real secret, or leave it out."), "Secret is a mask; send the real secret, or leave it out.");
});

test("an answer that says when to come back is told so", () => {
  assert.equal(describe(problemFrom(429, "", "2", now)), "There were too many requests. Wait 2 seconds, then try again.");
  assert.equal(describe(problemFrom(500, "", null, now)), "Something went wrong on our side (status 500).");
});

test("an error of the page itself does not show its text", () => {
  assert.doesNotMatch(describe(new TypeError("x is undefined")), /undefined/);
});
