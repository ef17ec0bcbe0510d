import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "@swc/core";
import { describe, expect, test } from "vitest";
import { findMutations, mutate } from "../../../scripts/mutants/find-mutations.ts";

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
