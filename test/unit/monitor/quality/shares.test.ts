import { expect, test } from "vitest";
import { angleBetween, rowsOf, shareFloor, shareProbability } from "../../../../src/monitor/quality/shares.ts";
import { logGamma } from "../../../../src/stats/index.ts";

/** Null, NaN, -Infinity, Infinity, below, two bins, above. */
const numbers = [1, 2, 4, 8, 16, 32, 64, 128];
/** Null, other, unseen, two values. */
const categories = [1, 2, 4, 8, 16];

test("missing is null, of numbers NaN too; out of range is what the reference never held; unseen is one cell", () => {
  expect(rowsOf("missing", "numbers", numbers)).toBe(3);
  expect(rowsOf("out_of_range", "numbers", numbers)).toBe(4 + 8 + 16 + 128);
  expect(rowsOf("missing", "categories", categories)).toBe(1);
  expect(rowsOf("unseen", "categories", categories)).toBe(4);
});

test("the angle between two shares is twice the difference of the arcsines of their roots", () => {
  // asin(1/2) is 30 degrees, asin(1) is 90; shares beyond the ends are at the ends.
  expect(angleBetween(0.25, 1)).toBeCloseTo((2 * Math.PI) / 3, 12);
  expect(angleBetween(1, 0.25)).toBeCloseTo((-2 * Math.PI) / 3, 12);
  expect(angleBetween(-0.1, 1.1)).toBeCloseTo(Math.PI, 12);
});

test("the floor is the share that so many deviates of its angle reach", () => {
  // 2 asin(0.1) + 3.0902323 / sqrt(500) = 0.3385342; sin(0.1692671)^2 = 0.0283788.
  expect(shareFloor(0.01, Number.POSITIVE_INFINITY, 500, 1, 0.001)).toBeCloseTo(0.0183788, 6);
  // Of none in the reference: sin(3.0902323 / sqrt(500) / 2)^2 = 0.0047671.
  expect(shareFloor(0, Number.POSITIVE_INFINITY, 500, 1, 0.001)).toBeCloseTo(0.0047671, 6);
  // Four times the variance is a quarter of the rows, on both sides.
  expect(shareFloor(0.2, 4_000, 2_000, 4, 0.01)).toBeCloseTo(shareFloor(0.2, 1_000, 500, 1, 0.01), 12);
  expect(shareFloor(0.999, 1_000, 10, 1, 0.001)).toBeCloseTo(0.001, 9);
});

test.each([
  [0.002, 5_000],
  [0.01, 1_000],
  [0.05, 500],
  [0.3, 500],
])("of independent rows a share of %d passes its floor among %d about as often as was asked for", (share, m) => {
  const floor = shareFloor(share, Number.POSITIVE_INFINITY, m, 1, 0.001);
  let tail = 0;
  for (let k = Math.ceil(m * (share + floor)); k <= m; k++)
    tail += Math.exp(
      logGamma(m + 1) - logGamma(k + 1) - logGamma(m - k + 1) + k * Math.log(share) + (m - k) * Math.log1p(-share),
    );
  expect(tail).toBeGreaterThan(0.0002);
  expect(tail).toBeLessThan(0.002);
});

test("at the floor the probability is the one that it was made for, below the reference more than half", () => {
  const floor = shareFloor(0.1, 30_000, 1_000, 2, 0.003);
  expect(shareProbability(0.1, 0.1 + floor, 30_000, 1_000, 2)).toBeCloseTo(0.003, 9);
  expect(shareProbability(0.1, 0.1, 30_000, 1_000, 2)).toBeCloseTo(0.5, 12);
  expect(shareProbability(0.1, 0.08, 30_000, 1_000, 1)).toBeGreaterThan(0.95);
});
