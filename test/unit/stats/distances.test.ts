import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  hellinger,
  jsDistanceBits,
  jsDistanceNats,
  ksOfCells,
  lInfinity,
  psi,
  psiByGroup,
  psiParts,
  totalVariation,
  wasserstein,
} from "../../../src/stats/index.ts";

// Counts of the values 1 to 6 in Evidently's fixture; the figures are SciPy's and, for Hellinger, Evidently's.
const dice = [16, 18, 16, 14, 12, 12];
const diceNow = [16, 16, 16, 16, 16, 8];

describe("figures of other makers", () => {
  test("on one pair of counts, each distance", () => {
    expect(hellinger(dice, diceNow)).toBeCloseTo(0.0681277437, 9);
    expect(psi(dice, diceNow)).toBeCloseTo(0.0372183816, 9);
    expect(jsDistanceNats(dice, diceNow)).toBeCloseTo(0.0680481962, 9);
    expect(jsDistanceBits(dice, diceNow)).toBeCloseTo(0.0817342133, 9);
    expect(totalVariation(dice, diceNow)).toBeCloseTo(0.0681818182, 9);
    expect(lInfinity(dice, diceNow)).toBeCloseTo(0.0454545455, 9);
  });

  test("TensorFlow Data Validation and NannyML on categories", () => {
    expect(lInfinity([1, 9], [3, 7])).toBeCloseTo(0.2, 9);
    expect(lInfinity([0, 9, 1], [3, 7, 0])).toBeCloseTo(0.3, 9);
    expect(lInfinity([2, 2, 2, 0], [2, 2, 2, 1])).toBeCloseTo(0.142857, 6);
    expect(lInfinity([2, 2, 2], [0, 5, 0])).toBeCloseTo(0.666667, 6);
    expect(jsDistanceBits([1, 1, 0], [1, 0, 1]) ** 2).toBeCloseTo(0.5, 9);
    expect(jsDistanceBits([1, 0], [0, 1])).toBeCloseTo(1, 12);
    // Ranks b2 a2 c1 against a2 Z1 Y1 X1.
    expect(jsDistanceBits([2, 2, 1, 0, 0, 0], [0, 2, 0, 1, 1, 1]) ** 2).toBeCloseTo(0.6, 9);
  });

  test("SciPy's Wasserstein distance of two samples of eight", () => {
    const one = [38.7, 41.5, 43.8, 44.5, 45.5, 46, 47.7, 58];
    const other = [39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8];
    const places = [...one, ...other].sort((a, b) => a - b);
    const counts = (of: readonly number[]): number[] => places.map((place) => of.filter((x) => x === place).length);
    expect(wasserstein(counts(one), counts(other), places)).toBeCloseTo(4.1625, 9);
    expect(ksOfCells(counts(one), counts(other))).toBeCloseTo(0.625, 12);
  });
});

describe("what holds of all counts", () => {
  const counts = fc.array(fc.tuple(fc.nat(1_000), fc.nat(1_000)), { minLength: 2, maxLength: 30 }).map((pairs) => ({
    p: [1, ...pairs.map(([a]) => a)],
    q: [1, ...pairs.map(([, b]) => b)],
  }));
  const all = { psi, jsDistanceNats, jsDistanceBits, hellinger, totalVariation, lInfinity, ksOfCells };

  test("each is 0 for equal shares, symmetric, and at least 0", () => {
    fc.assert(
      fc.property(counts, ({ p, q }) => {
        for (const distance of Object.values(all)) {
          expect(
            distance(
              p,
              p.map((count) => 3 * count),
            ),
          ).toBeCloseTo(0, 6);
          expect(distance(p, q)).toBeCloseTo(distance(q, p), 9);
          expect(distance(p, q)).toBeGreaterThanOrEqual(0);
        }
        expect(jsDistanceBits(p, q)).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  test("the parts of the stability index add up to it, and the largest names the cell that changed", () => {
    fc.assert(
      fc.property(counts, ({ p, q }) => {
        expect(psiParts(p, q).reduce((a, b) => a + b, 0)).toBeCloseTo(psi(p, q), 9);
      }),
    );
    expect(psiParts([10, 10, 10, 0], [10, 10, 0, 10]).map((part) => part > 1)).toEqual([false, false, true, true]);
    // 1/3 against a share of 1e-6: (1/3 - 1e-6) ln(1/3e-6), twice.
    expect(psi([10, 10, 10, 0], [10, 10, 0, 10])).toBeCloseTo(2 * (1 / 3 - 1e-6) * Math.log(1 / 3e-6), 9);
  });

  test("of nothing each is NaN", () => {
    for (const distance of Object.values(all)) {
      expect(distance([0, 0], [1, 2])).toBeNaN();
      expect(distance([1, 2], [0, 0])).toBeNaN();
    }
    expect(wasserstein([0, 0], [1, 2], [0, 1])).toBeNaN();
  });
});

test("what groups give adds up to the index of all of them", () => {
  const counts = fc.array(fc.nat(500), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(counts, fc.array(counts, { minLength: 1, maxLength: 6 }), (baseline, groups) => {
      const all = baseline.map((_, cell) => groups.reduce((sum, group) => sum + (group[cell] ?? 0), 0));
      const parts = psiByGroup(baseline, groups);
      const whole = psi(baseline, all);
      if (Number.isNaN(whole)) expect(parts.every(Number.isNaN)).toBe(true);
      else expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(whole, 3);
    }),
  );
});

test("a group that is like the baseline gives nothing, and one that is not gives all", () => {
  // Shares .7 and .3 of 400 rows, of which 200 are even: by hand .2 ln 1.4 - .2 ln .6.
  const parts = psiByGroup(
    [500, 500],
    [
      [100, 100],
      [180, 20],
    ],
  );
  expect(parts[0]).toBeCloseTo(0, 12);
  expect(parts[1]).toBeCloseTo(0.2 * Math.log(1.4) - 0.2 * Math.log(0.6), 12);
});
