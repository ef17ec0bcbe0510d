import { assert } from "../kernel/index.ts";
import { type AvroType, splitNullable } from "./avro-type.ts";
import { parseType } from "./parse-type.ts";
import { fieldTypeOf } from "./record-schema.ts";
import type { FieldType } from "./row-shape.ts";

/** Types that were parsed already, by the JSON they came from: a recursive type is opened one level at a time. */
const opened = new WeakMap<object, AvroType>();

/** Types of the fields of a `record`, by name in their order; undefined for types of other kinds. */
export function fieldsIn(type: FieldType): ReadonlyMap<string, FieldType> | undefined {
  if (type.kind !== "record") return undefined;
  const avro = open(type);
  assert(avro.kind === "record", "a field of kind record has no record type");
  return new Map(avro.fields.map((field) => [field.name, fieldTypeOf(field.type)]));
}

/** The type of what is in a `list` or `map`; undefined for types of other kinds. */
export function valuesIn(type: FieldType): FieldType | undefined {
  if (type.kind !== "list" && type.kind !== "map") return undefined;
  const avro = open(type);
  if (avro.kind === "array") return fieldTypeOf(avro.items);
  assert(avro.kind === "map", `a field of kind ${type.kind} has no such type`);
  return fieldTypeOf(avro.values);
}

function open({ avro }: FieldType): AvroType {
  const key = typeof avro === "object" && avro !== null ? avro : undefined;
  const known = key === undefined ? undefined : opened.get(key);
  if (known !== undefined) return known;
  const { type, problems } = parseType(avro, { strictDefaults: false });
  assert(type !== undefined, problems.map((problem) => problem.message).join("; "));
  const inside = splitNullable(type).type;
  if (key !== undefined) opened.set(key, inside);
  return inside;
}

/**
 * An Avro type in words, as messages name it: `record shop.Card`, `list of string`, `union of A and B`,
 * `decimal(10, 2)`, `timestamp-micros`. Takes the JSON form of a type.
 */
export function avroTypeName(avro: unknown): string {
  if (typeof avro === "string") return avro;
  if (Array.isArray(avro)) {
    const names = avro.filter((branch) => branch !== "null").map((branch) => branchName(branch));
    if (names.length > unionNamesMax)
      names.splice(unionNamesMax - 1, names.length, `${names.length - unionNamesMax + 1} more`);
    const last = names.pop() ?? "nothing";
    return names.length === 0 ? last : `union of ${names.join(", ")} and ${last}`;
  }
  const { type, name, namespace, items, values, logicalType, precision, scale } = (avro ?? {}) as Record<
    string,
    unknown
  >;
  if (logicalType === "decimal") return `decimal(${String(precision)}, ${String(scale ?? 0)})`;
  if (typeof logicalType === "string") return logicalType;
  if (type === "array") return `list of ${avroTypeName(items)}`;
  if (type === "map") return `map of ${avroTypeName(values)}`;
  const fullName = typeof namespace === "string" && !String(name).includes(".") ? `${namespace}.${String(name)}` : name;
  return typeof fullName === "string" ? `${String(type)} ${fullName}` : avroTypeName(type ?? "null");
}

/** Branches of a union that a message lists. */
const unionNamesMax = 4;

/** Inside a union a named type is known by its name alone. */
function branchName(avro: unknown): string {
  return avroTypeName(avro).replace(/^(?:record|enum|fixed) /, "");
}

/** The kind of a type as messages show it; what steps cannot look into is called by its Avro name. */
export function kindText(type: FieldType): string {
  return type.kind === "other" ? avroTypeName(type.avro) : type.kind;
}
