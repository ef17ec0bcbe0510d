import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseSync } from "@swc/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { findMutations, mutate } from "../../../scripts/mutants/find-mutations.ts";
import { nearestTests, nearTests } from "../../../scripts/mutants/nearest-tests.ts";
import { WarmRunner } from "../../../scripts/mutants/warm-runner.ts";

/** All mutants of a text, as `operator: mutated text`. */
function mutantsOf(source: string): string[] {
  return findMutations(source).map((mutation) => `${mutation.operator}: ${mutate(source, mutation)}`);
}

describe("finding mutations", () => {
  test("turns comparisons round, moves their boundaries, and fixes the condition", () => {
    expect(mutantsOf("if (a < b) go();").sort()).toEqual(
      [
        "comparison: if (a >= b) go();",
        "boundary: if (a <= b) go();",
        "condition: if ((true)) go();",
        "condition: if ((false)) go();",
        "removed call: if (a < b) ;",
      ].sort(),
    );
  });

  test("swaps the arms of a choice and changes returned constants", () => {
    expect(mutantsOf("const f = () => { return 1; };")).toEqual(["returned constant: const f = () => { return 2; };"]);
    expect(mutantsOf("const x = a ? b : c;")).toContain("swapped arms: const x = a ? c : b;");
  });

  test("is off by one, but not where texts are joined", () => {
    expect(mutantsOf("const x = a + 1;")).toEqual(["off by one: const x = a - 1;"]);
    expect(mutantsOf('const x = a + "s";')).toEqual([]);
  });

  test("finds its places behind characters of several bytes", () => {
    expect(mutantsOf('const k = "Köln €"; const x = a === b;')).toEqual([
      'comparison: const k = "Köln €"; const x = a !== b;',
    ]);
  });

  test("leaves types and what is said of errors alone, and looks through a cast", () => {
    expect(mutantsOf('type A = B extends C ? 1 : 2; throw new Error(a < b ? "x" : "y");')).toEqual([]);
    expect(mutantsOf("const x = (a === b) as boolean;")).toEqual(["comparison: const x = (a !== b) as boolean;"]);
  });

  test("each mutant that is called equivalent is one that can be drawn, and says why", () => {
    const repository = join(import.meta.dirname, "../../..");
    const path = join(repository, "scripts/mutants/equivalent.json");
    const known = JSON.parse(readFileSync(path, "utf8")) as Record<"file" | "line" | "mutant" | "why", string>[];
    for (const { file, line, mutant, why } of known) {
      const source = readFileSync(join(repository, file), "utf8");
      const lineAt = (position: number) => source.slice(0, position).split("\n").length - 1;
      const found = findMutations(source).filter(
        ({ from, text }) => text === mutant && source.split("\n")[lineAt(from)]?.trim() === line,
      );
      expect(found, `${file}: ${line} -> ${mutant}`).not.toEqual([]);
      expect(why).not.toBe("");
    }
  });

  test("makes only TypeScript of this repository's own source", () => {
    const folder = join(import.meta.dirname, "../../../src/wire");
    let count = 0;
    for (const name of readdirSync(folder)) {
      const source = readFileSync(join(folder, name), "utf8");
      for (const mutation of findMutations(source)) {
        count++;
        expect(() => parseSync(mutate(source, mutation), { syntax: "typescript" })).not.toThrow();
      }
    }
    expect(count).toBeGreaterThan(200);
  });
});

describe("the tests that a mutant meets", () => {
  test("are those that reach its file, by its name, its folder's, what it exports, and the imports between", () => {
    const texts = new Map([
      ["src/wire/crc.ts", "export function crc(): number {}"],
      ["src/wire/index.ts", 'export { crc } from "./crc.ts";'],
      ["src/app/main.ts", 'const { crc } = await import("../wire/index.ts");'],
      ["test/contract/all.ts", 'import { crc } from "../../src/wire/index.ts";'],
      ["test/unit/app/far.test.ts", 'import "../../../src/app/main.ts";'],
      ["test/unit/app/suite.test.ts", 'import { all } from "../../contract/all.ts";'],
      ["test/unit/app/direct.test.ts", 'import { crc } from "../../../src/wire/crc.ts";'],
      ["test/unit/wire/all.test.ts", 'import { crc } from "../../../src/wire/index.ts";'],
      ["test/unit/wire/another.test.ts", 'import { all } from "../../contract/all.ts";'],
      ["test/unit/sums/crc.test.ts", 'import { all } from "../../contract/all.ts";'],
      ["test/unit/wire/other.test.ts", 'import { other } from "../../../src/wire/other.ts";'],
    ]);
    expect(nearestTests(texts, "src/wire/crc.ts")).toEqual([
      "test/unit/sums/crc.test.ts",
      "test/unit/wire/all.test.ts",
      "test/unit/wire/another.test.ts",
      "test/unit/app/direct.test.ts",
      "test/unit/app/far.test.ts",
      "test/unit/app/suite.test.ts",
    ]);
  });

  test("are twelve at first, and however many lie in a folder of its folder's name", () => {
    const far = Array.from({ length: 12 }, (_, index) => `test/unit/app/${index}.test.ts`);
    const tests = [...far.slice(0, 11), "test/unit/wire/a.test.ts", ...far.slice(11), "test/unit/wire/b.test.ts"];
    expect(nearTests(tests, "src/wire/deep/crc.ts")).toEqual([
      ...far.slice(0, 11),
      "test/unit/wire/a.test.ts",
      "test/unit/wire/b.test.ts",
    ]);
  });
});

describe("the warm runner", () => {
  const repository = join(import.meta.dirname, "../../..");

  function tree(files: Readonly<Record<string, string>>): string {
    const root = mkdtempSync(join(tmpdir(), "millrace-warm-"));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
    return root;
  }

  // Each of its runs starts a process, which a busy machine takes its time for.
  test("sees each change of a file and its undoing, names what failed, and ends what hangs", {
    timeout: 120_000,
  }, async () => {
    const head = 'import { expect, test } from "vitest"; import { one } from "../../src/one.ts";';
    const root = tree({
      "vitest.config.ts":
        'export default { test: { projects: [{ test: { name: "unit", include: ["test/unit/**/*.test.ts"] } }] } };',
      "src/one.ts": "export const one = () => 1;",
      "test/unit/other.test.ts": `${head} test("is no text", () => expect(one()).not.toBe("1"));`,
      "test/unit/one.test.ts": `${head} test("is one", () => expect(one()).toBe(1));`,
    });
    const runner = new WarmRunner(root, 60_000);
    onTestFinished(() => runner.end());
    const tests = ["test/unit/other.test.ts", "test/unit/one.test.ts"];
    const withText = async (text: string, runner: WarmRunner): Promise<string | undefined> => {
      writeFileSync(join(root, "src/one.ts"), text);
      return runner.run(tests, "src/one.ts");
    };
    expect(await runner.run(tests)).toBeUndefined();
    expect(await withText("export const one = () => 2;", runner)).toBe("test/unit/one.test.ts");
    expect(await runner.run(["test/unit/other.test.ts"])).toBeUndefined();
    expect(await withText("export const one = () => 1;", runner)).toBeUndefined();
    const impatient = new WarmRunner(root, 500);
    onTestFinished(() => impatient.end());
    expect(await withText("export const one = () => { for (;;); };", impatient)).toBe("a run that hangs");
  });
});
