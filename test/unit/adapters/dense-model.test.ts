import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, test } from "vitest";
import { denseDifference, denseLayersOf } from "../../../src/adapters/tfjs/dense-model.ts";
import { loadTfjs } from "../../../src/adapters/tfjs/index.ts";
import { seededRng, silentLogger } from "../../../src/kernel/index.ts";
import { type DenseLayer, learnerCatalogue, type Signature } from "../../../src/model/index.ts";

beforeAll(async () => {
  await loadTfjs(silentLogger, ["wasm", "cpu"]);
});

const dense = (units: number, activation: "relu" | "tanh" | "sigmoid" | "linear" | "elu", more: object = {}) =>
  layers.layers.dense({
    units,
    activation,
    biasInitializer: layers.initializers.randomNormal({ seed: 5 }),
    kernelInitializer: layers.initializers.glorotNormal({ seed: 4 }),
    ...more,
  });
const modelOf = (...behind: layers.layers.Layer[]): layers.Sequential =>
  layers.sequential({ layers: [dense(7, "relu", { inputShape: [15] }), ...behind] });
const answers = (model: layers.LayersModel, columns: number) => (rows: Float64Array, rowCount: number) =>
  tf.tidy(() => (model.predict(tf.tensor2d(Float32Array.from(rows), [rowCount, columns])) as tf.Tensor).dataSync());

describe("dense layers worked out here", () => {
  test.each([
    ["every activation", () => modelOf(dense(6, "tanh"), dense(5, "linear"), dense(4, "sigmoid"), dense(1, "sigmoid"))],
    ["no biases", () => modelOf(dense(5, "relu", { useBias: false }), dense(1, "sigmoid", { useBias: false }))],
    ["dropout", () => modelOf(layers.layers.dropout({ rate: 0.5 }), dense(1, "sigmoid"))],
  ])("answer as TensorFlow.js does to 1e-6: %s", (_, make) => {
    const model = make();
    const found = denseLayersOf(model);
    expect(denseDifference(found!, 15, undefined, answers(model, 15))).toBeLessThanOrEqual(1e-6);
  });

  test("a weight that is wrong by a thousandth is noticed, and so is an answer that is no number", () => {
    const model = modelOf(dense(1, "sigmoid"));
    const found = denseLayersOf(model)!;
    const wrong: DenseLayer[] = found.map((layer, i) =>
      i === 1 ? { ...layer, biases: layer.biases.map((b) => b + 1e-3) } : layer,
    );
    expect(denseDifference(wrong, 15, undefined, answers(model, 15))).toBeGreaterThan(1e-5);
    expect(denseDifference(found, 15, undefined, () => [])).toBeNaN();
  });

  test.each([
    ["an activation of another kind", () => modelOf(dense(3, "elu"), dense(1, "sigmoid"))],
    ["a layer of another kind", () => modelOf(layers.layers.batchNormalization(), dense(1, "sigmoid"))],
    ["a model inside", () => modelOf(layers.sequential({ layers: [dense(1, "sigmoid", { inputShape: [7] })] }))],
    [
      "a branch",
      () => {
        const input = layers.input({ shape: [15] });
        const parts = [dense(2, "relu"), dense(2, "relu")].map((layer) => layer.apply(input) as layers.SymbolicTensor);
        const joined = layers.layers.concatenate().apply(parts) as layers.SymbolicTensor;
        return layers.model({ inputs: input, outputs: dense(1, "sigmoid").apply(joined) as layers.SymbolicTensor });
      },
    ],
  ])("are not found in a model with %s", (_, make) => {
    expect(denseLayersOf(make())).toBeUndefined();
  });

  test("a fitted network is a layers model to TensorFlow.js, and scores there as here", async () => {
    const rng = seededRng(11);
    const [width, count] = [15, 400];
    const inputs = Float64Array.from({ length: width * count }, () => rng.normal());
    const labels = Float64Array.from({ length: count }, (_, row) =>
      inputs[row * width]! + inputs[row * width + 1]! > 0 ? 1 : 0,
    );
    const { mlp } = learnerCatalogue;
    const fitted = mlp.fit({ inputs, labels, width }, mlp.config.parse({}), { seed: 2 });
    const scaler = {
      mean: Array(width).fill(0),
      scale: Array(width).fill(1),
      low: Array(width).fill(-9),
      high: Array(width).fill(9),
    };
    const files = mlp.files(fitted);
    const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(files.get("model.json")));
    const weightData = Uint8Array.from(files.get("weights.bin")!).buffer;
    const model = await layers.loadLayersModel(
      tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
    );
    const signature: Signature = {
      task: "binary",
      inputs: Array.from({ length: width }, (_, i) => ({ name: `x${i}`, kind: "number" })),
    };
    const ours = new Float64Array(64);
    mlp.scorer({ ...fitted, scaler }, signature).score(inputs.subarray(0, 64 * width), 64, ours, 0);
    const theirs = answers(model, width)(inputs.subarray(0, 64 * width), 64);
    expect(Math.max(...ours.map((score, i) => Math.abs(score - theirs[i]!)))).toBeLessThanOrEqual(1e-6);
    expect(Math.max(...ours) - Math.min(...ours)).toBeGreaterThan(0.5);
  });
});
