import type { GateCheck } from "./gate-decision.ts";
import { meanOf, pairedDifference, type RowLoss } from "./paired-loss.ts";

/** A slice with fewer rows says too little. */
const sliceRowsMin = 200;
/** What is timed: enough for the 99th of a hundred to be no single row. */
const timedRows = 2_000;
/** The first ones run code that is not compiled yet. */
const warmUpRows = 200;

/** Two losses of the same rows in time order. */
export interface PairedLosses {
  readonly challenger: Float64Array;
  readonly other: Float64Array;
}

/** The losses of scores. */
export function lossesOf(loss: RowLoss, scores: Float64Array, labels: Float64Array): Float64Array {
  return scores.map((score, i) => loss(score, labels[i] as number));
}

/** The losses of a prediction that is the same for all. */
export function constantLosses(loss: RowLoss, score: number, labels: Float64Array): Float64Array {
  return labels.map((label) => loss(score, label));
}

function numbersOf({ challenger, other }: PairedLosses) {
  const gain = pairedDifference(other.map((x, i) => x - (challenger[i] as number)));
  const numbers = {
    rows: challenger.length,
    lossChallenger: meanOf(challenger),
    lossOther: meanOf(other),
    gain: gain.mean,
    gainLower: gain.lower,
    gainUpper: gain.upper,
  };
  return { numbers, isWorse: gain.upper < 0 };
}

/**
 * Fails where the challenger is significantly worse, which is: with a probability of 90 % its loss is larger. One that
 * is as good passes in nine of ten; one that is better does in more.
 */
export function checkPaired(
  name: "recent" | "before",
  losses: PairedLosses,
  of: { readonly unit: string; readonly other: string; readonly where: string },
): GateCheck {
  const { numbers, isWorse } = numbersOf(losses);
  const { rows, lossChallenger, lossOther, gainLower, gainUpper } = numbers;
  const [a, b, low, high] = [lossChallenger, lossOther, gainLower, gainUpper].map((x) => x.toFixed(4));
  const verdict = isWorse ? "it is significantly worse" : "it is not significantly worse";
  const text = `${of.unit} ${a} against ${b} of ${of.other}, on ${rows} ${of.where}: ${verdict} (gain between ${low} and ${high})`;
  return { name, outcome: isWorse ? "failed" : "passed", text, numbers };
}

export function skipped(name: GateCheck["name"], text: string, numbers: GateCheck["numbers"] = {}): GateCheck {
  return { name, outcome: "skipped", text, numbers };
}

/** The values of a slice by row, as numbers, and how each is called. */
export interface Slice {
  readonly field: string;
  readonly codeOf: (row: number) => number;
  readonly nameOf: (value: number) => string;
}

/** Fails where a value with at least 200 rows has a mean loss that is larger by more than the floor. */
export function checkSlice({ field, codeOf, nameOf }: Slice, losses: PairedLosses, floor: number): GateCheck {
  const sums = new Map<number, { rows: number; challenger: number; other: number }>();
  for (let row = 0; row < losses.challenger.length; row++) {
    const value = codeOf(row);
    const sum = sums.get(value) ?? { rows: 0, challenger: 0, other: 0 };
    sum.rows++;
    sum.challenger += losses.challenger[row] as number;
    sum.other += losses.other[row] as number;
    sums.set(value, sum);
  }
  const large = [...sums].filter(([, { rows }]) => rows >= sliceRowsMin);
  if (large.length === 0)
    return skipped("slice", `${field}: no value has ${sliceRowsMin} rows`, { values: sums.size, largeValues: 0 });
  const lostOf = ({ rows, challenger, other }: { rows: number; challenger: number; other: number }): number =>
    (challenger - other) / rows;
  const [value, worst] = large.reduce((a, b) => (lostOf(b[1]) > lostOf(a[1]) ? b : a));
  const lost = lostOf(worst);
  const isWorse = lost > floor;
  const text = `${field} ${nameOf(value)}: mean loss ${lost >= 0 ? "grew" : "fell"} by ${Math.abs(lost).toFixed(4)} on ${worst.rows} rows, the worst of ${large.length} values; ${floor} is the most`;
  const numbers = { values: sums.size, largeValues: large.length, rows: worst.rows, lost, floor };
  return { name: "slice", outcome: isWorse ? "failed" : "passed", text, numbers };
}

/** The 99th of a hundred times that one row takes. */
export function checkLatency(
  scoreRow: (row: number) => void,
  rows: number,
  msMax: number,
  monotonicMs: () => number,
): GateCheck {
  if (rows === 0) return skipped("latency", "there are no rows to score");
  for (let i = 0; i < warmUpRows; i++) scoreRow(i % rows);
  const times = new Float64Array(timedRows);
  for (let i = 0; i < timedRows; i++) {
    const from = monotonicMs();
    scoreRow(i % rows);
    times[i] = monotonicMs() - from;
  }
  const p99 = times.sort()[Math.ceil(0.99 * timedRows) - 1] as number;
  const isSlow = p99 > msMax;
  const text = `99 of 100 rows are scored within ${p99.toFixed(3)} ms; ${msMax} ms is the most`;
  return { name: "latency", outcome: isSlow ? "failed" : "passed", text, numbers: { p99Ms: p99, msMax } };
}

export function checkSize(bytes: number, bytesMax: number): GateCheck {
  const text = `its files have ${bytes} bytes; ${bytesMax} is the most`;
  return { name: "size", outcome: bytes > bytesMax ? "failed" : "passed", text, numbers: { bytes, bytesMax } };
}
