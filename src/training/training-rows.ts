import { assert, type EpochMs, formatIsoTime, OperationError } from "../kernel/index.ts";
import type { InputKind } from "../model/index.ts";
import type { FeatureChunk, LabelChunk } from "./chunks.ts";
import { Column } from "./column.ts";
import { createLabelLog, type LabelLog } from "./label-log.ts";
import { orderOf } from "./order.ts";
import { TextNumbers, textAt } from "./texts.ts";
import { splitByTime, type TimeSplit } from "./time-split.ts";

/** Share of the rows, the latest ones, that metrics are measured on. */
const validationShare = 0.2;

/** Room that is made for inputs ahead of them, at most: a topic may have far more records than are asked for. */
const reservedBytesMax = 256 * 2 ** 20;

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

/** Collects features and labels in any order, then joins them. */
export interface TrainingRows {
  /** Makes room for records that are to come, at most so many: growing would hold what is there twice for a while. */
  expect(kind: "features" | "labels", count: number): void;
  /** @throws OperationError MR_TRAINING when an event id has been seen at another time or under another key */
  addFeatures(chunk: FeatureChunk): void;
  addLabels(chunk: LabelChunk): void;
  /** Ends the adding: the rows are put in order where they lie. */
  join(): TrainingSet;
}

/**
 * Joins features to labels by a key, so that the same topics always give the same rows in the same order:
 * repeats are taken once by event id, and rows are ordered by event time, then event id. The latest fifth is for
 * measuring, with each label's last value by event time; for the rows before, to learn from, only what was known
 * before that fifth begins counts: a label that came later is what the model would not have had either.
 *
 * Flat columns: a row costs its numbers, its event id and its join key as bytes, and 20 to 40 bytes more.
 */
export function createTrainingRows(kinds: readonly InputKind[]): TrainingRows {
  const width = kinds.length;
  const categories = kinds.flatMap((kind, input) => (kind === "category" ? [input] : []));
  const dictionaries = categories.map(() => new Map<string, number>());
  let rows: Collected | undefined = collected(width);

  const take = (given: Float64Array, texts: readonly (string | null)[], row: number): void => {
    for (const [i, input] of categories.entries()) {
      const text = texts[row * categories.length + i] ?? null;
      given[row * width + input] = text === null ? Number.NaN : numberOf(dictionaries[i] as Map<string, number>, text);
    }
  };

  return {
    expect(kind, count) {
      assert(rows !== undefined, "rows that were not joined yet");
      const room = Math.min(count, Math.floor(reservedBytesMax / (8 * Math.max(1, width))));
      if (kind === "labels") rows.labels.reserve(room);
      else {
        for (const texts of [rows.ids, rows.keys]) texts.reserve(room);
        for (const column of [rows.rowKeys, rows.times]) column.reserve(room);
        rows.inputs.reserve(room * width);
      }
    },

    addFeatures({ eventIds, timesMs, joinKeys, inputs, texts }) {
      assert(rows !== undefined, "rows that were not joined yet");
      const isWhole = inputs.length === timesMs.length * width && texts.length === timesMs.length * categories.length;
      assert(isWhole, "as many inputs as the signature has");
      for (let row = 0; row < timesMs.length; row++) {
        take(inputs, texts, row);
        const given = inputs.subarray(row * width, (row + 1) * width);
        const key = rows.keys.numberOf(joinKeys, row);
        addRow(rows, key, rows.ids.numberOf(eventIds, row), timesMs[row] as number, given);
      }
    },

    addLabels({ eventIds, timesMs, joinKeys, labels }) {
      assert(rows !== undefined, "rows that were not joined yet");
      for (let row = 0; row < timesMs.length; row++) {
        rows.labels.add(
          eventIds,
          row,
          timesMs[row] as number,
          rows.keys.numberOf(joinKeys, row),
          labels[row] as number,
        );
      }
    },

    join() {
      assert(rows !== undefined, "rows that were not joined yet");
      const texts = kinds.map((_, input) => {
        const i = categories.indexOf(input);
        return i < 0 ? null : [...(dictionaries[i]?.keys() ?? [])];
      });
      const set = joined(rows, texts);
      // What is not part of the set goes before the fit needs room.
      rows = undefined;
      return set;
    },
  };
}

