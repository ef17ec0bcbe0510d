import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, test } from "vitest";
import { loadTfjs, openTfjsScorer, type TfjsBackend } from "../../../src/adapters/tfjs/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { openArtefact, type Scorer, withChecksums } from "../../../src/model/index.ts";
import { scorerContract } from "../../contract/scorer.ts";
import { nodeHasher } from "../../support/node-hasher.ts";

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

let backend: TfjsBackend;
beforeAll(async () => {
  backend = (await loadTfjs(silentLogger, ["wasm", "cpu"])).backend;
});

/** The files of a model as `model.save` writes them. */
async function filesOf(model: layers.LayersModel): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  await model.save({
    save: async (artefacts) => {
      const weights = artefacts.weightData;
      files.set(
        "weights.bin",
        new Uint8Array(Array.isArray(weights) ? (weights[0] ?? new ArrayBuffer(0)) : (weights ?? new ArrayBuffer(0))),
      );
      files.set(
        "model.json",
        json({
          format: "layers-model",
          modelTopology: artefacts.modelTopology,
          weightsManifest: [{ paths: ["./weights.bin"], weights: artefacts.weightSpecs }],
        }),
      );
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    },
  });
  return files;
}

type Activation = "sigmoid" | "linear" | "softmax" | "relu" | "hardSigmoid" | "tanh";

/** Weights 1 and -2 and bias 0.5. */
function dense(activation: Activation, more: object = { inputShape: [2] }): layers.layers.Layer {
  return layers.layers.dense({ units: 1, activation, ...more });
}

/** A layers model with one dense layer, and what comes behind it. */
function modelWith(activation: Activation, ...behind: layers.layers.Layer[]): layers.Sequential {
  const model = layers.sequential({ layers: [dense(activation), ...behind] });
  model.layers[0]?.setWeights([tf.tensor2d([1, -2], [2, 1]), tf.tensor1d([0.5])]);
  return model;
}

const savedModel = (): Promise<Map<string, Uint8Array>> => filesOf(modelWith("sigmoid"));

/** A layer that changes nothing and is not dense, so that TensorFlow.js serves the model. */
const passedOn = (): layers.layers.Layer => layers.layers.activation({ activation: "linear" });

/** Opens the files of a model under a signature of two numbers, or what `head` adds to it. */
async function opened(files: Map<string, Uint8Array>, head: object = {}): Promise<Scorer> {
  const [[name, signature], ...others] = shared(2) as [[string, Uint8Array], ...[string, Uint8Array][]];
  const text = { ...(JSON.parse(new TextDecoder().decode(signature)) as object), ...head };
  const version = withChecksums(new Map([...files, [name, json(text)], ...others]), nodeHasher);
  return openTfjsScorer(openArtefact(version, "m/1", nodeHasher), "m/1", silentLogger);
}

async function scoresOf(scorer: Scorer, ...rows: readonly number[]): Promise<number[]> {
  const scores = new Float64Array(rows.length / scorer.signature.inputs.length);
  await scorer.score(Float64Array.from(rows), scores.length, scores, 0);
  return [...scores];
}

const shared = (width: number): [string, Uint8Array][] => [
  [
    "signature.json",
    json({
      kind: "tfjs-layers",
      task: "binary",
      inputs: Array.from({ length: width }, (_, i) => ({ name: `x${i}`, kind: "number" })),
    }),
  ],
  [
    "scaler.json",
    json({
      mean: Array(width).fill(10),
      scale: Array(width).fill(2),
      low: Array(width).fill(0),
      high: Array(width).fill(20),
    }),
  ],
];

test("runs on WebAssembly where it can", () => {
  expect(backend).toBe("wasm");
});

test("scores standardised inputs as the arithmetic by hand does", async () => {
  const files = withChecksums(new Map([...(await savedModel()), ...shared(2)]), nodeHasher);
  const scorer = await openTfjsScorer(openArtefact(files, "m/1", nodeHasher), "m/1", silentLogger);
  const scores = new Float64Array(4);
  // (12, 8) -> z = (1, -1) -> 0.5 + 1 + 2 = 3.5; (null, 100) -> held to 20 -> z = (0, 5) -> 0.5 - 10 = -9.5
  await scorer.score(Float64Array.from([12, 8, Number.NaN, 100]), 2, scores, 1);
  expect(scores[0]).toBe(0);
  expect(scores[1]).toBeCloseTo(1 / (1 + Math.exp(-3.5)), 6);
  expect(scores[2]).toBeCloseTo(1 / (1 + Math.exp(9.5)), 6);
});

