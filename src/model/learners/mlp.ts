import { z } from "zod";
import { assert } from "../../kernel/index.ts";
import { type DenseFitOptions, type DenseRows, drawLayers, fitDense } from "../dense/dense-fit.ts";
import type { DenseLayer } from "../dense/dense-layer.ts";
import { denseScorer } from "../dense/dense-scorer.ts";
import { layersModelFiles, readLayersModel } from "../dense/layers-model.ts";
import { columnCount, numbersEncoder } from "../encoder.ts";
import { rowColumns } from "../row-columns.ts";
import { fitScaler } from "../scaler.ts";
import { isScaled, type LabelledRows, type Learner, type LearnerModel } from "./learner.ts";

const config = z.strictObject({
  hidden: z.array(z.int().min(1).max(1024)).min(1).max(8).default([32, 16]).describe("Units of each hidden layer."),
  epochsMax: z.int().min(1).max(1000).default(20).describe("Passes over the rows, at most."),
  patienceEpochs: z
    .int()
    .min(1)
    .default(3)
    .describe("Passes without a better log loss on the rows held back, after which no more are made."),
  holdBack: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.2)
    .describe("Share of the rows, the newest, that say how many passes are best before all rows are learnt."),
  batchRows: z.int().min(1).default(64).describe("Rows between two moves of the weights."),
  learningRate: z.number().positive().default(0.003).describe("Adam's step size."),
  warmEpochsMax: z.int().min(1).default(3).describe("Passes of a warm start, at most."),
  warmLearningRate: z.number().positive().default(0.001).describe("Adam's step size in a warm start."),
});

export type MlpConfig = z.infer<typeof config>;

/** Layers in order; the last one answers the probability. Their weights are exact in 32 bits. */
export interface MlpModel extends LearnerModel {
  readonly layers: readonly DenseLayer[];
}

/** With fewer rows held back, or one class alone among them, their loss says nothing of how long to learn. */
const heldBackMin = 50;
/** Passes that are made then. */
const epochsUntold = 10;

export const mlp: Learner<MlpConfig, MlpModel> = {
  kind: "mlp",
  summary:
    "Network of dense layers, by Adam on shuffled batches of standardised numbers and one-hot text; how long it learns is found out on the newest rows.",
  tasks: ["binary"],
  config,
  example: config.parse({}),
  modes: ["full", "warm"],

  fit(rows, settings, { seed = 0, start, signal, onIteration }) {
    const count = rows.labels.length;
    assert(count > 0 && rows.inputs.length === count * rows.width, "at least one row, and width inputs per row");
    const encoder = start?.encoder ?? rows.encoder ?? numbersEncoder(rows.width);
    const scaler = start?.scaler ?? fitScaler(rows.inputs, count, rows.width, encoder);
    const columns = rowColumns(scaler, encoder);
    const all: DenseRows = {
      count,
      width: columns.count,
      write: (row, into) => columns.write(rows.inputs, row * rows.width, into),
      label: (row) => rows.labels[row] as number,
    };
    const first = start?.layers ?? drawLayers(columns.count, settings.hidden, seed);
    let passes = 0;
    const options: DenseFitOptions = {
      seed: seed + 1,
      epochsMax: start === undefined ? settings.epochsMax : settings.warmEpochsMax,
      patienceEpochs: settings.patienceEpochs,
      batchRows: settings.batchRows,
      learningRate: start === undefined ? settings.learningRate : settings.warmLearningRate,
      heldBack: heldBackOf(rows, settings.holdBack),
      ...(signal === undefined ? {} : { signal }),
      onEpoch: (_, loss) => onIteration?.(++passes, loss),
    };
    // The newest rows are those that the next ones are most like: they are learnt too, for as long as did best on them.
    const epochs =
      options.heldBack === 0
        ? Math.min(epochsUntold, options.epochsMax)
        : Math.max(1, fitDense(first, all, options).epoch);
    const { layers } = fitDense(first, all, { ...options, epochsMax: epochs, heldBack: 0 });
    return { layers: layers.map(rounded), scaler, encoder };
  },

  fault({ scaler, encoder, layers }) {
    const input = encoder.inputs.findIndex((_, i) => !isScaled(scaler, i));
    if (input >= 0) return { input };
    const areFinite = layers.every(
      ({ weights, biases }) => weights.every(Number.isFinite) && biases.every(Number.isFinite),
    );
    return areFinite ? undefined : { what: "the network's weights are not finite; try a smaller learning rate" };
  },

  files: ({ layers }) => layersModelFiles(layers),

  read({ scaler, encoder, files }, where) {
    return { layers: readLayersModel(files, columnCount(encoder), where), scaler, encoder };
  },

  scorer: ({ layers, scaler, encoder }, signature) => denseScorer(layers, scaler, encoder, signature),
};

function heldBackOf({ labels }: LabelledRows, share: number): number {
  const count = Math.floor(labels.length * share);
  const newest = labels.subarray(labels.length - count);
  const positives = newest.reduce((sum, label) => sum + label, 0);
  return count < heldBackMin || positives === 0 || positives === count ? 0 : count;
}

/** As a 32-bit file holds it, so that a version that was opened scores as the model that was written. */
function rounded(layer: DenseLayer): DenseLayer {
  return { ...layer, weights: layer.weights.map(Math.fround), biases: layer.biases.map(Math.fround) };
}
