import { assert } from "../../kernel/index.ts";
import { type Codecs, decodeOutgoing, type Outgoing, type RawBatch, RecordBatchBuilder } from "../../wire/index.ts";

/**
 * The two halves of a finished batch, in order, uncompressed; each has at least one record.
 *
 * For a batch that a broker refuses: the halves find the record that it refuses.
 */
export function splitBatch(outgoing: Outgoing, codecs: Codecs): [Outgoing, Outgoing] {
  assert(outgoing.recordCount > 1, "splitting a batch of one record");
  const batch = decodeOutgoing(outgoing, codecs);
  const middle = batch.count >> 1;
  return [rebuilt(outgoing, batch, 0, middle), rebuilt(outgoing, batch, middle, batch.count)];
}

function rebuilt({ topic, partition, role }: Outgoing, batch: RawBatch, from: number, to: number): Outgoing {
  const builder = new RecordBatchBuilder({ topic, partition, role, bytesMax: Number.MAX_SAFE_INTEGER });
  for (let i = from; i < to; i++) {
    const keyFrom = batch.keyFrom[i] ?? -1;
    const valueFrom = batch.valueFrom[i] ?? -1;
    builder.appendWithRawHeaders(
      batch.timestampsMs[i] ?? 0,
      keyFrom < 0 ? null : batch.bytes,
      keyFrom,
      batch.keyTo[i] ?? 0,
      valueFrom < 0 ? null : batch.bytes,
      valueFrom,
      batch.valueTo[i] ?? 0,
      batch.bytes,
      batch.headersFrom[i] ?? 0,
      batch.headersTo[i] ?? 0,
      batch.headerCounts[i] ?? 0,
    );
  }
  return builder.finish();
}