test("refuses a model that takes another number of inputs than its signature", async () => {
  const files = withChecksums(new Map([...(await savedModel()), ...shared(3)]), nodeHasher);
  await expect(openTfjsScorer(openArtefact(files, "m/2", nodeHasher), "m/2", silentLogger)).rejects.toThrow(
    "reading model m/2: takes [null,2] and answers [null,1]; wanted [null,3] and [null,1]",
  );
});

test("says which file is missing", async () => {
  const saved = await savedModel();
  saved.delete("weights.bin");
  const files = withChecksums(new Map([...saved, ...shared(2)]), nodeHasher);
  await expect(openTfjsScorer(openArtefact(files, "m/3", nodeHasher), "m/3", silentLogger)).rejects.toThrow(
    "reading model m/3: weights.bin is missing",
  );
});

describe("what the last layer answers", () => {
  // A linear layer's -7.5 and 7.5 went into predictions as probabilities.
  test.each(["linear", "relu", "softmax", "hardSigmoid", "tanh"] as const)(
    "refuses activation %s",
    async (activation) => {
      const opening = opened(await filesOf(modelWith(activation)));
      await expect(opening).rejects.toMatchObject({ code: "MR_MODEL" });
      await expect(opening).rejects.toThrow(`activation ${activation}`);
    },
  );

  test("squashes a linear answer that the signature declares as a logit", async () => {
    const scorer = await opened(await filesOf(modelWith("linear")), { output: "logit" });
    // (12, 8) is (1, -1) standardised: 0.5 + 1 + 2.
    const [score] = await scoresOf(scorer, 12, 8);
    expect(score).toBeCloseTo(1 / (1 + Math.exp(-3.5)), 6);
  });

  test("refuses to squash twice", async () => {
    await expect(opened(await savedModel(), { output: "logit" })).rejects.toThrow("squashed twice");
  });

  test("refuses an output that the signature spells otherwise", async () => {
    await expect(opened(await savedModel(), { output: "logits" })).rejects.toThrow('neither "probability" nor "logit"');
  });

  test.each([
    ["an activation layer", () => [layers.layers.activation({ activation: "sigmoid" })]],
    [
      "dropout behind it",
      () => [layers.layers.activation({ activation: "sigmoid" }), layers.layers.dropout({ rate: 0.5 })],
    ],
    [
      "a reshape behind it",
      () => [layers.layers.activation({ activation: "sigmoid" }), layers.layers.reshape({ targetShape: [1] })],
    ],
  ])("finds a sigmoid in %s", async (_, behind) => {
    const scorer = await opened(await filesOf(modelWith("linear", ...behind())));
    expect((await scoresOf(scorer, 12, 8))[0]).toBeCloseTo(1 / (1 + Math.exp(-3.5)), 6);
  });

  test("looks through a model inside a model", async () => {
    const outer = layers.sequential();
    outer.add(modelWith("linear"));
    await expect(opened(await filesOf(outer))).rejects.toThrow("activation linear");
    const sound = layers.sequential();
    sound.add(modelWith("sigmoid"));
    expect(await scoresOf(await opened(await filesOf(sound)), 12, 8)).toHaveLength(1);
  });
});

describe("the shapes of a model", () => {
  test.each([
    [
      "two outputs per row",
      () => layers.sequential({ layers: [layers.layers.dense({ units: 2, activation: "sigmoid", inputShape: [2] })] }),
      "answers [null,2]",
    ],
    [
      "a fixed number of rows",
      () =>
        layers.sequential({
          layers: [layers.layers.dense({ units: 1, activation: "sigmoid", batchInputShape: [32, 2] })],
        }),
      "takes [32,2]",
    ],
    [
      "a sequence per row",
      () =>
        layers.sequential({ layers: [layers.layers.dense({ units: 1, activation: "sigmoid", inputShape: [7, 2] })] }),
      "takes [null,7,2] and answers [null,7,1]",
    ],
    [
      "two inputs",
      () => {
        const inputs = [0, 1].map(() => layers.input({ shape: [2] }));
        const joined = layers.layers.concatenate().apply(inputs) as layers.SymbolicTensor;
        return layers.model({ inputs, outputs: dense("sigmoid", {}).apply(joined) as layers.SymbolicTensor });
      },
      "takes [null,2], [null,2]",
    ],
  ])("refuses %s", async (_, model, says) => {
    await expect(opened(await filesOf(model()))).rejects.toThrow(says);
  });
});

