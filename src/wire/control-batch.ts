import type { TopicPartition } from "../kernel/index.ts";
import { batchAttributes, batchLayout, writeCrc } from "./batch-header.ts";
import type { Outgoing } from "./outgoing.ts";
import { RecordBatchBuilder } from "./record-batch-builder.ts";

/** Bytes around the ten that a marker's key and value have. */
const markerBatchBytes = 128;
/** Version 0, type 1: commit (Kafka protocol guide, "Control Batches"). */
const commitKey = Buffer.from([0, 0, 0, 1]);
/** Version 0, coordinator epoch 0. */
const commitValue = Buffer.alloc(6);

/**
 * The marker that ends a committed transaction in a partition: a control batch of one record, which takes an offset
 * and which readers do not see.
 */
export function commitMarker({ topic, partition }: TopicPartition, timestampMs: number): Outgoing {
  const builder = new RecordBatchBuilder({ topic, partition, role: "internal", bytesMax: markerBatchBytes });
  builder.append(timestampMs, commitKey, 0, commitKey.length, commitValue, 0, commitValue.length);
  const outgoing = builder.finish();
  const { bytes } = outgoing;
  const attributes = bytes.readInt16BE(batchLayout.attributes);
  bytes.writeInt16BE(attributes | batchAttributes.control | batchAttributes.transactional, batchLayout.attributes);
  writeCrc(bytes);
  return outgoing;
}
