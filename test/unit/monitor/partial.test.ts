import fc from "fast-check";
import { expect, test } from "vitest";
import { categoryCells, merged, numberCells, PartialCounter } from "../../../src/monitor/index.ts";

const cells = [
  numberCells([0, 1, 2, 3]),
  categoryCells(
    new Map([
      ["a", 2],
      ["b", 1],
    ]),
  ),
];
const row = fc.tuple(
  fc.oneof(fc.constantFrom(null, Number.NaN, Number.POSITIVE_INFINITY), fc.double({ min: -1, max: 4, noNaN: true })),
  fc.constantFrom("a", "b", "c", null),
);
type Row = readonly [number | null, string | null];

function counted(rows: readonly Row[]): PartialCounter {
  const counter = new PartialCounter(cells);
  for (const one of rows) counter.absorb(one);
  return counter;
}

test("what tasks count of any division of the rows, in any order, adds up to what one counts of all", () => {
  const divided = fc.array(fc.tuple(row, fc.nat(4)), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(divided, fc.boolean(), (rows, isReversed) => {
      const parts = [0, 1, 2, 3, 4].map((task) => counted(rows.filter(([, of]) => of === task).map(([one]) => one)));
      const all = counted(rows.map(([one]) => one));
      const total = merged(isReversed ? parts.toReversed() : parts);
      expect(total.rows).toBe(rows.length);
      expect(total.counts).toEqual(all.counts);
      // Each row stands once in every field.
      for (const counts of total.counts) expect(counts.reduce((a, b) => a + b, 0)).toBe(rows.length);
    }),
  );
});

test("merging leaves the parts as they were, and nothing cannot be merged", () => {
  const one = counted([[0.5, "a"]]);
  const before = one.counts.map((counts) => [...counts]);
  merged([one, one]);
  expect(one.counts.map((counts) => [...counts])).toEqual(before);
  expect(() => merged([])).toThrow(RangeError);
});
