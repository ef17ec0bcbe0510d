import { type RecordOut, topicPartitionKey } from "../../kernel/index.ts";
import { RecordRefusedError } from "../../runtime/index.ts";
import { type Outgoing, RecordBatchBuilder } from "../../wire/index.ts";

/** 80 % of the default limit of a topic (`max.message.bytes` 1,048,588): a batch that fits most topics. */
const batchBytesTarget = 838_000;

/** A batch and where its first record stood in the caller's list. */
export interface BuiltBatch {
  readonly outgoing: Outgoing;
  /** Index in the caller's list of each record of the batch. */
  readonly indices: readonly number[];
}

interface Building {
  readonly builder: RecordBatchBuilder;
  indices: number[];
}

/** Gathers records into batches, by topic-partition, in their order. */
export function buildBatches(records: readonly RecordOut[]): BuiltBatch[] {
  const open = new Map<string, Building>();
  const built: BuiltBatch[] = [];
  for (const [index, record] of records.entries()) {
    const building = buildingFor(open, record);
    if (!appendOne(building.builder, record)) {
      built.push({ outgoing: building.builder.finish(), indices: building.indices });
      building.indices = [];
      appendOne(building.builder, record);
    }
    building.indices.push(index);
  }
  for (const { builder, indices } of open.values()) built.push({ outgoing: builder.finish(), indices });
  return built;
}

/** The refusal of a record inside a batch, by its index in the caller's list. */
export function refusalInList(error: RecordRefusedError, { indices }: BuiltBatch): RecordRefusedError {
  const named = error.refusal.indices.flatMap((index) => indices[index] ?? []);
  const refusal = { ...error.refusal, batch: undefined, indices: named };
  return new RecordRefusedError(error, named[0] ?? -1, error.message, { cause: error, refusal });
}

function buildingFor(open: Map<string, Building>, { topic, partition }: RecordOut): Building {
  const key = topicPartitionKey(topic, partition);
  const known = open.get(key);
  if (known !== undefined) return known;
  const builder = new RecordBatchBuilder({ topic, partition, role: "output", bytesMax: batchBytesTarget });
  const building = { builder, indices: [] };
  open.set(key, building);
  return building;
}

function appendOne(builder: RecordBatchBuilder, { timestampMs, key, value, headers }: RecordOut): boolean {
  const keyTo = key?.length ?? 0;
  const valueTo = value?.length ?? 0;
  return builder.appendWithHeaders(timestampMs, key, 0, keyTo, value, 0, valueTo, headers ?? []);
}
