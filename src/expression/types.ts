import { avroTypeName, type FieldKind, type FieldType, jsonText } from "../schema/index.ts";

/** The type of a part of an expression. Beyond field types there is null alone, and constants adapt to their neighbour. */
export interface ValueType {
  readonly kind: FieldKind | "null";
  readonly nullable: boolean;
  readonly avro: unknown;
  /** The constant itself, when the part is one. */
  readonly constant?: number | bigint | string | boolean;
  /** A long or a time that may lie beyond 2^53 - 1, and is then a bigint: it is no number yet. */
  readonly wide?: boolean;
  /** No whole number of the part is further from 0; 2^53 - 1 when left out. */
  readonly bound?: number;
}

/** The largest whole number that is computed with. */
export const wholeMax = Number.MAX_SAFE_INTEGER;

const int32Max = 2 ** 31;

/** Kinds that the language treats alike. */
export type Family =
  | "number"
  | "text"
  | "boolean"
  | "timestamp"
  | "bytes"
  | "record"
  | "list"
  | "map"
  | "other"
  | "null";

const families: Readonly<Record<ValueType["kind"], Family>> = {
  int: "number",
  long: "number",
  float: "number",
  double: "number",
  string: "text",
  enum: "text",
  boolean: "boolean",
  timestamp: "timestamp",
  bytes: "bytes",
  record: "record",
  list: "list",
  map: "map",
  other: "other",
  null: "null",
};

export function familyOf(type: { readonly kind: ValueType["kind"] }): Family {
  return families[type.kind];
}

type PlainKind = "boolean" | "int" | "long" | "float" | "double" | "string" | "timestamp";

/** A type that is not tied to a field's own Avro type. Timestamps are written as timestamp-millis. */
export function typeOf(kind: PlainKind, nullable = false): FieldType {
  return { kind, nullable, avro: kind === "timestamp" ? { type: "long", logicalType: "timestamp-millis" } : kind };
}

/** The type of a value that comes out of a row. */
export function readType({ kind, nullable, avro }: FieldType): ValueType {
  const limits = kind === "int" ? { bound: int32Max } : kind === "long" || kind === "timestamp" ? { wide: true } : {};
  return { kind, avro, nullable, ...limits };
}

/** The type of a constant. */
export function literalType(value: null | boolean | number | bigint | string, integer: boolean): ValueType {
  if (value === null) return { kind: "null", nullable: true, avro: "null" };
  if (typeof value === "string") return { ...typeOf("string"), constant: value };
  if (typeof value === "boolean") return { ...typeOf("boolean"), constant: value };
  if (typeof value === "bigint") return { ...typeOf("long"), constant: value, wide: true };
  if (!integer) return { ...typeOf("double"), constant: value };
  return { ...typeOf((value | 0) === value ? "int" : "long"), constant: value, bound: Math.abs(value) };
}

const spelled: ReadonlySet<ValueType["kind"]> = new Set(["record", "list", "map", "other"]);

/** For messages: `int`, `nullable string`, `list of string`. */
export function typeName(type: ValueType): string {
  const name = spelled.has(type.kind) ? avroTypeName(type.avro) : type.kind;
  return type.nullable && type.kind !== "null" ? `nullable ${name}` : name;
}

/** Type of `+ - *` and `%`: whole numbers stay whole, anything with a float or double is double. */
export function arithmeticType(left: ValueType, right: ValueType): FieldType {
  const whole = isWhole(left) && isWhole(right);
  if (!whole) return typeOf("double");
  return typeOf(left.kind === "long" || right.kind === "long" ? "long" : "int");
}

/** Whether the type is int or long. */
export function isWhole(type: ValueType): boolean {
  return type.kind === "int" || type.kind === "long";
}

const sameOnly: ReadonlySet<ValueType["kind"]> = new Set(["bytes", "record", "list", "map", "other"]);

/**
 * The one type that holds the values of both; undefined when there is none. Nullable when either is.
 * Equal kinds stay, int and long give long, a numeric constant takes the kind of a float beside it, other
 * mixed numbers give double; an enum beside a string is a string, unless that string is one of its constants.
 */
export function commonType(a: ValueType, b: ValueType): ValueType | undefined {
  const nullable = a.nullable || b.nullable;
  const wide = a.wide === true || b.wide === true ? { wide: true } : {};
  if (a.kind === "null") return { kind: b.kind, avro: b.avro, nullable: true, ...wide };
  if (b.kind === "null") return { kind: a.kind, avro: a.avro, nullable: true, ...wide };
  if (familyOf(a) !== familyOf(b)) return undefined;
  if (familyOf(a) === "number") {
    const number = commonNumber(a, b);
    // Beside a double a long is taken as a number.
    return { ...number, nullable, ...(number.kind === "long" ? wide : {}) };
  }
  if (familyOf(a) === "text") return { ...commonText(a, b), nullable };
  if (sameOnly.has(a.kind)) {
    return jsonText(a.avro) === jsonText(b.avro) ? { kind: a.kind, avro: a.avro, nullable } : undefined;
  }
  return { kind: a.kind, avro: a.avro, nullable, ...wide };
}

function commonNumber(a: ValueType, b: ValueType): FieldType {
  if (a.kind === "float" && (b.kind === "float" || b.constant !== undefined)) return typeOf("float");
  if (b.kind === "float" && a.constant !== undefined) return typeOf("float");
  return arithmeticType(a, b);
}

function commonText(a: ValueType, b: ValueType): { readonly kind: "enum" | "string"; readonly avro: unknown } {
  const sameEnum = a.kind === "enum" && b.kind === "enum" && jsonText(a.avro) === jsonText(b.avro);
  if (sameEnum || (a.kind === "enum" && b.constant !== undefined)) return { kind: "enum", avro: a.avro };
  if (b.kind === "enum" && a.constant !== undefined) return { kind: "enum", avro: b.avro };
  return { kind: "string", avro: "string" };
}

/** The symbols of an enum, when its Avro type is written out here; undefined for other types and for mere names. */
export function symbolsOf(type: ValueType): readonly string[] | undefined {
  const { avro } = type;
  if (type.kind !== "enum" || typeof avro !== "object" || avro === null || !("symbols" in avro)) return undefined;
  const { symbols } = avro;
  return Array.isArray(symbols) ? symbols.filter((symbol): symbol is string => typeof symbol === "string") : undefined;
}
