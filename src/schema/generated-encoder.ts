import { type AvroType, isTimestamp, splitNullable } from "./avro-type.ts";
import { ByteSink, misfit, writableText, writeLong } from "./byte-sink.ts";
import { compiledOnly } from "./generated-decoder.ts";
import { isLong } from "./long.ts";
import type { Row } from "./row-shape.ts";
import { writeText } from "./short-text.ts";
import { createSpanCopy } from "./span-copy.ts";
import type { OutputOp } from "./transcode-plan.ts";
import { type ValueWriter, valueWriter } from "./value-writer.ts";

/** Encodes at `at` and answers the end, or -1 when the room may not do. Throws MR_CAST. */
export type GeneratedEncoder = (row: Row, into: Buffer, at: number) => number;

/** Parts of the body in one function: V8 does not optimise larger ones. */
const opsPerFunction = 200;
/** Constants up to this length are written byte by byte. */
const inlineBytesMax = 8;

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
 * One function for one output, which checks and writes flat fields without a call per field, and copies spans of the
 * source's bytes. Other fields go through their `ValueWriter`. Made of field names (checked, and quoted) and numbers,
 * as the decoder is; it yields after each function where there are several.
 *
 * @param indexOf where a source has the position before a written field; undefined when nothing is copied
 */
export function* generateEncoder(
  ops: readonly OutputOp[],
  indexOf?: ReadonlyMap<number, number>,
): Generator<void, GeneratedEncoder> {
  const emitter = new EncoderEmitter(ops, indexOf);
  if (ops.length <= opsPerFunction)
    return emitter.compile([...emitter.head(), ...emitter.ops(0, ops.length), "  return p;", "}"]);
  const writes: unknown[] = [];
  for (let from = 0; from < ops.length; from += opsPerFunction) {
    const lines = emitter.ops(from, Math.min(from + opsPerFunction, ops.length));
    const write = emitter.compile([
      "return (row, src, s, P, b, p, end) => {",
      compiledOnly("row", "p"),
      "  let k = 0, q = 0, v;",
      ...lines,
      "  return p;",
      "}",
    ]) as () => unknown;
    write();
    writes.push(write);
    yield;
  }
  const loop = "  for (const write of writes) { p = write(row, src, s, P, b, p, end); if (p < 0) return -1; }";
  return emitter.compile([...emitter.head(), loop, "  return p;", "}"], writes);
}

class EncoderEmitter {
  readonly #ops: readonly OutputOp[];
  readonly #indexOf: ReadonlyMap<number, number> | undefined;
  readonly #tools: Readonly<Record<string, unknown>>;
  readonly #room: number;
  /** By operation; filled with the code that uses them, so that thousands are no part of their own. */
  readonly #writers: ValueWriter[] = [];
  readonly #symbols: ReadonlyMap<string, number>[] = [];
  readonly #misfits: ((value: unknown) => never)[] = [];
  readonly #constants: Buffer[] = [];

