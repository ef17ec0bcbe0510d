/** The topics of Millrace's own monitoring, of one partition each, as somebody reads them who is no judge. */
import { type EpochMs, type Offset, OperationError, RecordError } from "../kernel/index.ts";
import type { Broker } from "../runtime/index.ts";
import {
  framingBytes,
  ownWriterSchema,
  type RecordSchema,
  readSchemaId,
  type SchemaRegistry,
  Writers,
} from "../schema/index.ts";
import { refuseDamage } from "../wire/index.ts";

export const ownPartition = 0;

/** A record as it stands in its topic. */
export interface OwnRecord {
  readonly offset: Offset;
  /** Kafka's time of writing. */
  readonly timestampMs: EpochMs;
  readonly key: string;
  /** Null where the key is gone. Shares nothing with what was fetched. */
  readonly value: Buffer | null;
}

/**
 * The records of a topic of one partition up to its end as it is now, in their order.
 *
 * @param begin `since`: leaves out what was written before, in Kafka's time; `from`: what was read before; all when left out
 * @throws OperationError MR_TOPIC_MISSING when there is no such topic
 */
export async function* ownRecords(
  broker: Broker,
  topic: string,
  signal: AbortSignal,
  begin: { readonly since?: EpochMs | undefined; readonly from?: Offset } = {},
): AsyncGenerator<OwnRecord> {
  const [described] = (await broker.admin.describe([topic], signal)).topics;
  const [watermark] = described === undefined ? [] : await broker.admin.watermarks(topic, signal);
  if (watermark === undefined)
    throw new OperationError("MR_TOPIC_MISSING", `reading topic ${topic}: it does not exist; run millrace apply`);
  const { end } = watermark;
  const { since } = begin;
  const first = firstOf(watermark, begin.from);
  if (first === end) return;
  const from = since === undefined ? first : { timeMs: since };
  for await (const batch of broker.read({ topic, partition: ownPartition, from, to: end }, signal)) {
    refuseDamage(batch);
    for (let i = 0; i < batch.count; i++) {
      const [keyFrom, valueFrom] = [batch.keyFrom[i] ?? -1, batch.valueFrom[i] ?? -1];
      const timestampMs = batch.timestampsMs[i] ?? 0;
      if (keyFrom < 0 || (since !== undefined && timestampMs < since)) continue;
      const value = valueFrom < 0 ? null : Buffer.from(batch.bytes.subarray(valueFrom, batch.valueTo[i]));
      const key = batch.bytes.toString("utf8", keyFrom, batch.keyTo[i]);
      yield { offset: batch.offsets[i] ?? 0, timestampMs, key, value };
    }
  }
}

/** Where reading goes on. A topic that was made anew ends before where it was read to. */
function firstOf({ low, end }: { readonly low: Offset; readonly end: Offset }, readTo = low): Offset {
  return readTo > end ? low : Math.max(low, readTo);
}

/** The schemas that values of such topics were written with, by the ids in their framing. */
export class OwnWriters {
  readonly #writers: Writers<RecordSchema>;

  constructor(registry: Pick<SchemaRegistry, "byId">) {
    this.#writers = new Writers({
      registry,
      make: ownWriterSchema,
      refusal: (thrown) => {
        if (thrown instanceof RecordError) return thrown;
        throw thrown;
      },
      // A topic is read once: an id that is not known stays so.
      monotonicMs: () => 0,
      unknownForMs: 1,
    });
  }

  /** @throws RecordError MR_DECODE_* for what has no framing, or an id that nobody knows */
  async of(value: Buffer, signal: AbortSignal): Promise<RecordSchema | undefined> {
    const id = readSchemaId(value, 0, Math.min(value.length, framingBytes));
    if (this.#writers.byId(id) === undefined) await this.#writers.resolve(id, signal);
    return this.#writers.byId(id);
  }
}
