import { expect, test } from "vitest";
import { closest } from "../../../src/kernel/index.ts";

test.each<[string, readonly string[], string | undefined]>([
  ["feild", ["field", "filter"], "field"], // two neighbours swapped
  ["amunt", ["amount", "count"], "amount"], // one left out
  ["amountt", ["amount", "count"], "amount"], // one too many
  ["anount", ["amount", "count"], "amount"], // one replaced
  ["AMOUNT", ["amount"], "amount"], // case does not count
  ["amount", ["Amount", "amount"], "Amount"], // equal distance: the first
  ["a", ["b"], "b"], // one edit is always allowed
  ["a", ["bc"], undefined],
  ["cats", ["dogs"], undefined], // three of four letters differ
  ["schema_id", ["schema", "schemas"], "schema"], // three edits of nine letters
  ["topic", [], undefined],
  ["", ["x"], "x"],
  ["", ["xy"], undefined],
])("offers for %j of %j: %j", (word, candidates, offered) => {
  expect(closest(word, candidates)).toBe(offered);
});

test("allows a third of the longer word in edits and not one more", () => {
  expect(closest("abcxyz", ["abcdef"])).toBeUndefined(); // 3 of 6
  expect(closest("abcdyz", ["abcdef"])).toBe("abcdef"); // 2 of 6
});

test("takes candidates from any iterable", () => {
  expect(closest("clmap", new Set(["clamp", "cast"]))).toBe("clamp");
  expect(closest("clmap", new Map([["clamp", 1]]).keys())).toBe("clamp");
});

test("answers for a hostile word of a megabyte by its first 64 characters", () => {
  expect(closest("x".repeat(1_000_000), ["y", "amount"])).toBeUndefined();
  expect(closest("a".repeat(1_000_000), ["a".repeat(64)])).toBe("a".repeat(64));
});
