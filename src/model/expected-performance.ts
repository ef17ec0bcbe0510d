import { assert } from "../kernel/index.ts";

/** What decisions are expected to come to before it is known what was true, if the probabilities are. */
export interface ExpectedPerformance {
  readonly rows: number;
  readonly accuracy: number;
  /** Of the accuracy: what drawing the labels alone would make it vary by. */
  readonly accuracyStandardError: number;
  readonly precision: number;
  readonly recall: number;
  readonly specificity: number;
  readonly f1: number;
  readonly auc: number;
}

/**
 * The share of decisions that are expected to be right.
 *
 * Confidence-based performance estimation: J. Białek et al., "Estimating model performance under covariate shift
 * without labels", arXiv 2401.08348. It is right as long as the probabilities are; a change of what the label means
 * for the same inputs is not seen by it.
 *
 * @param probabilities calibrated, 0 to 1
 * @param decisions 1 where the model says "true", else 0
 * @returns 0 to 1; NaN without rows or with a NaN
 */
export function expectedAccuracy(probabilities: Float64Array, decisions: ArrayLike<number>): number {
  return expectedCounts(probabilities, decisions).accuracy;
}

/**
 * The area under the ROC curve that is expected, each row being a positive by its probability and a negative by the
 * rest of it; the curve goes along descending scores, and rows of equal score are taken together.
 *
 * @param probabilities calibrated, 0 to 1
 * @param scores what orders the rows; default: the probabilities
 * @returns 0 to 1; NaN without rows, with a NaN, or where one class is not expected at all
 */
export function expectedAuc(probabilities: Float64Array, scores: Float64Array = probabilities): number {
  assert(probabilities.length === scores.length, "one score per probability");
  if (probabilities.some(Number.isNaN) || scores.some(Number.isNaN)) return Number.NaN;
  const order = Uint32Array.from(scores.keys()).sort((a, b) => {
    const [x, y] = [scores[a] as number, scores[b] as number];
    return x < y ? 1 : x > y ? -1 : 0;
  });
  let [truePositives, falsePositives, area] = [0, 0, 0];
  for (let from = 0; from < order.length; ) {
    const score = scores[order[from] as number];
    let [positives, negatives, to] = [0, 0, from];
    for (; to < order.length && scores[order[to] as number] === score; to++) {
      const probability = probabilities[order[to] as number] as number;
      positives += probability;
      negatives += 1 - probability;
    }
    area += negatives * (truePositives + positives / 2);
    truePositives += positives;
    falsePositives += negatives;
    from = to;
  }
  return truePositives === 0 || falsePositives === 0 ? Number.NaN : area / (truePositives * falsePositives);
}

/** All of it at once; what would be divided by nothing is NaN. O(n log n). */
export function expectedPerformance(
  probabilities: Float64Array,
  decisions: ArrayLike<number>,
  scores?: Float64Array,
): ExpectedPerformance {
  return { ...expectedCounts(probabilities, decisions), auc: expectedAuc(probabilities, scores) };
}

function expectedCounts(probabilities: Float64Array, decisions: ArrayLike<number>): Omit<ExpectedPerformance, "auc"> {
  assert(probabilities.length === decisions.length, "one decision per probability");
  const rows = probabilities.length;
  let [tp, fp, fn, tn, variance] = [0, 0, 0, 0, 0];
  for (let i = 0; i < rows; i++) {
    const probability = probabilities[i] as number;
    if (decisions[i] === 1) {
      tp += probability;
      fp += 1 - probability;
    } else {
      fn += probability;
      tn += 1 - probability;
    }
    variance += probability * (1 - probability);
  }
  return {
    rows,
    accuracy: (tp + tn) / rows,
    accuracyStandardError: Math.sqrt(variance) / rows,
    precision: tp / (tp + fp),
    recall: tp / (tp + fn),
    specificity: tn / (tn + fp),
    f1: (2 * tp) / (2 * tp + fp + fn),
  };
}
