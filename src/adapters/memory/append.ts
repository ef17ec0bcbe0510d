import { type RecordOut, topicPartitionKey } from "../../kernel/index.ts";
import { RecordRefusedError } from "../../runtime/index.ts";
import { type Outgoing, RecordBatchBuilder } from "../../wire/index.ts";
import type { TopicStore } from "./store.ts";

/** Size of the batches that single records are gathered into, where the topic allows as much. */
const batchBytesTarget = 262_144;

interface Building {
  readonly builder: RecordBatchBuilder;
  /** Index in the caller's list of the first record in the batch under construction. */
  indexFirst: number;
}

interface Built {
  readonly outgoing: Outgoing;
  readonly indexFirst: number;
}

/**
 * Writes records as batches, in their order per partition: all of them, or none when one is refused.
 *
 * @throws RecordRefusedError whose index is that of the record in `records`; OperationError MR_TOPIC_MISSING
 */
export function appendRecords(
  records: readonly RecordOut[],
  store: TopicStore,
  as: "plain" | "transaction" = "plain",
): void {
  const batches = buildBatches(records, store);
  for (const { outgoing, indexFirst } of batches) check(outgoing, indexFirst, store);
  const outgoing = batches.map((built) => built.outgoing);
  if (as === "transaction") store.appendTransaction(outgoing);
  else for (const batch of outgoing) store.append(batch);
}

function buildBatches(records: readonly RecordOut[], store: TopicStore): Built[] {
  const open = new Map<string, Building>();
  const built: Built[] = [];
  for (const [index, record] of records.entries()) {
    const key = topicPartitionKey(record.topic, record.partition);
    let building = open.get(key);
    if (building === undefined) {
      building = { builder: builderFor(record, store), indexFirst: index };
      open.set(key, building);
    }
    if (appendOne(building.builder, record)) continue;
    built.push({ outgoing: building.builder.finish(), indexFirst: building.indexFirst });
    building.indexFirst = index;
    appendOne(building.builder, record);
  }
  for (const { builder, indexFirst } of open.values()) built.push({ outgoing: builder.finish(), indexFirst });
  return built;
}

function builderFor({ topic, partition }: RecordOut, store: TopicStore): RecordBatchBuilder {
  store.log(topic, partition);
  const bytesMax = Math.min(batchBytesTarget, store.get(topic).batchBytesMax);
  return new RecordBatchBuilder({ topic, partition, role: "output", bytesMax });
}

function appendOne(builder: RecordBatchBuilder, { timestampMs, key, value, headers }: RecordOut): boolean {
  const keyTo = key?.length ?? 0;
  const valueTo = value?.length ?? 0;
  if (headers === undefined || headers.length === 0) {
    return builder.append(timestampMs, key, 0, keyTo, value, 0, valueTo);
  }
  return builder.appendWithHeaders(timestampMs, key, 0, keyTo, value, 0, valueTo, headers);
}

function check(outgoing: Outgoing, indexFirst: number, store: TopicStore): void {
  try {
    store.check(outgoing);
  } catch (error) {
    // Batches stop at the topic's limit, so one that passes it is a single record.
    if (!(error instanceof RecordRefusedError)) throw error;
    throw new RecordRefusedError(outgoing, indexFirst, error.message, { cause: error });
  }
}
