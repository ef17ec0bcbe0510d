import { assert, type EpochMs, formatIsoTime, OperationError } from "../kernel/index.ts";
import type { InputKind } from "../model/index.ts";
import type { FeatureChunk, LabelChunk } from "./chunks.ts";
import { Column } from "./column.ts";
import { type Collected, joinRows, splitSet, type TrainingSet, type WholeSet } from "./join-rows.ts";
import { createLabelLog } from "./label-log.ts";
import type { LabelRules } from "./label-rules.ts";
import { TextNumbers, textAt } from "./texts.ts";

/** Room that is made for inputs ahead of them, at most: a topic may have far more records than are asked for. */
const reservedBytesMax = 256 * 2 ** 20;

/** Collects features and labels in any order, then joins them. */
export interface TrainingRows {
  /** Makes room for records that are to come, at most so many: growing would hold what is there twice for a while. */
  expect(kind: "features" | "labels", count: number): void;
  /** @throws OperationError MR_TRAINING when an event id has been seen at another time or under another key */
  addFeatures(chunk: FeatureChunk): void;
  addLabels(chunk: LabelChunk): void;
  /** Ends the adding: the rows are put in order where they lie, and what has no label yet at the split is left out. */
  join(rules?: LabelRules): TrainingSet;
  /** Ends the adding likewise, and leaves it to the caller as of when labels count. */
  joinWhole(rules?: LabelRules): WholeSet;
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

  const joinWhole = (rules: LabelRules = {}): WholeSet => {
    assert(rows !== undefined, "rows that were not joined yet");
    const texts = kinds.map((_, input) => {
      const i = categories.indexOf(input);
      return i < 0 ? null : [...(dictionaries[i]?.keys() ?? [])];
    });
    const set = joinRows(rows, texts, rules);
    // What is not part of the set goes before the fit needs room.
    rows = undefined;
    return set;
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

    join: (rules) => splitSet(joinWhole(rules)),

    joinWhole,
  };
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
