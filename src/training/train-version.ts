import { type Clock, formatIsoTime, type Hasher, OperationError } from "../kernel/index.ts";
import {
  type ArtefactStore,
  type BinaryMetrics,
  type CandidateMetrics,
  type LearnerKind,
  openVersion,
  type Signature,
  tryScorer,
  versionFiles,
} from "../model/index.ts";
import type { ChoiceMetric } from "./choice-metric.ts";
import type { RowCounts } from "./join-rows.ts";
import {
  type FeaturesRead,
  type LabelSource,
  type LabelsRead,
  readFeatures,
  readLabels,
  type TrainingSource,
} from "./read-rows.ts";
import type { TrainerOpener } from "./trainer.ts";
import { warmStart } from "./warm-start.ts";

export interface TrainingRequest extends Omit<TrainingSource, "progress"> {
  /** What is trained, and from what: both go into the version's manifest. */
  readonly model: string;
  readonly task: Signature["task"];
  readonly label: LabelSource | undefined;
  readonly topology: string;
  readonly planHash: string;
  readonly seed: number;
  /** Each is fitted, and the best by the metric is written. */
  readonly candidates: readonly LearnerKind[];
  readonly metric: ChoiceMetric;
  /** The version that a warm start goes on from, by its own learner; default: learn from nothing. */
  readonly warmFrom?: number;
  readonly openTrainer: TrainerOpener;
  readonly artefacts: ArtefactStore;
  readonly clock: Clock;
  readonly hasher: Hasher;
  /** Puts a version that was written and tried where it is served from. */
  readonly promote: (version: number, signal: AbortSignal) => Promise<void>;
  readonly progress: (phase: "features" | "labels" | "fit", done: number, total: number, loss?: number) => void;
}

export interface TrainingOutcome {
  readonly version: number;
  readonly trainRows: number;
  readonly validationRows: number;
  readonly splitAt: string | null;
  readonly unlabelled: number;
  /** Rows to learn from that were left out, because their label became known after the split. */
  readonly labelledAfterSplit: number;
  /** Labels passed over because they became known after the bound that was given. */
  readonly labelsAfterBound: number;
  readonly repeats: number;
  readonly repeatsDiffering: number;
  readonly undecodable: number;
  /** Feature rows and labels passed over because their event time is null. */
  readonly untimed: number;
  /** Feature rows passed over because a feature is a whole number beyond 2^53 - 1. */
  readonly inexact: number;
  readonly metrics: BinaryMetrics | null;
  /** All that were fitted, and by what one was chosen. */
  readonly candidates: readonly CandidateMetrics[];
  readonly metric: ChoiceMetric;
  /** What is odd about the rows, in sentences. */
  readonly warnings: readonly string[];
}

/**
 * Reads features and labels up to now, joins, splits by time, fits, measures, writes the version, opens it, scores a
 * row with it, and promotes it. Nothing is written before the fit has succeeded, but that it can be
 * written is found out first.
 *
 * @throws OperationError MR_TRAINING when the rows cannot be trained on, MR_IO when no version can be written
 */
