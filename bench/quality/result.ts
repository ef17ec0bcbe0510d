/** What a mode came to, and the line that says so. */
import { firstRows, labelDelayRows, type Readings } from "./readings.ts";

/** What a stage has said about each row, by row. */
export interface Served {
  readonly scores: Float64Array;
  readonly versions: Int32Array;
}

export interface ModeResult {
  readonly model: string;
  readonly mode: string;
  /** Share of the rows after the first ones whose label was said right. */
  readonly accuracy: number;
  readonly retrainings: number;
  /** Trainings after the first whose version went into service. */
  readonly promoted: number;
  readonly cpuSeconds: number;
}

/** Accuracy in per cent, as the references give it. */
export function lineOf({ model, mode, accuracy, retrainings, promoted, cpuSeconds }: ModeResult): string {
  return `elec2 ${model} ${mode} ${(100 * accuracy).toFixed(2)} ${retrainings} ${promoted} ${cpuSeconds.toFixed(1)}`;
}

/** A score of at least a half says that the price is up. @throws Error for a row that was not scored */
export function accuracyOf({ count, labels }: Readings, { scores }: Served): number {
  let right = 0;
  for (let row = firstRows; row < count; row++) {
    const score = scores[row] as number;
    if (!(score >= 0 && score <= 1)) throw new Error(`row ${row} has the score ${score}`);
    if (score >= 0.5 === (labels[row] === 1)) right++;
  }
  return right / (count - firstRows);
}

/** What saying the last label that is known comes to. */
export function repeatAccuracy({ count, labels }: Readings): number {
  let right = 0;
  for (let row = firstRows; row < count; row++) if (labels[row] === labels[row - labelDelayRows]) right++;
  return right / (count - firstRows);
}

/** @throws Error when a row was scored by another version than the one in service when it came */
export function checkVersions(mode: string, { versions }: Served, inService: Int32Array): void {
  for (let row = firstRows; row < inService.length; row++) {
    if (versions[row] === inService[row]) continue;
    throw new Error(`${mode}: row ${row} was scored by version ${versions[row]}, and ${inService[row]} was in service`);
  }
}
