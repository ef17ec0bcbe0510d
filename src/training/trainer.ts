import type { EpochMs } from "../kernel/index.ts";
import type { Signature } from "../model/index.ts";
import { createTrainingRows } from "./training-rows.ts";
import { type TrainingResult, train } from "./training-run.ts";

/** Feature records in columns, so that many cross to another thread at once. */
export interface FeatureChunk {
  readonly eventIds: readonly string[];
  readonly timesMs: readonly EpochMs[];
  readonly joinKeys: readonly string[];
  /** Row-major, one number per input; of no meaning where the input is a category. */
  readonly inputs: Float64Array;
  /** Row-major, one value per category. */
  readonly texts: readonly (string | null)[];
}

/** Labels in columns. */
export interface LabelChunk {
  readonly eventIds: readonly string[];
  readonly timesMs: readonly EpochMs[];
  readonly joinKeys: readonly string[];
  readonly labels: readonly (0 | 1)[];
}

/**
 * Where rows are collected and a model is fitted. The app's lives in a thread of its own, so that the process answers
 * signals and heartbeats whatever the rows are.
 */
export interface Trainer {
  /** May throw what went wrong with an earlier chunk. */
  addFeatures(chunk: FeatureChunk): void;
  addLabels(chunk: LabelChunk): void;
  /**
   * Joins, splits by time, fits and measures.
   * @param onIteration progress: iteration, mean log loss in nats
   * @throws OperationError MR_TRAINING where the rows cannot be trained on
   */
  train(onIteration: (iteration: number, loss: number) => void, signal: AbortSignal): Promise<TrainingResult>;
  /** Ends the thread, whatever it is doing. Call it always. */
  close(): Promise<void>;
}

/** Opens a trainer for rows of a signature. */
export type TrainerOpener = (signature: Signature) => Trainer;

/** A trainer that works in the calling thread: what runs inside the other thread, and in tests of the rest. */
export const openTrainerHere: TrainerOpener = (signature) => {
  const width = signature.inputs.length;
  const categoryCount = signature.inputs.filter(({ kind }) => kind === "category").length;
  const rows = createTrainingRows(signature.inputs.map(({ kind }) => kind));
  return {
    addFeatures({ eventIds, timesMs, joinKeys, inputs, texts }) {
      for (const [i, eventId] of eventIds.entries()) {
        rows.addFeatures(
          eventId,
          timesMs[i] as number,
          joinKeys[i] as string,
          inputs.subarray(i * width, (i + 1) * width),
          texts.slice(i * categoryCount, (i + 1) * categoryCount),
        );
      }
    },
    addLabels({ eventIds, timesMs, joinKeys, labels }) {
      for (const [i, eventId] of eventIds.entries())
        rows.addLabel(eventId, timesMs[i] as number, joinKeys[i] as string, labels[i] as 0 | 1);
    },
    train: async (onIteration) => train(rows.join(), signature, onIteration),
    close: async () => undefined,
  };
};