describe("exports of another kind", () => {
  const exported = async (change: (file: Record<string, unknown>) => object): Promise<Map<string, Uint8Array>> => {
    const files = await savedModel();
    const file = JSON.parse(new TextDecoder().decode(files.get("model.json"))) as Record<string, unknown>;
    return files.set("model.json", json(change(file)));
  };

  test.each([
    [
      "its version",
      (file: object) => ({
        ...file,
        modelTopology: { keras_version: "3.5.0", backend: "tensorflow", model_config: {} },
      }),
    ],
    [
      "its input layer",
      (file: object) => ({
        ...file,
        modelTopology: {
          class_name: "Sequential",
          config: { layers: [{ class_name: "InputLayer", config: { batch_shape: [null, 2], dtype: "float32" } }] },
        },
      }),
    ],
  ])("Keras 3 is known by %s, and the cure is told", async (_, change) => {
    await expect(opened(await exported(change))).rejects.toThrow(
      "exported by Keras 3, whose layers TensorFlow.js does not read; export it with Keras 2: pip install tf_keras, set TF_USE_LEGACY_KERAS=1",
    );
  });

  test("a graph model is refused with the converter's line", async () => {
    await expect(opened(await exported((file) => ({ ...file, format: "graph-model" })))).rejects.toThrow(
      "--output_format=tfjs_layers_model",
    );
  });

  test("a Keras 2 version is read", async () => {
    const files = await exported((file) => ({
      ...file,
      modelTopology: { keras_version: "2.15.0", backend: "tensorflow", model_config: file["modelTopology"] },
    }));
    expect(await scoresOf(await opened(files), 12, 8)).toHaveLength(1);
  });

  test("a version without model.json says so", async () => {
    const files = await savedModel();
    files.delete("model.json");
    await expect(opened(files)).rejects.toThrow("model.json is missing");
  });
});

/** Columns FR, DE, any other, null; then the number. */
async function openedWithCategory(): Promise<Scorer> {
  const model = layers.sequential({
    layers: [layers.layers.dense({ units: 1, activation: "sigmoid", inputShape: [5] })],
  });
  model.layers[0]?.setWeights([tf.tensor2d([1, 2, 3, 4, 0.5], [5, 1]), tf.tensor1d([0])]);
  const version = new Map([
    ...(await filesOf(model)),
    [
      "signature.json",
      json({
        kind: "tfjs-layers",
        task: "binary",
        inputs: [
          { name: "country", kind: "category" },
          { name: "x", kind: "number" },
        ],
      }),
    ] as const,
    ["encoder.json", json({ inputs: [{ values: ["FR", "DE"] }, null] })] as const,
    ["scaler.json", json({ mean: [0, 10], scale: [1, 2], low: [0, 0], high: [1, 20] })] as const,
  ]);
  return openTfjsScorer(openArtefact(withChecksums(version, nodeHasher), "m/1", nodeHasher), "m/1", silentLogger);
}

test("takes a category as one-hot columns where the signature and the encoder say so", async () => {
  const scorer = await openedWithCategory();
  const codes = ["FR", "DE", "IT"].map((value) => scorer.code?.(0, value) ?? Number.NaN);
  const scores = await scoresOf(scorer, ...codes.flatMap((code) => [code, 12]), Number.NaN, Number.NaN);
  for (const [i, logit] of [1.5, 2.5, 3.5, 4].entries()) expect(scores[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5);
});

test("10,000 batches leave as many tensors as there were", async () => {
  const scorer = await opened(await filesOf(modelWith("linear", passedOn())), { output: "logit" });
  const [rows, into] = [Float64Array.from([12, 8, 9, 11]), new Float64Array(2)];
  await scorer.score(rows, 2, into, 0);
  const before = tf.memory().numTensors;
  for (let batch = 0; batch < 10_000; batch++) await scorer.score(rows, 2, into, 0);
  expect(tf.memory().numTensors).toBe(before);
}, 60_000);

test("a model that is refused leaves no tensors behind", async () => {
  const files = await filesOf(modelWith("linear"));
  const before = tf.memory().numTensors;
  await expect(opened(files)).rejects.toThrow("activation linear");
  expect(tf.memory().numTensors).toBe(before);
});

// A backend that computes in 32 bits, and rows of another count in another order.
scorerContract("a TensorFlow.js model", async () => opened(await filesOf(modelWith("sigmoid", passedOn()))), {
  digits: 6,
});
scorerContract("a TensorFlow.js model of dense layers alone", async () => opened(await savedModel()));
scorerContract(
  "a TensorFlow.js model of logits",
  async () => opened(await filesOf(modelWith("linear", passedOn())), { output: "logit" }),
  { digits: 6 },
);
scorerContract("a TensorFlow.js model with a category", openedWithCategory, { values: ["FR", "DE"], digits: 6 });
