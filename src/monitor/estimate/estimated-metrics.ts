/** What windows of predictions are expected to come to before anybody knows what was true. */
export const estimatedMetrics = [
  "estimated_accuracy",
  "estimated_auc",
  "estimated_log_loss",
  "estimated_brier",
] as const;
export type EstimatedMetric = (typeof estimatedMetrics)[number];

/** Estimated metrics of which less is better. */
export const estimatedLosses: ReadonlySet<EstimatedMetric> = new Set(["estimated_log_loss", "estimated_brier"]);

/** Of interest from: as of what is measured. */
export const estimatedDefaults: Readonly<Record<EstimatedMetric, number>> = {
  estimated_accuracy: 0.02,
  estimated_auc: 0.03,
  estimated_log_loss: 0.05,
  estimated_brier: 0.02,
};

/** By name, whether it is one: of a metric, and so of a field of verdicts. */
export function isEstimated(name: string): name is EstimatedMetric {
  return (estimatedMetrics as readonly string[]).includes(name);
}

/** Scores with how probable it is that they are right, and how many rows have each; all of one length, any order. */
export interface ProbableScores {
  /** 0 to 1, exclusive for a log loss that is finite. */
  readonly scores: ArrayLike<number>;
  /** Calibrated, 0 to 1. */
  readonly probabilities: ArrayLike<number>;
  readonly rows: ArrayLike<number>;
}

export interface Estimate {
  /** NaN without rows, and of an area where one class is not expected at all. */
  readonly value: number;
  /** Standard error that the value has because other rows could have come; that of what is true is not in it. */
  readonly error: number;
}

/** Score from which a row counts as decided for the positive class. */
const decisionScore = 0.5;

/**
 * Confidence-based performance estimation: J. Białek et al., "Estimating model performance under covariate shift without
 * labels", arXiv 2401.08348. Each row is a positive by its probability and a negative by the rest of it. The estimate is
 * right as long as the probabilities are; that the same inputs mean something else is not seen by it.
 *
 * O(n), of an area O(n log n).
 */
export function estimateOf(metric: EstimatedMetric, of: ProbableScores): Estimate {
  return metric === "estimated_auc" ? areaOf(of) : meanOf(of, terms[metric]);
}

/** What a row with that score is expected to add. */
const terms: Readonly<
  Record<Exclude<EstimatedMetric, "estimated_auc">, (score: number, probability: number) => number>
> = {
  estimated_accuracy: (score, p) => (score >= decisionScore ? p : 1 - p),
  estimated_log_loss: (score, p) => -p * Math.log(score) - (1 - p) * Math.log(1 - score),
  estimated_brier: (score, p) => p * (1 - score) ** 2 + (1 - p) * score ** 2,
};

function meanOf({ scores, probabilities, rows }: ProbableScores, term: (score: number, p: number) => number): Estimate {
  let [count, sum] = [0, 0];
  const each = Array.from(rows, (weight, i) => {
    if (weight === 0) return 0;
    const value = term(scores[i] as number, probabilities[i] as number);
    count += weight;
    sum += weight * value;
    return value;
  });
  const mean = sum / count;
  const squares = each.reduce((total, value, i) => total + (rows[i] as number) * (value - mean) ** 2, 0);
  return { value: mean, error: Math.sqrt(squares) / count };
}

/**
 * The area under the ROC curve along the scores, equal ones taken together, and its error by the influence of each row on
 * it: E. DeLong, D. DeLong, D. Clarke-Pearson, Biometrics 44 (1988), with rows that belong to both classes in part.
 */
function areaOf({ scores, probabilities, rows }: ProbableScores): Estimate {
  const order = Uint32Array.from(scores, (_, i) => i)
    .filter((i) => rows[i] !== 0)
    .sort((a, b) => (scores[a] as number) - (scores[b] as number));
  let [count, positives] = [0, 0];
  for (const i of order) {
    count += rows[i] as number;
    positives += (rows[i] as number) * (probabilities[i] as number);
  }
  const negatives = count - positives;
  if (!(positives > 0 && negatives > 0)) return { value: Number.NaN, error: Number.NaN };
  // Of each row, which part of the negatives lies below it, and which of the positives above it; half of what is level.
  const below = new Float64Array(order.length);
  const above = new Float64Array(order.length);
  let [negativesBelow, positivesBelow, area] = [0, 0, 0];
  for (let from = 0; from < order.length; ) {
    let [levelPositives, levelNegatives, to] = [0, 0, from];
    for (; to < order.length && scores[order[to] as number] === scores[order[from] as number]; to++) {
      const [weight, p] = [rows[order[to] as number] as number, probabilities[order[to] as number] as number];
      levelPositives += weight * p;
      levelNegatives += weight * (1 - p);
    }
    below.fill((negativesBelow + levelNegatives / 2) / negatives, from, to);
    above.fill(1 - (positivesBelow + levelPositives / 2) / positives, from, to);
    area += (levelPositives * (negativesBelow + levelNegatives / 2)) / (positives * negatives);
    negativesBelow += levelNegatives;
    positivesBelow += levelPositives;
    from = to;
  }
  const [p, n] = [positives / count, negatives / count];
  const squares = order.reduce((total, i, at) => {
    const own = probabilities[i] as number;
    const influence = (own / p) * ((below[at] as number) - area) + ((1 - own) / n) * ((above[at] as number) - area);
    return total + (rows[i] as number) * influence ** 2;
  }, 0);
  return { value: area, error: Math.sqrt(squares) / count };
}
