import { type EpochMs, formatIsoTime } from "../kernel/index.ts";
import { chiSquareUpper } from "../stats/index.ts";

/** Rows among which there are too few positives to believe it. */
export interface LabelOutage {
  /** Places in time order, half open. */
  readonly from: number;
  readonly to: number;
  readonly positives: number;
  /** Positives that so many rows have elsewhere. */
  readonly expected: number;
}

/** An outage with the rows that it took from a training set. */
export interface LeftOut extends Pick<LabelOutage, "positives" | "expected"> {
  readonly rows: number;
  /** First and last event time. */
  readonly fromMs: EpochMs;
  readonly lastMs: EpochMs;
  /** No row with a label is newer: the labels may be out still. */
  readonly isNewest: boolean;
}

/** What became of the rows, in a sentence. */
export function outageText({ rows, fromMs, lastMs, positives, expected }: LeftOut): string {
  const [from, to] = [fromMs, lastMs].map(formatIsoTime);
  return `INSUFFICIENT(labels): of ${rows} rows from ${from} to ${to} only ${positives} are positive where ${expected.toFixed(1)} are usual, as when labels are missing; they are not learned from`;
}

/** A stretch of rows has so many positives, as a rule: with fewer than seven, none at all is no surprise. */
const expectedPositives = 10;
/** Less probable than that is not believed. */
const probabilityMin = 0.001;
/** What was found leaves the reference, which is then nearer to what is usual. */
const looks = 3;

/**
 * Stretches of rows with improbably few positives: where the absence of a label means 0, an outage of what reports
 * positives looks like a world without any. Rows are cut into stretches that have ten positives as a rule, from the
 * newest on; one is an outage when a Poisson variable of that mean is as small with a probability below 0.001. It reaches to the
 * next positive on either side.
 *
 * Ordinary rates that swing much (nights without any) look like outages too. Their rows are missed in a training; a
 * model that learned an outage would be served.
 *
 * @param labels in time order, 0 or 1
 * @param referenceCount how many of them, the oldest, say what is usual; with fewer than ten positives there, all do
 * @returns ascending, apart from each other; empty where there are fewer than ten positives in all
 */
export function findOutages(labels: ArrayLike<number>, referenceCount = labels.length): readonly LabelOutage[] {
  const positivesBefore = new Float64Array(labels.length + 1);
  for (let i = 0; i < labels.length; i++)
    positivesBefore[i + 1] = (positivesBefore[i] as number) + (labels[i] as number);
  const positivesIn = (from: number, to: number): number =>
    (positivesBefore[to] as number) - (positivesBefore[from] as number);
  const isEnough = positivesIn(0, referenceCount) >= expectedPositives;
  const reference = isEnough ? referenceCount : labels.length;
  let found: readonly LabelOutage[] = [];
  for (let look = 0; look < looks; look++) {
    let [rows, positives] = [reference, positivesIn(0, reference)];
    for (const { from, to } of found) {
      const end = Math.min(to, reference);
      if (from >= end) continue;
      rows -= end - from;
      positives -= positivesIn(from, end);
    }
    if (positives < expectedPositives) break;
    found = outagesAt(positives / rows, labels, positivesIn);
  }
  return found;
}

function outagesAt(
  rate: number,
  labels: ArrayLike<number>,
  positivesIn: (from: number, to: number) => number,
): LabelOutage[] {
  const length = Math.ceil(expectedPositives / rate);
  const outages: LabelOutage[] = [];
  let end = labels.length;
  for (let to = end; to > 0; ) {
    // The oldest stretch takes what is too short to be one of its own.
    const from = to < 2 * length ? 0 : to - length;
    const isOutage = chiSquareUpper(2 * rate * (to - from), 2 * (positivesIn(from, to) + 1)) < probabilityMin;
    if (isOutage) {
      const [first, last] = [backToPositive(labels, from), onToPositive(labels, to, end)];
      outages.push({ from: first, to: last, positives: positivesIn(first, last), expected: rate * (last - first) });
      end = first;
    }
    to = Math.min(from, end);
  }
  return outages.reverse();
}

/** An outage begins and ends somewhere between two positives: nobody can say where, so all between them is of it. */
function backToPositive(labels: ArrayLike<number>, from: number): number {
  let first = from;
  while (first > 0 && labels[first - 1] !== 1) first--;
  return first;
}

function onToPositive(labels: ArrayLike<number>, to: number, end: number): number {
  let last = to;
  while (last < end && labels[last] !== 1) last++;
  return last;
}
