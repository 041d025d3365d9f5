import assert from "node:assert/strict";
import test from "node:test";
import { locate } from "./locate";

const template = `{
  "ref": "{{ data.sessionId }}",
  "list": [1, {"a.b": "x {{ bad( }}"}, "\\u00e4\\ud83d\\ude00😀\\n{{ y"],
  "${"n".repeat(50)}": {"deep": [true]}
}`;

function at(path: string, character: number | null = null): string | null {
  const place = locate(template, path, character);
  return place && template.slice(place.from, place.to);
}

test("values are found by the API's path", () => {
  assert.equal(at(".ref"), '"{{ data.sessionId }}"');
  assert.equal(at(".list[0]"), "1");
  assert.equal(at(".list[1].a.b"), '"x {{ bad( }}"');
  assert.equal(at(`.${"n".repeat(40)}….deep[0]`), "true");
  assert.equal(at(""), template);
  assert.equal(at(".none"), null);
});

test("characters of a string are counted in its value, not in its JSON text", () => {
  assert.equal(at(".ref", 1), "{");
  assert.equal(at(".list[1].a.b", 1), "x");
  assert.equal(at(".list[1].a.b", 9), "(");
  // ä, 😀 as two escapes, 😀, a line feed, then the braces.
  assert.equal(at(".list[2]", 5), "{");
  assert.equal(at(".list[2]", 8), "y");
  assert.equal(at(".list[2]", 99), '"');
});

test("what is no JSON has no places", () => {
  for (const text of ["", "{", '{"a" 1}', '{"a": "', "[1 2]"]) {
    assert.equal(locate(text, ".a", 1), null, text);
  }
});
