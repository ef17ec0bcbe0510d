import { assert } from "../kernel/index.ts";
import { type ArtefactFiles, damaged, jsonFile, jsonObject } from "./artefact-json.ts";
import { calibrated, fitIsotonic, type IsotonicMap } from "./isotonic.ts";

export const calibrationFile = "calibration.json";

/** Fewer scores than these give no map: its steps would be noise. */
const rowsMin = 100;

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
 * The map of scores that makes probabilities of them; undefined where they are as good as it would make them: when the
 * error of calibration does not fall on rows that the map was not fitted on (each half measured by the map of the
 * other), with fewer than a hundred rows, or with one class alone in either half.
 *
 * @param scores of rows in time order that the model was not fitted on
 */
export function fitCalibration(scores: Float64Array, labels: Float64Array): IsotonicMap | undefined {
  const half = scores.length >>> 1;
  if (scores.length < rowsMin || [labels.subarray(0, half), labels.subarray(half)].some(isOneClass)) return undefined;
  const mapped = new Float64Array(scores.length);
  const [earlier, later] = [
    fitIsotonic(scores.subarray(0, half), labels.subarray(0, half)),
    fitIsotonic(scores.subarray(half), labels.subarray(half)),
  ];
  for (let i = 0; i < scores.length; i++) mapped[i] = calibrated(i < half ? later : earlier, scores[i] as number);
  const isBetter = expectedCalibrationError(mapped, labels) < expectedCalibrationError(scores, labels);
  return isBetter ? fitIsotonic(scores, labels) : undefined;
}

function isOneClass(labels: Float64Array): boolean {
  return labels.every((label) => label === labels[0]);
}

/** A map as a file of a version. */
export function calibrationBytes(map: IsotonicMap): Uint8Array {
  return jsonFile({ kind: "isotonic", ...map });
}

/**
 * What makes probabilities of a version's scores: its map; `identity` where its scores were found to need none; or
 * undefined when it was measured on no rows, so that nothing is known of its scores.
 *
 * @param where names the version in messages, such as `card-fraud/3`
 * @throws OperationError MR_MODEL when the file holds no such map
 */
export function calibrationOf(files: ArtefactFiles, where: string): IsotonicMap | "identity" | undefined {
  if (!files.has(calibrationFile)) {
    const { rows } = jsonObject(files, "metrics.json", where);
    return typeof rows === "number" && rows > 0 ? "identity" : undefined;
  }
  const { scores, probabilities } = jsonObject(files, calibrationFile, where);
  if (!isAscending(scores) || !isAscending(probabilities) || scores.length !== probabilities.length)
    throw damaged(where, `${calibrationFile} holds no map that ascends`);
  if (new Set(scores).size < scores.length || (probabilities[0] ?? -1) < 0 || (probabilities.at(-1) ?? 2) > 1)
    throw damaged(where, `${calibrationFile} holds no map from scores to probabilities`);
  return { scores, probabilities };
}

function isAscending(values: unknown): values is readonly number[] {
  return (
    Array.isArray(values) && values.every((value, i) => Number.isFinite(value) && (i === 0 || value >= values[i - 1]))
  );
}
