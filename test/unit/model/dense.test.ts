import { describe, expect, test } from "vitest";
import { type DenseRows, drawLayers, fitDense } from "../../../src/model/dense/dense-fit.ts";
import { layersModelFiles, readLayersModel } from "../../../src/model/dense/layers-model.ts";
import { type DenseLayer, denseScorer, learnerCatalogue, type Signature } from "../../../src/model/index.ts";

const layerOf = (
  inputs: number,
  activation: DenseLayer["activation"],
  weights: readonly number[],
  biases: readonly number[],
): DenseLayer => ({
  inputs,
  units: biases.length,
  activation,
  weights: Float64Array.from(weights),
  biases: Float64Array.from(biases),
});
const signature: Signature = {
  task: "binary",
  inputs: [
    { name: "x", kind: "number" },
    { name: "c", kind: "category" },
  ],
};
// x is (x - 10) / 2, held to 0..20; c has columns a, b, other, null.
const scaler = { mean: [10, 0], scale: [2, 1], low: [0, 0], high: [20, 1] };
const encoder = { inputs: [null, ["a", "b"]] };
// Five units, so that both the four at once and the one left over are worked out.
const hidden = layerOf(
  5,
  "relu",
  [1, 1, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 5, 0, 2, 0, 0, 0, 7],
  [0, 0.5, 0, 0, -1],
);
const scoreOf = (layers: readonly DenseLayer[], row: readonly number[], output?: "logit"): number => {
  const into = new Float64Array(1);
  const given = output === undefined ? signature : { ...signature, output };
  denseScorer(layers, scaler, encoder, given).score(Float64Array.from(row), 1, into, 0);
  return into[0]!;
};

describe("the forward pass", () => {
  const linear = [hidden, layerOf(5, "linear", [1, 10, 100, 1000, 10_000], [0.25])];
  test.each([
    // z = 1, c = a: units 1 + 1, 0.5 - 1 held to 0, 0, 0, 2 - 1
    [[12, 0], 2 + 10_000 + 0.25],
    // z = -1, c = b: -1 held to 0, 1 + 0.5, 3, 0, -2 - 1 held to 0
    [[8, 1], 15 + 300 + 0.25],
    // z = 5, held to the range; c = other: 5, 0, 0, 5, 10 - 1
    [[99, 2], 5 + 5_000 + 90_000 + 0.25],
    // null is the mean, z = 0, and the null column: 0, 0.5, 0, 0, -1 + 7
    [[Number.NaN, Number.NaN], 5 + 60_000 + 0.25],
  ])("of %j is worked by hand", (row, wanted) => {
    expect(scoreOf(linear, row)).toBeCloseTo(wanted, 9);
  });

  test("squashes what the signature calls a logit, and what a sigmoid ends in", () => {
    const [logit, sigmoid] = (["linear", "sigmoid"] as const).map((end) => [
      hidden,
      layerOf(5, end, [0, 0, 0, 0, 2], [-1]),
    ]);
    // z = 1: the last unit is 1, so 2 - 1 = 1; 1 / (1 + 1/e)
    expect(scoreOf(logit!, [12, 0], "logit")).toBeCloseTo(0.7310585786300049, 15);
    expect(scoreOf(sigmoid!, [12, 0])).toBeCloseTo(0.7310585786300049, 15);
    expect(scoreOf([hidden, layerOf(5, "tanh", [0, 0, 0, 0, 1], [0])], [12, 0])).toBeCloseTo(0.7615941559557649, 15);
  });

  test("refuses layers that do not fit the inputs or one another", () => {
    const end = layerOf(5, "sigmoid", [0, 0, 0, 0, 0], [0]);
    expect(() => scoreOf([end, end], [1, 1])).toThrow("layers that fit one another");
    expect(() => scoreOf([hidden], [1, 1])).toThrow("one output");
    expect(() => scoreOf([layerOf(2, "sigmoid", [0, 0], [0])], [1, 1])).toThrow("as many inputs as columns");
  });
});

