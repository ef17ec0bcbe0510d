import { MillraceError, type Offset, OperationError, RecordError } from "../kernel/index.ts";
import {
  createDecoder,
  framingBytes,
  parseRecordSchemaText,
  type RecordSchema,
  type Row,
  type RowDecoder,
  readSchemaId,
  type SchemaRegistry,
  Writers,
} from "../schema/index.ts";
import type { RowVisitor, TopicRange, TopicRowsResult } from "../training/index.ts";
import type { RawBatch } from "../wire/index.ts";
import type { Broker } from "./port.ts";

/** Rows that are read without a pause, some milliseconds: a batch may hold many thousands, and batches may be there at once. */
const rowsPerTurn = 500;

/**
 * Reads an Avro topic once, from its beginning to its end as it is now, as rows of one reader schema.
 *
 * Partitions are read one after the other, so memory holds one batch. A record that cannot be decoded is
 * passed over and counted; a registry that is down ends the reading.
 *
 * @param given what to read of the topic: these ranges, or so many offsets from the end, the same share of every
 *   partition; all that it holds when left out
 */
export async function readTopicRows(
  broker: Broker,
  registry: SchemaRegistry,
  topic: string,
  reader: RecordSchema,
  visitor: RowVisitor,
  signal: AbortSignal,
  given?: readonly TopicRange[] | { readonly newest: number },
): Promise<TopicRowsResult> {
  const { ranges, older } = await rangesOf(given, broker, topic, signal);
  const total = ranges.reduce((sum, range) => sum + range.to - range.from, 0);
  visitor.begin?.(total);
  const rows = new RowReader(registry, reader);
  let passed = 0;
  let undecodable = 0;
  let read = 0;
  for (const range of ranges) {
    if (range.from === range.to) continue;
    for await (const batch of broker.read(range, signal)) {
      const lost = offsetsLost(batch, range.to);
      undecodable += lost;
      for (let i = 0; lost === 0 && i < batch.count; i++) {
        const row = await rows.valueAt(batch, i, signal);
        if (row === undefined) undecodable++;
        else visitor.row(row, batch.timestampsMs[i] ?? -1);
        if (++read % rowsPerTurn === 0) await visitor.pause?.();
      }
      // Offsets and not records: compaction and transactions leave gaps that no record fills.
      visitor.progress?.(passed + Math.min(batch.offsetNext, range.to) - range.from, total);
    }
    passed += range.to - range.from;
  }
  visitor.progress?.(total, total);
  return { ranges, schemaIds: rows.schemaIds, undecodable, ...(older === 0 ? {} : { older }) };
}

async function rangesOf(
  given: readonly TopicRange[] | { readonly newest: number } | undefined,
  broker: Broker,
  topic: string,
  signal: AbortSignal,
): Promise<{ readonly ranges: readonly TopicRange[]; readonly older: number }> {
  if (given !== undefined && !("newest" in given)) return { ranges: given, older: 0 };
  const watermarks = await broker.admin.watermarks(topic, signal);
  const total = watermarks.reduce((sum, { low, end }) => sum + end - low, 0);
  const share = given === undefined || given.newest >= total ? 1 : given.newest / total;
  const ranges = watermarks.map(({ partition, low, end }) => ({
    topic,
    partition,
    from: end - Math.floor(share * (end - low)),
    to: end,
  }));
  return { ranges, older: ranges.reduce((sum, { from }, i) => sum + from - (watermarks[i]?.low ?? from), 0) };
}

/** Offsets before `to` that a damaged batch takes with it; 0 when the batch is whole. */
function offsetsLost({ damage }: RawBatch, to: Offset): number {
  return damage === undefined ? 0 : Math.min(damage.last + 1, to) - damage.first;
}

type Decoded = Row | undefined;

/** Rows of one reader schema, whatever their writers were; undefined for a record that cannot be decoded. */
export class RowReader {
  readonly #writers: Writers<RowDecoder>;

  constructor(registry: SchemaRegistry, reader: RecordSchema) {
    this.#writers = new Writers({
      registry,
      make: (text, id) => decoderOf(text, id, reader),
      refusal: (thrown) => {
        if (thrown instanceof RecordError) return thrown;
        throw thrown;
      },
      // A topic is read once: an id that is not known stays so.
      monotonicMs: () => 0,
      unknownForMs: 1,
    });
  }

  /** Ids of the writers that were met and could be read, ascending. */
  get schemaIds(): readonly number[] {
    return [...this.#writers.ids].sort((a, b) => a - b);
  }

  /** The value of a record of a batch; undefined too where it has none. */
  valueAt({ bytes, valueFrom, valueTo }: RawBatch, i: number, signal: AbortSignal): Decoded | Promise<Decoded> {
    const from = valueFrom[i] ?? -1;
    return from < 0 ? undefined : this.decode(bytes, from, valueTo[i] ?? -1, signal);
  }

  /** Awaits only for a writer schema not met before. */
  decode(bytes: Buffer, from: number, to: number, signal: AbortSignal): Decoded | Promise<Decoded> {
    try {
      const decoder = this.#writers.of(bytes, from, to);
      if (decoder !== undefined) return decoder.decode(bytes, from + framingBytes, to);
      return this.#writers
        .resolve(readSchemaId(bytes, from, to), signal)
        .then(() => this.decode(bytes, from, to, signal));
    } catch (thrown) {
      if (thrown instanceof MillraceError && thrown.disposition === "quarantine") return undefined;
      throw thrown;
    }
  }
}

function decoderOf(text: string, id: number, reader: RecordSchema): RowDecoder {
  const writer = parseRecordSchemaText(text, `id ${id}`, { strictDefaults: false });
  if ("problems" in writer) throw new RecordError("MR_DECODE_BODY", `schema id ${id} is no schema of records`);
  try {
    return createDecoder(writer.schema, reader);
  } catch (cause) {
    throw new OperationError("MR_SCHEMA_INCOMPATIBLE", `reading schema id ${id} as ${reader.fullName}`, { cause });
  }
}
