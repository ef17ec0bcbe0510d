import { expect, test } from "vitest";
import { Baseline, type Cells, type CountedWindow, categoryCells, numberCells } from "../../../../src/monitor/index.ts";
import { WindowLevels } from "../../../../src/monitor/judging/window-levels.ts";

const hourMs = 3_600_000;
const window = (hour: number, counts: readonly number[]): CountedWindow => ({
  fromMs: hour * hourMs,
  partial: { rows: counts.reduce((a, b) => a + b, 0), counts: [Float64Array.from(counts)] },
});
const levelsOf = (cells: Cells, windows: readonly CountedWindow[], season: "none" | "hour-of-day" = "none") =>
  new WindowLevels("x", 0, cells, new Baseline(windows, season), windows);

/** Null, NaN, -Infinity, Infinity, below, [0, 1), [1, 2], above. */
const numbers = numberCells([0, 1, 2]);
/** Ten windows of 100 rows: 40 below 1 and 60 above it, or the other way round. */
const swinging = Array.from({ length: 10 }, (_, hour) =>
  window(hour, hour % 2 === 0 ? [0, 0, 0, 0, 0, 40, 60, 0] : [0, 0, 0, 0, 0, 60, 40, 0]),
);

test("the level of numbers is the mean rank among the rows of the reference, in deviates of its windows", () => {
  const levels = levelsOf(numbers, swinging);
  // Half of the rows of the reference are in each bin: ranks 0.25 and 0.75, so levels 0.55 and 0.45, and 0.5 on the
  // average; ten squares of 0.05 over nine.
  const spread = 0.05 * Math.sqrt(10 / 9);
  expect(levels.deviatesOf(swinging[0]!)).toBeCloseTo(0.05 / spread, 12);
  expect(levels.deviatesOf(window(99, [0, 0, 0, 0, 0, 45, 55, 0]))).toBeCloseTo(0.025 / spread, 12);
  // What is null or NaN has no place; beyond the reference is rank 0 and 1, and so are the infinities.
  expect(levels.deviatesOf(window(99, [50, 7, 0, 0, 0, 45, 55, 0]))).toBeCloseTo(0.025 / spread, 12);
  expect(levels.deviatesOf(window(99, [0, 0, 1, 0, 1, 49, 49, 0]))).toBeCloseTo(-0.01 / spread, 12);
  expect(levels.deviatesOf(window(99, [0, 0, 0, 1, 0, 49, 49, 1]))).toBeCloseTo(0.01 / spread, 12);
});

test("a window that is far off is no further than eight deviates", () => {
  const levels = levelsOf(numbers, swinging);
  expect(levels.deviatesOf(window(99, [0, 0, 0, 0, 0, 0, 0, 100]))).toBe(8);
  expect(levels.deviatesOf(window(99, [0, 0, 0, 0, 100, 0, 0, 0]))).toBe(-8);
});

test("of booleans it is the share of true, also where the reference held hardly any", () => {
  const cells = categoryCells(new Map([["false", 990]]));
  // Null, other, unseen, false: what is true was not seen.
  const windows = Array.from({ length: 10 }, (_, hour) => window(hour, [5, 0, hour % 2 === 0 ? 2 : 0, 98]));
  const levels = levelsOf(cells, windows);
  const [one, two] = [2 / 100, 0];
  const spread = Math.sqrt((10 * ((one - two) / 2) ** 2) / 9);
  // A window of the average size has 104 rows: less than a row in it, no reference has.
  expect(levels.deviatesOf(window(99, [0, 0, 5, 95]))).toBeCloseTo((0.05 - 0.01) / Math.max(spread, 10 / 1_040), 12);
});

test("a level is compared with that of the same hour", () => {
  const days = Array.from({ length: 240 }, (_, hour) =>
    window(hour, hour % 24 < 12 ? [0, 0, 0, 0, 0, 90, 10, 0] : [0, 0, 0, 0, 0, 10, 90, 0]),
  );
  expect(levelsOf(numbers, days, "hour-of-day").deviatesOf(window(240, [0, 0, 0, 0, 0, 90, 10, 0]))).toBeCloseTo(0, 9);
  expect(levelsOf(numbers, days).deviatesOf(window(240, [0, 0, 0, 0, 0, 90, 10, 0]))).toBeCloseTo(-0.99791, 4);
});

test("few windows, and one in which nothing has a place, say nothing", () => {
  expect(levelsOf(numbers, swinging.slice(0, 7)).deviatesOf(swinging[0]!)).toBeUndefined();
  expect(levelsOf(numbers, swinging.slice(0, 8)).deviatesOf(swinging[0]!)).toBeCloseTo(Math.sqrt(7 / 8), 12);
  expect(levelsOf(numbers, swinging).deviatesOf(window(99, [100, 0, 0, 0, 0, 0, 0, 0]))).toBeUndefined();
});
