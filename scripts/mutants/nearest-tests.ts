import { basename, dirname, join } from "node:path";

/** Relative imports of a source text, static, dynamic, re-exported, or the start of a thread. */
const imported = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|new URL\(\s*)"(\.[^"]+)"/g;

/**
 * The test files that reach a file by imports, the nearest first: those that bear its name, then those in a folder that
 * is called like one of its own, of these first the ones that speak of what it exports, then by the number of imports
 * between, then by name. What breaks a line is most likely noticed there, so that a run which ends at the first failure
 * is short.
 *
 * @param texts  path -> text of every source and test file
 * @param file  the path of one of them
 */
export function nearestTests(texts: ReadonlyMap<string, string>, file: string): readonly string[] {
  const importers = importersOf(texts);
  const hops = new Map<string, number>([[file, 0]]);
  for (const [path, distance] of hops) {
    for (const importer of importers.get(path) ?? []) {
      if (!hops.has(importer)) hops.set(importer, distance + 1);
    }
  }
  const name = basename(file, ".ts");
  const exported = [...(texts.get(file) ?? "").matchAll(/^export (?:async )?[a-z]+ (\w+)/gm)].map(([, word]) => word);
  const speaks = new RegExp(`\\b(?:${exported.join("|")})\\b`);
  const rank = (test: string): number => {
    if (basename(test, ".test.ts") === name) return 0;
    const isSilent = exported.length === 0 || !speaks.test(texts.get(test) ?? "");
    return (isBeside(test, file) ? 1 : 3) + Number(isSilent);
  };
  return [...hops.keys()]
    .filter((path) => path.endsWith(".test.ts"))
    .sort((a, b) => rank(a) - rank(b) || (hops.get(a) ?? 0) - (hops.get(b) ?? 0) || (a < b ? -1 : 1));
}

/** Of the tests that reach a file, nearest first: all that lie in a folder called like one of its own, twelve at least. */
export function nearTests(nearest: readonly string[], file: string): readonly string[] {
  return nearest.filter((test, index) => index < 12 || isBeside(test, file));
}

function isBeside(test: string, file: string): boolean {
  return dirname(file)
    .split("/")
    .includes(basename(dirname(test)));
}

function importersOf(texts: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const importers = new Map<string, string[]>();
  for (const [path, text] of texts) {
    for (const [, name = ""] of text.matchAll(imported)) {
      const target = join(dirname(path), name);
      const known = importers.get(target);
      if (known === undefined) importers.set(target, [path]);
      else known.push(path);
    }
  }
  return importers;
}
