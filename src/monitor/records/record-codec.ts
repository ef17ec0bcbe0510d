import { assert, RecordError } from "../../kernel/index.ts";
import {
  createDecoder,
  createEncoder,
  framingBytes,
  type Long,
  parseRecordSchema,
  type RecordSchema,
  type Row,
  type RowDecoder,
  type RowEncoder,
  readSchemaId,
  writeSchemaId,
} from "../../schema/index.ts";

const bytesFirst = 4_096;

/** Values of one of our own topics: Avro behind Confluent's framing. Rows of other writers' schemas are read as ours. */
export class RecordCodec {
  readonly schema: RecordSchema;
  readonly #encoder: RowEncoder;
  readonly #decoders = new Map<RecordSchema, RowDecoder>();

  /** @param json the schema, which is ours and so right */
  constructor(json: unknown, name: string) {
    const parsed = parseRecordSchema(json, name);
    assert("schema" in parsed, `the schema ${name} parses: ${JSON.stringify(parsed)}`);
    this.schema = parsed.schema;
    this.#encoder = createEncoder(this.schema);
  }

  /** @param id of this schema in the registry */
  encode(row: Row, id: number): Buffer {
    let into = Buffer.allocUnsafe(bytesFirst);
    for (;;) {
      const end = this.#encoder.encode(row, into, framingBytes);
      if (end >= 0) {
        writeSchemaId(into, 0, id);
        return into.subarray(0, end);
      }
      into = Buffer.allocUnsafe(into.length - end);
    }
  }

  /**
   * @param writer the schema that the framing's id names; ours when left out
   * @throws RecordError MR_DECODE_MAGIC, MR_DECODE_SHORT or MR_DECODE_BODY for what is no such record
   */
  decode(value: Uint8Array, writer: RecordSchema = this.schema): Row {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    readSchemaId(bytes, 0, bytes.length);
    let decoder = this.#decoders.get(writer);
    if (decoder === undefined) {
      decoder = createDecoder(writer, this.schema);
      this.#decoders.set(writer, decoder);
    }
    return decoder.decode(bytes, framingBytes, bytes.length);
  }
}

/** A long of a row as a number. @throws RecordError MR_DECODE_BODY beyond 2^53, where it would be another number */
export function whole(long: Long): number {
  if (typeof long === "number") return long;
  throw new RecordError("MR_DECODE_BODY", `reading a count: ${long} is beyond 2^53`);
}

export function wholes(longs: readonly Long[]): Float64Array {
  return Float64Array.from(longs, whole);
}
