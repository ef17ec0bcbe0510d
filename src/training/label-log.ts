import type { EpochMs } from "../kernel/index.ts";
import { Column } from "./column.ts";
import { orderOf } from "./order.ts";
import { TextList, type Texts } from "./texts.ts";

/** All labels of all keys, by key and in the order in which they became known. */
export interface LabelLog {
  /** Makes room for so many labels. */
  reserve(count: number): void;
  /** @param eventId which of `eventIds` names the event */
  add(eventIds: Texts, eventId: number, timeMs: EpochMs, key: number, label: number): void;
  /** Ends the adding. */
  close(): ClosedLabelLog;
}

export interface ClosedLabelLog {
  /**
   * The last label of a key whose event time is before `beforeMs`, by event time, then event id; of one event that
   * was written twice the last one. Undefined when there is none. O(log n).
   *
   * @param fromMs labels before it do not count
   */
  lastBefore(key: number, beforeMs: EpochMs, fromMs?: EpochMs): number | undefined;
}

/** Labels in flat columns: one costs thirteen bytes and its event id. Keys are small whole numbers from 0. */
export function createLabelLog(): LabelLog {
  const ids = new TextList();
  const times = new Column(new Float64Array(1024));
  const keys = new Column(new Uint32Array(1024));
  const labels = new Column(new Uint8Array(1024));

  return {
    reserve(count) {
      ids.reserve(count);
      for (const column of [times, keys, labels]) column.reserve(count);
    },

    add(eventIds, eventId, timeMs, key, label) {
      ids.addFrom(eventIds, eventId);
      times.push(timeMs);
      keys.push(key);
      labels.push(label);
    },

    close() {
      const keyOf = (at: number): number => keys.values[at] as number;
      const timeOf = (at: number): number => times.values[at] as number;
      // Of one label that was written twice the last one comes last, since equal ones keep their order.
      const order = orderOf(
        labels.length,
        () => true,
        (a, b) => keyOf(a) - keyOf(b) || timeOf(a) - timeOf(b) || ids.compare(a, b),
      );
      return {
        lastBefore(key, beforeMs, fromMs = Number.NEGATIVE_INFINITY) {
          // First place whose (key, time) is not below (key, beforeMs); what counts stands right before it.
          let low = 0;
          let high = order.length;
          while (low < high) {
            const middle = (low + high) >>> 1;
            const at = order[middle] as number;
            const isBelow = keyOf(at) < key || (keyOf(at) === key && timeOf(at) < beforeMs);
            if (isBelow) low = middle + 1;
            else high = middle;
          }
          const last = order[low - 1];
          const isCounted = last !== undefined && keyOf(last) === key && timeOf(last) >= fromMs;
          return isCounted ? labels.values[last] : undefined;
        },
      };
    },
  };
}
