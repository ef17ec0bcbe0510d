import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import {
  applyScaler,
  fitLogistic,
  fitScaler,
  type LabelledRows,
  logisticScorer,
  type Signature,
} from "../../../src/model/index.ts";

const signatureOf = (width: number): Signature => ({
  task: "binary",
  inputs: Array.from({ length: width }, (_, i) => ({ name: `x${i}`, kind: "number" as const })),
});

function drawn(seed: number, count: number, weights: readonly number[], intercept: number): LabelledRows {
  const rng = seededRng(seed);
  const width = weights.length;
  const inputs = new Float64Array(count * width);
  const labels = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let eta = intercept;
    for (let j = 0; j < width; j++) {
      const x = rng.normal();
      inputs[row * width + j] = x;
      eta += x * weights[j]!;
    }
    labels[row] = rng.uniform() < 1 / (1 + Math.exp(-eta)) ? 1 : 0;
  }
  return { inputs, labels, width };
}

function scoreOne(model: ReturnType<typeof fitLogistic>, row: readonly number[]): number {
  const into = new Float64Array(1);
  logisticScorer(model, signatureOf(row.length)).score(Float64Array.from(row), 1, into, 0);
  return into[0]!;
}

describe("the scaler", () => {
  test("uses the population deviation of the filled column and the widened range", () => {
    const scaler = fitScaler(Float64Array.from([0, 4, Number.NaN, 8]), 4, 1);
    // mean of 0, 4, 8 is 4; squares 16 + 0 + 16 over 4 rows (the null is filled with the mean)
    expect(scaler).toEqual({ mean: [4], scale: [Math.sqrt(8)], low: [-4], high: [12] });
  });

  // The mean became infinite and every weight NaN: the version was written, and refused when it was opened.
  test("leaves infinities out, and holds them to the range", () => {
    const rows = Float64Array.from([1, Number.POSITIVE_INFINITY, 3, Number.NEGATIVE_INFINITY]);
    const scaler = fitScaler(rows, 4, 1);
    expect([scaler.mean, scaler.low, scaler.high]).toEqual([[2], [0], [4]]);
    applyScaler(scaler, rows, 4);
    // Deviation over all four rows, an infinity adding nothing: sqrt(2 / 4).
    expect([...rows]).toEqual([-1, 2, 1, -2].map((x) => x / Math.sqrt(0.5)));
  });

  test("gives a constant column the scale 1", () => {
    const scaler = fitScaler(Float64Array.from([0.1, 0.1, 0.1]), 3, 1);
    expect(scaler).toEqual({ mean: [0.1], scale: [1], low: [0.1], high: [0.1] });
  });

  test("turns a null into 0 and holds inputs to the range", () => {
    const scaler = fitScaler(Float64Array.from([0, 2]), 2, 1); // mean 1, scale 1, range -1..3
    const rows = Float64Array.from([Number.NaN, 100, -100]);
    applyScaler(scaler, rows, 3);
    expect([...rows]).toEqual([0, 2, -2]);
  });
});

describe("logistic regression", () => {
  test("finds the log odds of a lone intercept", () => {
    // Three of four are positive and the input is constant: p = 3/4 whatever the input.
    const model = fitLogistic({
      inputs: Float64Array.from([5, 5, 5, 5]),
      labels: Float64Array.from([1, 1, 1, 0]),
      width: 1,
    });
    expect(model.intercept).toBeCloseTo(Math.log(3), 9);
    expect(scoreOne(model, [5])).toBeCloseTo(0.75, 9);
  });

  test("stops where the gradient of the penalised loss is zero", () => {
    const rows = drawn(3, 400, [1.5, -0.7], 0.3);
    const model = fitLogistic(rows);
    const z = rows.inputs.slice();
    applyScaler(model.scaler, z, 400);
    const gradient = [0, 0, 0];
    for (let row = 0; row < 400; row++) {
      const x = [1, z[row * 2]!, z[row * 2 + 1]!];
      const eta = model.intercept + model.weights[0]! * x[1]! + model.weights[1]! * x[2]!;
      const residual = 1 / (1 + Math.exp(-eta)) - rows.labels[row]!;
      for (let j = 0; j < 3; j++) gradient[j]! += residual * x[j]!;
    }
    expect(Math.abs(gradient[0]!)).toBeLessThan(1e-5);
    expect(Math.abs(gradient[1]! + model.weights[0]!)).toBeLessThan(1e-5);
    expect(Math.abs(gradient[2]! + model.weights[1]!)).toBeLessThan(1e-5);
  });

  test("recovers the weights that made the labels", () => {
    const model = fitLogistic(drawn(11, 20_000, [1, -2], -0.5));
    const inUnits = model.weights.map((w, j) => w / model.scaler.scale[j]!);
    expect(inUnits[0]).toBeCloseTo(1, 1);
    expect(inUnits[1]).toBeCloseTo(-2, 0);
  });

  test("stays finite on classes that a line separates", () => {
    const model = fitLogistic({
      inputs: Float64Array.from([1, 2, 3, 4]),
      labels: Float64Array.from([0, 0, 1, 1]),
      width: 1,
    });
    expect(model.weights.every(Number.isFinite)).toBe(true);
    expect(scoreOne(model, [1])).toBeLessThan(0.5);
    expect(scoreOne(model, [4])).toBeGreaterThan(0.5);
  });

  test("gives the same weights for the same rows, whatever happened before", () => {
    const first = fitLogistic(drawn(7, 500, [1, 1, 1], 0));
    fitLogistic(drawn(8, 300, [0.5], 2));
    expect(fitLogistic(drawn(7, 500, [1, 1, 1], 0))).toEqual(first);
  });

  test("scores a null input as the training mean", () => {
    const model = fitLogistic(drawn(5, 300, [2], 0));
    expect(scoreOne(model, [Number.NaN])).toBeCloseTo(scoreOne(model, [model.scaler.mean[0]!]), 12);
  });

  test("scores in the range 0 to 1 for any input, however far away", () => {
    const model = fitLogistic(drawn(9, 300, [3, -3], 0));
    fc.assert(
      fc.property(fc.double({ noDefaultInfinity: false }), fc.double(), (a, b) => {
        const score = scoreOne(model, [a, b]);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }),
    );
  });
});
