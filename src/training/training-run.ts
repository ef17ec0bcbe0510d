import { formatIsoTime, OperationError } from "../kernel/index.ts";
import {
  type BinaryMetrics,
  binaryMetrics,
  type Calibration,
  type CandidateMetrics,
  type DirectScorer,
  type FitOptions,
  fitCalibration,
  type LabelledRows,
  type Learner,
  type LearnerKind,
  type LearnerModel,
  learnerOf,
  microBatchRows,
  type Signature,
} from "../model/index.ts";
import { type ChoiceMetric, rankOf } from "./choice-metric.ts";
import { encodeCategories, mostlyOther, standOuts } from "./inputs.ts";
import type { RowCounts, TrainingSet } from "./join-rows.ts";
import { outageText } from "./label-outage.ts";
import type { LabelRules } from "./label-rules.ts";
import type { TimeSplit } from "./time-split.ts";

/** What a training answers; plain data, so that it can come from another thread. */
export interface TrainingResult {
  readonly learner: LearnerKind;
  readonly model: LearnerModel;
  readonly split: TimeSplit;
  readonly counts: RowCounts;
  /** On the later part; null when it lacks one of the classes. */
  readonly metrics: BinaryMetrics | null;
  /** All that were fitted, in the order of the candidates, and by what one was chosen. */
  readonly candidates: readonly CandidateMetrics[];
  readonly metric: ChoiceMetric;
  /** One row as a scorer takes it and the score that the model gives it: what a version that was read back must give too. */
  readonly sample: { readonly inputs: Float64Array; readonly score: number };
  /** Of its scores; undefined where the later rows cannot tell. */
  readonly calibration: Calibration | undefined;
  /** What is odd about the rows, in sentences. */
  readonly warnings: readonly string[];
}

/** What is fitted, and how one of several is chosen. */
export interface FitPlan {
  /** Each is fitted, and the best on the later rows is taken; of equals the first. Default: logistic. */
  readonly candidates?: readonly LearnerKind[];
  /** Default: average_precision. */
  readonly metric?: ChoiceMetric;
  /** Default 0. */
  readonly seed?: number;
  /** The model to go on from: a warm start of the one candidate, which is its learner. */
  readonly start?: { readonly learner: LearnerKind; readonly model: LearnerModel };
  /** How labels join the rows that were sent. */
  readonly labels?: LabelRules;
}

/**
 * Fits each candidate on the earlier part of the rows, measures it on the later part, and answers the best. The inputs
 * of the set are used up.
 *
 * @param onIteration progress: iteration, mean log loss in nats
 * @throws OperationError MR_TRAINING when a class is missing among the rows to learn from, or a feature leads to
 *   numbers that are not finite; what the signal was aborted with, between two iterations
 */
export function train(
  set: TrainingSet,
  signature: Signature,
  onIteration?: (iteration: number, loss: number) => void,
  { candidates = ["logistic"], metric = "average_precision", seed = 0, start }: FitPlan = {},
  signal?: AbortSignal,
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
  const encoder = encodeCategories(set, signature, start?.model.encoder);
  const earlier = inputs.subarray(0, split.trainCount * width);
  const later = {
    inputs: inputs.subarray(split.trainCount * width),
    labels: set.labels.subarray(split.trainCount),
    width,
  };
  const sample = inputs.slice(0, width);
  const warnings = [
    ...set.outages.map(outageText),
    ...standOuts(earlier, signature),
    ...mostlyOther(earlier, signature, encoder),
  ];
  const options: FitOptions = {
    seed,
    ...(start === undefined ? {} : { start: start.model }),
    ...(signal === undefined ? {} : { signal }),
    ...(onIteration === undefined ? {} : { onIteration }),
  };
  const fitted = candidates.map((kind, i): Fitted => {
    const learner = learnerOf(kind);
    // The last one may have the rows themselves: a copy would be the largest thing that it needs.
    const mayOverwrite = i === candidates.length - 1;
    const rows = { inputs: earlier, labels, width, encoder };
    const model = learner.fit(rows, learner.config.parse({}), { ...options, mayOverwrite });
    checkFinite(learner.fault(model), signature);
    const scorer = learner.scorer(model, signature);
    return { learner: kind, model, scorer, metrics: measured(scorer, later) };
  });
  const best = fitted.reduce((a, b) => (rankOf(b.metrics, metric) > rankOf(a.metrics, metric) ? b : a));
  const { learner, model, metrics } = best;
  const compared = fitted.map((each) => ({
    learner: each.learner,
    metrics: each.metrics,
    isChosen: each === best,
  }));
  const unmeasured = `the rows to measure on lack one of the classes, so the first of the candidates was taken: ${learner}`;
  return {
    learner,
    model,
    split,
    counts: set.counts,
    metrics,
    candidates: compared,
    metric,
    calibration: fitCalibration(scoreAll(best.scorer, later.inputs, width), later.labels),
    sample: { inputs: sample, score: scoreAll(best.scorer, sample, width)[0] ?? Number.NaN },
    warnings: fitted.length > 1 && metrics === null ? [...warnings, unmeasured] : warnings,
  };
}

interface Fitted {
  readonly learner: LearnerKind;
  readonly model: LearnerModel;
  readonly scorer: DirectScorer;
  readonly metrics: BinaryMetrics | null;
}

function measured(scorer: DirectScorer, { inputs, labels, width }: LabelledRows): BinaryMetrics | null {
  const positives = labels.reduce((sum, label) => sum + label, 0);
  const isMeasurable = positives > 0 && positives < labels.length;
  return isMeasurable ? binaryMetrics(scoreAll(scorer, inputs, width), labels) : null;
}

/** A version whose numbers JSON would turn into null must not be written. */
function checkFinite(fault: ReturnType<Learner<unknown, LearnerModel>["fault"]>, { inputs }: Signature): void {
  if (fault === undefined) return;
  const what =
    "what" in fault
      ? fault.what
      : `feature ${inputs[fault.input]?.name} leads to numbers that are not finite; hold it to a range with clamp, or leave it out with except`;
  throw new OperationError("MR_TRAINING", `fitting: ${what}`);
}

/** Scores all rows of a scorer that answers at once, in micro-batches. */
export function scoreAll(scorer: DirectScorer, inputs: Float64Array, width: number): Float64Array {
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
