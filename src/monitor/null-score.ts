import { chiSquarePoint, chiSquareUpper } from "../stats/index.ts";

/**
 * How the stability index of a field is distributed while nothing changes: `apart`, and chi-square with `freedom` degrees
 * of freedom times the noise of n rows of the baseline and m of the window, which is 1/n + 1/m of independent rows.
 *
 * Of rows that are independent freedom is cells - 1 and `scale` 1. Rows that follow one another are alike, in some
 * directions more than in others: fewer degrees of freedom of a greater scale, learnt from windows of the reference by
 * their first two moments (F. Satterthwaite, "An approximate distribution of estimates of variance components", 1946).
 *
 * What windows differ by beyond independent rows shrinks no further with more rows than those windows had: whether it is
 * of the rows, which follow one another, or of the windows themselves, cannot be told from windows of one size
 * (decision 49). With fewer rows it grows as if it were of the rows.
 */
export interface NullScore {
  readonly freedom: number;
  /** Of all noise, at as many rows as the windows had that it was learnt from, or fewer. */
  readonly scale: number;
  /** Part of `scale` that independent rows have; the rest is what windows differ by. */
  readonly scaleOfRows: number;
  /** 1/n + 1/m of the windows that it was learnt from; 0 of none. */
  readonly unit: number;
  /** What an hour like the others is apart from all of the reference, in nats. */
  readonly apart: number;
}

/** Of independent rows. */
export function nullOfRows(freedom: number): NullScore {
  return { freedom, scale: 1, scaleOfRows: 1, unit: 0, apart: 0 };
}

/** Worth of the median of all fields beside a field's own windows, in windows. */
const sharedWindows = 30;
/** Hours below which nobody knows what the others are like. */
const hoursMin = 4;

/** What the windows of the reference say of one field. */
export interface ReferenceScores {
  /** Index of each window against others that are to be like it, over 1/n + 1/m. */
  readonly scores: readonly number[];
  /** 1/n + 1/m of a window of the reference, were it judged; 0 where that is not known. */
  readonly unit?: number;
  /** How far each hour of the reference is from all of it beyond chance of independent rows: index, and 1/n + 1/m. */
  readonly hours?: readonly HourScore[];
  /** Cells that hold anything, less one; at least 1. */
  readonly freedomMax: number;
}

/** An hour of the day or the week against what a window of it is compared with. */
export interface HourScore {
  /** Nats. */
  readonly score: number;
  /** 1/n + 1/m. */
  readonly unit: number;
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
  return own.map(({ inflation, shape, windows, freedomMax }, i) => {
    const drawn = (mine: number, shared: number): number =>
      (mine * windows + shared * sharedWindows) / (windows + sharedWindows);
    const mean = freedomMax * Math.max(1, drawn(inflation, inflationShared));
    const freedom = Math.min(freedomMax, Math.max(1, freedomMax * drawn(shape, shapeShared)));
    const { unit = 0, hours = [] } = fields[i] ?? {};
    return { freedom, scale: mean / freedom, scaleOfRows: freedomMax / freedom, unit, apart: fence(hours, mean) };
  });
}

/** Probability of an index of at least `score` while nothing changes. */
export function nullProbability(nullScore: NullScore, score: number, n: number, m: number): number {
  const beyond = Math.max(0, score - nullScore.apart);
  return chiSquareUpper(beyond / noiseOf(nullScore, 1 / n + 1 / m), nullScore.freedom);
}

/** The index that chance alone passes with that probability. */
export function nullPoint(nullScore: NullScore, probability: number, n: number, m: number): number {
  return nullPointAt(nullScore, chiSquarePoint(probability, nullScore.freedom), 1 / n + 1 / m);
}

/** The same of a point of chi-square that is known already. @param unit 1/n + 1/m */
export function nullPointAt(nullScore: NullScore, point: number, unit: number): number {
  return nullScore.apart + point * noiseOf(nullScore, unit);
}

/** Of one degree of freedom, nats. */
function noiseOf({ scale, scaleOfRows, unit: learnt }: NullScore, unit: number): number {
  return scaleOfRows * unit + (scale - scaleOfRows) * Math.max(unit, learnt);
}

/**
 * Above it an hour stands out from the others: the upper quartile and one and a half times what lies between the quartiles
 * (J. Tukey, "Exploratory Data Analysis", 1977). An hour that does is not what the others are to be measured by.
 */
function fence(hours: readonly HourScore[], mean: number): number {
  if (hours.length < hoursMin) return 0;
  const apart = Float64Array.from(hours, ({ score, unit }) => Math.max(0, score - mean * unit)).sort();
  const [lower, upper] = [quantile(apart, 0.25), quantile(apart, 0.75)];
  return upper + 1.5 * (upper - lower);
}

/** Between the two that are nearest. @param sorted ascending, at least one */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const [below = 0, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (at - Math.floor(at)) * (above - below);
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
