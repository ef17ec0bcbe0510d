import { OperationError } from "../kernel/index.ts";
import type { BinaryMetrics, CandidateMetrics, LearnerKind, Signature } from "../model/index.ts";
import type { ChoiceMetric } from "./choice-metric.ts";
import type { LabelSource } from "./read-rows.ts";
import type { TrainerOpener } from "./trainer.ts";
import { warmStart } from "./warm-start.ts";
import { manifestOf, oddities, outcomeCounts, readRows, type VersionSource, writeVersion } from "./written-version.ts";

export interface TrainingRequest extends VersionSource {
  readonly task: Signature["task"];
  readonly label: LabelSource | undefined;
  /** Each is fitted, and the best by the metric is written. */
  readonly candidates: readonly LearnerKind[];
  readonly metric: ChoiceMetric;
  /** The version that a warm start goes on from, by its own learner; default: learn from nothing. */
  readonly warmFrom?: number;
  readonly openTrainer: TrainerOpener;
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
  const { model, label, artefacts, progress } = request;
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
    const read = await readRows(request, label, trainer, signal);
    const onIteration = (iteration: number, loss: number): void => progress("fit", iteration, iteration, loss);
    const result = await trainer.train(onIteration, signal, { ...plan, labels: read.rules });
    const { learner, split, counts, metrics, calibration } = result;
    const warnings = [...result.warnings, ...oddities(counts, read)];
    const manifest = {
      ...manifestOf(request, read, counts, split, warnings),
      ...(warmFrom === undefined ? {} : { warmFrom }),
    };
    const compared = result.candidates.length > 1 ? { candidates: result.candidates, metric } : {};
    const mapped = calibration === undefined ? {} : { calibration };
    const trained = { learner, signature, model: result.model, metrics, ...compared, manifest, ...mapped };
    const version = await writeVersion(request, trained, result.sample, signal);
    await request.promote(version, signal);
    const { candidates: fitted } = result;
    return { version, ...outcomeCounts(counts, split, read), metrics, candidates: fitted, metric, warnings };
  } finally {
    await trainer.close();
  }
}
