import { RecordError } from "../kernel/index.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { ByteSink } from "./byte-sink.ts";
import { readProblems } from "./compatibility.ts";
import { generateDecoder } from "./generated-decoder.ts";
import { generateEncoder } from "./generated-encoder.ts";
import type { RecordSchema } from "./record-schema.ts";
import type { Row } from "./row-shape.ts";
import { valueWriter } from "./value-writer.ts";

export interface RowDecoder {
  /**
   * Decodes the Avro body (without framing) in `bytes[from, to)`.
   *
   * The row has every field of the reader's schema, in its order, and shares nothing with `bytes`.
   * @throws RecordError MR_DECODE_BODY for anything that does not fit, bytes left over included
   */
  decode(bytes: Buffer, from: number, to: number): Row;
}

export interface RowEncoder {
  /**
   * Encodes `row` as an Avro body at `at`, and answers the end; fields that the schema does not have are ignored.
   * Negative when `into` is too small: -(answer) bytes are missing at `into.length`. Then nothing after `at` counts.
   * @throws RecordError MR_CAST, naming the field, for a value that does not fit
   */
  encode(row: Row, into: Buffer, at: number): number;
}

/**
 * Decodes what was written as `writer` into rows of `reader`. Made once per pair and kept: it costs milliseconds.
 * @throws RecordError MR_DECODE_BODY when `reader` cannot read `writer` at all, with every reason
 */
export function createDecoder(writer: RecordSchema, reader: RecordSchema): RowDecoder {
  const problems = readProblems(reader, writer);
  if (problems.length > 0) {
    throw new RecordError("MR_DECODE_BODY", `reading ${writer.fullName} as ${reader.fullName}: ${problems.join("; ")}`);
  }
  return { decode: generateDecoder(writer.type, reader.type, new ByteCursor()) };
}

/** Encodes rows of `schema`. Made once per schema and kept. */
export function createEncoder(schema: RecordSchema): RowEncoder {
  const fast = generateEncoder(schema.type);
  const write = valueWriter(schema.type);
  const sink = new ByteSink();
  return {
    encode: (row, into, at) => {
      const end = fast(row, into, at);
      if (end >= 0) return end;
      // The fast path asks for more room than it may need: this tells exactly whether the row fits.
      sink.reset();
      write(sink, row, "");
      const missing = sink.byteLength - (into.length - at);
      if (missing > 0) return -missing;
      sink.copyTo(into, at);
      return at + sink.byteLength;
    },
  };
}
