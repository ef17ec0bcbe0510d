import { MillraceError, type Offset, OperationError } from "../kernel/index.ts";
import type { Broker } from "../runtime/index.ts";
import {
  createDecoder,
  parseRecordSchemaText,
  type RecordSchema,
  type Row,
  type RowDecoder,
  readSchemaId,
  type SchemaRegistry,
} from "../schema/index.ts";
import type { RawBatch } from "../wire/index.ts";

export interface TopicRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: Offset;
  readonly to: Offset;
}

export interface RowVisitor {
  /** Called before the first row with the most that there can be. */
  begin?(total: number): void;
  row(row: Row): void;
  /** Called after each fetched batch with the offsets passed so far and their total; the last call says total of total. */
  progress?(read: number, total: number): void;
}

export interface TopicRowsResult {
  readonly ranges: readonly TopicRange[];
  /** Registry ids of the writer schemas met, ascending. */
  readonly schemaIds: readonly number[];
  /** Records that could not be decoded and were passed over; each offset of a damaged batch counts. */
  readonly undecodable: number;
}

/**
 * Reads an Avro topic once, from its beginning to its end as it is now, as rows of one reader schema.
 *
 * Partitions are read one after the other, so memory holds one batch. A record that cannot be decoded is
 * passed over and counted; a registry that is down ends the reading.
 */
export async function readTopicRows(
  broker: Broker,
  registry: SchemaRegistry,
  topic: string,
  reader: RecordSchema,
  visitor: RowVisitor,
  signal: AbortSignal,
): Promise<TopicRowsResult> {
  const watermarks = await broker.admin.watermarks(topic, signal);
  const ranges = watermarks.map(({ partition, low, end }) => ({ topic, partition, from: low, to: end }));
  const total = ranges.reduce((sum, range) => sum + range.to - range.from, 0);
  visitor.begin?.(total);
  const decoders = new Map<number, RowDecoder | undefined>();
  let passed = 0;
  let undecodable = 0;
  for (const range of ranges) {
    if (range.from === range.to) continue;
    for await (const batch of broker.read(range, signal)) {
      const lost = offsetsLost(batch, range.to);
      undecodable += lost;
      for (let i = 0; lost === 0 && i < batch.count; i++) {
        const from = batch.valueFrom[i] ?? -1;
        const to = batch.valueTo[i] ?? -1;
        const row = from < 0 ? undefined : await decode(registry, decoders, reader, batch.bytes, from, to, signal);
        if (row === undefined) undecodable++;
        else visitor.row(row);
      }
      // Offsets and not records: compaction and transactions leave gaps that no record fills.
      visitor.progress?.(passed + Math.min(batch.offsetNext, range.to) - range.from, total);
    }
    passed += range.to - range.from;
  }
  visitor.progress?.(total, total);
  const schemaIds = [...decoders].filter(([, decoder]) => decoder !== undefined).map(([id]) => id);
  return { ranges, schemaIds: schemaIds.sort((a, b) => a - b), undecodable };
}

/** Offsets before `to` that a damaged batch takes with it; 0 when the batch is whole. */
function offsetsLost({ damage }: RawBatch, to: Offset): number {
  return damage === undefined ? 0 : Math.min(damage.last + 1, to) - damage.first;
}

/** Awaits only for a writer schema not met before. */
function decode(
  registry: SchemaRegistry,
  decoders: Map<number, RowDecoder | undefined>,
  reader: RecordSchema,
  bytes: Buffer,
  from: number,
  to: number,
  signal: AbortSignal,
): Row | undefined | Promise<Row | undefined> {
  try {
    const id = readSchemaId(bytes, from, to);
    if (decoders.has(id)) return decoders.get(id)?.decode(bytes, from + 5, to);
    return decoderFor(registry, reader, id, signal).then((decoder) => {
      decoders.set(id, decoder);
      return decode(registry, decoders, reader, bytes, from, to, signal);
    });
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.disposition === "quarantine") return undefined;
    throw thrown;
  }
}

async function decoderFor(
  registry: SchemaRegistry,
  reader: RecordSchema,
  id: number,
  signal: AbortSignal,
): Promise<RowDecoder | undefined> {
  const registered = await registry.byId(id, signal);
  if (registered === undefined) return undefined;
  const writer = parseRecordSchemaText(registered.text, `id ${id}`, { strictDefaults: false });
  if ("problems" in writer) return undefined;
  try {
    return createDecoder(writer.schema, reader);
  } catch (cause) {
    throw new OperationError("MR_SCHEMA_INCOMPATIBLE", `reading schema id ${id} as ${reader.fullName}`, { cause });
  }
}