  constructor(ops: readonly OutputOp[], indexOf: ReadonlyMap<number, number> | undefined) {
    this.#ops = ops;
    this.#indexOf = indexOf;
    this.#room = ops.reduce((sum, op) => sum + roomOf(op), 0);
    this.#tools = {
      sink: new ByteSink(),
      writers: this.#writers,
      symbols: this.#symbols,
      misfits: this.#misfits,
      constants: this.#constants,
      isLong,
      writeLong,
      writeText,
      copy: createSpanCopy(),
    };
  }

  compile(lines: readonly string[], writes?: readonly unknown[]): GeneratedEncoder {
    const make = new Function(...Object.keys(this.#tools), "writes", lines.join("\n"));
    return make(...Object.values(this.#tools), writes) as GeneratedEncoder;
  }

  head(): string[] {
    const hasSource = this.#indexOf !== undefined || this.#ops.some((op) => op.op === "value" && op.of === "source");
    return [
      "return (row, b, at) => {",
      `  const end = b.length - ${this.#room};`,
      "  if (at > end) return -1;",
      "  let p = at, k = 0, q = 0, v;",
      `  const src = ${hasSource ? 'row["#source"]' : "undefined"};`,
      ...(this.#indexOf === undefined
        ? ["  const s = undefined, P = undefined;"]
        : ['  const s = src["#bytes"], P = src["#at"];']),
    ];
  }

  ops(from: number, to: number): string[] {
    return this.#ops.slice(from, to).map((op, i) => {
      this.#equip(op, from + i);
      return `  ${this.#op(op, from + i)}`;
    });
  }

  #equip(op: OutputOp, i: number): void {
    if (op.op === "constant") this.#constants[i] = op.bytes;
    if (op.op !== "value") return;
    const { type } = splitNullable(op.type);
    this.#writers[i] = valueWriter(op.type);
    this.#misfits[i] = misfitOf(op.label, type);
    if (type.kind === "enum") this.#symbols[i] = new Map(type.symbols.map((symbol, index) => [symbol, index]));
  }

  #op(op: OutputOp, i: number): string {
    switch (op.op) {
      case "copy":
        return `k = ${this.#at(op.from)}; q = ${this.#at(op.to)}; if (p + q - k > end) return -1; p = copy(s, k, q, b, p);`;
      case "swap":
        return this.#swap(op);
      case "constant":
        if (op.bytes.length <= inlineBytesMax) return [...op.bytes].map((byte) => `b[p++] = ${byte};`).join(" ");
        return `if (p + ${op.bytes.length} > end) return -1; p = copy(constants[${i}], 0, ${op.bytes.length}, b, p);`;
      default:
        return writeField(i, op);
    }
  }

  /** The index may be padded: its last byte ends it, and only the lowest two bits say anything. */
  #swap({ field, nullFirst }: OutputOp & { op: "swap" }): string {
    const [nullIndex, typeIndex] = nullFirst ? [0, 2] : [2, 0];
    return [
      `q = ${this.#at(field)}; k = s[q] & 127; while (s[q] > 127) q++; q++;`,
      `if (k === ${nullIndex}) b[p++] = ${typeIndex};`,
      `else { b[p++] = ${nullIndex}; k = ${this.#at(field + 1)}; if (p + k - q > end) return -1; p = copy(s, q, k, b, p); }`,
    ].join(" ");
  }

  #at(field: number): string {
    return `P[${this.#indexOf?.get(field)}]`;
  }
}

function roomOf(op: OutputOp): number {
  switch (op.op) {
    case "copy":
      return 0;
    case "swap":
      return 1;
    case "constant":
      return op.bytes.length <= inlineBytesMax ? op.bytes.length : 0;
    default: {
      const { type, nullable } = splitNullable(op.type);
      return (flatBytesMax[type.kind] ?? 0) + (nullable ? 1 : 0);
    }
  }
}

function misfitOf(name: string, type: AvroType): (value: unknown) => never {
  const wanted = isTimestamp(type) ? "timestamp-millis" : type.kind;
  return (value) => misfit(name, type.kind === "string" && typeof value === "string" ? writableText : wanted, value);
}

/** Statements that write value `i`. `end` leaves room for all fixed parts, so only text asks for room. */
function writeField(i: number, { of, name, label, type: fieldType }: OutputOp & { op: "value" }): string {
  const { type, nullable } = splitNullable(fieldType);
  const take = `v = ${of === "row" ? "row" : "src"}[${JSON.stringify(name)}];`;
  const inline = writeFlat(i, type);
  if (inline === undefined || (fieldType.kind === "union" && !nullable)) {
    return `${take} sink.reset(); writers[${i}](sink, v, ${JSON.stringify(label)}); k = sink.byteLength; if (p + k > end) return -1; sink.copyTo(b, p); p += k;`;
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
      return `if (typeof v !== "string") misfits[${i}](v); if (p + v.length * 3 > end) return -1; p = writeText(b, p, v); if (p < 0) misfits[${i}](v);`;
    case "enum":
      return `k = symbols[${i}].get(v); if (k === undefined) misfits[${i}](v); k <<= 1; ${varint}`;
    default:
      return undefined;
  }
}
