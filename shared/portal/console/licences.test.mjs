import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import esbuild from "esbuild";
import { thirdParty } from "./licences.mjs";

// Which packages are there is read from what esbuild writes above each module when it does not minify, not from its record.
test("every package in the pages is in dist/docs/THIRD-PARTY.txt, with its licence", async () => {
  const { outputFiles } = await esbuild.build({
    entryPoints: ["src/main.tsx", "docs/main.ts"],
    outdir: "any",
    bundle: true,
    format: "esm",
    splitting: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    write: false,
  });
  const modules = outputFiles.flatMap(({ text }) => [...text.matchAll(/^\s*(?:\/\/|\/\*) \S*node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\/\S+(?: \*\/)?$/gm)]);
  const packages = new Set(modules.map((m) => m[1]));
  for (const name of ["preact", "uplot", "@codemirror/view", "swagger-ui-dist"]) assert.ok(packages.has(name), name);

  const text = gunzipSync(readFileSync("dist/docs/THIRD-PARTY.txt.gz")).toString();
  for (const name of packages) {
    const { version, license } = JSON.parse(readFileSync(join("node_modules", name, "package.json"), "utf8"));
    const notice = text.split(`\n${name} ${version} (${license})\n`)[1]?.split(/^={80}$/m)[1] ?? "";
    const says = { MIT: "Permission is hereby granted", "Apache-2.0": "Apache License" }[license];
    assert.ok(says && notice.includes(says) && /copyright/i.test(notice), `${name} ${version} (${license}): ${notice}`);
  }
  // Swagger UI's maker has bundled others, whose notices it hands on as far as they are in its file.
  for (const part of ["SmartBear Software Inc.", "http://jedwatson.github.io/classnames", "react-immutable-proptypes"]) assert.ok(text.includes(part), part);
  assert.ok(!text.includes("(undefined)"));
});

test("a package without a licence fails the build, unless there is a reason", () => {
  const root = mkdtempSync(join(tmpdir(), "licences-"));
  try {
    const bundleOf = (name, files) => {
      const folder = join(root, "node_modules", name);
      mkdirSync(folder, { recursive: true });
      files["package.json"] = JSON.stringify({ name, version: "1.0.0", license: "MIT" });
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
      return [{ outputs: { "main.js": { inputs: { "src/main.ts": {}, [join(folder, "index.js")]: {} } } } }];
    };
    const bare = bundleOf("@scope/bare", { NOTICE: "who" });
    assert.throws(() => thirdParty(bare), /@scope\/bare 1\.0\.0: no licence file/);
    assert.match(thirdParty(bare, { "@scope/bare": "Public domain." }), /\n@scope\/bare 1\.0\.0 \(MIT\)\n=+\n\nPublic domain\.\n\nwho\n$/);
    assert.match(thirdParty(bundleOf("with", { "LICENCE.md": "terms\n" })), /\nwith 1\.0\.0 \(MIT\)\n=+\n\nterms\n$/);
    const beside = bundleOf("beside", { "index.js.LICENSE.txt": "of another" });
    assert.throws(() => thirdParty(beside), /beside 1\.0\.0: no licence file/);
    assert.throws(() => thirdParty([...bundleOf("with", { LICENSE: "terms" }), ...bare]), /bare/);
  } finally {
    rmSync(root, { recursive: true });
  }
});