export async function trainVersion(request: TrainingRequest, signal: AbortSignal): Promise<TrainingOutcome> {
  const { model, label, artefacts, hasher, progress } = request;
  if (label === undefined) throw new OperationError("MR_TRAINING", `training ${model}: the topology gives it no label`);
  await artefacts.prepare(model, signal);
  const signature: Signature = { task: request.task, inputs: request.features };
  const { candidates, metric, seed, warmFrom } = request;
  const plan =
    warmFrom === undefined
      ? { candidates, metric, seed }
      : { metric, seed, ...(await warmStart(request, signature, warmFrom, signal)) };
  const trainer = request.openTrainer(signature);
  try {
    const features = await readFeatures(request, label.on, trainer, signal);
    checkTaken(features, request.featuresFrom);
    const labels = await readLabels(request, label, trainer, signal);
    const onIteration = (iteration: number, loss: number): void => progress("fit", iteration, iteration, loss);
    const { withinMs, matureAfterMs } = label;
    const rules = { withinMs, matureAfterMs, labelTimeMs: labels.labelTimeMs };
    const result = await trainer.train(onIteration, signal, { ...plan, labels: rules });
    const { learner, split, counts, metrics } = result;
    const splitAt = split.splitAtMs === undefined ? null : formatIsoTime(split.splitAtMs);
    const warnings = [...result.warnings, ...oddities(counts, features)];
    const manifest = {
      topology: request.topology,
      planHash: request.planHash,
      seed,
      ...(warmFrom === undefined ? {} : { warmFrom }),
      ranges: [...features.ranges, ...labels.ranges],
      eventTimes: { from: isoOrNull(request.fromMs), to: isoOrNull(request.toMs) },
      schemaIds: [...new Set([...features.schemaIds, ...labels.schemaIds])],
      rows: { train: split.trainCount, validation: split.validationCount, ...manifestCounts(counts) },
      labelsAfterBound: labels.afterBound,
      splitAt,
      createdAt: formatIsoTime(request.clock.now()),
      warnings,
    };
    const compared = result.candidates.length > 1 ? { candidates: result.candidates, metric } : {};
    const files = versionFiles({ learner, signature, model: result.model, metrics, ...compared, manifest }, hasher);
    const where = `${model}/new`;
    const check = async (readBack: typeof files): Promise<void> => {
      const scorer = await openVersion(readBack, where, hasher, () => {
        throw new OperationError("MR_MODEL", `reading model ${where}: it is not what was written`);
      });
      await tryScorer(scorer, where, result.sample);
    };
    const version = await artefacts.write(model, files, check, signal);
    await request.promote(version, signal);
    return {
      version,
      ...outcomeCounts(counts, features, labels),
      ...splitOf(split, splitAt),
      metrics,
      candidates: result.candidates,
      metric,
      warnings,
    };
  } finally {
    await trainer.close();
  }
}

function isoOrNull(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : formatIsoTime(timeMs);
}

/** Rows that are there and all passed over are not "no rows in this range". */
function checkTaken({ taken, inexact, untimed, undecodable }: FeaturesRead, topic: string): void {
  const passedOver = inexact + untimed + undecodable;
  if (taken > 0 || passedOver === 0) return;
  const reasons = [
    ...(inexact === 0 ? [] : [`${inexact} because ${inexactReason}`]),
    ...(untimed === 0 ? [] : [`${untimed} because their event time is null`]),
    ...(undecodable === 0 ? [] : [`${undecodable} because they cannot be decoded`]),
  ];
  const message = `reading features from topic ${topic}: all ${passedOver} rows were left out, ${reasons.join(", ")}`;
  throw new OperationError("MR_TRAINING", message);
}

const inexactReason =
  "a feature is a whole number beyond 9007199254740991, which no model takes exactly; leave the field out with except, or make it text";

function manifestCounts({ unlabelled, labelledAfterSplit, repeats, repeatsDiffering }: RowCounts) {
  return { unlabelled, labelledAfterSplit, repeats, repeatsDiffering };
}

function outcomeCounts(counts: RowCounts, features: FeaturesRead, labels: LabelsRead) {
  return {
    ...manifestCounts(counts),
    labelsAfterBound: labels.afterBound,
    undecodable: features.undecodable + labels.undecodable,
    untimed: features.untimed + labels.untimed,
    inexact: features.inexact,
  };
}

function splitOf(split: { readonly trainCount: number; readonly validationCount: number }, splitAt: string | null) {
  return { trainRows: split.trainCount, validationRows: split.validationCount, splitAt };
}

function oddities({ repeatsDiffering }: RowCounts, { inexact }: FeaturesRead): readonly string[] {
  return [
    ...(repeatsDiffering === 0
      ? []
      : [
          `${repeatsDiffering} repeats have other features than the record before of the same event_id, as after a crash that lost the rolling windows; the last one written counts`,
        ]),
    ...(inexact === 0 ? [] : [`${inexact} feature rows were left out: ${inexactReason}`]),
  ];
}
