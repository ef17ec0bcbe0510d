import { formatIsoTime, OperationError } from "../kernel/index.ts";
import {
  type BinaryMetrics,
  binaryMetrics,
  type DirectScorer,
  fitLogistic,
  type LogisticModel,
  logisticScorer,
  microBatchRows,
  type Signature,
} from "../model/index.ts";
import { encodeCategories, mostlyOther, standOuts } from "./inputs.ts";
import type { TimeSplit } from "./time-split.ts";
import type { RowCounts, TrainingSet } from "./training-rows.ts";

/** What a training answers; plain data, so that it can come from another thread. */
export interface TrainingResult {
  readonly model: LogisticModel;
  readonly split: TimeSplit;
  readonly counts: RowCounts;
  /** On the later part; null when it lacks one of the classes. */
  readonly metrics: BinaryMetrics | null;
  /** One row as a scorer takes it and the score that the model gives it: what a version that was read back must give too. */
  readonly sample: { readonly inputs: Float64Array; readonly score: number };
  /** What is odd about the rows, in sentences. */
  readonly warnings: readonly string[];
}

/**
 * Fits a logistic regression on the earlier part of the rows and measures it on the later part. The inputs of the set
 * are used up.
 *
 * @param onIteration progress: iteration, mean log loss in nats
 * @throws OperationError MR_TRAINING when a class is missing among the rows to learn from, or a feature leads to
 *   numbers that are not finite
 */
export function train(
  set: TrainingSet,
  signature: Signature,
  onIteration?: (iteration: number, loss: number) => void,
): TrainingResult {
  const { split, width } = set;
  const labels = set.labels.subarray(0, split.trainCount);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (positives === 0 || positives === labels.length) {
    throw new OperationError(
      "MR_TRAINING",
      `training on ${labels.length} rows: ${missingClass(set, labels.length, positives)}`,
    );
  }
  const { inputs } = set;
  const encoder = encodeCategories(set, signature);
  const earlier = inputs.subarray(0, split.trainCount * width);
  const sample = inputs.slice(0, width);
  const warnings = [...standOuts(earlier, signature), ...mostlyOther(earlier, signature, encoder)];
  const model = fitLogistic(
    { inputs: earlier, labels, width, encoder },
    { mayOverwrite: true, ...(onIteration === undefined ? {} : { onIteration }) },
  );
  checkFinite(model, signature);
  const scorer = logisticScorer(model, signature);
  const later = { inputs: inputs.subarray(split.trainCount * width), labels: set.labels.subarray(split.trainCount) };
  const laterPositives = later.labels.reduce((sum, label) => sum + label, 0);
  const isMeasurable = laterPositives > 0 && laterPositives < later.labels.length;
  return {
    model,
    split,
    counts: set.counts,
    metrics: isMeasurable ? binaryMetrics(scoreAll(scorer, later.inputs, width), later.labels) : null,
    sample: { inputs: sample, score: scoreAll(scorer, sample, width)[0] ?? Number.NaN },
    warnings,
  };
}

/** A version whose numbers JSON would turn into null must not be written. */
function checkFinite(model: LogisticModel, signature: Signature): void {
  const { scaler, encoder, weights, intercept } = model;
  let at = 0;
  for (const [i, { name }] of signature.inputs.entries()) {
    const values = encoder.inputs[i] ?? null;
    const width = values === null ? 1 : values.length + 2;
    const numbers = [scaler.mean[i], scaler.scale[i], scaler.low[i], scaler.high[i], ...weights.slice(at, at + width)];
    at += width;
    if (!numbers.every(Number.isFinite))
      throw new OperationError(
        "MR_TRAINING",
        `fitting: feature ${name} leads to numbers that are not finite; hold it to a range with clamp, or leave it out with except`,
      );
  }
  if (!Number.isFinite(intercept)) throw new OperationError("MR_TRAINING", "fitting: the intercept is not finite");
}

/** Scores all rows of a scorer that answers at once, in micro-batches. */
function scoreAll(scorer: DirectScorer, inputs: Float64Array, width: number): Float64Array {
  const scores = new Float64Array(inputs.length / width);
  for (let row = 0; row < scores.length; row += microBatchRows) {
    const count = Math.min(microBatchRows, scores.length - row);
    scorer.score(inputs.subarray(row * width, (row + count) * width), count, scores, row);
  }
  return scores;
}

function missingClass({ counts, labels, split }: TrainingSet, rows: number, positives: number): string {
  if (counts.features === 0) return "the feature topic holds no rows in this range";
  const until = split.splitAtMs === undefined ? "" : ` before ${formatIsoTime(split.splitAtMs)}`;
  if (rows === 0 && counts.labelledAfterSplit > 0)
    return `the labels of all ${counts.labelledAfterSplit} rows${until} became known only after it; wait for more, or train on a longer range`;
  if (labels.length === 0) return `none of ${counts.features} feature rows has a label`;
  return rows === 0
    ? `all rows${until} fall into the part held back for measuring`
    : `all rows${until} are ${positives === 0 ? "negative" : "positive"}; both classes are needed`;
}
