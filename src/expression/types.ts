import type { FieldKind, FieldType } from "../schema/index.ts";

/** The type of a part of an expression. Beyond field types there is null alone, and constants adapt to their neighbour. */
export interface ValueType {
  readonly kind: FieldKind | "null";
  readonly nullable: boolean;
  readonly avro: unknown;
  /** The constant itself, when the part is one. */
  readonly constant?: number | string | boolean;
}

/** Kinds that the language treats alike. */
export type Family = "number" | "text" | "boolean" | "timestamp" | "bytes" | "other" | "null";

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
  record: "other",
  list: "other",
  map: "other",
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

/** For messages: `int`, `nullable string`. */
export function typeName(type: ValueType): string {
  return type.nullable && type.kind !== "null" ? `nullable ${type.kind}` : type.kind;
}

/** Type of `+ - *` and `%`: whole numbers stay whole, anything with a float or double is double. */
export function arithmeticType(left: ValueType, right: ValueType): FieldType {
  const whole = isWhole(left) && isWhole(right);
  if (!whole) return typeOf("double");
  return typeOf(left.kind === "long" || right.kind === "long" ? "long" : "int");
}

function isWhole(type: ValueType): boolean {
  return type.kind === "int" || type.kind === "long";
}

/**
 * The one type that holds the values of both; undefined when there is none. Nullable when either is.
 * Equal kinds stay, int and long give long, a numeric constant takes the kind of a float beside it, other
 * mixed numbers give double; an enum beside a string is a string, unless that string is one of its constants.
 */
export function commonType(a: ValueType, b: ValueType): ValueType | undefined {
  const nullable = a.nullable || b.nullable;
  if (a.kind === "null") return { kind: b.kind, avro: b.avro, nullable: true };
  if (b.kind === "null") return { kind: a.kind, avro: a.avro, nullable: true };
  if (familyOf(a) !== familyOf(b)) return undefined;
  if (familyOf(a) === "number") return { ...commonNumber(a, b), nullable };
  if (familyOf(a) === "text") return { ...commonText(a, b), nullable };
  if (familyOf(a) === "other" || a.kind === "bytes") {
    return JSON.stringify(a.avro) === JSON.stringify(b.avro) ? { kind: a.kind, avro: a.avro, nullable } : undefined;
  }
  return { kind: a.kind, avro: a.avro, nullable };
}

function commonNumber(a: ValueType, b: ValueType): FieldType {
  if (a.kind === "float" && (b.kind === "float" || b.constant !== undefined)) return typeOf("float");
  if (b.kind === "float" && a.constant !== undefined) return typeOf("float");
  return arithmeticType(a, b);
}

function commonText(a: ValueType, b: ValueType): { readonly kind: "enum" | "string"; readonly avro: unknown } {
  const sameEnum = a.kind === "enum" && b.kind === "enum" && JSON.stringify(a.avro) === JSON.stringify(b.avro);
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