describe("fitting", () => {
  const rowsOf = (inputs: readonly number[], labels: readonly number[]): DenseRows => ({
    count: inputs.length,
    width: 1,
    write: (row, into) => into.set([inputs[row]!]),
    label: (row) => labels[row]!,
  });
  const options = { seed: 1, epochsMax: 1, patienceEpochs: 1, batchRows: 2, learningRate: 0.1, heldBack: 0 };
  const start = [layerOf(1, "sigmoid", [0], [0])];

  test("Adam's first step moves each weight by the learning rate against its gradient", () => {
    // p = 1/2 for both rows: gradients of the weight (-0.5 * 1 + 0.5 * -3) / 2 = -1, of the bias 0.
    const { layers } = fitDense(start, rowsOf([1, -3], [1, 0]), options);
    expect(layers[0]?.weights[0]).toBeCloseTo(0.1, 6);
    expect(layers[0]?.biases[0]).toBe(0);
    expect(start[0]?.weights[0]).toBe(0);
  });

  test("Adam's second step is worked from the moments of both", () => {
    // One row x = 1, label 1, no second layer: g1 = -1/2; then w = b = 0.1, p = 1 / (1 + e^-0.2), g2 = p - 1.
    const g2 = 1 / (1 + Math.exp(-0.2)) - 1;
    const m = 0.9 * 0.1 * -0.5 + 0.1 * g2;
    const v = 0.999 * 0.001 * 0.25 + 0.001 * g2 * g2;
    const wanted = 0.1 - (0.1 * (m / (1 - 0.9 ** 2))) / Math.sqrt(v / (1 - 0.999 ** 2));
    const { layers } = fitDense(start, rowsOf([1], [1]), { ...options, epochsMax: 2, patienceEpochs: 9 });
    expect(layers[0]?.weights[0]).toBeCloseTo(wanted, 5);
  });

  test("the gradient through a hidden layer is the difference quotient of the loss", () => {
    const net = drawLayers(1, [3, 2], 5);
    const rows = rowsOf([0.7], [1]);
    const lossAt = (layers: readonly DenseLayer[]): number => {
      let loss = 0;
      const none = { ...options, learningRate: 0, onEpoch: (_: number, told: number) => (loss = told) };
      fitDense(layers, rows, none);
      return loss;
    };
    const small = 1e-6;
    for (const [l, layer] of net.entries())
      for (let at = 0; at < layer.weights.length; at++) {
        const nudged = (by: number) =>
          net.map((each, i) => (i === l ? { ...each, weights: each.weights.with(at, each.weights[at]! + by) } : each));
        const slope = (lossAt(nudged(small)) - lossAt(nudged(-small))) / (2 * small);
        const moved = fitDense(net, rows, options).layers[l]!.weights[at]! - layer.weights[at]!;
        // Adam's first step is the learning rate against the sign of the gradient, and nothing where there is none.
        expect(Math.abs(moved + 0.1 * Math.sign(Math.abs(slope) < 1e-9 ? 0 : slope))).toBeLessThan(1e-3);
      }
  });

  test("answers the weights of the epoch that did best on the rows held back, and stops when none gets better", () => {
    // The newest two rows say the opposite of the others: every step makes them worse.
    const rows = rowsOf([1, 1, -1, -1, 1, -1], [1, 1, 0, 0, 0, 1]);
    const told: number[] = [];
    const onEpoch = (epoch: number): unknown => told.push(epoch);
    const fit = fitDense(start, rows, { ...options, epochsMax: 9, patienceEpochs: 3, heldBack: 2, onEpoch });
    expect(fit).toEqual({ layers: start, epoch: 0 });
    expect(told).toEqual([1, 2, 3]);
    // And where they agree, every epoch is better than the one before it.
    const agreeing = rowsOf([1, 1, -1, -1, 1, -1], [1, 1, 0, 0, 1, 0]);
    expect(fitDense(start, agreeing, { ...options, epochsMax: 9, patienceEpochs: 3, heldBack: 2 }).epoch).toBe(9);
  });

  test("learns what no line divides: exclusive or", () => {
    const { mlp } = learnerCatalogue;
    const inputs = Float64Array.from({ length: 1_600 }, (_, i) => (((i >> 1) * 7919) >> (i & 1)) & 1);
    const labels = Float64Array.from({ length: 800 }, (_, row) => Number(inputs[2 * row] !== inputs[2 * row + 1]));
    const model = mlp.fit({ inputs, labels, width: 2 }, mlp.config.parse({}), { seed: 3 });
    const given: Signature = { task: "binary", inputs: ["a", "b"].map((name) => ({ name, kind: "number" })) };
    const scores = new Float64Array(4);
    mlp.scorer(model, given).score(Float64Array.from([0, 0, 0, 1, 1, 0, 1, 1]), 4, scores, 0);
    expect([...scores].map(Math.round)).toEqual([0, 1, 1, 0]);
  });
});

describe("a layers model", () => {
  const layers = [hidden, layerOf(5, "sigmoid", [1, 2, 3, 4, 5], [6])];
  const changed = (change: (config: Record<string, unknown>[]) => void): Map<string, Uint8Array> => {
    const files = new Map(layersModelFiles(layers));
    const file = JSON.parse(new TextDecoder().decode(files.get("model.json")));
    change(file.modelTopology.config.layers);
    return files.set("model.json", new TextEncoder().encode(JSON.stringify(file)));
  };

  test("reads back as it was written", () => {
    expect(readLayersModel(layersModelFiles(layers), 5, "m/1")).toEqual(layers);
  });

  test("lays weights out as Keras does, input by input, in 32 bits with the low byte first", () => {
    const bytes = layersModelFiles([layerOf(2, "sigmoid", [1, 2, 3, 4], [5, 6])]).get("weights.bin")!;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect([0, 1, 2, 3, 4, 5].map((i) => view.getFloat32(4 * i, true))).toEqual([1, 3, 2, 4, 5, 6]);
  });

  test("is refused when its files do not fit one another", () => {
    const read =
      (files: Map<string, Uint8Array>, columns = 5) =>
      () =>
        readLayersModel(files, columns, "m/1");
    expect(read(new Map(layersModelFiles(layers)), 6)).toThrow("weights.bin has 144 bytes, and its layers 164");
    expect(read(changed((all) => all.pop()))).toThrow("does not end in one sigmoid output");
    expect(read(changed((all) => Object.assign(all[1]!["config"]!, { activation: "linear" })))).toThrow("one sigmoid");
    for (const change of [{ activation: "selu" }, { units: 0 }, { units: 1.5 }])
      expect(read(changed((all) => Object.assign(all[0]!["config"]!, change)))).toThrow("a layer that is not dense");
    expect(read(changed((all) => Object.assign(all[0]!, { class_name: "GRU" })))).toThrow("a layer that is not dense");
    const files = new Map(layersModelFiles(layers));
    files.get("weights.bin")!.set([0, 0, 128, 127]); // infinity
    expect(read(files)).toThrow("weights.bin holds a number that is not finite");
  });
});
