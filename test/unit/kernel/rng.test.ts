import { expect, test } from "vitest";
import { type Rng, seededRng } from "../../../src/kernel/index.ts";

function drawn(count: number, draw: () => number): number[] {
  return Array.from({ length: count }, draw);
}

/** Pearson's chi-squared of counts against equal shares. */
function chiSquared(counts: readonly number[], total: number): number {
  const share = total / counts.length;
  return counts.reduce((sum, count) => sum + (count - share) ** 2 / share, 0);
}

/**
 * sfc32 over splitmix32, written a second time from the published definitions with 64-bit integers, so that a
 * slip in 32-bit arithmetic shows: PractRand `sfc.h`, and the 32-bit finalizer 21f0aaad-735a2d97 (C. Wellons).
 */
function reference(seed: number, count: number): number[] {
  const mask = 0xffff_ffffn;
  let state = BigInt.asUintN(32, BigInt(seed));
  const mix = (): bigint => {
    state = (state + 0x9e37_79b9n) & mask;
    let z = ((state ^ (state >> 16n)) * 0x21f0_aaadn) & mask;
    z = ((z ^ (z >> 15n)) * 0x735a_2d97n) & mask;
    return z ^ (z >> 15n);
  };
  let [a, b, c, counter] = [mix(), mix(), mix(), 1n];
  const next = (): number => {
    const out = (a + b + counter) & mask;
    counter = (counter + 1n) & mask;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & mask;
    c = (((c << 21n) | (c >> 11n)) + out) & mask;
    return Number(out) / 2 ** 32;
  };
  drawn(12, next);
  return drawn(count, next);
}

test.each([0, 1, 7, -1, 2_147_483_647, -2_147_483_648])(
  "gives the stream of the published generator for seed %i",
  (seed) => {
    expect(drawn(200, seededRng(seed).uniform)).toEqual(reference(seed, 200));
  },
);

test("gives the same stream for the same seed and another for another", () => {
  const stream = (seed: number): number[] => {
    const rng = seededRng(seed);
    return [...drawn(5, rng.uniform), ...drawn(5, () => rng.below(1_000)), ...drawn(5, rng.normal)];
  };
  expect(stream(7)).toEqual(stream(7));
  expect(stream(7)).not.toEqual(stream(8));
});

test("keeps two generators of one seed apart", () => {
  const [one, other]: [Rng, Rng] = [seededRng(3), seededRng(3)];
  const first = drawn(10, one.uniform);
  expect(drawn(10, other.uniform)).toEqual(first);
});

test("spreads uniform numbers evenly over [0, 1)", () => {
  const total = 100_000;
  const counts = new Array<number>(100).fill(0);
  for (const value of drawn(total, seededRng(11).uniform)) {
    expect(value >= 0 && value < 1).toBe(true);
    counts[Math.floor(value * 100)]! += 1;
  }
  // 99 degrees of freedom: 0.1 % and 99.9 % quantiles of chi-squared (tables: 60 and 149).
  expect(chiSquared(counts, total)).toBeGreaterThan(60);
  expect(chiSquared(counts, total)).toBeLessThan(149);
});

test("shows no correlation between neighbours", () => {
  const values = drawn(100_000, seededRng(5).uniform);
  const products = values.slice(1).reduce((sum, value, i) => sum + (value - 0.5) * (values[i]! - 0.5), 0);
  // Standard deviation of the mean product is (1/12)/sqrt(n); four of them.
  expect(Math.abs(products / 99_999)).toBeLessThan(4 / 12 / Math.sqrt(99_999));
});

test("draws every integer below n equally often, and n never", () => {
  const counts = new Array<number>(6).fill(0);
  const rng = seededRng(2);
  for (const value of drawn(60_000, () => rng.below(6))) counts[value]! += 1;
  expect(counts.reduce((sum, count) => sum + count)).toBe(60_000);
  // 5 degrees of freedom: 99.9 % quantile of chi-squared (tables: 20.5).
  expect(chiSquared(counts, 60_000)).toBeLessThan(20.5);
  expect(drawn(10, () => rng.below(1))).toEqual(new Array(10).fill(0));
});

test("draws normal numbers of mean 0 and deviation 1, always finite", () => {
  const total = 100_000;
  const values = drawn(total, seededRng(9).normal);
  const mean = values.reduce((sum, value) => sum + value, 0) / total;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (total - 1);
  // Four standard errors: 1/sqrt(n) for the mean, sqrt(2/n) for the variance.
  expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(total));
  expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / total));
  // 31.73 % lie beyond one deviation.
  const beyond = values.filter((value) => Math.abs(value) > 1).length / total;
  expect(Math.abs(beyond - 0.3173)).toBeLessThan(0.006);
  expect(values.every(Number.isFinite)).toBe(true);
});
