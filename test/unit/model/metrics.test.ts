import fc from "fast-check";
import { expect, test } from "vitest";
import { auc, averagePrecision, binaryMetrics } from "../../../src/model/index.ts";

const of = (...values: number[]): Float64Array => Float64Array.from(values);

test("AUC is the share of pairs in the right order", () => {
  // positives 0.35, 0.8; negatives 0.1, 0.4: of four pairs only (0.35, 0.4) is wrong
  expect(auc(of(0.1, 0.4, 0.35, 0.8), of(0, 0, 1, 1))).toBe(0.75);
});

test("AUC counts a tie as half a pair", () => {
  expect(auc(of(0.5, 0.5), of(0, 1))).toBe(0.5);
  expect(auc(of(0.2, 0.2, 0.9), of(0, 1, 1))).toBe(0.75);
});

test("AUC is undefined when a class is missing", () => {
  expect(auc(of(0.1, 0.2), of(1, 1))).toBeNaN();
  expect(auc(of(), of())).toBeNaN();
});

test("average precision is the mean of precision at each positive", () => {
  // by score: 0.8 positive (1/1), 0.4 negative, 0.35 positive (2/3), 0.1 negative
  expect(averagePrecision(of(0.1, 0.4, 0.35, 0.8), of(0, 0, 1, 1))).toBeCloseTo((1 + 2 / 3) / 2, 12);
});

test("average precision takes rows of equal score together", () => {
  expect(averagePrecision(of(0.5, 0.5), of(0, 1))).toBe(0.5);
  expect(averagePrecision(of(0.5, 0.5), of(1, 0))).toBe(0.5);
});

test("log loss and Brier score by hand", () => {
  const metrics = binaryMetrics(of(0.5, 0.8), of(0, 1));
  expect(metrics.logLoss).toBeCloseTo((Math.log(2) - Math.log(0.8)) / 2, 12);
  expect(metrics.brier).toBeCloseTo((0.25 + 0.04) / 2, 12);
  expect(metrics.positives).toBe(1);
});

test("AUC equals the count over all pairs on random scores with ties", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 1 })), { maxLength: 60 }),
      (rows) => {
        let good = 0;
        let pairs = 0;
        for (const [positive] of rows.filter((r) => r[1] === 1)) {
          for (const [negative] of rows.filter((r) => r[1] === 0)) {
            pairs++;
            good += positive > negative ? 1 : positive === negative ? 0.5 : 0;
          }
        }
        const answer = auc(of(...rows.map((r) => r[0])), of(...rows.map((r) => r[1])));
        if (pairs === 0) expect(answer).toBeNaN();
        else expect(answer).toBeCloseTo(good / pairs, 12);
      },
    ),
  );
});

// A score that is NaN is equal to nothing, itself included: the visit of ties never moved on.
test("metrics of scores that are not finite end, and say that there is no answer", () => {
  const [scores, labels] = [of(0.1, Number.NaN, 0.9, Number.NaN), of(0, 1, 1, 0)];
  expect(auc(scores, labels)).toBeNaN();
  expect(averagePrecision(scores, labels)).toBeNaN();
  expect(binaryMetrics(scores, labels)).toMatchObject({ rows: 4, positives: 2, auc: Number.NaN, brier: Number.NaN });
});

test("infinite scores are ordered as any other", () => {
  const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  expect(auc(of(low, 0.5, high, high), of(0, 0, 1, 1))).toBe(1);
  expect(auc(of(high, high, low), of(0, 1, 0))).toBe(0.75);
});
