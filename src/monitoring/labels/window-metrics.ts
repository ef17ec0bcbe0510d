import { type BinaryMetrics, binaryMetrics, expectedCalibrationError } from "../../model/index.ts";
import type { MeasuredMetric, PerformanceMetric } from "../../monitor/index.ts";

/** Score from which a row counts as decided for the positive class, in `accuracy` and in the stream of errors. */
export const decisionScore = 0.5;

/**
 * The metrics of labelled scores, each with its standard error.
 *
 * Errors: accuracy binomial, with one success and one failure added, so that none of so many is not taken for never;
 * log loss and Brier score from the spread of their terms; AUC after J. Hanley, B. McNeil (Radiology 143, 1982); average
 * precision as a share of the positives (K. Boyd, K. Eng, C. Page, ECML 2013); ECE from the rows of its mean bin.
 *
 * @param labels 0 or 1, one for each score
 * @returns NaN as value, and as error, where a class is missing or there are no rows
 */
export function measuredMetrics(
  metrics: readonly PerformanceMetric[],
  scores: Float64Array,
  labels: Float64Array,
): MeasuredMetric[] {
  const rows = scores.length;
  if (rows === 0) return metrics.map((metric) => ({ metric, value: Number.NaN, error: Number.NaN }));
  const all = binaryMetrics(scores, labels);
  return metrics.map((metric) => ({ metric, ...measurements[metric](scores, labels, all) }));
}

type Measure = (
  scores: Float64Array,
  labels: Float64Array,
  all: BinaryMetrics,
) => { readonly value: number; readonly error: number };

const measurements: Readonly<Record<PerformanceMetric, Measure>> = {
  accuracy: (scores, labels) => {
    let right = 0;
    for (let i = 0; i < scores.length; i++) right += isError(scores[i] as number, labels[i] as number) ? 0 : 1;
    return { value: right / scores.length, error: shareError(right, scores.length) };
  },
  auc: (_scores, _labels, { auc, positives, rows }) => ({ value: auc, error: aucError(auc, positives, rows) }),
  average_precision: (_scores, _labels, { averagePrecision, positives }) => {
    const isMeasured = !Number.isNaN(averagePrecision);
    return {
      value: averagePrecision,
      error: isMeasured ? shareError(averagePrecision * positives, positives) : Number.NaN,
    };
  },
  log_loss: (scores, labels, { logLoss }) => ({
    value: logLoss,
    error: meanError(scores.map((score, i) => -Math.log(Math.max(labels[i] === 1 ? score : 1 - score, 1e-15)))),
  }),
  brier: (scores, labels, { brier }) => ({
    value: brier,
    error: meanError(scores.map((score, i) => (score - (labels[i] as number)) ** 2)),
  }),
  ece: (scores, labels, { brier }) => ({
    value: expectedCalibrationError(scores, labels),
    error: Math.sqrt(brier / scores.length),
  }),
};

/** Whether a score decides otherwise than what came true. */
export function isError(score: number, label: number): boolean {
  return score >= decisionScore !== (label === 1);
}

function shareError(found: number, of: number): number {
  const share = (found + 1) / (of + 2);
  return Math.sqrt((share * (1 - share)) / of);
}

function meanError(terms: Float64Array): number {
  const mean = terms.reduce((sum, term) => sum + term, 0) / terms.length;
  const squares = terms.reduce((sum, term) => sum + (term - mean) ** 2, 0);
  // Of one row the spread is not known: what it would be at most for a share.
  return terms.length === 1 ? 1 : Math.sqrt(squares / (terms.length - 1) / terms.length);
}

/** @returns NaN when a class is missing */
function aucError(auc: number, positives: number, rows: number): number {
  const negatives = rows - positives;
  const oneOfTwo = auc / (2 - auc);
  const bothOfOne = (2 * auc * auc) / (1 + auc);
  const variance =
    auc * (1 - auc) + (positives - 1) * (oneOfTwo - auc * auc) + (negatives - 1) * (bothOfOne - auc * auc);
  // An area of 1 says of few rows only that it is near 1: half a pair is taken for wrong.
  const least = 0.5 / (positives * negatives);
  return Math.sqrt(Math.max(variance, least) / (positives * negatives));
}
