import { RecordError } from "../kernel/index.ts";
import {
  createEncoder,
  type RecordSchema,
  type Row,
  type RowEncoder,
  type Transcoder,
  toJsonText,
  transcoderOf,
  writeSchemaId,
} from "../schema/index.ts";
import type { ValueFormat } from "../topology/index.ts";

const firstBytes = 16_384;
const framingBytes = 5;

/**
 * Encodes values and keys into one scratch buffer each, which every record reuses: what is there is copied into
 * the batch under construction before the next record is encoded.
 */
export class OutputEncoder {
  /** The value is `value[0, valueTo)`, after `encode`. */
  value = Buffer.allocUnsafe(firstBytes);
  /** The key is `key[0, keyTo)`, after `encodeKey`. */
  key = Buffer.allocUnsafe(256);
  readonly #schema: RecordSchema;
  readonly #avro: RowEncoder | undefined;
  readonly #bytesMax: number;
  readonly #schemaId: number;

  /**
   * @param options.schemaId id in the registry, written before each Avro body; of no meaning for JSON
   * @param options.bytesMax larger values are MR_TOO_LARGE
   */
  constructor(options: {
    readonly schema: RecordSchema;
    readonly format: ValueFormat;
    readonly schemaId: number;
    readonly bytesMax: number;
    /** Fields that the row itself holds; the others are in its source. Left out: all. */
    readonly values?: ReadonlySet<string>;
  }) {
    this.#schema = options.schema;
    this.#bytesMax = options.bytesMax;
    this.#avro = options.format === "avro" ? createEncoder(options.schema, options.values) : undefined;
    this.#schemaId = options.schemaId;
  }

  /** Encodes a row into `value`; answers the end. Throws a RecordError for a row that does not fit the schema. */
  encode(row: Row): number {
    if (this.#avro === undefined) return this.#encodeJson(row);
    const source = row["#source"] as Row | undefined;
    const avro: Pick<Transcoder, "encode"> = (source && transcoderOf(source)) ?? this.#avro;
    let end = avro.encode(row, this.value, framingBytes);
    while (end < 0) {
      if (this.value.length > this.#bytesMax + framingBytes) throw tooLarge(this.value.length, this.#bytesMax);
      this.value = Buffer.allocUnsafe(this.value.length * 2);
      writeSchemaId(this.value, 0, this.#schemaId);
      end = avro.encode(row, this.value, framingBytes);
    }
    writeSchemaId(this.value, 0, this.#schemaId);
    return end;
  }

  /** Encodes the UTF-8 text of a field's value into `key`; answers the end, or -1 for null. */
  encodeKey(field: unknown): number {
    if (field === null || field === undefined) return -1;
    if (Buffer.isBuffer(field)) {
      this.#growKey(field.length);
      return field.copy(this.key, 0);
    }
    const text = typeof field === "string" ? field : String(field);
    this.#growKey(text.length * 3);
    // Ids are short and plain: a loop beats the call into native code until about this length.
    const length = text.length;
    if (length > 48) return this.key.write(text, 0);
    const { key } = this;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return key.write(text, 0);
      key[i] = code;
    }
    return length;
  }

  #encodeJson(row: Row): number {
    const text = toJsonText(this.#schema, row);
    const bytes = Buffer.byteLength(text);
    if (bytes > this.#bytesMax) throw tooLarge(bytes, this.#bytesMax);
    if (bytes > this.value.length) this.value = Buffer.allocUnsafe(2 * bytes);
    return this.value.write(text, 0);
  }

  #growKey(bytes: number): void {
    if (bytes > this.key.length) this.key = Buffer.allocUnsafe(2 * bytes);
  }
}

/** The error of a record, read or written, that is larger than a limit. */
export function tooLarge(bytes: number, bytesMax: number): RecordError {
  return new RecordError("MR_TOO_LARGE", `the record has ${bytes} bytes or more; at most ${bytesMax} are allowed`);
}
