import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

test("what endpoints answered can only be shown as text", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((f) => /(?<!\.test)\.tsx?$/.test(f));
  assert.ok(files.length > 20, "the sources are not where this test looks");
  for (const file of files) {
    const source = readFileSync(join("src", file), "utf8");
    assert.doesNotMatch(source, /dangerouslySetInnerHTML|\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function\(/, file);
  }
});
