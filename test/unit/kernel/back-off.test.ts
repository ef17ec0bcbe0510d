import { expect, test } from "vitest";
import { BackOff } from "../../../src/kernel/index.ts";

const nextOf = (backOff: BackOff, count: number): number[] => Array.from({ length: count }, () => backOff.next());

test("pauses grow by their factor up to the last, and begin anew after a reset", () => {
  const backOff = new BackOff({ firstMs: 100, lastMs: 1_000 });
  expect(nextOf(backOff, 3)).toEqual([100, 200, 400]);
  expect(backOff.isLongest).toBe(false);
  expect(nextOf(backOff, 3)).toEqual([800, 1_000, 1_000]);
  expect(backOff.isLongest).toBe(true);
  backOff.reset();
  expect(nextOf(backOff, 2)).toEqual([100, 200]);
  expect(nextOf(new BackOff({ firstMs: 20, lastMs: 500, factor: 1.5 }), 3)).toEqual([20, 30, 45]);
});

test("jitter shortens a pause by up to a half, and the next one is as long as without it", () => {
  const numbers = [1, 0, 0.5];
  const backOff = new BackOff({ firstMs: 100, lastMs: 1_000, jitter: () => numbers.shift() ?? 0 });
  expect(nextOf(backOff, 3)).toEqual([50, 200, 300]);
});
