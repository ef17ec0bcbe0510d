import { type AvroType, type RecordType, splitNullable } from "./avro-type.ts";
import { type ByteCursor, damaged } from "./byte-cursor.ts";
import { doubleOf, recordPlan, type ValueReader } from "./resolved-reader.ts";
import type { Row } from "./row-shape.ts";
import { readText } from "./short-text.ts";

/** Decodes `bytes[from, to)`; `cursor` has been set to the same window. */
export type GeneratedDecoder = (bytes: Buffer, from: number, to: number) => Row;

/**
 * One function for one pair of record schemas, which reads flat fields without a call per field and makes the row in
 * one literal, so that all rows have one hidden class. Fields of other types go through their `ValueReader`.
 *
 * The code is made of field names (checked to be Avro names, quoted all the same) and numbers, and of nothing else
 * from the schema. It relies on reading past the window being harmless: bytes behind `to` are compared with it before
 * a length is believed, and at the end.
 */
export function generateDecoder(writer: RecordType, reader: RecordType, cursor: ByteCursor): GeneratedDecoder {
  const plan = recordPlan(writer, reader);
  const body: string[] = [];
  const values = new Map<string, string>();
  for (const [i, field] of plan.fields.entries()) {
    body.push(readField(i, field.written, field.wanted));
    if (field.target !== undefined) values.set(field.target, `v${i}`);
  }
  for (const [i, field] of plan.absent.entries()) values.set(field.name, `absent[${i}]()`);
  const literal = reader.fields.map((field) => `${JSON.stringify(field.name)}: ${values.get(field.name)}`).join(", ");
  const source = [
    "return (b, from, to) => {",
    "  c.reset(b, from, to);",
    "  let p = from, k = 0;",
    ...body,
    '  if (p !== to) damaged(p > to ? "the value ends too early" : "bytes are left after the last field");',
    `  return { ${literal} };`,
    "}",
  ].join("\n");
  const readers: readonly ValueReader[] = plan.fields.map((field) => field.read);
  const absent = plan.absent.map((field) => field.make);
  const symbols = plan.fields.map((field) => symbolsOf(field.written, field.wanted));
  const make = new Function("c", "damaged", "doubleOf", "readText", "readers", "absent", "symbols", source);
  return make(cursor, damaged, doubleOf, readText, readers, absent, symbols) as GeneratedDecoder;
}

/** Statements that set `v<i>`. */
function readField(i: number, written: AvroType, wanted: AvroType): string {
  const { type, nullable } = splitNullable(written);
  const target = splitNullable(wanted).type;
  const inline = readFlat(i, type, target);
  if (inline === undefined || (wanted.kind === "union" && target.kind === "union")) {
    return `  c.at = p; const v${i} = readers[${i}](c); p = c.at;`;
  }
  if (!nullable) return written.kind === "union" ? readUnknown(i) : `  let v${i};\n  ${inline}`;
  const [nullIndex, typeIndex] = written.kind === "union" && written.branches[0]?.kind === "null" ? [0, 2] : [2, 0];
  return [
    `  let v${i} = null; k = b[p++];`,
    `  if (k === ${typeIndex}) { ${inline} }`,
    // A padded index is legal: the general reader takes it.
    `  else if (k !== ${nullIndex}) { c.at = p - 1; v${i} = readers[${i}](c); p = c.at; }`,
  ].join("\n");
}

function readUnknown(i: number): string {
  return `  c.at = p; const v${i} = readers[${i}](c); p = c.at;`;
}

/** Undefined for a type that is not flat, and for promotions that change more than the type's name. */
function readFlat(i: number, written: AvroType, target: AvroType): string | undefined {
  const slow = (method: string): string => `{ c.at = p - 1; v${i} = ${method}; p = c.at; }`;
  const plain = target.kind === written.kind || target.kind === "double" || target.kind === "long";
  switch (written.kind) {
    case "boolean":
      return `k = b[p++]; if (k > 1) damaged("a boolean is neither 0 nor 1"); v${i} = k === 1;`;
    case "int":
    case "long":
      if (!plain) return undefined;
      return `k = b[p++]; if (k > 127) ${slow(written.kind === "long" && target.kind === "double" ? "doubleOf(c.long())" : `c.${written.kind}()`)} else v${i} = (k >>> 1) ^ -(k & 1);`;
    case "float":
      return `if (p + 4 > to) damaged("the value ends too early"); v${i} = b.readFloatLE(p); p += 4;`;
    case "double":
      return `if (p + 8 > to) damaged("the value ends too early"); v${i} = b.readDoubleLE(p); p += 8;`;
    case "string":
      if (target.kind !== "string") return undefined;
      return [
        "k = b[p++]; if (k > 127 || (k & 1) === 1) { c.at = p - 1; k = c.length(); p = c.at; } else k >>>= 1;",
        'if (k > to - p) damaged("a length passes the end of the value");',
        `v${i} = readText(b, p, p + k); p += k;`,
      ].join(" ");
    case "enum":
      return [
        "k = b[p++]; if (k > 127) { c.at = p - 1; k = c.index(); p = c.at; } else k = (k >>> 1) ^ -(k & 1);",
        `v${i} = symbols[${i}][k]; if (v${i} === undefined) damaged("an enum has no such symbol");`,
      ].join(" ");
    default:
      return undefined;
  }
}

/** The reader's symbol for each of the writer's. */
function symbolsOf(written: AvroType, wanted: AvroType): readonly (string | undefined)[] | undefined {
  const [from, to] = [splitNullable(written).type, splitNullable(wanted).type];
  if (from.kind !== "enum") return undefined;
  const target = to.kind === "enum" ? to : from;
  return from.symbols.map((symbol) => (target.symbols.includes(symbol) ? symbol : target.default));
}
