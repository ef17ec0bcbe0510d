import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { errorCodes } from "../../../src/kernel/index.ts";

const root = join(import.meta.dirname, "../../..");

/** Text files under a folder, by path. */
function textsUnder(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  const paths = names.filter((name) => /\.(ts|md|yaml|json)$/.test(name)).map((name) => join(folder, name));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

const table = "src/kernel/error-codes.ts";
const sources = new Map([...textsUnder("src")].filter(([path]) => path !== table));
const known = Object.keys(errorCodes);

test("every code of the table is used somewhere in the sources", () => {
  const text = [...sources.values()].join("\n");
  const unused = known.filter((code) => !text.includes(`"${code}"`));
  // Data rules come with contracts; the code is reserved because dead letters of later versions carry it.
  expect(unused).toEqual(["MR_RULE"]);
});

test("every code that sources and documents name is in the table", () => {
  const root1 = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(
    (path) => [path, readFileSync(join(root, path), "utf8")] as const,
  );
  const unknown = [...sources, ...textsUnder("docs"), ...textsUnder("topologies"), ...root1].flatMap(([path, text]) =>
    [...text.matchAll(/\bMR_[A-Z_]*[A-Z]\b/g)]
      .map(([code]) => code)
      // A name with a star stands for several.
      .filter((code) => !known.includes(code) && code !== "MR_WORDS")
      .map((code) => `${path}: ${code}`),
  );
  expect(unknown).toEqual([]);
});
