import { formatIsoTime, OperationError } from "../kernel/index.ts";
import type { Signature } from "../model/index.ts";
import type { ChallengePlan, ChallengeResult } from "./challenge-plan.ts";
import { type Champion, championLearnedUntil, openChampion } from "./champion.ts";
import type { GateDecision } from "./gate-decision.ts";
import type { GateSettings } from "./gate-settings.ts";
import type { RetrainCause } from "./retrain-cause.ts";
import type { TrainingOutcome, TrainingRequest } from "./train-version.ts";
import { manifestOf, oddities, outcomeCounts, type RowsRead, readRows, writeVersion } from "./written-version.ts";

export interface ChallengerRequest extends Omit<TrainingRequest, "promote" | "warmFrom"> {
  readonly gate: GateSettings;
  /** The version in service; undefined: there is none, and nothing to stand beside. */
  readonly champion: number | undefined;
  readonly cause: RetrainCause;
  /** How many rows are learned from, the newest; undefined: all. */
  readonly newestRows: number | undefined;
  /** `warm` goes on from the champion over what is new, where its learner can; else it is a full fit, and says so. */
  readonly mode: "full" | "warm";
}

/**
 * Feature records that are read at once, at least and at most where fewer or more are not needed for what was asked: the
 * rows are held as numbers, some 250 MB for a million of ten, in the process that scores.
 */
const recordsMin = 500_000;
const recordsMax = 8_000_000;
/** Records that are read for each row that is needed, as not every one has a label yet; and how many times more next. */
const recordsPerRow = 4;

export interface ChallengerOutcome extends Omit<TrainingOutcome, "version"> {
  readonly decision: GateDecision;
  /** Written only when it was accepted; nothing names it yet. */
  readonly version: number | undefined;
}

/**
 * Reads features, the newest that are needed, and labels up to now, fits a challenger without the newest of them, holds it to the gate beside the
 * champion, and, when it is accepted, fits it on all of them and writes it as a version. Nothing is written before, so
 * that what ends it, at any point, leaves nothing under a number. It points no alias anywhere.
 *
 * @throws OperationError MR_TRAINING when the rows cannot be trained on, MR_IO when no version can be written; what the
 *   signal was aborted with
 */
export async function trainChallenger(request: ChallengerRequest, signal: AbortSignal): Promise<ChallengerOutcome> {
  const { model, label, artefacts, progress } = request;
  if (label === undefined) throw new OperationError("MR_TRAINING", `training ${model}: the topology gives it no label`);
  await artefacts.prepare(model, signal);
  const signature: Signature = { task: request.task, inputs: request.features };
  const champion = await openChampion(request, signature, request.champion, signal);
  const rowsNeeded = neededRows(request);
  const most = Math.max(recordsMax, recordsPerRow * rowsNeeded);
  let newestRecords = request.newestRows === undefined ? undefined : Math.max(recordsMin, recordsPerRow * rowsNeeded);
  for (;;) {
    const trainer = request.openTrainer(signature);
    try {
      const read = await readRows({ ...request, newestRecords }, label, trainer, signal);
      const onIteration = (iteration: number, loss: number): void => progress("fit", iteration, iteration, loss);
      const result = await trainer.challenge(onIteration, signal, planOf(request, champion, read));
      const { older = 0 } = read.features;
      const lacking = rowsNeeded - (result.counts.features - result.counts.unlabelled);
      if (newestRecords !== undefined && newestRecords < most && older > 0 && lacking > 0) {
        newestRecords = Math.min(most, recordsPerRow * newestRecords);
        continue;
      }
      const warnings = [
        ...result.warnings,
        ...oddities(result.counts, read),
        ...(older > 0 && lacking > 0
          ? [`${older} older records of topic ${request.featuresFrom} were not read: no more than ${most} are`]
          : []),
      ];
      const version = await write(request, { signature, champion, read, result, warnings }, signal);
      const { decision, counts, split, metrics, candidates, metric } = result;
      return { decision, version, ...outcomeCounts(counts, split, read), metrics, candidates, metric, warnings };
    } finally {
      await trainer.close();
    }
  }
}

/** Rows with a label that are learned from, compared on, and looked at for what is forgotten. */
function neededRows({ newestRows = 0, gate }: ChallengerRequest): number {
  return gate.recent === false ? 2 * newestRows : newestRows + 3 * gate.recent.rowsMax;
}

function planOf(request: ChallengerRequest, champion: Champion, { rules }: RowsRead): ChallengePlan {
  const { gate, cause, candidates, metric, seed, mode, newestRows, topics, featuresFrom } = request;
  const schema = topics.find(({ name }) => name === featuresFrom)?.schema;
  const sensitive = schema?.shape.flatMap((field) => (field.sensitive === true ? [field.name] : [])) ?? [];
  return { champion, gate, cause, candidates, metric, seed, mode, newestRows, labels: rules, sensitive };
}

interface Challenged {
  readonly signature: Signature;
  readonly champion: Champion;
  readonly read: RowsRead;
  readonly result: ChallengeResult;
  readonly warnings: readonly string[];
}

async function write(
  request: ChallengerRequest,
  { signature, champion, read, result, warnings }: Challenged,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { accepted, decision, metrics, candidates, metric, counts, split } = result;
  if (accepted === undefined) return undefined;
  const { learner, model, calibration, learnedUntilMs, learnedFromMs, trainRows, isWarm } = accepted;
  const { eventTimes, ...made } = manifestOf(request, read, counts, { ...split, trainCount: trainRows }, warnings);
  const learnedFrom = learnedFromMs === undefined ? {} : { from: formatIsoTime(learnedFromMs) };
  const manifest = {
    ...made,
    eventTimes: { from: null, to: null, ...eventTimes, ...learnedFrom },
    ...(isWarm && request.champion !== undefined ? { warmFrom: request.champion } : {}),
    learnedUntil: formatIsoTime(learnedUntilMs),
  };
  const seenMs = championLearnedUntil(champion);
  const gate = {
    ...decision,
    cause: request.cause,
    champion: request.champion ?? null,
    championLearnedUntil: seenMs === undefined ? null : formatIsoTime(seenMs),
    settings: request.gate,
  };
  const compared = candidates.length > 1 ? { candidates, metric } : {};
  const mapped = calibration === undefined ? {} : { calibration };
  const trained = { learner, signature, model, metrics, ...compared, manifest, ...mapped, gate };
  return writeVersion(request, trained, accepted.sample, signal);
}
