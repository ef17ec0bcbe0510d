import { chiSquarePoint, chiSquareUpper } from "../stats/index.ts";

/**
 * How the stability index of a field is distributed while nothing changes: chi-square with `freedom` degrees of freedom,
 * times `scale`, times 1/n + 1/m for n rows of the baseline and m of the window.
 *
 * Of rows that are independent freedom is cells - 1 and scale 1. Rows that follow one another are alike, in some
 * directions more than in others: fewer degrees of freedom of a greater scale, learnt from windows of the reference by
 * their first two moments (F. Satterthwaite, "An approximate distribution of estimates of variance components", 1946).
 */
export interface NullScore {
  readonly freedom: number;
  readonly scale: number;
}

/** Worth of the median of all fields beside a field's own windows, in windows. */
const sharedWindows = 30;

/** What the windows of the reference say of one field. */
export interface ReferenceScores {
  /** Index of each window against the rest of the reference, over 1/n + 1/m. */
  readonly scores: readonly number[];
  /** Cells that hold anything, less one; at least 1. */
  readonly freedomMax: number;
}

/**
 * The null of every field, each drawn towards the median of all: thirty windows alone say little about a tail.
 *
 * It never promises less noise than independent rows have.
 */
export function learnNulls(fields: readonly ReferenceScores[]): NullScore[] {
  const own = fields.map(({ scores, freedomMax }) => ({
    ...ratios(scores, freedomMax),
    windows: scores.length,
    freedomMax,
  }));
  const inflationShared = median(own.map(({ inflation }) => inflation));
  const shapeShared = median(own.map(({ shape }) => shape));
  return own.map(({ inflation, shape, windows, freedomMax }) => {
    const drawn = (mine: number, shared: number): number =>
      (mine * windows + shared * sharedWindows) / (windows + sharedWindows);
    const mean = freedomMax * Math.max(1, drawn(inflation, inflationShared));
    const freedom = Math.min(freedomMax, Math.max(1, freedomMax * drawn(shape, shapeShared)));
    return { freedom, scale: mean / freedom };
  });
}

/** Probability of an index of at least `score` while nothing changes. */
export function nullProbability({ freedom, scale }: NullScore, score: number, n: number, m: number): number {
  return chiSquareUpper(score / (scale * (1 / n + 1 / m)), freedom);
}

/** The index that chance alone passes with that probability. */
export function nullPoint({ freedom, scale }: NullScore, probability: number, n: number, m: number): number {
  return chiSquarePoint(probability, freedom) * scale * (1 / n + 1 / m);
}

/** Mean over that of independent rows, and degrees of freedom over those of independent rows. */
function ratios(scores: readonly number[], freedomMax: number): { readonly inflation: number; readonly shape: number } {
  if (scores.length < 2) return { inflation: 1, shape: 1 };
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (scores.length - 1);
  if (mean <= 0) return { inflation: 1, shape: 1 };
  return { inflation: mean / freedomMax, shape: variance > 0 ? (2 * mean * mean) / variance / freedomMax : 1 };
}

function median(numbers: readonly number[]): number {
  const sorted = Float64Array.from(numbers).sort();
  const { length } = sorted;
  return length === 0 ? 1 : ((sorted[(length - 1) >> 1] ?? 1) + (sorted[length >> 1] ?? 1)) / 2;
}
