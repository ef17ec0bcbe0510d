import fc from "fast-check";
import { assert, describe, expect, test } from "vitest";
import {
  calibrated,
  calibrationBytes,
  calibrationFile,
  calibrationOf,
  expectedCalibrationError,
  fitCalibration,
  fitIsotonic,
  poolAdjacentViolators,
} from "../../../src/model/index.ts";
import { countScores } from "../../../src/monitor/estimate/index.ts";

const f = (...values: number[]): Float64Array => Float64Array.from(values);
const score = fc.integer({ min: 0, max: 20 }).map((x) => x / 20);
const label = fc.constantFrom(0, 1);

function maxMin(values: readonly number[], weights: readonly number[], at: number): number {
  const meanOf = (from: number, to: number): number => {
    const sum = (of: (i: number) => number) =>
      values.slice(from, to + 1).reduce((total, _, i) => total + of(from + i), 0);
    return sum((i) => values[i]! * weights[i]!) / sum((i) => weights[i]!);
  };
  const ends = Array.from({ length: values.length - at }, (_, i) => at + i);
  return Math.max(...Array.from({ length: at + 1 }, (_, from) => Math.min(...ends.map((to) => meanOf(from, to)))));
}

describe("pooling adjacent violators", () => {
  // scikit-learn, `isotonic_regression([1, 3, 2, 4, 3.5, 5])`.
  test("gives the nearest values that do not fall", () => {
    expect([...poolAdjacentViolators([1, 3, 2, 4, 3.5, 5])]).toEqual([1, 2.5, 2.5, 3.75, 3.75, 5]);
    // 4 pools with 1, and their mean 2.5 with the 2 after it: (4 + 1 + 2) / 3; the 3 stays.
    expect([...poolAdjacentViolators([4, 1, 2, 3])]).toEqual([7 / 3, 7 / 3, 7 / 3, 3]);
    expect([...poolAdjacentViolators([])]).toEqual([]);
  });

  test("leaves equal values as they are, to the bit", () => {
    // (2 x 0.1 + 0.1) / 3 is 0.10000000000000002.
    expect([...poolAdjacentViolators([0.1, 0.1, 0.1])]).toEqual([0.1, 0.1, 0.1]);
  });

  test("weighs: three rows at 0.9 against one at 0.5", () => {
    expect([...poolAdjacentViolators([0.9, 0.5], [3, 1])]).toEqual([0.8, 0.8]);
  });

  test("gives what the means of all stretches say, and leaves what is fitted as it is", () => {
    const row = fc.record({ value: fc.integer({ min: -9, max: 9 }), weight: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 10 }), (rows) => {
        const [values, weights] = [rows.map(({ value }) => value), rows.map(({ weight }) => weight)];
        const fitted = poolAdjacentViolators(values, weights);
        // Barlow et al., theorem 1.4.4: the largest, over beginnings, of the smallest mean up to any end.
        for (const i of rows.keys()) expect(fitted[i]).toBeCloseTo(maxMin(values, weights, i), 9);
        const again = poolAdjacentViolators(fitted, weights);
        for (const [i, x] of again.entries()) expect(x).toBeCloseTo(fitted[i]!, 12);
      }),
    );
  });

  test("is as good as any other values that do not fall, and keeps the sum", () => {
    const values = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(
        values,
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 12, maxLength: 12 }),
        (given, other) => {
          const fitted = poolAdjacentViolators(given);
          const rival = other.slice(0, given.length).sort((a, b) => a - b);
          const error = (guess: ArrayLike<number>) => given.reduce((sum, x, i) => sum + (x - guess[i]!) ** 2, 0);
          expect(error(fitted)).toBeLessThanOrEqual(error(rival) + 1e-9);
          expect(fitted.every((x, i) => i === 0 || x >= fitted[i - 1]!)).toBe(true);
          expect(fitted.reduce((a, b) => a + b, 0)).toBeCloseTo(
            given.reduce((a, b) => a + b, 0),
            9,
          );
        },
      ),
    );
  });
});