/** Rows as they came, each with the number of its event id as its place. */
interface Collected {
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

function collected(width: number): Collected {
  return {
    width,
    ids: new TextNumbers(),
    keys: new TextNumbers(),
    rowKeys: new Column(new Uint32Array(1024)),
    times: new Column(new Float64Array(1024)),
    inputs: new Column(new Float64Array(1024 * width)),
    labels: createLabelLog(),
    repeats: 0,
    repeatsDiffering: 0,
  };
}

function addRow(rows: Collected, key: number, id: number, timeMs: EpochMs, given: Float64Array): void {
  const { ids, rowKeys, times, inputs, width } = rows;
  if (id === times.length) {
    rowKeys.push(key);
    times.push(timeMs);
    inputs.reserve(width);
    inputs.values.set(given, inputs.length);
    inputs.length += width;
    return;
  }
  const before = times.values[id] as number;
  if (before !== timeMs || rowKeys.values[id] !== key) throw madeAnew(textAt(ids.texts, id), before, timeMs);
  rows.repeats++;
  const stored = inputs.values.subarray(id * width, (id + 1) * width);
  if (stored.every((x, i) => x === given[i] || (Number.isNaN(x) && Number.isNaN(given[i])))) return;
  rows.repeatsDiffering++;
  stored.set(given);
}

function joined(rows: Collected, texts: TrainingSet["texts"]): TrainingSet {
  const { ids, width, times, inputs, repeats, repeatsDiffering } = rows;
  const rowCount = times.length;
  const known = rows.labels.close();
  const labelOf = (at: number, beforeMs: EpochMs) => known.lastBefore(rows.rowKeys.values[at] as number, beforeMs);
  const timeOf = (at: number): number => times.values[at] as number;
  const labelled = orderOf(
    rowCount,
    (at) => labelOf(at, Number.POSITIVE_INFINITY) !== undefined,
    (a, b) => timeOf(a) - timeOf(b) || ids.texts.compare(a, b),
  );
  const timesMs = numbersOf(labelled, timeOf);
  const split = splitByTime(timesMs, validationShare);
  const splitAtMs = split.splitAtMs ?? Number.POSITIVE_INFINITY;
  // Rows to learn from move up over those that are left out, and the later ones follow.
  let count = 0;
  for (let i = 0; i < labelled.length; i++) {
    const at = labelled[i] as number;
    if (i < split.trainCount && labelOf(at, splitAtMs) === undefined) continue;
    labelled[count] = at;
    timesMs[count] = timesMs[i] as number;
    count++;
  }
  const trainCount = count - split.validationCount;
  const order = labelled.subarray(0, count);
  const labels = numbersOf(order, (at, i) => labelOf(at, i < trainCount ? splitAtMs : Number.POSITIVE_INFINITY) ?? 0);
  moveRows(inputs.values, width, order, rowCount);
  return {
    inputs: inputs.values.subarray(0, count * width),
    labels,
    timesMs: timesMs.subarray(0, count),
    width,
    texts,
    split: { ...split, trainCount },
    counts: {
      features: rowCount,
      unlabelled: rowCount - labelled.length,
      labelledAfterSplit: split.trainCount - trainCount,
      repeats,
      repeatsDiffering,
    },
  };
}

/** Puts row `order[i]` at place i, for all of `order`, whose rows are distinct, without a second array of rows. */
function moveRows(rows: Float64Array, width: number, order: Uint32Array, rowCount: number): void {
  const rowFor = wholeOrder(order, rowCount);
  const held = new Float64Array(width);
  for (let first = 0; first < rowCount; first++) {
    // Round by round: each place takes its row, and the last one of a round that of the first.
    if (rowFor[first] === first) continue;
    held.set(rows.subarray(first * width, (first + 1) * width));
    let to = first;
    for (;;) {
      const from = rowFor[to] as number;
      rowFor[to] = to;
      if (from === first) break;
      rows.copyWithin(to * width, from * width, (from + 1) * width);
      to = from;
    }
    rows.set(held, to * width);
  }
}

/** The order with all rows behind it that are not in it, so that every row has a place. */
function wholeOrder(order: Uint32Array, rowCount: number): Uint32Array {
  const whole = new Uint32Array(rowCount);
  for (const row of order) whole[row] = 1;
  let at = rowCount;
  // From behind: a place is read before it is written to, since at most as many rows are left as places are.
  for (let row = rowCount - 1; row >= 0; row--) if (whole[row] === 0) whole[--at] = row;
  whole.set(order);
  return whole;
}

function numbersOf(places: Uint32Array, numberAt: (place: number, i: number) => number): Float64Array {
  const numbers = new Float64Array(places.length);
  for (let i = 0; i < places.length; i++) numbers[i] = numberAt(places[i] as number, i);
  return numbers;
}

function numberOf(numbers: Map<string, number>, text: string): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, numbers.size);
  return numbers.size - 1;
}

/** An event id names a coordinate in the chain's first topic: two events can share one only when that began anew. */
function madeAnew(eventId: string, firstMs: EpochMs, secondMs: EpochMs): OperationError {
  const when =
    firstMs === secondMs
      ? `both of ${formatIsoTime(firstMs)}, under two join keys`
      : `of ${formatIsoTime(firstMs)} and of ${formatIsoTime(secondMs)}`;
  return new OperationError(
    "MR_TRAINING",
    `reading features: event_id ${eventId} is no repeat but stands for two events, ${when}: the chain's first topic was deleted and made anew, so that the ids of its old events came again; train on one of the two with --from or --to, or delete the topics behind it too, and let the chain run over the events again`,
  );
}
