import type { EpochMs } from "../kernel/index.ts";
import type { Column } from "./column.ts";
import type { LabelLog } from "./label-log.ts";
import { findOutages, type LabelOutage, type LeftOut } from "./label-outage.ts";
import { type LabelRules, labelsBy } from "./label-rules.ts";
import { moveRows } from "./move-rows.ts";
import { orderOf } from "./order.ts";
import type { TextNumbers } from "./texts.ts";
import { splitByTime, type TimeSplit } from "./time-split.ts";

/** Share of the rows, the latest ones, that metrics are measured on. */
const validationShare = 0.2;

/** Labelled rows in time order, those to learn from first, as a learner takes them. */
export interface TrainingSet {
  /** Row-major; NaN for null, and for a category the index of its text. */
  readonly inputs: Float64Array;
  readonly labels: Float64Array;
  readonly timesMs: Float64Array;
  readonly width: number;
  /** Texts of each input that is a category, by index; null for the others. */
  readonly texts: readonly (readonly string[] | null)[];
  readonly split: TimeSplit;
  readonly counts: RowCounts;
  /** What was left out because of improbably few positives, ascending. */
  readonly outages: readonly LeftOut[];
}

/** All labelled rows in time order. Inputs and labels as in {@link TrainingSet}; of each label its last value. */
export interface WholeSet extends Omit<TrainingSet, "split" | "counts"> {
  readonly counts: Omit<RowCounts, "labelledAfterSplit">;
  /** The label of a row as it was known just before a time; undefined when none was. */
  labelBefore(row: number, beforeMs: EpochMs): number | undefined;
}

export interface RowCounts {
  /** Feature rows seen, repeats of an event left out. */
  readonly features: number;
  /** Feature rows that no label was found for. */
  readonly unlabelled: number;
  /** Rows before the split left out because no label of theirs was known before it. */
  readonly labelledAfterSplit: number;
  /** Records passed over because their event was there already. */
  readonly repeats: number;
  /** Repeats with other features than the record before; the last one counts. */
  readonly repeatsDiffering: number;
}

/** Rows as they came, each with the number of its event id as its place. */
export interface Collected {
  readonly width: number;
  readonly ids: TextNumbers;
  readonly keys: TextNumbers;
  readonly rowKeys: Column<Uint32Array<ArrayBuffer>>;
  readonly times: Column<Float64Array<ArrayBuffer>>;
  readonly inputs: Column<Float64Array<ArrayBuffer>>;
  readonly labels: LabelLog;
  repeats: number;
  repeatsDiffering: number;
}

/**
 * Puts the labelled rows in order of event time, then event id, where they lie. What is improbably poor in positives
 * is left out, where the absence of a label means 0.
 */
export function joinRows(rows: Collected, texts: TrainingSet["texts"], rules: LabelRules): WholeSet {
  const { ids, width, times, inputs, repeats, repeatsDiffering } = rows;
  const rowCount = times.length;
  const byRules = labelsBy(rows.labels.close(), rules);
  const timeOf = (at: number): number => times.values[at] as number;
  const labelOf = (at: number, beforeMs: EpochMs) => byRules(rows.rowKeys.values[at] as number, timeOf(at), beforeMs);
  const labelled = orderOf(
    rowCount,
    (at) => labelOf(at, Number.POSITIVE_INFINITY) !== undefined,
    (a, b) => timeOf(a) - timeOf(b) || ids.texts.compare(a, b),
  );
  const lastOf = (at: number): number => labelOf(at, Number.POSITIVE_INFINITY) ?? 0;
  const outages =
    rules.matureAfterMs === undefined
      ? []
      : findOutages(numbersOf(labelled, lastOf), countBefore(labelled, timeOf, rules.referenceUntilMs));
  const leftOut = outages.map(
    ({ from, to, ...counts }): LeftOut => ({
      ...counts,
      rows: to - from,
      fromMs: timeOf(labelled[from] as number),
      lastMs: timeOf(labelled[to - 1] as number),
      isNewest: to === labelled.length,
    }),
  );
  const order = withoutOutages(labelled, outages);
  const timesMs = numbersOf(order, timeOf);
  const labels = numbersOf(order, lastOf);
  const counts = { features: rowCount, unlabelled: rowCount - labelled.length, repeats, repeatsDiffering };
  moveRows(inputs.values, width, order, rowCount);
  return {
    inputs: inputs.values.subarray(0, order.length * width),
    labels,
    timesMs,
    width,
    texts,
    counts,
    outages: leftOut,
    labelBefore: (row, beforeMs) => labelOf(order[row] as number, beforeMs),
  };
}

/** Splits off the latest fifth, and leaves out the rows before it whose label was not known yet when it begins. */
export function splitSet(whole: WholeSet): TrainingSet {
  const { inputs, labels, timesMs, width, labelBefore, counts, ...rest } = whole;
  const split = splitByTime(timesMs, validationShare);
  const splitAtMs = split.splitAtMs ?? Number.POSITIVE_INFINITY;
  // Rows to learn from move up over those that are left out, and the later ones follow.
  let count = 0;
  for (let i = 0; i < timesMs.length; i++) {
    const label = i < split.trainCount ? labelBefore(i, splitAtMs) : labels[i];
    if (label === undefined) continue;
    if (count < i) inputs.copyWithin(count * width, i * width, (i + 1) * width);
    timesMs[count] = timesMs[i] as number;
    labels[count] = label;
    count++;
  }
  const trainCount = count - split.validationCount;
  return {
    ...rest,
    inputs: inputs.subarray(0, count * width),
    labels: labels.subarray(0, count),
    timesMs: timesMs.subarray(0, count),
    width,
    split: { ...split, trainCount },
    counts: { ...counts, labelledAfterSplit: split.trainCount - trainCount },
  };
}

function withoutOutages(order: Uint32Array, outages: readonly LabelOutage[]): Uint32Array {
  let kept = 0;
  let from = 0;
  for (const outage of [...outages, { from: order.length, to: order.length }]) {
    order.copyWithin(kept, from, outage.from);
    kept += outage.from - from;
    from = outage.to;
  }
  return order.subarray(0, kept);
}

/** How many rows in time order lie before a time; all of them where none is given. */
function countBefore(
  order: Uint32Array,
  timeOf: (at: number) => number,
  untilMs: EpochMs = Number.POSITIVE_INFINITY,
): number {
  const first = order.findIndex((at) => timeOf(at) >= untilMs);
  return first < 0 ? order.length : first;
}

function numbersOf(places: Uint32Array, numberAt: (place: number, i: number) => number): Float64Array {
  const numbers = new Float64Array(places.length);
  for (let i = 0; i < places.length; i++) numbers[i] = numberAt(places[i] as number, i);
  return numbers;
}