describe("an isotonic map", () => {
  // By score: 0.1 has shares 0 of 1, 0.4 has 1 of 1, 0.5 has 0 of 1, 0.8 has 2 of 2. 0.4 and 0.5 pool to a half.
  const map = fitIsotonic(f(0.8, 0.5, 0.1, 0.4, 0.8), f(1, 0, 0, 1, 1));

  test("has the shares of positives at its knots, equal scores being one", () => {
    expect(map).toEqual({ scores: [0.1, 0.4, 0.5, 0.8], probabilities: [0, 0.5, 0.5, 1] });
  });

  test("is a line between knots, level outside of them, and NaN for NaN", () => {
    expect(calibrated(map, 0.25)).toBeCloseTo(0.25, 12);
    expect([0, 0.1, 0.45, 0.8, 0.9].map((x) => calibrated(map, x))).toEqual([0, 0, 0.5, 1, 1]);
    expect(calibrated(map, 0.65)).toBeCloseTo(0.75, 12);
    expect(calibrated(map, Number.NaN)).toBeNaN();
  });

  test("leaves out what stands inside a level", () => {
    const level = fitIsotonic(f(0.1, 0.2, 0.3, 0.4), f(1, 0, 1, 0));
    expect(level).toEqual({ scores: [0.1, 0.4], probabilities: [0.5, 0.5] });
    expect(calibrated(level, 0.25)).toBe(0.5);
  });

  test("never falls, stays a probability, and keeps the mean of the labels on its own rows", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(score, label), { minLength: 1, maxLength: 40 }), (rows) => {
        const scores = f(...rows.map(([s]) => s));
        const labels = f(...rows.map(([, l]) => l));
        const fitted = fitIsotonic(scores, labels);
        const answers = Array.from({ length: 41 }, (_, i) => calibrated(fitted, i / 40));
        expect(answers.every((p, i) => p >= 0 && p <= 1 && (i === 0 || p >= answers[i - 1]! - 1e-12))).toBe(true);
        const sum = scores.reduce((total, s) => total + calibrated(fitted, s), 0);
        expect(sum).toBeCloseTo(
          labels.reduce((a, b) => a + b, 0),
          9,
        );
      }),
    );
  });
});

describe("the expected calibration error", () => {
  test("is the distance of shares from scores by bin, by rows", () => {
    // Bins of a tenth: {0.05, 0.05} has mean 0.05 and share 0.5; {0.95} has share 1; {1} falls into the last bin too.
    // (2 x 0.45 + 2 x |1 - 0.975|) / 4 = (0.9 + 0.05) / 4
    expect(expectedCalibrationError(f(0.05, 0.05, 0.95, 1), f(1, 0, 1, 1))).toBeCloseTo(0.2375, 12);
    expect(expectedCalibrationError(f(0.2, 0.4, 0.6), f(0, 1, 1), 1)).toBeCloseTo(2 / 3 - 0.4, 12);
    expect(expectedCalibrationError(f(), f())).toBeNaN();
  });
});

