import type { EpochMs } from "../kernel/index.ts";

/** All labels of all keys, by key and in the order in which they became known. */
export interface LabelLog {
  add(eventId: string, timeMs: EpochMs, key: number, label: 0 | 1): void;
  /** Ends the adding. */
  close(): ClosedLabelLog;
}

export interface ClosedLabelLog {
  /**
   * The last label of a key whose event time is before `beforeMs`, by event time, then event id; of one event that
   * was written twice the last one. Undefined when there is none. O(log n).
   */
  lastBefore(key: number, beforeMs: EpochMs): 0 | 1 | undefined;
}

/** Labels in flat columns: one costs three numbers and its event id. Keys are small whole numbers from 0. */
export function createLabelLog(): LabelLog {
  const eventIds: string[] = [];
  const times: number[] = [];
  const keys: number[] = [];
  const labels: (0 | 1)[] = [];

  return {
    add(eventId, timeMs, key, label) {
      eventIds.push(eventId);
      times.push(timeMs);
      keys.push(key);
      labels.push(label);
    },

    close() {
      const order = Uint32Array.from(labels.keys()).sort((a, b) => {
        const byKey = (keys[a] as number) - (keys[b] as number);
        if (byKey !== 0) return byKey;
        const byTime = (times[a] as number) - (times[b] as number);
        if (byTime !== 0) return byTime;
        const [idA, idB] = [eventIds[a] as string, eventIds[b] as string];
        return idA < idB ? -1 : idA > idB ? 1 : a - b;
      });
      const keyAt = (at: number): number => keys[order[at] as number] as number;
      const timeAt = (at: number): number => times[order[at] as number] as number;
      return {
        lastBefore(key, beforeMs) {
          // First place whose (key, time) is not below (key, beforeMs); what counts stands right before it.
          let low = 0;
          let high = order.length;
          while (low < high) {
            const middle = (low + high) >>> 1;
            const isBelow = keyAt(middle) < key || (keyAt(middle) === key && timeAt(middle) < beforeMs);
            if (isBelow) low = middle + 1;
            else high = middle;
          }
          return low > 0 && keyAt(low - 1) === key ? labels[order[low - 1] as number] : undefined;
        },
      };
    },
  };
}
