import type { Offset } from "../kernel/index.ts";
import { type RetrainingEvent, readRetrainingEvent } from "../training/index.ts";
import { type RawBatch, refuseDamage } from "../wire/index.ts";

export interface PlacedEvent {
  readonly offset: Offset;
  readonly event: RetrainingEvent;
}

/** The events of a batch from an index on; what is none is passed over. */
export function* retrainingEventsIn(batch: RawBatch, from = 0): Generator<PlacedEvent> {
  refuseDamage(batch);
  for (let i = from; i < batch.count; i++) {
    const valueFrom = batch.valueFrom[i] ?? -1;
    if (valueFrom < 0) continue;
    const event = readRetrainingEvent(batch.bytes.toString("utf8", valueFrom, batch.valueTo[i]));
    if (event !== undefined) yield { offset: batch.offsets[i] ?? batch.offsetNext, event };
  }
}
