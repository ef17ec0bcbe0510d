import { formatIsoTime } from "../kernel/index.ts";
import { type AvroType, isTimestamp, type RecordType } from "./avro-type.ts";
import { misfit } from "./byte-sink.ts";
import { setEntry } from "./map-entry.ts";
import type { RecordSchema } from "./record-schema.ts";
import type { Row } from "./row-shape.ts";
import { UnionValue } from "./union-value.ts";
import { type FieldReading, fieldReadings, isObject, lookUp } from "./value-from-json.ts";
import { accepts } from "./value-writer.ts";

/** Times that ISO 8601 writes with four digits of year. */
const isoTimeMinMs = -62_167_219_200_000;
const isoTimeEndMs = 253_402_300_800_000;

/**
 * A row in the one JSON form: unions without wrappers, times ISO 8601 in UTC, bytes base64, NaN and infinities as
 * text. Ready for JSON.stringify; fields that the schema does not have are left out.
 */
export function toJsonValue(schema: RecordSchema, row: Row): unknown {
  return recordToJson(schema.type, row);
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

const strictReadings = new WeakMap<RecordType, readonly FieldReading[]>();
const lenientReadings = new WeakMap<RecordType, readonly FieldReading[]>();

/** Made once per schema: it costs more than reading a row. */
function readingsOf(type: RecordType, lenient: boolean): readonly FieldReading[] {
  const kept = lenient ? lenientReadings : strictReadings;
  const known = kept.get(type);
  if (known !== undefined) return known;
  const absent = lenient ? "zero" : "refused";
  const made = fieldReadings(type, { ownForm: true, timeRange: false, absent, casts: {} });
  kept.set(type, made);
  return made;
}

function recordToJson(type: RecordType, row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(type.fields.map((field) => [field.name, valueToJson(field.type, row[field.name])]));
}

/** Shows what is there: a value that does not fit its type is passed on as it is. */
function valueToJson(type: AvroType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (value instanceof UnionValue) return branchToJson(type, value);
  if (typeof value === "number") return numberToJson(type, value);
  // JSON.stringify knows no bigint; the digits must not be lost.
  if (typeof value === "bigint") return String(value);
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (type.kind === "union") {
    const branch = type.branches.find((candidate) => accepts(candidate, value));
    return branch === undefined ? value : valueToJson(branch, value);
  }
  if (type.kind === "array" && Array.isArray(value)) return value.map((item) => valueToJson(type.items, item));
  if (type.kind === "record" && isObject(value)) return recordToJson(type, value);
  if (type.kind === "map" && isObject(value)) {
    const map: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(value)) setEntry(map, key, valueToJson(type.values, entry));
    return map;
  }
  return value;
}

function branchToJson(type: AvroType, { branch, value }: UnionValue): unknown {
  const chosen = type.kind === "union" ? type.branches[branch] : undefined;
  return chosen === undefined ? value : valueToJson(chosen, value);
}

function numberToJson(type: AvroType, value: number): unknown {
  if (!Number.isFinite(value)) return String(value);
  const time = type.kind === "union" ? type.branches.find((branch) => accepts(branch, value)) : type;
  const isTime = time !== undefined && isTimestamp(time) && value >= isoTimeMinMs && value < isoTimeEndMs;
  return isTime ? formatIsoTime(value) : value;
}
