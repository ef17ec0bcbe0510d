import { isNull, type RowOp, ref } from "../expression/index.ts";
import { type Field, type FieldKind, type FieldType, floatOf } from "../schema/index.ts";
import type { LoweringContext } from "./contract.ts";

type Path = readonly (string | number)[];

/** The kinds of field that hold numbers, and which numbers these are. */
export const numbersOf = {
  int: "whole number of 32 bits",
  long: "whole number up to 2^53",
  float: "number that a float keeps",
  double: "number",
} as const satisfies Partial<Record<FieldKind, string>>;

type NumericKind = keyof typeof numbersOf;

/** Field kinds that arithmetic takes. */
export function isNumeric(kind: FieldKind): kind is NumericKind {
  return Object.hasOwn(numbersOf, kind);
}

/** Whether a number of the file is a value of such a field: as it is, or the nearest float of one with a fraction. */
export function isValueOf(kind: NumericKind, number: number): boolean {
  switch (kind) {
    case "int":
      return (number | 0) === number;
    case "long":
      return Number.isSafeInteger(number);
    case "float":
      return Number.isFinite(number) && floatOf(number) !== undefined;
    case "double":
      return Number.isFinite(number);
  }
}

/** The symbols of an enum, by its type in Avro's JSON; none for what is no enum. */
export function symbolsOf(avro: unknown): readonly unknown[] {
  const { symbols } = (typeof avro === "object" && avro !== null ? avro : {}) as { symbols?: unknown };
  return Array.isArray(symbols) ? symbols : [];
}

const textless: ReadonlySet<FieldKind> = new Set(["bytes", "record", "list", "map", "other"]);

/** Whether values of the kind have a text form, as keys and ids need. */
export function isTextual(kind: FieldKind): boolean {
  return !textless.has(kind);
}

/**
 * Whether a step may set this field. `event_id` is the record's identity, and the key decides its partition:
 * neither changes inside a stage. Nor does the event time once lateness was judged by it: stores forget by stream
 * time what no record in time can ask for. What is wrong is reported.
 */
export function isSettable(name: string, context: LoweringContext, path: Path): boolean {
  if (name === "event_id") {
    context.problem({
      code: "MR_EVENT_ID",
      path,
      message: "event_id is the record's identity and is not changed by a step",
      hint: "use another name",
    });
    return false;
  }
  if (name === context.keyField && !context.ingest) {
    context.problem({
      code: "MR_KEY",
      path,
      message: `${name} is the key of the topic that stage ${context.stage} reads; changing it would need a re-key`,
      hint: "give the result another name; re-keying is not in this version",
    });
    return false;
  }
  if (name === context.timeField && context.lateEmitted) {
    context.problem({
      code: "MR_TIME",
      path,
      message: `${name} is the event time that stage ${context.stage} has judged lateness by; it is not changed after that`,
      hint: "change it before the first step that remembers records, or give the result another name",
    });
    return false;
  }
  return true;
}

/** Looks up a field that a step changes in place; undefined, and reported, when there is none or it may not change. */
export function settableField(name: string, context: LoweringContext, path: Path): Field | undefined {
  const field = context.field(name, path);
  return field !== undefined && isSettable(name, context, path) ? field : undefined;
}

/** The field with null ruled out: its type without null, and without a default that was null. */
export function withoutNull(field: Field): Field {
  const { default: fallback, ...rest } = field;
  const type: FieldType = { ...field.type, nullable: false };
  return fallback === undefined || fallback === null ? { ...rest, type } : { ...rest, default: fallback, type };
}

/**
 * Fails the record as MR_REQUIRED when the field is null, and from then on the field cannot be null; nothing
 * for a field that never is.
 */
export function requireOps(field: Field, context: LoweringContext, path: Path): readonly RowOp[] {
  if (!field.type.nullable) return [];
  const when = context.expression(isNull(ref(field.name)), path);
  const value = context.expression(ref(field.name), path);
  if (when === undefined || value === undefined) return [];
  const narrowed = withoutNull(field);
  return [
    { op: "failIf", code: "MR_REQUIRED", field: field.name, message: `${field.name} is null`, when },
    { op: "assign", field: narrowed, value: { ...value, type: narrowed.type } },
  ];
}
