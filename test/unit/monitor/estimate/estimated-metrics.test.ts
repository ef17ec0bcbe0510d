import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EstimatedMetric, estimatedMetrics, estimateOf } from "../../../../src/monitor/estimate/index.ts";

const one = (scores: number[], probabilities = scores, rows = scores.map(() => 1)) => ({ scores, probabilities, rows });
const expectedOf = (metric: EstimatedMetric, ...of: Parameters<typeof one>) => estimateOf(metric, one(...of)).value;

describe("an estimate", () => {
  // NannyML 0.13, of these five rows; decisions are those of a score of 0.5.
  test("equals what NannyML estimates", () => {
    const five = [0.9, 0.8, 0.3, 0.1, 0.6];
    expect(expectedOf("estimated_accuracy", five)).toBeCloseTo(0.78, 12);
    expect(expectedOf("estimated_auc", five)).toBeCloseTo(0.8381642512, 10);
  });

  test("of a row is by its probability, whatever its score", () => {
    // Scored 0.8 and a positive one time in four: right in a quarter.
    expect(expectedOf("estimated_accuracy", [0.8], [0.25])).toBe(0.25);
    expect(expectedOf("estimated_accuracy", [0.5, 0.49], [1, 1])).toBe(0.5);
    // 0.25 of (1 - 0.8)^2 and 0.75 of 0.8^2
    expect(expectedOf("estimated_brier", [0.8], [0.25])).toBeCloseTo(0.25 * 0.04 + 0.75 * 0.64, 12);
    expect(expectedOf("estimated_log_loss", [0.8], [0.25])).toBeCloseTo(
      -0.25 * Math.log(0.8) - 0.75 * Math.log(0.2),
      12,
    );
  });

  test("takes rows of equal score together, and ranks by scores and not by probabilities", () => {
    expect(expectedOf("estimated_auc", [0.5, 0.5], [1, 0])).toBe(0.5);
    expect(expectedOf("estimated_auc", [0.5, 0.5], [0, 1])).toBe(0.5);
    // The positive stands behind both negatives; in front of both; in front of one of two.
    expect(expectedOf("estimated_auc", [0.9, 0.8, 0.1], [0, 0, 1])).toBe(0);
    expect(expectedOf("estimated_auc", [0.9, 0.2, 0.1], [1, 0, 0])).toBe(1);
    expect(expectedOf("estimated_auc", [0.9, 0.8, 0.7, 0.1], [1, 0, 1, 0])).toBe(0.75);
  });

  test("is NaN without rows, and of an area where one class is not expected", () => {
    for (const metric of estimatedMetrics) expect(expectedOf(metric, [])).toBeNaN();
    for (const metric of estimatedMetrics) expect(expectedOf(metric, [0.5], [0.5], [0])).toBeNaN();
    expect(expectedOf("estimated_auc", [0.9, 0.8], [1, 1])).toBeNaN();
    expect(expectedOf("estimated_auc", [0.9, 0.8], [0, 0])).toBeNaN();
  });

  test("passes over what no row has", () => {
    for (const metric of estimatedMetrics) {
      const whole = estimateOf(metric, one([0.9, 0.3], [0.7, 0.2]));
      expect(estimateOf(metric, one([Number.NaN, 0.9, 0.3], [Number.NaN, 0.7, 0.2], [0, 1, 1]))).toEqual(whole);
    }
  });

  test("of rows that are counted is that of the rows one by one, in any order", () => {
    const row = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(fc.uniqueArray(row, { selector: ([score]) => score, minLength: 1 }), (cells) => {
        const each = cells.flatMap(([score, rows]) => Array.from({ length: rows }, () => score / 10)).reverse();
        const scores = cells.map(([score]) => score / 10);
        const mapped = (of: number[]) => of.map((score) => score ** 2);
        for (const metric of estimatedMetrics) {
          const counted = estimateOf(
            metric,
            one(
              scores,
              mapped(scores),
              cells.map(([, rows]) => rows),
            ),
          );
          const single = estimateOf(metric, one(each, mapped(each)));
          expect(counted.value).toBeCloseTo(single.value, 12);
          expect(counted.error).toBeCloseTo(single.error, 12);
        }
      }),
    );
  });
});

describe("the error of an estimate", () => {
  test("is that of the mean of what rows add", () => {
    // Rows add 0.9 and 0.5: each is 0.2 from the mean, over the root of two rows.
    expect(estimateOf("estimated_accuracy", one([0.9, 0.5])).error).toBeCloseTo(0.2 / Math.SQRT2, 12);
    expect(estimateOf("estimated_accuracy", one([0.9], [0.9], [400])).error).toBeCloseTo(0, 12);
  });

  test("of an area with whole classes is DeLong's", () => {
    // Positives at 0.9 and 0.4, negatives at 0.6 and 0.1: of each positive 1 and 1/2 of the negatives lie below, of each
    // negative 1/2 and 1 of the positives above; area 3/4. Both classes vary by 1/4 about it: (1/16 + 1/16 of the rows of
    // a class, doubled by the share of a class) = (1/4)^2 / 2 + (1/4)^2 / 2.
    const { value, error } = estimateOf("estimated_auc", one([0.9, 0.4, 0.6, 0.1], [1, 1, 0, 0]));
    expect(value).toBe(0.75);
    expect(error).toBeCloseTo(Math.sqrt(1 / 16 / 2 + 1 / 16 / 2), 12);
  });

  test("of an area of rows that are all level is none: another row would change nothing", () => {
    expect(estimateOf("estimated_auc", one([0.5, 0.5, 0.5], [1, 0, 0.3]))).toEqual({ value: 0.5, error: 0 });
  });

  test("falls with the root of the rows", () => {
    for (const metric of estimatedMetrics) {
      const error = (rows: number) =>
        estimateOf(metric, one([0.9, 0.3, 0.6], [0.8, 0.2, 0.7], [rows, rows, rows])).error;
      expect(error(400)).toBeCloseTo(error(100) / 2, 12);
      expect(error(100)).toBeGreaterThan(0);
    }
  });
});
