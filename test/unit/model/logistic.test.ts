import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import {
  applyScaler,
  categoryCodes,
  type Encoder,
  expandRows,
  fitLogistic,
  fitScaler,
  type LabelledRows,
  logisticScorer,
  type Signature,
  vocabularyOf,
} from "../../../src/model/index.ts";
import { scorerContract } from "../../contract/scorer.ts";

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

  // 1 of 400 rows held the largest double: the range overflowed, JSON wrote null, and the version did not open.
  test.each([
    ["one largest double", [1, 2, Number.MAX_VALUE, 3]],
    ["the whole range", [-Number.MAX_VALUE, Number.MAX_VALUE, 0, 1]],
    ["nearly the whole range", [-1.7e308, 1.7e308, 1.6e308, -1.2e308]],
    ["1e200", [-1e200, 1e200, 5e199, 0]],
    ["the smallest doubles", [5e-324, 0, 1e-323, 5e-324]],
    ["numbers far from 0 and close together", [1e300, 1.0000000000000002e300, 1e300, 1e300]],
  ])("stays finite on a column of %s, and so does every input that it prepares", (_, column) => {
    const scaler = fitScaler(Float64Array.from(column), column.length, 1);
    for (const [number] of [scaler.mean, scaler.scale, scaler.low, scaler.high])
      expect(number).toSatisfy(Number.isFinite);
    expect(scaler.scale[0]).toBeGreaterThan(0);
    const rows = Float64Array.from([...column, Number.MAX_VALUE, -Number.MAX_VALUE, Number.POSITIVE_INFINITY]);
    applyScaler(scaler, rows, rows.length);
    expect([...rows].every(Number.isFinite)).toBe(true);
  });

  test("widens a range that is wider than any double by as much as fits", () => {
    const { low, high } = fitScaler(Float64Array.from([-1.2e308, 1.2e308]), 2, 1);
    expect([low, high]).toEqual([[-Number.MAX_VALUE], [Number.MAX_VALUE]]);
  });

  test.each([1020, -1000])("a column in units of 2^%i is standardised as the same column in other units", (power) => {
    const plain = Float64Array.from([-3, 1, 2, 8]);
    const huge = plain.map((x) => x * 2 ** power);
    const scaler = fitScaler(huge, 4, 1);
    expect(scaler.mean[0]).toBe(2 * 2 ** power);
    applyScaler(fitScaler(plain, 4, 1), plain, 4);
    applyScaler(scaler, huge, 4);
    for (const [i, z] of huge.entries()) expect(z).toBeCloseTo(plain[i]!, 12);
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

  test("scores an input beyond the widened range as the range's end", () => {
    const model = fitLogistic(drawn(5, 300, [2], 0));
    const { low, high } = model.scaler;
    expect(scoreOne(model, [high[0]! + 1_000])).toBe(scoreOne(model, [high[0]!]));
    expect(scoreOne(model, [low[0]! - 1_000])).toBe(scoreOne(model, [low[0]!]));
    expect(scoreOne(model, [high[0]!])).toBeLessThan(1);
  });

  test("learns from a column of any size what it learns from the same column in other units", () => {
    const rows = drawn(12, 400, [1.5], 0.2);
    const huge = { ...rows, inputs: rows.inputs.map((x) => x * 2 ** 1021) };
    const [plain, large] = [fitLogistic(rows), fitLogistic(huge)];
    expect(large.weights[0]).toBeCloseTo(plain.weights[0]!, 9);
    expect(scoreOne(large, [2 ** 1021])).toBeCloseTo(scoreOne(plain, [1]), 9);
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

describe("logistic regression over categories", () => {
  // Codes 0 and 1 are values, 2 any other, NaN null.
  const encoder: Encoder = { inputs: [["a", "b"], null] };
  const rows = (codes: readonly number[]): Float64Array => Float64Array.from(codes.flatMap((code) => [code, 0]));

  test("has a column for each value, one for the others and one for null", () => {
    const into = new Float64Array(4 * 5);
    expandRows(encoder, Float64Array.from([0, 7, 1, 8, 2, 9, Number.NaN, Number.NaN]), 4, into);
    expect([...into]).toEqual([1, 0, 0, 0, 7, 0, 1, 0, 0, 8, 0, 0, 1, 0, 9, 0, 0, 0, 1, Number.NaN]);
  });

  test("knows values by the vocabulary and takes any other as one", () => {
    const code = categoryCodes(encoder);
    expect([code(0, "a"), code(0, "b"), code(0, "c"), code(0, "__proto__"), code(0, "")]).toEqual([0, 1, 2, 2, 2]);
    expect(() => code(1, "a")).toThrow("an input that is a category");
  });

  test("its vocabulary is the 50 most frequent values, by text where they are equally frequent", () => {
    const counts = new Map(Array.from({ length: 60 }, (_, i) => [`v${String(59 - i).padStart(2, "0")}`, 1]));
    counts.set("often", 9);
    expect(vocabularyOf(counts)).toEqual([
      "often",
      ...Array.from({ length: 49 }, (_, i) => `v${String(i).padStart(2, "0")}`),
    ]);
  });

  test("gives each value, the others and null the weight that its own labels call for", () => {
    // a: 3 of 4 true, b: 1 of 4, other: 4 of 4, null: 0 of 4.
    const codes = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, Number.NaN, Number.NaN, Number.NaN, Number.NaN];
    const labels = Float64Array.from([1, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]);
    const model = fitLogistic({ inputs: rows(codes), labels, width: 2, encoder }, { l2: 1e-6 });
    const score = (code: number): number => scoreOne(model, [code, 0]);
    expect(score(0)).toBeCloseTo(0.75, 3);
    expect(score(1)).toBeCloseTo(0.25, 3);
    expect(score(2)).toBeGreaterThan(0.99);
    expect(score(Number.NaN)).toBeLessThan(0.01);
  });

  test("fits what the same columns written out as numbers 0 and 1 fit", () => {
    const rng = seededRng(4);
    const codes = Array.from({ length: 200 }, () => Math.floor(rng.uniform() * 3));
    const labels = Float64Array.from(codes, (code) => (rng.uniform() < 0.2 + 0.3 * code ? 1 : 0));
    const model = fitLogistic({ inputs: rows(codes), labels, width: 2, encoder });
    // The gradient of the penalised loss is 0 in every column, by hand: sum of residuals plus the weight.
    for (const column of [0, 1, 2]) {
      let gradient = model.weights[column]!;
      for (const [row, code] of codes.entries())
        if (code === column) gradient += scoreOne(model, [code, 0]) - labels[row]!;
      expect(Math.abs(gradient)).toBeLessThan(1e-5);
    }
    expect(model.weights[3]).toBe(0);
  });
});

scorerContract("a logistic regression over numbers", () => {
  return logisticScorer(fitLogistic(drawn(3, 200, [1, -2, 0.5], 0.3)), signatureOf(3));
});

scorerContract(
  "a logistic regression over a category and a number",
  () => {
    const encoder: Encoder = { inputs: [["FR", "DE"], null] };
    const inputs = Float64Array.from([0, 5, 1, 4, 2, 3, Number.NaN, 2, 0, 1, 1, Number.NaN]);
    const model = fitLogistic({ inputs, labels: Float64Array.from([1, 0, 1, 0, 1, 0]), width: 2, encoder });
    const signature: Signature = {
      task: "binary",
      inputs: [
        { name: "country", kind: "category" },
        { name: "x", kind: "number" },
      ],
    };
    return logisticScorer(model, signature);
  },
  { values: ["FR", "DE"] },
);
