import type { EpochMs } from "../kernel/index.ts";
import type { TrainingSet, WholeSet } from "./join-rows.ts";
import { splitByTime } from "./time-split.ts";

/** Share of the rows that is measured on where no champion says which rows are new. */
const validationShare = 0.2;
/** A warm start goes on over what is new; with fewer rows than these it goes over what a full fit would take. */
const warmRowsMin = 100;

/** Which of all rows in time order are for what, as places; `to` is never part of it. */
export interface ChallengeSpans {
  /** Rows that the champion has not learned from begin here. */
  readonly unseenFrom: number;
  /** What the two are compared on: from here to the end. */
  readonly recentFrom: number;
  /** What comes before what the champion has not seen, as long as `recent`, to look at what is forgotten. */
  readonly before: { readonly from: number; readonly to: number };
}

/**
 * Recent is the newest half of what the champion has not learned from, within the bounds; undefined where there are
 * fewer rows than `rowsMin`. Rows of one event time stay together: what is measured on was not learned from.
 */
export function spansOf(
  { timesMs }: WholeSet,
  learnedUntilMs: EpochMs | undefined,
  bounds: { readonly rowsMin: number; readonly rowsMax: number } | undefined,
): ChallengeSpans | undefined {
  const count = timesMs.length;
  const unseenFrom = learnedUntilMs === undefined ? 0 : placeOf(timesMs, learnedUntilMs);
  if (bounds === undefined) {
    const recentFrom = splitByTime(timesMs, validationShare).trainCount;
    return { unseenFrom, recentFrom, before: { from: 0, to: 0 } };
  }
  const unseen = count - unseenFrom;
  if (unseen < bounds.rowsMin) return undefined;
  const wanted = Math.min(bounds.rowsMax, Math.max(bounds.rowsMin, Math.floor(unseen / 2)));
  const recentFrom = placeOf(timesMs, timesMs[count - wanted] as number);
  return { unseenFrom, recentFrom, before: { from: Math.max(0, unseenFrom - wanted), to: unseenFrom } };
}

/** The first place whose time is not before `timeMs`. */
function placeOf(timesMs: Float64Array, timeMs: EpochMs): number {
  let low = 0;
  let high = timesMs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((timesMs[middle] as number) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first place to learn from, where what is learned ends at `to`. */
export function learnFrom(to: number, unseenFrom: number, rowsMax: number | undefined, isWarm: boolean): number {
  const from = rowsMax === undefined ? 0 : Math.max(0, to - rowsMax);
  return isWarm && to - unseenFrom >= warmRowsMin ? Math.max(from, unseenFrom) : from;
}

interface SetParts {
  /** Rows to learn from, with what was known of them before the time; undefined: all that is known. */
  readonly learn: { readonly from: number; readonly to: number; readonly beforeMs?: EpochMs | undefined };
  /** Rows to measure on, with all that is known. */
  readonly measure: { readonly from: number; readonly to: number };
}

/** A set of its own of some of the rows, so that fitting it uses up nothing of the whole. */
export function setOf(whole: WholeSet, { learn, measure }: SetParts): TrainingSet {
  const { width, timesMs: allTimes, labels: allLabels, texts, counts } = whole;
  const room = learn.to - learn.from + measure.to - measure.from;
  const inputs = new Float64Array(room * width);
  const labels = new Float64Array(room);
  const timesMs = new Float64Array(room);
  let count = 0;
  const take = (row: number, label: number): void => {
    inputs.set(whole.inputs.subarray(row * width, (row + 1) * width), count * width);
    labels[count] = label;
    timesMs[count++] = allTimes[row] as number;
  };
  const { beforeMs = Number.POSITIVE_INFINITY } = learn;
  for (let row = learn.from; row < learn.to; row++) {
    const label = whole.labelBefore(row, beforeMs);
    if (label !== undefined) take(row, label);
  }
  const trainCount = count;
  for (let row = measure.from; row < measure.to; row++) take(row, allLabels[row] as number);
  const validationCount = count - trainCount;
  return {
    inputs: inputs.subarray(0, count * width),
    labels: labels.subarray(0, count),
    timesMs: timesMs.subarray(0, count),
    width,
    texts,
    split: { trainCount, validationCount, splitAtMs: validationCount === 0 ? undefined : timesMs[trainCount] },
    counts: { ...counts, labelledAfterSplit: learn.to - learn.from - trainCount },
    outages: [],
  };
}
