import fc from "fast-check";
import { expect, test } from "vitest";
import {
  clearMoments,
  meanOf,
  mergeMomentColumns,
  mergeMoments,
  momentsCount,
  momentsMax,
  momentsMin,
  momentsStride,
  needExtremes,
  needSpread,
  needSum,
  scanMoments,
  stdOf,
  sumOf,
} from "../../../src/stats/index.ts";

const needsAll = needSum | needExtremes | needSpread;

function summarise(values: readonly number[]): Float64Array {
  const into = new Float64Array(momentsStride);
  scanMoments(Float64Array.from(values), 0, values.length, needsAll, into, 0);
  return into;
}

/** Scanned in runs that end at the cuts, and merged in order. */
function summariseInRuns(values: readonly number[], cuts: readonly number[]): Float64Array {
  const into = new Float64Array(momentsStride);
  const run = new Float64Array(momentsStride);
  clearMoments(into, 0);
  const ends = [...cuts.map((cut) => cut % (values.length + 1)).sort((a, b) => a - b), values.length];
  let from = 0;
  for (const to of ends) {
    scanMoments(Float64Array.from(values), from, to, needsAll, run, 0);
    mergeMoments(into, 0, run, 0, needsAll);
    from = to;
  }
  return into;
}

test("summarises 2, 4, 4, 4, 5, 5, 7, 9 as by hand", () => {
  const moments = summarise([2, 4, 4, 4, 5, 5, 7, 9]);
  expect(moments[momentsCount]).toBe(8);
  expect(sumOf(moments, 0)).toBe(40);
  expect(meanOf(moments, 0)).toBe(5);
  expect(moments[momentsMin]).toBe(2);
  expect(moments[momentsMax]).toBe(9);
  // Squared differences from 5: 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32.
  expect(stdOf(moments, 0)).toBeCloseTo(Math.sqrt(32 / 7), 14);
});

test("skips NaN, wherever it stands", () => {
  const moments = summarise([Number.NaN, 1, Number.NaN, 3, Number.NaN]);
  expect(moments[momentsCount]).toBe(2);
  expect(meanOf(moments, 0)).toBe(2);
  expect(stdOf(moments, 0)).toBeCloseTo(Math.SQRT2, 14);
});

test("has no sum, mean or std of nothing, and no std of one", () => {
  expect([sumOf, meanOf, stdOf].map((of) => of(summarise([Number.NaN]), 0))).toEqual([
    Number.NaN,
    Number.NaN,
    Number.NaN,
  ]);
  expect(sumOf(summarise([7]), 0)).toBe(7);
  expect(stdOf(summarise([7]), 0)).toBe(Number.NaN);
});

test("gives a constant the std 0 and its own mean, however it is cut", () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, min: -1e12, max: 1e12 }),
      fc.integer({ min: 2, max: 200 }),
      fc.array(fc.nat()),
      (value, count, cuts) => {
        const moments = summariseInRuns(Array<number>(count).fill(value), cuts);
        expect(stdOf(moments, 0)).toBe(0);
        expect(Math.abs(meanOf(moments, 0) - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -52);
      },
    ),
  );
});

test("keeps the spread of 1e6 ± 1e-3 to twelve digits, however it is cut", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.array(fc.nat()), (pairs, cuts) => {
      // Both values are multiples of 2^-10, so that the differences are exact: M2 is 2 pairs * 2^-20.
      const values = Array.from({ length: 2 * pairs }, (_, i) => 1e6 + (i % 2 === 0 ? 1 : -1) * 2 ** -10);
      const exact = Math.sqrt((2 * pairs * 2 ** -20) / (2 * pairs - 1));
      expect(Math.abs(stdOf(summariseInRuns(values, cuts), 0) / exact - 1)).toBeLessThan(1e-12);
    }),
  );
});

test("gives the same by runs as in one scan", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 2, maxLength: 100 }),
      fc.array(fc.nat()),
      (values, cuts) => {
        const runs = summariseInRuns(values, cuts);
        const whole = summarise(values);
        const size = values.reduce((sum, value) => sum + Math.abs(value), 0);
        expect(runs[momentsCount]).toBe(values.length);
        expect(runs[momentsMin]).toBe(Math.min(...values));
        expect(runs[momentsMax]).toBe(Math.max(...values));
        expect(Math.abs(sumOf(runs, 0) - sumOf(whole, 0))).toBeLessThanOrEqual(size * 2 ** -90);
        // Squares of differences below 1e-154 underflow to 0: that small, a spread is not told from none.
        const allowed = Math.max(stdOf(whole, 0) * 1e-11, 1e-154);
        expect(Math.abs(stdOf(runs, 0) - stdOf(whole, 0))).toBeLessThanOrEqual(allowed);
      },
    ),
  );
});

test("loses nothing of a sum whose large parts cancel", () => {
  expect(sumOf(summarise([1e16, 1, -1e16]), 0)).toBe(1);
  expect(sumOf(summariseInRuns([1e16, 1, -1e16, 0.25], [1, 2]), 0)).toBe(1.25);
});

test("computes only what is asked for", () => {
  const moments = new Float64Array(momentsStride);
  scanMoments(Float64Array.of(1, 2), 0, 2, 0, moments, 0);
  expect(moments[momentsCount]).toBe(2);
  expect(sumOf(moments, 0)).toBe(0);
  scanMoments(Float64Array.of(1, 2), 0, 2, needExtremes, moments, 0);
  expect([moments[momentsMin], moments[momentsMax]]).toEqual([1, 2]);
});

test("of columns of which nothing but the count is asked, the counts are added, of the stretch that was named alone", () => {
  // Counts of four spans, behind one number of something else.
  const numbers = Float64Array.of(99, 3, 5, 7, 11);
  const into = new Float64Array(momentsStride);
  into[momentsCount] = 2;
  mergeMomentColumns(numbers, 1, 4, 1, 3, 0, into, 0);
  expect(into[momentsCount]).toBe(2 + 5 + 7);
  mergeMomentColumns(numbers, 1, 4, 2, 2, 0, into, 0);
  expect(into[momentsCount]).toBe(14);
});
