/** The alerts topic as its readers and writers see it: events of alerts, tests and answers, one JSON value each. */
import { type AlertEvent, readAlertEvent } from "../monitor/index.ts";
import { messageBytesDefault, type OutputTopic } from "../runtime/index.ts";
import type { RawBatch } from "../wire/index.ts";

/** A topic of Millrace's own, as it is written to. */
export const onePartition = (topic: string): OutputTopic => ({
  topic,
  partitions: 1,
  messageBytesMax: messageBytesDefault,
});

/** The values of a batch from an index on, with the index of each; tombstones and what is damaged are passed over. */
export function* textsIn(batch: RawBatch, from: number): Generator<readonly [index: number, text: string]> {
  if (batch.damage !== undefined) return;
  for (let i = from; i < batch.count; i++) {
    const valueFrom = batch.valueFrom[i] ?? -1;
    if (valueFrom >= 0) yield [i, batch.bytes.toString("utf8", valueFrom, batch.valueTo[i])];
  }
}

/** The alert events of a batch from an index on, with the index of each; what is none is passed over. */
export function* alertEventsIn(batch: RawBatch, from: number): Generator<readonly [index: number, event: AlertEvent]> {
  for (const [i, text] of textsIn(batch, from)) {
    const event = readAlertEvent(text);
    if (event !== undefined) yield [i, event];
  }
}
