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
import { splitByTime, type TimeSplit } from "./time-split.ts";
import type { TrainingSet } from "./training-rows.ts";

/** Share of the rows, the latest ones, that metrics are measured on. */
const validationShare = 0.2;

export interface TrainingResult {
  readonly model: LogisticModel;
  readonly split: TimeSplit;
  /** On the later part; null when it lacks one of the classes. */
  readonly metrics: BinaryMetrics | null;
}

/**
 * Fits a logistic regression on the earlier part of the rows and measures it on the later part.
 *
 * @param onIteration progress: iteration, mean log loss in nats
 * @throws OperationError MR_TRAINING when a class is missing among the rows to learn from
 */
export function train(
  set: TrainingSet,
  signature: Signature,
  onIteration?: (iteration: number, loss: number) => void,
): TrainingResult {
  const split = splitByTime(set, validationShare);
  const labels = set.labels.subarray(0, split.trainCount);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (positives === 0 || positives === labels.length) {
    throw new OperationError(
      "MR_TRAINING",
      `training on ${labels.length} rows: ${missingClass(set, labels.length, positives, split)}`,
    );
  }
  const model = fitLogistic(
    { inputs: set.inputs.subarray(0, split.trainCount * set.width), labels, width: set.width },
    onIteration === undefined ? {} : { onIteration },
  );
  const later = {
    inputs: set.inputs.subarray(split.trainCount * set.width),
    labels: set.labels.subarray(split.trainCount),
  };
  const laterPositives = later.labels.reduce((sum, label) => sum + label, 0);
  const isMeasurable = laterPositives > 0 && laterPositives < later.labels.length;
  return {
    model,
    split,
    metrics: isMeasurable
      ? binaryMetrics(scoreAll(logisticScorer(model, signature), later.inputs, set.width), later.labels)
      : null,
  };
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

function missingClass(set: TrainingSet, rows: number, positives: number, split: TimeSplit): string {
  if (set.featureCount === 0) return "the feature topic holds no rows in this range";
  if (set.labels.length === 0) return `none of ${set.featureCount} feature rows has a label`;
  const until = split.splitAtMs === undefined ? "" : ` before ${formatIsoTime(split.splitAtMs)}`;
  return rows === 0
    ? `all rows${until} fall into the part held back for measuring`
    : `all rows${until} are ${positives === 0 ? "negative" : "positive"}; both classes are needed`;
}
