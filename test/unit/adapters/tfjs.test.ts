import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
import { beforeAll, expect, test } from "vitest";
import { loadTfjs, openTfjsScorer, type TfjsBackend } from "../../../src/adapters/tfjs/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { openArtefact, withChecksums } from "../../../src/model/index.ts";
import { nodeHasher } from "../../support/node-hasher.ts";

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

let backend: TfjsBackend;
beforeAll(async () => {
  backend = (await loadTfjs(silentLogger, ["wasm", "cpu"])).backend;
});

/** A layers model with weights 1 and -2 and bias 0.5, saved as `model.save` does. */
async function savedModel(units = 1): Promise<Map<string, Uint8Array>> {
  const model = layers.sequential({ layers: [layers.layers.dense({ units, inputShape: [2], activation: "sigmoid" })] });
  model.layers[0]?.setWeights([
    tf.tensor2d(
      Array.from({ length: units }, () => [1])
        .concat([[-2]])
        .slice(0, 2)
        .flat(),
      [2, 1],
    ),
    tf.tensor1d([0.5]),
  ]);
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
          modelTopology: artefacts.modelTopology,
          weightsManifest: [{ paths: ["./weights.bin"], weights: artefacts.weightSpecs }],
        }),
      );
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    },
  });
  return files;
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