describe("a calibration", () => {
  /** Positives come at the square of the score: scores are far too sure of themselves. */
  const rows = (count: number, shareOf: (score: number) => number) => {
    const scores = Float64Array.from({ length: count }, (_, i) => ((i * 37) % 100) / 100 + 0.005);
    // Of the hundred scores, each comes once in a hundred rows, and is positive in its share of them.
    const labels = scores.map((s, i) => ((Math.floor(i / 100) * 61) % 100 < 100 * shareOf(s) ? 1 : 0));
    return [scores, labels] as const;
  };

  test("is made where it brings scores nearer to what is true, on rows that it was not fitted on", () => {
    const [scores, labels] = rows(10_000, (s) => s * s);
    const { map, counts } = fitCalibration(scores, labels)!;
    assert(map !== "identity");
    for (const s of [0.305, 0.505, 0.905]) expect(Math.abs(calibrated(map, s) - s * s)).toBeLessThan(0.05);
    expect(counts).toEqual([...countScores(scores)]);
  });

  test("leaves scores as they are where they are probabilities, and is none with few rows or one class alone in a half", () => {
    // One row in four at 0.25, three in four at 0.75: nothing is wrong with that.
    const sure = Float64Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 0.25 : 0.75));
    const labels = sure.map((s, i) =>
      i % 8 < 2 === (s === 0.25) ? (s === 0.25 ? 1 : 1) : s === 0.75 && i % 8 > 1 ? 1 : 0,
    );
    expect(expectedCalibrationError(sure, labels)).toBe(0);
    expect(fitCalibration(sure, labels)).toEqual({ map: "identity", counts: [...countScores(sure)] });
    expect(fitCalibration(sure.subarray(0, 100), labels.subarray(0, 100))).toBeDefined();
    expect(fitCalibration(sure.subarray(0, 99), labels.subarray(0, 99))).toBeUndefined();
    const [scores, squared] = rows(10_000, (s) => s * s);
    expect(
      fitCalibration(
        scores,
        squared.map((x, i) => (i < 5_000 ? 0 : x)),
      ),
    ).toBeUndefined();
    expect(
      fitCalibration(
        scores,
        squared.map((x, i) => (i < 5_000 ? x : 1)),
      ),
    ).toBeUndefined();
  });

  test("maps nothing where each half has its own odds: a map that only fits its own rows is none", () => {
    // Scores of 0.5 are true in the earlier half and not in the later: on its own half each map is perfect.
    const scores = new Float64Array(400).map((_, i) => (i % 2 === 0 ? 0.45 : 0.55));
    const labels = scores.map((s, i) => (i % 20 < 2 ? 1 - Number(i < 200 === s > 0.5) : Number(i < 200 === s > 0.5)));
    expect(fitCalibration(scores, labels)?.map).toBe("identity");
  });

  test("is judged on the rows of each half by the map of the other", () => {
    // Shares at 0.4 and 0.6: 0.1 and 0.9 in the earlier half, 0.35 and 0.65 in the later. Scores are 0.175 off over both
    // halves; each half by the other's map is 0.25 off, all rows by the earlier map would be 0.125 off.
    const scores = Float64Array.from({ length: 160 }, (_, i) => (i % 2 === 0 ? 0.4 : 0.6));
    const positives = (i: number): number => (i < 80 ? [4, 36] : [14, 26])[i % 2] as number;
    const labels = scores.map((_, i) => (Math.floor((i % 80) / 2) < positives(i) ? 1 : 0));
    expect(expectedCalibrationError(scores, labels)).toBeCloseTo(0.175, 12);
    expect(fitCalibration(scores, labels)?.map).toBe("identity");
  });

  test("comes back as it was written, and is unknown where nothing was", () => {
    for (const map of [{ scores: [0.1, 0.4], probabilities: [0, 0.5] }, "identity" as const]) {
      const files = new Map([[calibrationFile, calibrationBytes({ map, counts: [0, 3, 1] })]]);
      expect(calibrationOf(files, "m/1")).toEqual({ map, counts: [0, 3, 1] });
    }
    expect(calibrationOf(new Map(), "m/1")).toBeUndefined();
    const before = { kind: "isotonic", scores: [0.1], probabilities: [0.5] };
    const files = new Map([[calibrationFile, Buffer.from(JSON.stringify(before))]]);
    expect(calibrationOf(files, "m/1")?.counts).toEqual([]);
  });

  test.each([
    ["falls", { scores: [0.1, 0.2], probabilities: [0.5, 0.4] }],
    ["has scores that do", { scores: [0.2, 0.1], probabilities: [0.4, 0.5] }],
    ["has one score twice", { scores: [0.2, 0.2], probabilities: [0.4, 0.5] }],
    ["is longer on one side", { scores: [0.1, 0.2], probabilities: [0.4] }],
    ["goes above 1", { scores: [0.1, 0.2], probabilities: [0.4, 1.1] }],
    ["goes below 0", { scores: [0.1, 0.2], probabilities: [-0.1, 1] }],
    ["is empty", { scores: [], probabilities: [] }],
    ["has no numbers", { scores: ["a"], probabilities: [0.1] }],
    ["has counts below 0", { kind: "identity", counts: [1, -1] }],
    ["has counts of parts", { kind: "identity", counts: [0.5] }],
    ["has counts that are no list", { kind: "identity", counts: 3 }],
  ])("is refused when it %s", (_, file) => {
    const files = new Map([[calibrationFile, Buffer.from(JSON.stringify(file))]]);
    expect(() => calibrationOf(files, "m/1")).toThrow(expect.objectContaining({ code: "MR_MODEL" }));
  });
});
