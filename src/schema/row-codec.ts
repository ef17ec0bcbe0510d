import { atOnce, RecordError } from "../kernel/index.ts";
import type { RecordType } from "./avro-type.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { ByteSink } from "./byte-sink.ts";
import { typeProblems } from "./compatibility.ts";
import { generateDecoder } from "./generated-decoder.ts";
import { generateEncoder } from "./generated-encoder.ts";
import type { RecordSchema } from "./record-schema.ts";
import type { Row } from "./row-shape.ts";
import { SameTypes } from "./same-type.ts";
import { type OutputOp, planTranscoding } from "./transcode-plan.ts";
import { wholeRows } from "./transcoder.ts";
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
  readableOrThrow(writer.type, reader.type);
  const plan = atOnce(planTranscoding(wholeRows(writer.type, reader.type), new SameTypes()));
  return { decode: atOnce(generateDecoder(plan, new ByteCursor(), true)) };
}

/** Throws MR_DECODE_BODY when `reader` cannot read `writer` at all, with every reason. */
export function readableOrThrow(writer: RecordType, reader: RecordType): void {
  const problems = typeProblems(reader, writer);
  if (problems.length > 0) {
    throw new RecordError("MR_DECODE_BODY", `reading ${writer.fullName} as ${reader.fullName}: ${problems.join("; ")}`);
  }
}

/**
 * Encodes rows of `schema`. Made once per schema and kept.
 * @param values fields that the row itself holds; the others are those of the row under `#source`. Left out: all
 */
export function createEncoder(schema: RecordSchema, values?: ReadonlySet<string>): RowEncoder {
  const ops = schema.type.fields.map(({ name, type }): OutputOp => {
    return { op: "value", of: values === undefined || values.has(name) ? "row" : "source", name, label: name, type };
  });
  const fast = atOnce(generateEncoder(ops));
  const write = valueWriter(schema.type);
  const sink = new ByteSink();
  return {
    encode: (row, into, at) => {
      const end = fast(row, into, at);
      if (end >= 0) return end;
      // The fast path asks for more room than it may need: this tells exactly whether the row fits.
      sink.reset();
      write(sink, values === undefined ? row : { ...(row["#source"] as Row), ...row }, "");
      const missing = sink.byteLength - (into.length - at);
      if (missing > 0) return -missing;
      sink.copyTo(into, at);
      return at + sink.byteLength;
    },
  };
}
