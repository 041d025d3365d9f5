// The notices of what is bundled, which its licences ask for in every copy.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

// excused are packages without a licence file, each with the reason why that will do.
const excused = {};

// folderOf is the folder of the package that a file belongs to; undefined for our own.
function folderOf(path) {
  return path.match(/^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1];
}

// packagesOf returns the files of each package that the bundles hold something of, by its folder.
function packagesOf(metafiles) {
  const packages = new Map();
  for (const { outputs } of metafiles) {
    for (const path of Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs))) {
      const folder = folderOf(path);
      if (folder) packages.set(folder, (packages.get(folder) ?? new Set()).add(path));
    }
  }
  return packages;
}

// within are the packages that a package's maker has bundled into its files, as far as their source maps tell.
function within(files) {
  const names = new Set();
  for (const map of [...files].map((path) => path + ".map").filter(existsSync)) {
    for (const source of JSON.parse(readFileSync(map, "utf8")).sources) {
      const folder = folderOf(source);
      if (folder) names.add(folder.replace(/^.*node_modules\//, ""));
    }
  }
  return [...names].sort();
}

// notice is what there is to say of a package: its licence, or the reason why it has none, its notice, and what stands
// beside a bundled file of the notices of others.
function notice(folder, files, reasons) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const named = (pattern) => readdirSync(folder).filter((file) => pattern.test(file)).map((file) => join(folder, file));
  const licences = named(/^(licen[cs]e|copying)/i);
  if (licences.length === 0 && !reasons[name]) {
    throw new Error(`${name} ${version}: no licence file in ${folder}; if none is needed, licences.mjs says why`);
  }
  const texts = [...licences, ...named(/^notice/i), ...[...files].map((path) => path + ".LICENSE.txt").filter(existsSync)];
  const parts = texts.map((path) => readFileSync(path, "utf8").trim());
  if (licences.length === 0) parts.unshift(reasons[name]);
  const inner = within(files);
  if (inner.length > 0) parts.push(`Its maker has built these into it, and says what stands above of their licences:\n${inner.join(", ")}.`);
  return { title: `${name} ${version} (${license})`, text: parts.join("\n\n") };
}

// thirdParty is the text for all packages of some bundles.
export function thirdParty(metafiles, reasons = excused) {
  const notices = [...packagesOf(metafiles)].map(([folder, files]) => notice(folder, files, reasons));
  notices.sort((a, b) => (a.title < b.title ? -1 : 1));
  const rule = "=".repeat(80);
  return [
    "The pages of this product hold the following software of others, under the licences that stand with each.",
    ...notices.map(({ title, text }) => `${rule}\n${title}\n${rule}\n\n${text}`),
  ].join("\n\n") + "\n";
}
