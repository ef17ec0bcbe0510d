import { type Clock, formatIsoTime, type Hasher, OperationError } from "../kernel/index.ts";
import {
  type ArtefactFiles,
  type ArtefactStore,
  type Manifest,
  openVersion,
  type TrainedModel,
  tryScorer,
  versionFiles,
} from "../model/index.ts";
import type { RowCounts } from "./join-rows.ts";
import type { LabelRules } from "./label-rules.ts";
import {
  type FeaturesRead,
  type LabelSource,
  type LabelsRead,
  readFeatures,
  readLabels,
  type TrainingSource,
} from "./read-rows.ts";
import type { TimeSplit } from "./time-split.ts";
import type { Trainer } from "./trainer.ts";
import type { TrainingResult } from "./training-run.ts";

/** What a version is written with, and what its manifest says of its origin. */
export interface VersionSource extends Omit<TrainingSource, "progress"> {
  readonly model: string;
  readonly topology: string;
  readonly planHash: string;
  readonly seed: number;
  readonly artefacts: ArtefactStore;
  readonly clock: Clock;
  readonly hasher: Hasher;
}

/** What was read and sent to a trainer. */
export interface RowsRead {
  readonly features: FeaturesRead;
  readonly labels: LabelsRead;
  /** How the labels that were read join. */
  readonly rules: LabelRules;
}

/**
 * Sends features and labels to a trainer.
 *
 * @throws OperationError MR_TRAINING when all features were left out, or a label is neither true nor false
 */
export async function readRows(
  source: TrainingSource,
  label: LabelSource,
  trainer: Trainer,
  signal: AbortSignal,
): Promise<RowsRead> {
  const features = await readFeatures(source, label.on, trainer, signal);
  checkTaken(features, source.featuresFrom);
  const labels = await readLabels(source, label, trainer, signal);
  const { withinMs, matureAfterMs } = label;
  return { features, labels, rules: { withinMs, matureAfterMs, labelTimeMs: labels.labelTimeMs } };
}

/** What a version was made from. */
export function manifestOf(
  source: VersionSource,
  { features, labels }: RowsRead,
  counts: RowCounts,
  split: TimeSplit,
  warnings: readonly string[],
): Manifest {
  return {
    topology: source.topology,
    planHash: source.planHash,
    seed: source.seed,
    ranges: [...features.ranges, ...labels.ranges],
    eventTimes: { from: isoOrNull(source.fromMs), to: isoOrNull(source.toMs) },
    schemaIds: [...new Set([...features.schemaIds, ...labels.schemaIds])],
    rows: { train: split.trainCount, validation: split.validationCount, ...manifestCounts(counts) },
    labelsAfterBound: labels.afterBound,
    splitAt: isoOrNull(split.splitAtMs),
    createdAt: formatIsoTime(source.clock.now()),
    warnings,
  };
}

/** Writes a version, opens what was written, and has it score the sample, before it gets its number. */
export function writeVersion(
  { model, artefacts, hasher }: VersionSource,
  trained: TrainedModel,
  sample: TrainingResult["sample"],
  signal: AbortSignal,
): Promise<number> {
  const where = `${model}/new`;
  const check = async (readBack: ArtefactFiles): Promise<void> => {
    const scorer = await openVersion(readBack, where, hasher, () => {
      throw new OperationError("MR_MODEL", `reading model ${where}: it is not what was written`);
    });
    await tryScorer(scorer, where, sample);
  };
  return artefacts.write(model, versionFiles(trained, hasher), check, signal);
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

/** What a training says of the rows that it was given. */
export function outcomeCounts(counts: RowCounts, split: TimeSplit, { features, labels }: RowsRead) {
  return {
    ...manifestCounts(counts),
    labelsAfterBound: labels.afterBound,
    undecodable: features.undecodable + labels.undecodable,
    untimed: features.untimed + labels.untimed,
    inexact: features.inexact,
    trainRows: split.trainCount,
    validationRows: split.validationCount,
    splitAt: isoOrNull(split.splitAtMs),
  };
}

/** What is odd about the rows that were read, in sentences. */
export function oddities({ repeatsDiffering }: RowCounts, { features: { inexact } }: RowsRead): readonly string[] {
  return [
    ...(repeatsDiffering === 0
      ? []
      : [
          `${repeatsDiffering} repeats have other features than the record before of the same event_id, as after a crash that lost the rolling windows; the last one written counts`,
        ]),
    ...(inexact === 0 ? [] : [`${inexact} feature rows were left out: ${inexactReason}`]),
  ];
}
