/** How wrong a probability was; additive over rows, so that it can be compared row by row and piece by piece. */
export type RowLoss = (score: number, label: number) => number;

/**
 * A score counts as no surer than that: one row may say that a model is wrong, but not alone decide between two. A
 * score that is no number counts as wrong for sure.
 */
const surenessMax = 1e-3;

/** Log loss in nats, at most 6.9 a row. */
export const boundedLogLoss: RowLoss = (score, label) => {
  const right = label === 1 ? score : 1 - score;
  return -Math.log(right >= surenessMax ? Math.min(right, 1 - surenessMax) : surenessMax);
};

/** Brier's squared error, at most 1 a row. */
export const squaredLoss: RowLoss = (score, label) => (Number.isNaN(score) ? 1 : (score - label) ** 2);

/** Pieces of event time that a difference is averaged over. */
const pieces = 10;
/** One-sided 90 % point of Student's t with one degree of freedom less than pieces. */
const studentPoint = 1.383;

/** By how much one loss is below another, and how sure that is. */
export interface PairedDifference {
  /** Mean of the first minus the second, per row. */
  readonly mean: number;
  /** With a probability of 90 % the difference is below it, and with the same above `lower`. */
  readonly upper: number;
  readonly lower: number;
}

/**
 * The mean of paired differences with its bounds, by ten pieces of consecutive rows: rows that are near each other in
 * time are wrong together, and their differences, taken for independent, would look far surer than they are.
 *
 * Source: the method of batch means, A. Law, "Simulation modeling and analysis", 5th ed., §9.5.3.
 *
 * @param differences in time order, at least ten
 */
export function pairedDifference(differences: Float64Array): PairedDifference {
  const means = Array.from({ length: pieces }, (_, piece) => {
    const from = Math.floor((piece * differences.length) / pieces);
    const to = Math.floor(((piece + 1) * differences.length) / pieces);
    return meanOf(differences.subarray(from, to));
  });
  const centre = means.reduce((sum, mean) => sum + mean, 0) / pieces;
  const variance = means.reduce((sum, mean) => sum + (mean - centre) ** 2, 0) / (pieces - 1);
  const width = studentPoint * Math.sqrt(variance / pieces);
  const mean = meanOf(differences);
  return { mean, upper: mean + width, lower: mean - width };
}

export function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
