import { expect, test } from "vitest";
import { isError, measuredMetrics } from "../../../../src/monitoring/labels/window-metrics.ts";

const scores = Float64Array.of(0.9, 0.5, 0.4, 0.2, 0.1);
const labels = Float64Array.of(1, 0, 1, 0, 0);

// Two positives, three negatives: five of the six pairs are in order.
test("each metric has the standard error that its kind of mean has", () => {
  const measured = measuredMetrics(["accuracy", "auc", "average_precision", "brier", "ece"], scores, labels);
  const near = (metric: string, value: number, error: number) => ({
    metric,
    value: expect.closeTo(value, 12),
    error: expect.closeTo(error, 12),
  });
  expect(measured.slice(0, 4)).toEqual([
    // Three of five are right, (3 + 1) / (5 + 2) with one of each added: 4/7 * 3/7 / 5.
    near("accuracy", 3 / 5, Math.sqrt(12 / 245)),
    // Hanley and McNeil: A = 5/6, Q1 = 5/7, Q2 = 25/33; (5/36 + 1 * (5/7 - 25/36) + 2 * (25/33 - 25/36)) / 6.
    near("auc", 5 / 6, Math.sqrt(790 / 16_632)),
    // (1/1 + 2/3) / 2, as 5/3 of 2 positives: (5/3 + 1) / (2 + 2) = 2/3, and 2/3 * 1/3 / 2.
    near("average_precision", 5 / 6, 1 / 3),
    // Terms 0.01, 0.25, 0.36, 0.04, 0.01: their mean is 0.134, their squares about it come to 0.10412, / 4 / 5.
    near("brier", 0.134, Math.sqrt(0.10412 / 20)),
  ]);
  expect(measured[4]).toMatchObject({ metric: "ece", error: expect.closeTo(Math.sqrt(0.134 / 5), 12) });
});

test("an area of 1 has an error as if half a pair were wrong", () => {
  const [auc] = measuredMetrics(["auc"], Float64Array.of(0.9, 0.8, 0.1), Float64Array.of(1, 1, 0));
  expect(auc).toEqual({ metric: "auc", value: 1, error: expect.closeTo(Math.sqrt(0.5 / 2 / 2), 12) });
});

test("of one row the spread is taken for the largest", () => {
  expect(measuredMetrics(["brier", "log_loss"], Float64Array.of(0.5), Float64Array.of(1))).toMatchObject([
    { value: 0.25, error: 1 },
    { error: 1 },
  ]);
});

test("a score that is sure of what was not true costs a bounded loss", () => {
  const [loss] = measuredMetrics(["log_loss"], Float64Array.of(0, 1), Float64Array.of(1, 1));
  // -ln(1e-15) and 0: the terms lie 34.5 apart.
  expect(loss?.error).toBeCloseTo(-Math.log(1e-15) / 2, 6);
});

test("without rows, or with one class alone, there is no value and no error", () => {
  const none = Float64Array.of();
  expect(measuredMetrics(["brier"], none, none)).toEqual([{ metric: "brier", value: Number.NaN, error: Number.NaN }]);
  for (const label of [0, 1])
    expect(
      measuredMetrics(
        ["auc"],
        scores,
        scores.map(() => label),
      )[0],
    ).toMatchObject({
      value: Number.NaN,
      error: Number.NaN,
    });
  expect(
    measuredMetrics(
      ["average_precision"],
      scores,
      scores.map(() => 0),
    )[0]?.error,
  ).toBeNaN();
});

test("a score of one half decides for the positive class", () => {
  expect([isError(0.5, 1), isError(0.5, 0), isError(0.49, 0), isError(0.49, 1)]).toEqual([false, true, false, true]);
});
