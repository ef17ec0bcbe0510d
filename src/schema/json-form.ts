import { formatIsoTime, RecordError } from "../kernel/index.ts";
import { type AvroType, isTimestamp, type RecordType, splitNullable, type UnionType } from "./avro-type.ts";
import { misfit } from "./byte-sink.ts";
import { parseExactJson } from "./exact-json.ts";
import { jsonText } from "./json-text.ts";
import { setEntry } from "./map-entry.ts";
import { exactNumbers, isObject, type ReadingRules, type ValueReading } from "./reading-rules.ts";
import type { RecordSchema } from "./record-schema.ts";
import type { Row } from "./row-shape.ts";
import { branchName } from "./union-from-json.ts";
import { UnionValue } from "./union-value.ts";
import { type FieldReading, fieldReadings, lookUp, valueReading } from "./value-from-json.ts";

/** Times that ISO 8601 writes with four digits of year. */
const isoTimeMinMs = -62_167_219_200_000;
const isoTimeEndMs = 253_402_300_800_000;

/**
 * A row in the one JSON form: unions without wrappers, times ISO 8601 in UTC, bytes base64, NaN and infinities as
 * text. A value of a union that would be read back as another branch, or as none, stands in Avro's own form, under
 * the branch's name. For {@link jsonText}: a long beyond 2^53 is a bigint. Fields that the schema does not have are
 * left out.
 */
export function toJsonValue(schema: RecordSchema, row: Row): unknown {
  return recordToJson(schema.type, row);
}

/** A row in the one JSON form, as text: what {@link fromJsonText} reads. */
export function toJsonText(schema: RecordSchema, row: Row): string {
  return jsonText(recordToJson(schema.type, row));
}

export interface FromJsonOptions {
  /** Absent fields become their default or null, else the zero of their type, instead of MR_REQUIRED. */
  readonly lenient?: boolean;
}

/**
 * The row of a value in the one JSON form; times may be numbers too, bytes may be Buffers. Unknown fields are dropped.
 * @throws RecordError MR_CAST or MR_REQUIRED, naming the field
 */
export function fromJsonValue(schema: RecordSchema, value: unknown, options: FromJsonOptions = {}): Row {
  if (!isObject(value)) return misfit(schema.name, "record", value);
  const row: Record<string, unknown> = {};
  for (const field of readingsOf(schema.type, options.lenient === true)) {
    const found = lookUp(value, field.keys);
    row[field.name] = found === undefined ? field.absent(field.name) : field.read(found, field.name);
  }
  return row;
}

/**
 * The row of JSON text in the one JSON form, numbers to their last digit.
 * @throws SyntaxError for what is not JSON; RecordError as {@link fromJsonValue}
 */
export function fromJsonText(schema: RecordSchema, text: string): Row {
  JSON.parse(text);
  return fromJsonValue(schema, parseExactJson(text));
}

const strictReadings = new WeakMap<RecordType, readonly FieldReading[]>();
const lenientReadings = new WeakMap<RecordType, readonly FieldReading[]>();
const unionReadings = new WeakMap<UnionType, ValueReading>();

const ownRules: ReadingRules = {
  ownForm: true,
  times: undefined,
  absent: "refused",
  casts: {},
  numbers: exactNumbers,
};

/** Made once per schema: it costs more than reading a row. */
function readingsOf(type: RecordType, lenient: boolean): readonly FieldReading[] {
  const kept = lenient ? lenientReadings : strictReadings;
  const known = kept.get(type);
  if (known !== undefined) return known;
  const made = fieldReadings(type, lenient ? { ...ownRules, absent: "zero" } : ownRules);
  kept.set(type, made);
  return made;
}

function recordToJson(type: RecordType, row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(type.fields.map((field) => [field.name, valueToJson(field.type, row[field.name])]));
}

/** Shows what is there: a value that does not fit its type is passed on as it is. */
function valueToJson(type: AvroType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (type.kind === "union") return unionToJson(type, value);
  if (typeof value === "number") return numberToJson(type, value);
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (type.kind === "array" && Array.isArray(value)) return value.map((item) => valueToJson(type.items, item));
  if (type.kind === "record" && isObject(value)) return recordToJson(type, value);
  if (type.kind === "map" && isObject(value)) {
    const map: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(value)) setEntry(map, key, valueToJson(type.values, entry));
    return map;
  }
  return value;
}

function unionToJson(union: UnionType, value: unknown): unknown {
  if (!(value instanceof UnionValue)) {
    const { type } = splitNullable(union);
    return type.kind === "union" ? value : valueToJson(type, value);
  }
  const branch = union.branches[value.branch];
  if (branch === undefined) return value.value;
  const json = valueToJson(branch, value.value);
  const isBare = !looksNamed(union, json) && readBack(union, json) === value.branch;
  return isBare ? json : { [branchName(branch)]: json };
}

/** Whether an object would be taken for Avro's form: the map `{"map": {}}` would be read as an empty map. */
function looksNamed(union: UnionType, json: unknown): boolean {
  if (!isObject(json)) return false;
  const [key, ...others] = Object.keys(json);
  return others.length === 0 && union.branches.some((branch) => branchName(branch) === key);
}

/** The branch that a value without wrapper is read as; undefined when it is none. */
function readBack(union: UnionType, json: unknown): number | undefined {
  const read = unionReadings.get(union) ?? valueReading(union, ownRules);
  unionReadings.set(union, read);
  try {
    const back = read(json, "");
    return back instanceof UnionValue ? back.branch : undefined;
  } catch (thrown) {
    if (thrown instanceof RecordError) return undefined;
    throw thrown;
  }
}

function numberToJson(type: AvroType, value: number): unknown {
  if (!Number.isFinite(value)) return String(value);
  const isTime = isTimestamp(type) && value >= isoTimeMinMs && value < isoTimeEndMs;
  return isTime ? formatIsoTime(value) : value;
}
