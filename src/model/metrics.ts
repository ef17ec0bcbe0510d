import { assert } from "../kernel/index.ts";

/** How good scores are against what came true. Definitions beside each function. */
export interface BinaryMetrics {
  readonly rows: number;
  readonly positives: number;
  readonly auc: number;
  readonly averagePrecision: number;
  readonly logLoss: number;
  readonly brier: number;
}

/** All metrics at once; NaN where a class is missing or a score is NaN. O(n log n). */
export function binaryMetrics(scores: Float64Array, labels: Float64Array): BinaryMetrics {
  assert(scores.length === labels.length, "one label per score");
  let positives = 0;
  let squares = 0;
  let losses = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    const label = labels[i] as number;
    positives += label;
    squares += (score - label) ** 2;
    losses -= Math.log(Math.max(label === 1 ? score : 1 - score, 1e-15));
  }
  return {
    rows: scores.length,
    positives,
    auc: auc(scores, labels),
    averagePrecision: averagePrecision(scores, labels),
    logLoss: losses / scores.length,
    brier: squares / scores.length,
  };
}

/**
 * Area under the ROC curve: the probability that a positive is scored above a negative, ties counting half
 * (the Mann-Whitney U statistic over the product of the class sizes; J. Hanley, B. McNeil, Radiology 143, 1982).
 *
 * @param labels 0 or 1
 * @returns 0 to 1; NaN when one class is missing or a score is NaN
 */
export function auc(scores: Float64Array, labels: Float64Array): number {
  if (scores.some(Number.isNaN)) return Number.NaN;
  let rankSum = 0;
  let positives = 0;
  forEachTie(scores, labels, false, (from, size, inClass) => {
    // Ranks from + 1 .. from + size share their mean.
    rankSum += inClass * (from + (size + 1) / 2);
    positives += inClass;
  });
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) return Number.NaN;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Average precision: the sum over thresholds of precision times the gain in recall, rows of equal score
 * taken together (no interpolation).
 *
 * @returns 0 to 1; NaN without positives or when a score is NaN
 */
export function averagePrecision(scores: Float64Array, labels: Float64Array): number {
  if (scores.some(Number.isNaN)) return Number.NaN;
  let found = 0;
  let sum = 0;
  forEachTie(scores, labels, true, (from, size, inClass) => {
    found += inClass;
    sum += inClass * (found / (from + size));
  });
  return found === 0 ? Number.NaN : sum / found;
}

/**
 * Visits groups of equal score in order; `positives` counts the labels 1 in the group. Infinities are scores like
 * any other; NaN has no order, so the callers answer before they come here.
 */
function forEachTie(
  scores: Float64Array,
  labels: Float64Array,
  descending: boolean,
  visit: (from: number, size: number, positives: number) => void,
): void {
  const order = Uint32Array.from(scores.keys());
  const sign = descending ? -1 : 1;
  // The difference of two equal infinities is NaN, which a sort takes for equal.
  order.sort((a, b) => sign * ((scores[a] as number) - (scores[b] as number)));
  for (let from = 0; from < order.length; ) {
    const score = scores[order[from] as number];
    let to = from;
    let positives = 0;
    do {
      positives += labels[order[to] as number] as number;
      to++;
    } while (to < order.length && scores[order[to] as number] === score);
    visit(from, to - from, positives);
    from = to;
  }
}
