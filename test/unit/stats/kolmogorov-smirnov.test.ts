import { expect, test } from "vitest";
import { ksDistance, ksProbability } from "../../../src/stats/index.ts";

const a = [38.7, 41.5, 43.8, 44.5, 45.5, 46, 47.7, 58];
const b = [39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8];

test("is the distance and the exact probability that SciPy 1.17 gives", () => {
  expect(ksDistance(a, b)).toBe(0.625 * 64);
  expect(ksProbability(40, 8, 8)).toBeCloseTo(0.087024087, 10);
  const x = Array.from({ length: 100 }, (_, i) => (i + 1) / 101);
  const y = Array.from({ length: 80 }, (_, j) => ((j + 1) / 81) ** 1.3);
  expect(ksDistance(x, y)).toBe(0.1075 * 8_000);
  expect(ksProbability(860, 100, 80)).toBeCloseTo(0.6450143123, 9);
});

test("counts equal values of both samples together, whatever their order", () => {
  expect(ksDistance([1, 1, 2], [2, 1, 1])).toBe(0);
  expect(ksDistance([1], [1, 2])).toBe(1);
  expect(ksDistance([3, 1, 2], [6, 4, 5])).toBe(9);
});

test("of samples that do not overlap is the share of the two paths along the edges, and that of no distance is 1", () => {
  // Two of C(6, 3) = 20 paths; with 30 of each, two of 60! / (30! 30!), which is 1.18264581564861424e17.
  expect(ksProbability(9, 3, 3)).toBeCloseTo(0.1, 15);
  expect(ksProbability(900, 30, 30) / (2 / 1.182645815648614e17)).toBeCloseTo(1, 12);
  expect(ksProbability(0, 3, 3)).toBe(1);
});
