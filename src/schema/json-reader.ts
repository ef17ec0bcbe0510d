import { RecordError } from "../kernel/index.ts";
import { utf8OrUndefined } from "./byte-cursor.ts";
import { typeWord } from "./byte-sink.ts";
import type { CastType } from "./cast.ts";
import type { RecordSchema } from "./record-schema.ts";
import type { Row } from "./row-shape.ts";
import { type FieldReading, fieldReadings, isObject } from "./value-from-json.ts";
import { zeroOf } from "./zero.ts";

/** Reads what others send as rows of one schema. */
export interface JsonReader {
  /**
   * Reads JSON in `bytes[from, to)`; a null value has `from` -1.
   * @throws RecordError MR_PARSE for an empty, null or non-JSON value, MR_REQUIRED for a missing field or key,
   * MR_CAST for a value that does not fit
   */
  read(bytes: Buffer, from: number, to: number): Row;
  /** The same for a value that is parsed already: a `given` row, or Avro decoded with its writer's schema. */
  readValue(value: unknown): Row;
  /** Fields, those of nested records too, dropped because the schema does not have them, since the start. */
  readonly unknownFields: number;
}

export interface JsonReaderOptions {
  readonly schema: RecordSchema;
  /** By field: what text may be turned into. Without an entry text stays text. */
  readonly casts: Readonly<Record<string, CastType>>;
  /** Field that must be there and not null, whatever its type and default allow. */
  readonly key?: string;
  /** Fields that the caller fills: not read, and set to the zero of their type. */
  readonly supplied?: readonly string[];
}

/** A reader by the rules of "Reading what others send": field by name or alias, nothing guessed. */
export function createJsonReader(options: JsonReaderOptions): JsonReader {
  const { schema, casts, key } = options;
  const supplied = new Set(options.supplied ?? []);
  const nested = { count: 0 };
  const rules = { ownForm: false, timeRange: true, absent: "refused", casts, unknown: nested } as const;
  const fields = fieldReadings(schema.type, rules)
    .map((field) => suppliedOr(field, schema, supplied))
    .map((field) => (field.name === key ? keyReading(field) : field));
  const pick = generatePicker(fields);
  const counts: PickCounts = { known: 0 };
  let unknownFields = 0;

  const readValue = (value: unknown): Row => {
    if (value === null || value === undefined) {
      throw new RecordError("MR_PARSE", `reading ${schema.name}: the value is null`);
    }
    if (!isObject(value)) {
      throw new RecordError("MR_CAST", `reading ${schema.name}: ${typeWord(value)} is no record`);
    }
    nested.count = 0;
    const row = pick(value, counts);
    unknownFields += nested.count + Math.max(0, Object.keys(value).length - counts.known);
    return row;
  };

  return {
    readValue,
    read: (bytes, from, to) => readValue(parseJson(schema.name, bytes, from, to)),
    get unknownFields() {
      return unknownFields;
    },
  };
}

function suppliedOr(field: FieldReading, schema: RecordSchema, supplied: ReadonlySet<string>): FieldReading {
  const type = schema.type.fields.find((candidate) => candidate.name === field.name)?.type;
  if (!supplied.has(field.name) || type === undefined) return field;
  return { ...field, keys: [], absent: () => zeroOf(type) };
}

interface PickCounts {
  /** Fields of the schema that the last value had. */
  known: number;
}

/**
 * One function that takes the fields out of an object and makes the row in one literal: looking them up in a loop
 * costs twice the time. Made of field names and aliases (checked to be Avro names, and quoted) and numbers only.
 * A function under a name is what every object has (`toString`), and counts as absent.
 */
function generatePicker(fields: readonly FieldReading[]): (value: object, counts: PickCounts) => Row {
  const take = fields.map(({ name, keys }, i) => {
    const [first, ...aliases] = keys.map((each) => `o[${JSON.stringify(each)}]`);
    if (first === undefined) return `  const v${i} = fields[${i}].absent(${JSON.stringify(name)});`;
    const found = [
      `let x${i} = ${first};`,
      ...aliases.map((alias) => `if (x${i} === undefined || typeof x${i} === "function") x${i} = ${alias};`),
    ];
    const absent = `x${i} === undefined || typeof x${i} === "function"`;
    return [
      `  ${found.join(" ")} let v${i};`,
      `  if (${absent}) v${i} = fields[${i}].absent(${JSON.stringify(name)});`,
      `  else { known++; v${i} = reads[${i}](x${i}, ${JSON.stringify(name)}); }`,
    ].join("\n");
  });
  const literal = fields.map(({ name }, i) => `${JSON.stringify(name)}: v${i}`).join(", ");
  const source = `return (o, counts) => { let known = 0;\n${take.join("\n")}\n  counts.known = known; return { ${literal} }; }`;
  const reads = fields.map((field) => field.read);
  return new Function("fields", "reads", source)(fields, reads) as (value: object, counts: PickCounts) => Row;
}

function keyReading(field: FieldReading): FieldReading {
  const missing = (): never => missingKey(field.name);
  return { ...field, absent: missing, read: (value, path) => (value === null ? missing() : field.read(value, path)) };
}

function missingKey(name: string): never {
  throw new RecordError("MR_REQUIRED", `field ${name}: the key is missing or null`);
}

/** V8 parses JSON without recursion, so nesting costs memory in proportion to the bytes and no stack. */
function parseJson(name: string, bytes: Buffer, from: number, to: number): unknown {
  if (from < 0 || from >= to) {
    throw new RecordError("MR_PARSE", `reading ${name}: the value is ${from < 0 ? "null" : "empty"}`);
  }
  const text = utf8OrUndefined(bytes, from, to);
  if (text === undefined) throw new RecordError("MR_PARSE", `reading ${name}: the value is not UTF-8`);
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and a sensitive field may be in it.
    throw new RecordError("MR_PARSE", `reading ${name}: the value is not JSON`);
  }
}
