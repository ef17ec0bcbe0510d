import { type AvroType, isTimestamp, type RecordType, splitNullable } from "./avro-type.ts";
import { ByteSink, misfit, writeLong } from "./byte-sink.ts";
import { isLong } from "./long.ts";
import type { Row } from "./row-shape.ts";
import { writeText } from "./short-text.ts";
import { type ValueWriter, valueWriter } from "./value-writer.ts";

/** Encodes at `at` and answers the end, or -1 when the room may not do. Throws MR_CAST. */
export type GeneratedEncoder = (row: Row, into: Buffer, at: number) => number;

/** Most bytes that a value takes beside the text or bytes in it; undefined for types that are not flat. */
const flatBytesMax: Readonly<Record<string, number>> = {
  boolean: 1,
  int: 5,
  long: 10,
  float: 4,
  double: 8,
  string: 5,
  enum: 5,
};

/**
 * One function for one schema, which checks and writes flat fields without a call per field. Other fields go through
 * their `ValueWriter`. Made of field names (checked, and quoted) and numbers, as the decoder is.
 */
export function generateEncoder(schema: RecordType): GeneratedEncoder {
  const flat = schema.fields.map((field) => splitNullable(field.type));
  const room = flat.reduce((sum, { type, nullable }) => sum + (flatBytesMax[type.kind] ?? 0) + (nullable ? 1 : 0), 0);
  const source = [
    "return (row, b, at) => {",
    `  const end = b.length - ${room};`,
    "  if (at > end) return -1;",
    "  let p = at, k = 0, v;",
    ...schema.fields.map((field, i) => writeField(i, field.name, field.type)),
    "  return p;",
    "}",
  ].join("\n");
  const sink = new ByteSink();
  const writers = schema.fields.map((field) => valueWriter(field.type));
  const symbols = flat.map(({ type }) =>
    type.kind === "enum" ? new Map(type.symbols.map((symbol, index) => [symbol, index])) : undefined,
  );
  const misfits = schema.fields.map((field, i) => misfitOf(field.name, flat[i]?.type ?? field.type));
  const make = new Function("sink", "writers", "symbols", "misfits", "isLong", "writeLong", "writeText", source);
  return make(
    sink,
    writers satisfies ValueWriter[],
    symbols,
    misfits,
    isLong,
    writeLong,
    writeText,
  ) as GeneratedEncoder;
}

function misfitOf(name: string, type: AvroType): (value: unknown) => never {
  const wanted = isTimestamp(type) ? "timestamp-millis" : type.kind;
  return (value) => misfit(name, wanted, value);
}

/** Statements that write field `i` of `row`. `end` leaves room for all fixed parts, so only text asks for room. */
function writeField(i: number, name: string, fieldType: AvroType): string {
  const { type, nullable } = splitNullable(fieldType);
  const take = `  v = row[${JSON.stringify(name)}];`;
  const inline = writeFlat(i, type);
  if (inline === undefined || (fieldType.kind === "union" && !nullable)) {
    return `${take} sink.reset(); writers[${i}](sink, v, ${JSON.stringify(name)}); k = sink.byteLength;\n  if (p + k > end) return -1; sink.copyTo(b, p); p += k;`;
  }
  if (!nullable) return `${take} ${inline}`;
  const nullFirst = fieldType.kind === "union" && fieldType.branches[0]?.kind === "null";
  const [nullIndex, typeIndex] = nullFirst ? [0, 2] : [2, 0];
  return `${take} if (v === null || v === undefined) b[p++] = ${nullIndex}; else { b[p++] = ${typeIndex}; ${inline} }`;
}

const varint = "while (k > 127) { b[p++] = (k & 127) | 128; k >>>= 7; } b[p++] = k;";
const zigzag = `k = ((v << 1) ^ (v >> 31)) >>> 0; ${varint}`;

function writeFlat(i: number, type: AvroType): string | undefined {
  switch (type.kind) {
    case "boolean":
      return `if (v === true) b[p++] = 1; else if (v === false) b[p++] = 0; else misfits[${i}](v);`;
    case "int":
      return `if (typeof v !== "number" || (v | 0) !== v) misfits[${i}](v); ${zigzag}`;
    case "long":
      return `if (typeof v === "number" && (v | 0) === v) { ${zigzag} } else { if (!isLong(v)) misfits[${i}](v); p = writeLong(b, p, v); }`;
    case "float":
      return `if (typeof v !== "number") misfits[${i}](v); p = b.writeFloatLE(v, p);`;
    case "double":
      return `if (typeof v !== "number") misfits[${i}](v); p = b.writeDoubleLE(v, p);`;
    case "string":
      return `if (typeof v !== "string") misfits[${i}](v); if (p + v.length * 3 > end) return -1; p = writeText(b, p, v);`;
    case "enum":
      return `k = symbols[${i}].get(v); if (k === undefined) misfits[${i}](v); k <<= 1; ${varint}`;
    default:
      return undefined;
  }
}
