import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { categoryCells, numberCells, quantileEdges } from "../../../src/monitor/index.ts";

describe("cells of numbers", () => {
  const cells = numberCells([0, 1, 2.5]);
  const named = (value: number | null): string => cells.nameOf(cells.cellOf(value));

  test("hold a value by the bin that begins at or below it; the last bin holds both of its ends", () => {
    expect(cells.count).toBe(8);
    expect([0, 0.999, 1, 2.4, 2.5].map(named)).toEqual(["[0, 1)", "[0, 1)", "[1, 2.5]", "[1, 2.5]", "[1, 2.5]"]);
  });

  test("hold what is no ordinary value apart, and what lies outside of the baseline", () => {
    const specials = [null, Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -1e-9, 2.500001];
    expect(specials.map(named)).toEqual(["null", "NaN", "-Infinity", "Infinity", "below", "above"]);
    expect(new Set(specials.map((value) => cells.cellOf(value))).size).toBe(6);
  });

  test("of a baseline with one value have one bin, and of none cannot be made", () => {
    const one = numberCells([7]);
    expect([7, 6, 8].map((value) => one.nameOf(one.cellOf(value)))).toEqual(["[7, 7]", "below", "above"]);
    expect(() => numberCells([])).toThrow(RangeError);
  });

  test("agree with a search through all edges, for every number", () => {
    const edges = fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(edges, fc.double(), (unsorted, value) => {
        const sorted = [...new Set(unsorted.map((x) => x + 0))].sort((a, b) => a - b);
        if (sorted.length < 2) return;
        const of = numberCells(sorted);
        const cell = of.cellOf(value);
        expect(cell).toBeLessThan(of.count);
        if (!Number.isFinite(value) || value < sorted[0]! || value > sorted.at(-1)!) return;
        const bin = sorted.findLastIndex((edge) => edge <= value);
        expect(cell).toBe(5 + Math.min(bin, sorted.length - 2));
      }),
    );
  });

  test("have edges at quantiles, equal ones once", () => {
    const values = Array.from({ length: 101 }, (_, i) => 100 - i);
    expect(quantileEdges(values, 4)).toEqual([0, 25, 50, 75, 100]);
    expect(quantileEdges([...values, Number.NaN, Number.POSITIVE_INFINITY], 4)).toEqual([0, 25, 50, 75, 100]);
    expect(quantileEdges([1, 1, 1, 1, 1, 1, 1, 2], 4)).toEqual([1, 2]);
    expect(quantileEdges([Number.NaN], 4)).toEqual([]);
  });
});

describe("cells of categories", () => {
  const frequent = Array.from({ length: 199 }, (_, i): [string, number] => [`c${i}`, 10]);
  const cells = categoryCells(new Map([["li", 1], ["at", 20], ["de", 30], ["ba", 9], ["ab", 9], ...frequent.slice(2)]));
  const named = (value: string | boolean | null): string => cells.nameOf(cells.cellOf(value));

  test("tell a value of the baseline from one that was too rare in it and from one that it has never seen", () => {
    expect(["de", "at", "li", "ch", null].map(named)).toEqual(['"de"', '"at"', "(other)", "(unseen)", "null"]);
    expect([cells.cellOf("de"), cells.cellOf("at")]).toEqual([3, 4]);
  });

  test("are at most 200 beside the special ones, of equally frequent values those that sort first", () => {
    expect(cells.count).toBe(203);
    expect([cells.cellOf("ab"), cells.nameOf(202)]).toEqual([202, '"ab"']);
    expect(named("ba")).toBe("(other)");
  });

  test("take a boolean by its word", () => {
    const of = categoryCells(new Map([["true", 1]]));
    expect([true, false].map((value) => of.nameOf(of.cellOf(value)))).toEqual(['"true"', "(unseen)"]);
  });
});

test("names of bins have as many digits as it takes to tell their edges apart, and at least four", () => {
  const coarse = numberCells([-1.6205129363884279, 0.12184567746145755, 1_000_000.25]);
  expect([coarse.nameOf(5), coarse.nameOf(6)]).toEqual(["[-1.621, 0.1218)", "[0.1218, 1000000]"]);
  const fine = numberCells([1.00001, 1.00002, 1.00003]);
  expect([fine.nameOf(5), fine.nameOf(6)]).toEqual(["[1.00001, 1.00002)", "[1.00002, 1.00003]"]);
  const finest = numberCells([0.1, 0.1 + 2 ** -56, 0.1 + 2 ** -55]);
  expect(new Set([5, 6].map((cell) => finest.nameOf(cell))).size).toBe(2);
});
