import { type Offset, OperationError, type RecordOut } from "../../kernel/index.ts";
import { type RawBatch, refuseDamage } from "../../wire/index.ts";
import type { Broker } from "../port.ts";

/** A record on `<topology>.control`, which is compacted: the last one of a key counts. */
export interface ControlRecord {
  readonly key: string;
  /** Null when the key is gone. */
  readonly value: string | null;
}

/** The control topic has one partition: its records have one order. */
export const controlPartition = 0;

/** Writes records to the control topic. Durable when it resolves. */
export async function writeControl(
  broker: Broker,
  controlTopic: string,
  records: readonly ControlRecord[],
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (records.length > 0) await broker.append(controlOut(controlTopic, records, nowMs), signal);
}

/** Control records as they are written. */
export function controlOut(controlTopic: string, records: readonly ControlRecord[], nowMs: number): RecordOut[] {
  return records.map(({ key, value }) => ({
    topic: controlTopic,
    partition: controlPartition,
    timestampMs: nowMs,
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
  }));
}

/** Hands every record up to the end of the topic as it is now to `take`; answers where the next one will be. */
export async function readControl(
  broker: Broker,
  controlTopic: string,
  take: (record: ControlRecord) => void,
  signal: AbortSignal,
): Promise<Offset> {
  const { low, end } = await readableEnd(broker, controlTopic, signal);
  if (low === end) return end;
  const range = { topic: controlTopic, partition: controlPartition, from: low, to: end };
  for await (const batch of broker.read(range, signal)) for (const record of controlRecordsIn(batch)) take(record);
  return end;
}

/** Where the control topic begins, and up to where it can be read now. @throws OperationError MR_TOPIC_MISSING */
export async function readableEnd(
  broker: Pick<Broker, "admin">,
  controlTopic: string,
  signal: AbortSignal,
): Promise<{ readonly low: Offset; readonly end: Offset }> {
  const [watermark] = await broker.admin.watermarks(controlTopic, signal);
  if (watermark === undefined)
    throw new OperationError("MR_TOPIC_MISSING", `reading the control topic: ${controlTopic} has no partitions`);
  return watermark;
}

/** The records of a batch that have a key. A damaged batch is not passed over: one that counts may be in it. */
export function* controlRecordsIn(batch: RawBatch): Generator<ControlRecord> {
  for (const { record } of placedRecordsIn(batch)) yield record;
}

/** The same, each with its offset. */
export function* placedRecordsIn(
  batch: RawBatch,
): Generator<{ readonly offset: Offset; readonly record: ControlRecord }> {
  refuseDamage(batch);
  for (let i = 0; i < batch.count; i++) {
    const [keyFrom, valueFrom] = [batch.keyFrom[i] ?? -1, batch.valueFrom[i] ?? -1];
    if (keyFrom < 0) continue;
    const key = batch.bytes.toString("utf8", keyFrom, batch.keyTo[i]);
    const value = valueFrom < 0 ? null : batch.bytes.toString("utf8", valueFrom, batch.valueTo[i]);
    yield { offset: batch.offsets[i] ?? batch.offsetNext, record: { key, value } };
  }
}
