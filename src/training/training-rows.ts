import { assert, type EpochMs } from "../kernel/index.ts";

/** Labelled rows in time order, as a learner takes them. */
export interface TrainingSet {
  readonly inputs: Float64Array;
  readonly labels: Float64Array;
  readonly timesMs: Float64Array;
  readonly width: number;
  /** Feature rows seen, repeats of an event left out. */
  readonly featureCount: number;
  /** Feature rows that no label was found for. */
  readonly unlabelledCount: number;
}

/** Collects features and labels in any order, then joins them. */
export interface TrainingRows {
  /** @param inputs `width` numbers, NaN for null; copied */
  addFeatures(eventId: string, timeMs: EpochMs, joinKey: string, inputs: Float64Array): void;
  /** @param label 1 positive, 0 negative */
  addLabel(eventId: string, timeMs: EpochMs, joinKey: string, label: 0 | 1): void;
  join(): TrainingSet;
}

interface LastLabel {
  label: 0 | 1;
  timeMs: EpochMs;
  eventId: string;
}

/**
 * Joins features to labels by a key, so that the same topics always give the same rows in the same order:
 * repeats are dropped by event id, a label's last value by event time counts (then by event id), and rows
 * are ordered by event time, then event id. Flat columns: a row costs its numbers and two strings.
 */
export function createTrainingRows(width: number): TrainingRows {
  const ids = new Map<string, number>(); // event id -> row
  const joinKeys: string[] = [];
  const times: number[] = [];
  let inputs = new Float64Array(1024 * width);
  const labels = new Map<string, LastLabel>();

  return {
    addFeatures(eventId, timeMs, joinKey, row) {
      assert(row.length === width, "as many inputs as the signature has");
      if (ids.has(eventId)) return;
      const at = ids.size * width;
      if (at + width > inputs.length) {
        const grown = new Float64Array(Math.max(inputs.length * 2, at + width));
        grown.set(inputs);
        inputs = grown;
      }
      inputs.set(row, at);
      ids.set(eventId, ids.size);
      joinKeys.push(joinKey);
      times.push(timeMs);
    },

    addLabel(eventId, timeMs, joinKey, label) {
      const last = labels.get(joinKey);
      const isLater = last === undefined || timeMs > last.timeMs || (timeMs === last.timeMs && eventId > last.eventId);
      if (isLater) labels.set(joinKey, { label, timeMs, eventId });
    },

    join() {
      const eventIds = [...ids.keys()];
      const order = Array.from(eventIds.keys())
        .filter((row) => labels.has(joinKeys[row] as string))
        .sort((a, b) => {
          const byTime = (times[a] as number) - (times[b] as number);
          return byTime !== 0 ? byTime : (eventIds[a] as string) < (eventIds[b] as string) ? -1 : 1;
        });
      const set: TrainingSet = {
        inputs: new Float64Array(order.length * width),
        labels: new Float64Array(order.length),
        timesMs: new Float64Array(order.length),
        width,
        featureCount: eventIds.length,
        unlabelledCount: eventIds.length - order.length,
      };
      for (const [i, row] of order.entries()) {
        set.inputs.set(inputs.subarray(row * width, (row + 1) * width), i * width);
        set.labels[i] = labels.get(joinKeys[row] as string)?.label ?? 0;
        set.timesMs[i] = times[row] as number;
      }
      return set;
    },
  };
}
