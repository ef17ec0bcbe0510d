/** Avro's types without parts. */
export const primitiveKinds = ["null", "boolean", "int", "long", "float", "double", "string", "bytes"] as const;

export type PrimitiveKind = (typeof primitiveKinds)[number];

/** Attributes that Avro's grammar does not need: doc, logicalType and its parameters, tags of our own. */
export type Attributes = Readonly<Record<string, unknown>>;

export interface PrimitiveType {
  readonly kind: PrimitiveKind;
  readonly attributes: Attributes;
}

export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  readonly aliases: readonly string[];
  /** In Avro's JSON form of a default; undefined when the field has none (JSON knows no undefined). */
  readonly default: unknown;
  readonly doc: string | undefined;
  /** Messages never show the value of a sensitive field. */
  readonly sensitive: boolean;
  readonly attributes: Attributes;
}

export interface RecordType {
  readonly kind: "record";
  readonly name: string;
  readonly fullName: string;
  /** Full names. */
  readonly aliases: readonly string[];
  readonly fields: readonly AvroField[];
  readonly attributes: Attributes;
}

export interface EnumType {
  readonly kind: "enum";
  readonly name: string;
  readonly fullName: string;
  readonly aliases: readonly string[];
  readonly symbols: readonly string[];
  /** What a reader makes of a symbol it does not know. It never fills an absent field. */
  readonly default: string | undefined;
  readonly attributes: Attributes;
}

export interface FixedType {
  readonly kind: "fixed";
  readonly name: string;
  readonly fullName: string;
  readonly aliases: readonly string[];
  readonly size: number;
  readonly attributes: Attributes;
}

export interface ArrayType {
  readonly kind: "array";
  readonly items: AvroType;
  readonly attributes: Attributes;
}

export interface MapType {
  readonly kind: "map";
  readonly values: AvroType;
  readonly attributes: Attributes;
}

export interface UnionType {
  readonly kind: "union";
  readonly branches: readonly AvroType[];
}

export type NamedType = RecordType | EnumType | FixedType;

/** A checked Avro type. Named types are shared by identity, so a recursive schema is a cyclic graph. */
export type AvroType = PrimitiveType | NamedType | ArrayType | MapType | UnionType;

/** True for the types that are defined once and referred to by name. */
export function isNamed(type: AvroType): type is NamedType {
  return type.kind === "record" || type.kind === "enum" || type.kind === "fixed";
}

/** True for long with logicalType timestamp-millis: the one time that rows and expressions know. */
export function isTimestamp(type: AvroType): boolean {
  return type.kind === "long" && type.attributes["logicalType"] === "timestamp-millis";
}

/** A union of null and one other type, taken apart; any other type is itself and not nullable. */
export function splitNullable(type: AvroType): { readonly type: AvroType; readonly nullable: boolean } {
  if (type.kind !== "union") return { type, nullable: false };
  const others = type.branches.filter((branch) => branch.kind !== "null");
  const nullable = others.length < type.branches.length;
  const [only] = others;
  return others.length === 1 && only !== undefined ? { type: only, nullable } : { type, nullable };
}

/**
 * Fewest bytes that a value of the type takes. 0 for null and what is made of nothing else, which is what
 * a hostile block count is multiplied with.
 */
export function bytesMin(type: AvroType, known: Map<AvroType, number> = new Map()): number {
  switch (type.kind) {
    case "null":
      return 0;
    case "float":
      return 4;
    case "double":
      return 8;
    case "fixed":
      return type.size;
    case "record": {
      const before = known.get(type);
      if (before !== undefined) return before;
      // A record inside itself adds at least 0; the way out (a union, array or map) counts its byte by itself.
      known.set(type, 0);
      const sum = type.fields.reduce((bytes, field) => Math.min(bytes + bytesMin(field.type, known), bytesMinMax), 0);
      known.set(type, sum);
      return sum;
    }
    case "union":
      return 1 + Math.min(...type.branches.map((branch) => bytesMin(branch, known)));
    default:
      return 1;
  }
}

/** Nothing that is read is larger. */
const bytesMinMax = 0x7fffffff;
