/** What a field can hold, as far as steps and expressions tell types apart. */
export type FieldKind =
  | "boolean"
  | "int"
  | "long"
  | "float"
  | "double"
  | "string"
  | "timestamp"
  | "bytes"
  | "enum"
  | "record"
  | "list"
  | "map"
  | "other";

/**
 * The type of a field. `timestamp` is long with timestamp-millis; `enum` is a string from a closed list; what is
 * inside a `record`, `list` or `map` is told by `fieldsIn` and `valuesIn`; `other` (fixed, wider unions, other
 * logical types) cannot be looked into and passes through untouched.
 */
export interface FieldType {
  readonly kind: FieldKind;
  readonly nullable: boolean;
  /** The Avro type as JSON, null branch left out. What an inferred schema writes for this field. */
  readonly avro: unknown;
}

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** Names step and expression in inferred schemas. */
  readonly doc?: string;
  /** What an absent value becomes; absent when the schema gives no default. A JSON value in Avro's default form. */
  readonly default?: unknown;
  /**
   * What a step says for records that were written before it made the field, in Avro's default form. An inferred
   * schema has it as the default from its first version on.
   */
  readonly statedDefault?: unknown;
  readonly aliases?: readonly string[];
  /** The value never appears in a message or log line. */
  readonly sensitive?: boolean;
}

/** The fields of a row in their order. Rows of one shape are plain objects with the same hidden class. */
export type RowShape = readonly Field[];

/**
 * A decoded record. Longs and timestamps are numbers within 2^53 - 1 and bigints beyond; bytes are Buffers, records
 * and maps plain objects, lists arrays.
 */
export type Row = Record<string, unknown>;
