import { assert } from "../kernel/index.ts";

/**
 * A map from scores to probabilities that never falls: between two knots a straight line, outside of them the value
 * of the nearest. Knots ascend in `scores`.
 */
export interface IsotonicMap {
  readonly scores: readonly number[];
  readonly probabilities: readonly number[];
}

/**
 * The non-decreasing values that are nearest to the given ones in squared error.
 *
 * Pool adjacent violators: R. Barlow, D. Bartholomew, J. Bremner, H. Brunk, "Statistical inference under order
 * restrictions", 1972. O(n).
 *
 * @param weights above 0; default 1 each
 */
export function poolAdjacentViolators(values: ArrayLike<number>, weights?: ArrayLike<number>): Float64Array {
  // Blocks of equal value, as a stack: where each begins, its weight and its mean.
  const count = values.length;
  const begins = new Uint32Array(count);
  const sums = new Float64Array(count);
  const means = new Float64Array(count);
  let blocks = 0;
  for (let i = 0; i < count; i++) {
    begins[blocks] = i;
    sums[blocks] = weights?.[i] ?? 1;
    means[blocks] = values[i] as number;
    blocks++;
    while (blocks > 1 && (means[blocks - 2] as number) > (means[blocks - 1] as number)) {
      const [a, b] = [sums[blocks - 2] as number, sums[blocks - 1] as number];
      means[blocks - 2] = (a * (means[blocks - 2] as number) + b * (means[blocks - 1] as number)) / (a + b);
      sums[blocks - 2] = a + b;
      blocks--;
    }
  }
  const fitted = new Float64Array(count);
  for (let block = 0; block < blocks; block++) {
    const end = block + 1 < blocks ? (begins[block + 1] as number) : count;
    fitted.fill(means[block] as number, begins[block], end);
  }
  return fitted;
}

/**
 * The map from scores to the share of positives among them, by isotonic regression; equal scores count as one.
 *
 * @param scores finite; at least one
 * @param labels 0 or 1
 */
export function fitIsotonic(scores: Float64Array, labels: Float64Array): IsotonicMap {
  assert(scores.length > 0 && scores.length === labels.length, "one label per score, and a score");
  const order = Uint32Array.from(scores.keys()).sort((a, b) => (scores[a] as number) - (scores[b] as number));
  const distinct: number[] = [];
  const positives: number[] = [];
  const counts: number[] = [];
  for (const at of order) {
    const score = scores[at] as number;
    if (score !== distinct.at(-1)) {
      distinct.push(score);
      positives.push(0);
      counts.push(0);
    }
    const last = distinct.length - 1;
    positives[last] = (positives[last] as number) + (labels[at] as number);
    counts[last] = (counts[last] as number) + 1;
  }
  const shares = positives.map((sum, i) => sum / (counts[i] as number));
  const fitted = poolAdjacentViolators(shares, counts);
  // Inside a level nothing changes: its first and last score say all of it.
  const isKnot = (i: number): boolean => fitted[i] !== fitted[i - 1] || fitted[i] !== fitted[i + 1];
  const knots = distinct.flatMap((_, i) => (isKnot(i) ? [i] : []));
  return {
    scores: knots.map((i) => distinct[i] as number),
    probabilities: knots.map((i) => fitted[i] as number),
  };
}

/** The probability that a map gives a score; NaN for NaN. O(log knots). */
export function calibrated({ scores, probabilities }: IsotonicMap, score: number): number {
  if (Number.isNaN(score)) return Number.NaN;
  let low = 0;
  let high = scores.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((scores[middle] as number) < score) low = middle + 1;
    else high = middle;
  }
  // `low` is the first knot at or above the score.
  const after = probabilities[low];
  const before = probabilities[low - 1];
  if (after === undefined || before === undefined) return after ?? before ?? Number.NaN;
  const [left, right] = [scores[low - 1] as number, scores[low] as number];
  // Rounding must not carry it past the knot: 1 / 3 + 2 / 3 of the way to 1 is more than 1.
  return Math.min(after, before + ((after - before) * (score - left)) / (right - left));
}
