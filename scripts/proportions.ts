/**
 * Checks what CONTRIBUTING.md says of sizes and contract suites: lines per file, names that a folder exports, and that
 * every adapter of a port runs the port's suite.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const linesMax = 600;
/** Words with which the header of a longer file begins its reason. */
const reasonMark = "In one file because";
const namesMax = 100;
const kernelFilesMax = 16;

/** Which folders of `src/` hold implementations of a port, by the suite under `test/contract/` that runs on them. */
export const portSuites: Readonly<Record<string, readonly string[]>> = {
  "broker.ts": ["adapters/memory", "adapters/kafkajs"],
  "registry.ts": ["adapters/registry-fs", "adapters/registry-http"],
  "snapshots.ts": ["adapters/state-fs", "adapters/state-memory"],
  "artefacts.ts": ["adapters/artefact-fs"],
  "scorer.ts": ["model", "adapters/tfjs"],
};

/** What is wrong with the tree under `root`, one line each, sorted. */
export function misproportions(root: string, suites = portSuites): string[] {
  const source = join(root, "src");
  const files = typescriptFiles(source);
  return [
    ...files.flatMap((file) => tooLong(source, file)),
    ...files.filter((file) => /^[^/]+\/index\.ts$/.test(file)).flatMap((file) => tooManyNames(source, file)),
    ...kernelTooLarge(files),
    ...Object.entries(suites).flatMap(([suite, folders]) => folders.flatMap((folder) => notRun(root, suite, folder))),
  ].sort();
}

function typescriptFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
}

function tooLong(source: string, file: string): string[] {
  const text = readFileSync(join(source, file), "utf8");
  const lineCount = text.split("\n").length - 1;
  const header = /^\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? "";
  if (lineCount <= linesMax || header.includes(reasonMark)) return [];
  return [`src/${file}: ${lineCount} lines; over ${linesMax} its header says why ("${reasonMark} ...")`];
}

function tooManyNames(source: string, file: string): string[] {
  const names = exportedNames(readFileSync(join(source, file), "utf8"));
  if (names.length <= namesMax) return [];
  return [`src/${file}: exports ${names.length} names, at most ${namesMax}; a folder with more is two`];
}

/** Names in the `export { ... }` lists of an index, which holds nothing else. */
export function exportedNames(text: string): string[] {
  return [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
    list.split(",").flatMap((name) => name.trim().replace(/^type /, "") || []),
  );
}

function kernelTooLarge(files: readonly string[]): string[] {
  const count = files.filter((file) => file.startsWith("kernel/")).length;
  return count <= kernelFilesMax ? [] : [`src/kernel: ${count} files, at most ${kernelFilesMax}`];
}

/** A suite runs on a folder when a test file imports the suite, and the folder itself or over one file of its own. */
function notRun(root: string, suite: string, folder: string): string[] {
  const adapter = join(root, "src", folder, "index.ts");
  const tests = typescriptFiles(join(root, "test")).filter((file) => file.endsWith(".test.ts"));
  const isRun = tests.some((file) => {
    const imported = importsOf(join(root, "test", file));
    if (!imported.includes(join(root, "test/contract", suite))) return false;
    return imported.includes(adapter) || imported.some((other) => importsOf(other).includes(adapter));
  });
  return isRun ? [] : [`src/${folder}: no test runs test/contract/${suite} on it`];
}

/** The files that a file imports by a relative path. */
function importsOf(file: string): string[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/ from "(\.[^"]+)"/g)].map(([, path = ""]) => join(dirname(file), path));
}

if (process.argv[1] === import.meta.filename) {
  const faults = misproportions(join(import.meta.dirname, ".."));
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.stdout.write(`${faults.length} faults of proportion\n`);
  if (faults.length > 0) process.exitCode = 1;
}
