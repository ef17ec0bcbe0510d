import { assert } from "../kernel/index.ts";
import { countScores } from "../monitor/estimate/index.ts";
import { type ArtefactFiles, damaged, jsonFile, jsonObject } from "./artefact-json.ts";
import { calibrated, fitIsotonic, type IsotonicMap } from "./isotonic.ts";

export const calibrationFile = "calibration.json";

/** Fewer scores than these say nothing of calibration: steps of a map would be noise. */
const rowsMin = 100;

/** What makes probabilities of scores; `identity` where they are as good themselves. */
export type ScoreMap = IsotonicMap | "identity";

/** What is known of the scores of a version by rows that it was not fitted on. */
export interface Calibration {
  readonly map: ScoreMap;
  /** How many of those rows each cell of `countScores` holds: what estimates of later windows are compared with. */
  readonly counts: readonly number[];
}

/**
 * Expected calibration error: the mean, over rows, of how far the share of positives in a score's bin lies from the
 * mean score of the bin; bins are equally wide. M. Naeini, G. Cooper, M. Hauskrecht, AAAI 2015.
 *
 * @param scores 0 to 1
 * @returns 0 to 1; NaN without rows
 */
export function expectedCalibrationError(scores: Float64Array, labels: Float64Array, bins = 10): number {
  assert(scores.length === labels.length, "one label per score");
  const differences = new Float64Array(bins);
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    const bin = Math.min(bins - 1, Math.floor(score * bins));
    differences[bin] = (differences[bin] as number) + (labels[i] as number) - score;
  }
  return differences.reduce((sum, difference) => sum + Math.abs(difference), 0) / scores.length;
}

/**
 * How scores become probabilities: by an isotonic map where that brings them nearer to what is true on rows that it was
 * not fitted on (each half measured by the map of the other), else as they are. Undefined where rows cannot tell: fewer
 * than a hundred, or with one class alone in either half.
 *
 * @param scores of rows in time order that the model was not fitted on
 */
export function fitCalibration(scores: Float64Array, labels: Float64Array): Calibration | undefined {
  const half = scores.length >>> 1;
  if (scores.length < rowsMin || [labels.subarray(0, half), labels.subarray(half)].some(isOneClass)) return undefined;
  const mapped = new Float64Array(scores.length);
  const [earlier, later] = [
    fitIsotonic(scores.subarray(0, half), labels.subarray(0, half)),
    fitIsotonic(scores.subarray(half), labels.subarray(half)),
  ];
  for (let i = 0; i < scores.length; i++) mapped[i] = calibrated(i < half ? later : earlier, scores[i] as number);
  const isBetter = expectedCalibrationError(mapped, labels) < expectedCalibrationError(scores, labels);
  return { map: isBetter ? fitIsotonic(scores, labels) : "identity", counts: [...countScores(scores)] };
}

function isOneClass(labels: Float64Array): boolean {
  return labels.every((label) => label === labels[0]);
}

/** As a file of a version. */
export function calibrationBytes({ map, counts }: Calibration): Uint8Array {
  return jsonFile({ ...(map === "identity" ? { kind: "identity" } : { kind: "isotonic", ...map }), counts });
}

/**
 * What is known of a version's scores; undefined where it was not measured, so that nothing is.
 *
 * @param where names the version in messages, such as `card-fraud/3`
 * @throws OperationError MR_MODEL when the file holds nothing of the kind
 */
export function calibrationOf(files: ArtefactFiles, where: string): Calibration | undefined {
  if (!files.has(calibrationFile)) return undefined;
  const { kind, scores, probabilities, counts = [] } = jsonObject(files, calibrationFile, where);
  if (!isCounts(counts)) throw damaged(where, `${calibrationFile} holds counts that are none`);
  if (kind === "identity") return { map: kind, counts };
  if (!isAscending(scores) || !isAscending(probabilities) || scores.length !== probabilities.length)
    throw damaged(where, `${calibrationFile} holds no map that ascends`);
  if (new Set(scores).size < scores.length || (probabilities[0] ?? -1) < 0 || (probabilities.at(-1) ?? 2) > 1)
    throw damaged(where, `${calibrationFile} holds no map from scores to probabilities`);
  return { map: { scores, probabilities }, counts };
}

function isCounts(counts: unknown): counts is readonly number[] {
  return Array.isArray(counts) && counts.every((count) => Number.isSafeInteger(count) && count >= 0);
}

function isAscending(values: unknown): values is readonly number[] {
  return (
    Array.isArray(values) && values.every((value, i) => Number.isFinite(value) && (i === 0 || value >= values[i - 1]))
  );
}
