import { describe, expect, test } from "vitest";
import { withParts } from "../../../src/expression/ast.ts";
import type { Ast } from "../../../src/expression/index.ts";
import { exactQuotient } from "../../oracle/exact-values.ts";
import { fuzzExpressions } from "../../oracle/expression-fuzz.ts";
import { propertySeed as seed } from "../../support/property-seed.ts";

test(`compiles 1,500 expressions to what an exact interpreter gives, seed ${seed}`, { timeout: 60_000 }, () => {
  expect(fuzzExpressions({ count: 1_500, seed })).toEqual([]);
});

/** What the checker marks as exact, unmarked: the plain operation of JavaScript takes its place. */
function unmarked(ast: Ast, how: string): Ast {
  const inner = withParts(ast, (part) => unmarked(part, how));
  if (inner.node !== "binary" || inner.how !== how) return inner;
  const { how: _, ...plain } = inner;
  return plain;
}

function withoutLooks(ast: Ast): Ast {
  const inner = withParts(ast, withoutLooks);
  return inner.node === "number" ? inner.of : inner;
}

/** The sign of a remainder as mathematics has it, not as the page says. */
function flooredRemainders(ast: Ast): Ast {
  const inner = withParts(ast, flooredRemainders);
  if (inner.node !== "binary" || inner.operator !== "%") return inner;
  return { ...inner, left: { node: "call", name: "abs", args: [inner.left], at: inner.at } };
}

describe("the comparison finds", () => {
  test.each<[string, (ast: Ast) => Ast]>([
    ["sums and products that pass 2^53 unseen", (ast) => unmarked(ast, "checked")],
    ["times that keep a fraction of a millisecond", (ast) => unmarked(ast, "time-first")],
    ["longs beyond 2^53 that are taken as numbers", withoutLooks],
    ["comparisons that take a long and an equal double apart", (ast) => unmarked(ast, "mixed")],
    ["remainders with the sign of their right side", flooredRemainders],
  ])("%s", { timeout: 60_000 }, (_, plant) => {
    expect(fuzzExpressions({ count: 3_000, seed: 7, plant, differencesMax: 1 })).not.toEqual([]);
  });
});

test.each([
  [1n, 3n, 1 / 3],
  [-7n, 2n, -3.5],
  [9_007_199_254_740_991n, 2n, 4_503_599_627_370_495.5],
  [9_007_199_254_740_991n, 9_007_199_254_740_990n, 1 + 2 ** -52],
  [0n, 5n, 0],
])("the exact quotient of %s and %s is %s", (a, b, quotient) => {
  expect(exactQuotient(a, b)).toBe(quotient);
});
