// Bundles the console (src/) and the page that documents the API (docs/) into dist/, each file compressed, with the
// licences of what they hold of others; with --test
// bundles the unit tests into .build/test/, because Node 20 does not run TypeScript. It does nothing if nothing has changed.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { thirdParty } from "./licences.mjs";

process.chdir(dirname(fileURLToPath(import.meta.url)));

const pages = { console: "src/main.tsx", docs: "docs/main.ts" };
const built = ".build/built-from";

const common = {
  bundle: true,
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".svg": "file" },
  metafile: true,
  logLevel: "warning",
};

function filesOf(dir) {
  return readdirSync(dir, { recursive: true })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

function hashOfSources() {
  const sum = createHash("sha256");
  for (const path of [...filesOf("src"), ...filesOf("docs"), "build.mjs", "licences.mjs", "package-lock.json", "tsconfig.json"]) {
    sum.update(path + "\0").update(readFileSync(path)).update("\0");
  }
  return sum.digest("hex");
}

// firstLoad lists what a page loads before anything happens on it: its entry, what that imports, and the style sheet.
function firstLoad(outputs, entry) {
  const main = Object.keys(outputs).find((path) => outputs[path].entryPoint === entry);
  const scripts = [main];
  for (const path of scripts) {
    for (const { path: next, kind } of outputs[path].imports) {
      if (kind === "import-statement" && !scripts.includes(next)) scripts.push(next);
    }
  }
  return { main, preload: scripts.slice(1), style: outputs[main].cssBundle };
}

// index is the page's index.html with the names that the bundles got.
function index(source, { main, preload, style }) {
  const links = preload.map((path) => `<link rel="modulepreload" href="${basename(path)}">\n`).join("");
  return readFileSync(source, "utf8")
    .replace('"main.css"', `"${basename(style)}"`)
    .replace('"main.js"', `"${basename(main)}"`)
    .replace("</head>", links + "</head>");
}

const zip = (bytes) => gzipSync(bytes, { level: 9 });

// bundle returns a page's files by their place in dist, with esbuild's record of them, and prints what its first load weighs.
async function bundle(esbuild, page, entry) {
  const { metafile, outputFiles } = await esbuild.build({
    ...common,
    entryPoints: [entry],
    outdir: join("dist", page),
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    splitting: true,
    minify: true,
    legalComments: "none",
    target: ["chrome120", "firefox121", "safari17"],
    write: false,
  });
  const first = firstLoad(metafile.outputs, entry);
  const html = join("dist", page, "index.html");
  const files = new Map([[html, Buffer.from(index(join(dirname(entry), "index.html"), first))]]);
  for (const { path, contents } of outputFiles) files.set(join("dist", page, basename(path)), contents);

  const zipped = new Map([...files].map(([path, bytes]) => [path + ".gz", zip(bytes)]));
  const kB = (paths) => (paths.reduce((sum, path) => sum + zipped.get(path + ".gz").length, 0) / 1000).toFixed(1);
  const loaded = [html, first.main, ...first.preload, first.style].filter(Boolean);
  console.log(`${page}: first load ${kB(loaded)} kB, in all ${kB([...files.keys()])} kB, compressed`);
  return { zipped, metafile };
}

// write replaces what is in dist without a moment in which a file is missing that another build embeds.
function write(files) {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  for (const path of filesOf("dist")) {
    if (path !== join("dist", "README.md") && !files.has(path)) rmSync(path, { force: true });
  }
}

async function build() {
  const hash = hashOfSources();
  const last = existsSync(built) ? readFileSync(built, "utf8").split("\n") : [];
  if (last[0] === hash && last.slice(1).every(existsSync)) return;
  const esbuild = await import("esbuild");
  const files = new Map();
  const metafiles = [];
  for (const [page, entry] of Object.entries(pages)) {
    const { zipped, metafile } = await bundle(esbuild, page, entry);
    for (const [path, bytes] of zipped) files.set(path, bytes);
    metafiles.push(metafile);
  }
  files.set(join("dist", "docs", "THIRD-PARTY.txt.gz"), zip(thirdParty(metafiles)));
  write(files);
  mkdirSync(dirname(built), { recursive: true });
  writeFileSync(built, [hash, ...files.keys()].join("\n"));
}

async function bundleTests() {
  const esbuild = await import("esbuild");
  rmSync(".build/test", { recursive: true, force: true });
  await esbuild.build({
    ...common,
    entryPoints: filesOf("src").filter((path) => /\.test\.tsx?$/.test(path)),
    outdir: ".build/test",
    outbase: "src",
    outExtension: { ".js": ".mjs" },
    platform: "node",
    packages: "external",
    sourcemap: "inline",
    target: "node20",
  });
}

await (process.argv.includes("--test") ? bundleTests() : build());
