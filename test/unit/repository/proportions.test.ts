import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { exportedNames, misproportions } from "../../../scripts/proportions.ts";

const trees: string[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true });
});

/** What is found in a tree of these files, of which no port is known. */
function found(files: Readonly<Record<string, string>>, suites: Readonly<Record<string, readonly string[]>> = {}) {
  const tree = mkdtempSync(join(tmpdir(), "millrace-proportions-"));
  trees.push(tree);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), text);
  }
  return misproportions(tree, suites);
}

const lines = (count: number): string => "export {};\n".repeat(count);
const names = (count: number): string =>
  `export { ${Array.from({ length: count }, (_, i) => `type N${i}`).join(", ")} } from "./n.ts";\n`;

test("the repository keeps its own proportions", () => {
  expect(misproportions(join(import.meta.dirname, "../../.."))).toEqual([]);
});

test("names a file of more than 600 lines, unless its header says why", () => {
  const reason = "/**\n * A table.\n * In one file because it is read as one.\n */\n";
  const late = `export {};\n${reason}`;
  expect(
    found({
      "src/a/just.ts": lines(600),
      "src/a/long.ts": lines(601),
      "src/a/table.ts": reason + lines(700),
      "src/a/late.ts": late + lines(700),
    }),
  ).toEqual([
    'src/a/late.ts: 705 lines; over 600 its header says why ("In one file because ...")',
    'src/a/long.ts: 601 lines; over 600 its header says why ("In one file because ...")',
  ]);
});

test("names a folder that exports more than 100 names", () => {
  expect(exportedNames('export { a, type B } from "./a.ts";\nexport type { C } from "./c.ts";')).toEqual([
    "a",
    "B",
    "C",
  ]);
  expect(found({ "src/a/index.ts": names(100), "src/b/index.ts": names(101) })).toEqual([
    "src/b/index.ts: exports 101 names, at most 100; a folder with more is two",
  ]);
});

test("names a kernel of more than sixteen files", () => {
  const kernel = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`src/kernel/file-${i}.ts`, ""]));
  expect(found({ ...kernel(16), "src/wire/other.ts": "" })).toEqual([]);
  expect(found(kernel(17))).toEqual(["src/kernel: 17 files, at most 16"]);
});

test("names an adapter on which no test runs its port's suite", () => {
  const suite = 'import { storeContract } from "../contract/store.ts";\n';
  expect(
    found(
      {
        "test/unit/one.test.ts": `${suite}import { one } from "../../src/adapters/one/index.ts";\n`,
        "test/unit/two.test.ts": 'import { two } from "../../src/adapters/two/index.ts";\n',
        "test/support/two.ts": `${suite}import { two } from "../../src/adapters/two/index.ts";\n`,
        "test/unit/three.test.ts": `${suite}import { open } from "../support/three.ts";\n`,
        "test/support/three.ts": 'export { open } from "../../src/adapters/three/index.ts";\n',
      },
      { "store.ts": ["adapters/one", "adapters/two", "adapters/three"] },
    ),
  ).toEqual(["src/adapters/two: no test runs test/contract/store.ts on it"]);
});
