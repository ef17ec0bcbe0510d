import { assert, type EpochMs, formatIsoTime, OperationError } from "../kernel/index.ts";
import type { InputKind } from "../model/index.ts";
import { createLabelLog } from "./label-log.ts";
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
  /**
   * @param inputs one number per input, NaN for null; of no meaning where the input is a category; copied
   * @param texts one value per category, in the order of the inputs; default none
   * @throws OperationError MR_TRAINING when the event id has been seen at another time or under another key
   */
  addFeatures(
    eventId: string,
    timeMs: EpochMs,
    joinKey: string,
    inputs: Float64Array,
    texts?: readonly (string | null)[],
  ): void;
  /** @param label 1 positive, 0 negative */
  addLabel(eventId: string, timeMs: EpochMs, joinKey: string, label: 0 | 1): void;
  join(): TrainingSet;
}

/**
 * Joins features to labels by a key, so that the same topics always give the same rows in the same order:
 * repeats are taken once by event id, and rows are ordered by event time, then event id. The latest fifth is for
 * measuring, with each label's last value by event time; for the rows before, to learn from, only what was known
 * before that fifth begins counts: a label that came later is what the model would not have had either.
 *
 * Flat columns: a row costs its numbers and its event id.
 */
export function createTrainingRows(kinds: readonly InputKind[]): TrainingRows {
  const width = kinds.length;
  const categories = kinds.flatMap((kind, input) => (kind === "category" ? [input] : []));
  const dictionaries = categories.map(() => new Map<string, number>());
  const ids = new Map<string, number>(); // event id -> row
  const keys = new Map<string, number>(); // join key -> number
  const rowKeys: number[] = [];
  const times: number[] = [];
  const row = new Float64Array(width);
  let inputs = new Float64Array(1024 * width);
  const labels = createLabelLog();
  let repeats = 0;
  let repeatsDiffering = 0;

  const take = (given: Float64Array, texts: readonly (string | null)[]): void => {
    assert(given.length === width && texts.length === categories.length, "as many inputs as the signature has");
    row.set(given);
    for (const [i, input] of categories.entries()) {
      const text = texts[i] ?? null;
      row[input] = text === null ? Number.NaN : numberOf(dictionaries[i] as Map<string, number>, text);
    }
  };

  return {
    addFeatures(eventId, timeMs, joinKey, given, texts = []) {
      take(given, texts);
      const key = numberOf(keys, joinKey);
      const before = ids.get(eventId);
      if (before === undefined) {
        const at = ids.size * width;
        if (at + width > inputs.length) inputs = grown(inputs, at + width);
        inputs.set(row, at);
        ids.set(eventId, ids.size);
        rowKeys.push(key);
        times.push(timeMs);
        return;
      }
      if (times[before] !== timeMs || rowKeys[before] !== key) throw madeAnew(eventId, times[before] ?? 0, timeMs);
      repeats++;
      const stored = inputs.subarray(before * width, (before + 1) * width);
      if (stored.every((x, i) => x === row[i] || (Number.isNaN(x) && Number.isNaN(row[i])))) return;
      repeatsDiffering++;
      stored.set(row);
    },

    addLabel(eventId, timeMs, joinKey, label) {
      labels.add(eventId, timeMs, numberOf(keys, joinKey), label);
    },

    join() {
      const known = labels.close();
      const eventIds = [...ids.keys()];
      const labelOf = (at: number, beforeMs: EpochMs) => known.lastBefore(rowKeys[at] as number, beforeMs);
      const labelled = Array.from(eventIds.keys())
        .filter((at) => labelOf(at, Number.POSITIVE_INFINITY) !== undefined)
        .sort((a, b) => {
          const byTime = (times[a] as number) - (times[b] as number);
          return byTime !== 0 ? byTime : (eventIds[a] as string) < (eventIds[b] as string) ? -1 : 1;
        });
      const split = splitByTime(
        labelled.map((at) => times[at] as number),
        validationShare,
      );
      const earlier = labelled
        .slice(0, split.trainCount)
        .filter((at) => labelOf(at, split.splitAtMs ?? Number.POSITIVE_INFINITY) !== undefined);
      const order = [...earlier, ...labelled.slice(split.trainCount)];
      const set: TrainingSet = {
        inputs: new Float64Array(order.length * width),
        labels: new Float64Array(order.length),
        timesMs: new Float64Array(order.length),
        width,
        texts: kinds.map((_, input) => {
          const i = categories.indexOf(input);
          return i < 0 ? null : [...(dictionaries[i]?.keys() ?? [])];
        }),
        split: { ...split, trainCount: earlier.length },
        counts: {
          features: eventIds.length,
          unlabelled: eventIds.length - labelled.length,
          labelledAfterSplit: split.trainCount - earlier.length,
          repeats,
          repeatsDiffering,
        },
      };
      for (const [i, at] of order.entries()) {
        const beforeMs = i < earlier.length ? split.splitAtMs : undefined;
        set.inputs.set(inputs.subarray(at * width, (at + 1) * width), i * width);
        set.labels[i] = labelOf(at, beforeMs ?? Number.POSITIVE_INFINITY) ?? 0;
        set.timesMs[i] = times[at] as number;
      }
      return set;
    },
  };
}

function numberOf(numbers: Map<string, number>, text: string): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, numbers.size);
  return numbers.size - 1;
}

function grown(values: Float64Array<ArrayBuffer>, lengthMin: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(Math.max(values.length * 2, lengthMin));
  larger.set(values);
  return larger;
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
