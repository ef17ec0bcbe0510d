import { dayOfWeek, hourOfDay } from "../kernel/index.ts";
import { toBoolean, toDouble, toInt, toLong, toText, toTimestamp } from "./conversions.ts";
import { commonType, type Family, typeOf, type ValueType } from "./types.ts";

/** What one argument may be. `nullable` arguments need no guard. */
export interface Parameter {
  readonly name: string;
  /** Undefined takes every type. */
  readonly families: readonly Family[] | undefined;
  readonly nullable?: boolean;
}

/** A function of the language: how it is checked, what it does, and what the reference page says of it. */
export interface FunctionDefinition {
  /** As in the reference page: `clamp(x, low, high)`. */
  readonly signature: string;
  /** One sentence, or two. */
  readonly doc: string;
  /** A call with constants, and what it gives. */
  readonly example: readonly [text: string, gives: null | boolean | number | string];
  readonly parameters: readonly Parameter[];
  /** The last parameter may be repeated, at least `repeats` times in all arguments; applied pairwise from the left. */
  readonly repeats?: true;
  /** Result type for arguments that fit the parameters; undefined when they do not fit each other. */
  readonly result: (args: readonly ValueType[]) => ValueType | undefined;
  /**
   * How it fails the record: `finite` with MR_EXPRESSION when the result is not finite, `cast` with MR_CAST when
   * it is undefined. `otherwise` stands in for the result until the record is set aside.
   */
  readonly fails?: { readonly how: "finite" | "cast"; readonly otherwise: number | string | boolean };
  /** Pure and total over the parameters' types. Absent where the compiler writes the operation itself. */
  readonly run?: (...args: never[]) => unknown;
}

const numeric: readonly Family[] = ["number"];
const ordered: readonly Family[] = ["number", "timestamp"];
const textual: readonly Family[] = ["text"];
const scalar: readonly Family[] = ["number", "text", "boolean"];
const scalarOrTime: readonly Family[] = [...scalar, "timestamp"];

const x = (families: readonly Family[] | undefined, nullable = false): Parameter => ({ name: "x", families, nullable });
const named = (name: string, families: readonly Family[]): Parameter => ({ name, families });

const always = (kind: "boolean" | "int" | "long" | "double" | "string" | "timestamp") => (): ValueType => typeOf(kind);
const likeFirst = ([first]: readonly ValueType[]): ValueType | undefined => first && withoutConstant(first);
const nullAsFirst =
  (kind: "boolean" | "int" | "long" | "double" | "string" | "timestamp") =>
  ([first]: readonly ValueType[]): ValueType =>
    typeOf(kind, first?.nullable ?? false);

/** For two arguments or more. Constants stay adaptable until they meet a neighbour. */
function common([first, ...rest]: readonly ValueType[]): ValueType | undefined {
  return rest.reduce<ValueType | undefined>((all, next) => all && commonType(all, next), first);
}

function withoutConstant({ kind, nullable, avro }: ValueType): ValueType {
  return { kind, nullable, avro };
}

const finite = { how: "finite", otherwise: 0 } as const;

/** Furthest time from 1970 that has a date in ECMAScript, in ms; beyond it whole milliseconds are soon no longer told apart. */
const calendarEndMs = 8.64e15;

/** A computed time in whole milliseconds; NaN when it is beyond the calendar, as `paid_at + 1e300` is. */
function inCalendar(time: number): number {
  return Math.abs(time) <= calendarEndMs ? Math.floor(time) : Number.NaN;
}

const arithmetic = {
  abs: {
    signature: "abs(x)",
    doc: "The number without its sign. Keeps the type of x.",
    example: ["abs(-2.5)", 2.5],
    parameters: [x(numeric)],
    result: likeFirst,
    run: Math.abs,
  },
  ceil: {
    signature: "ceil(x)",
    doc: "The smallest whole number not below x. Keeps the type of x.",
    example: ["ceil(2.1)", 3],
    parameters: [x(numeric)],
    result: likeFirst,
    run: Math.ceil,
  },
  floor: {
    signature: "floor(x)",
    doc: "The largest whole number not above x. Keeps the type of x.",
    example: ["floor(-2.1)", -3],
    parameters: [x(numeric)],
    result: likeFirst,
    run: Math.floor,
  },
  round: {
    signature: "round(x)",
    doc: "The nearest whole number, halves away from zero. Keeps the type of x.",
    example: ["round(-2.5)", -3],
    parameters: [x(numeric)],
    result: likeFirst,
    run: (value: number) => (value < 0 ? -Math.round(-value) : Math.round(value)),
  },
  sqrt: {
    signature: "sqrt(x)",
    doc: "The square root. A negative x fails the record with MR_EXPRESSION.",
    example: ["sqrt(2.25)", 1.5],
    parameters: [x(numeric)],
    result: always("double"),
    fails: finite,
    run: Math.sqrt,
  },
  ln: {
    signature: "ln(x)",
    doc: "The natural logarithm. An x of zero or less fails the record with MR_EXPRESSION.",
    example: ["ln(1)", 0],
    parameters: [x(numeric)],
    result: always("double"),
    fails: finite,
    run: Math.log,
  },
  log1p: {
    signature: "log1p(x)",
    doc: "The natural logarithm of 1 + x, exact for small x. An x of -1 or less fails the record with MR_EXPRESSION.",
    example: ["log1p(0)", 0],
    parameters: [x(numeric)],
    result: always("double"),
    fails: finite,
    run: Math.log1p,
  },
  exp: {
    signature: "exp(x)",
    doc: "e to the power of x. A result beyond the doubles fails the record with MR_EXPRESSION.",
    example: ["exp(0)", 1],
    parameters: [x(numeric)],
    result: always("double"),
    fails: finite,
    run: Math.exp,
  },
  pow: {
    signature: "pow(x, y)",
    doc: "x to the power of y. A result that is not finite fails the record with MR_EXPRESSION.",
    example: ["pow(2, 10)", 1024],
    parameters: [x(numeric), named("y", numeric)],
    result: always("double"),
    fails: finite,
    run: Math.pow,
  },
  min: {
    signature: "min(a, b, ...)",
    doc: "The smallest of two or more numbers or times.",
    example: ["min(3, 1, 2)", 1],
    parameters: [named("a", ordered), named("b", ordered)],
    repeats: true,
    result: common,
    run: Math.min,
  },
  max: {
    signature: "max(a, b, ...)",
    doc: "The largest of two or more numbers or times.",
    example: ["max(3, 1, 2)", 3],
    parameters: [named("a", ordered), named("b", ordered)],
    repeats: true,
    result: common,
    run: Math.max,
  },
  clamp: {
    signature: "clamp(x, low, high)",
    doc: "x held to the closed range from low to high. Null stays null.",
    example: ["clamp(12, 0, 10)", 10],
    parameters: [x(ordered, true), named("low", ordered), named("high", ordered)],
    result: common,
    run: (value: number | null, low: number, high: number) => {
      if (value === null || value < low) return value === null ? null : low;
      return value > high ? high : value;
    },
  },
} satisfies Record<string, FunctionDefinition>;

const nulls = {
  coalesce: {
    signature: "coalesce(a, b, ...)",
    doc: "The first argument that is not null; the rest is not computed. Null only when all are.",
    example: ["coalesce(null, 7)", 7],
    parameters: [
      { name: "a", families: undefined, nullable: true },
      { name: "b", families: undefined, nullable: true },
    ],
    repeats: true,
    result: (args) => {
      const type = common(args);
      return type && { ...type, nullable: args.every((arg) => arg.nullable) };
    },
  },
  is_null: {
    signature: "is_null(x)",
    doc: "True when x is null, the same as x == null.",
    example: ["is_null(null)", true],
    parameters: [x(undefined, true)],
    result: always("boolean"),
  },
} satisfies Record<string, FunctionDefinition>;

const times = {
  hour: {
    signature: "hour(t)",
    doc: "Hour of the day in UTC, 0 to 23. A time beyond the calendar fails the record with MR_EXPRESSION.",
    example: ['hour(to_timestamp("2026-01-01T23:59:00Z"))', 23],
    parameters: [named("t", ["timestamp"])],
    result: always("int"),
    fails: finite,
    run: (time: number) => hourOfDay(inCalendar(time)),
  },
  day_of_week: {
    signature: "day_of_week(t)",
    doc: "Day of the week in UTC by ISO 8601: Monday is 1, Sunday is 7. A time beyond the calendar fails the record with MR_EXPRESSION.",
    example: ['day_of_week(to_timestamp("2026-01-01"))', 4],
    parameters: [named("t", ["timestamp"])],
    result: always("int"),
    fails: finite,
    run: (time: number) => dayOfWeek(inCalendar(time)),
  },
} satisfies Record<string, FunctionDefinition>;

const texts = {
  upper: {
    signature: "upper(s)",
    doc: "The text in capitals, whatever the locale.",
    example: ['upper("de")', "DE"],
    parameters: [named("s", textual)],
    result: always("string"),
    run: (text: string) => text.toUpperCase(),
  },
  lower: {
    signature: "lower(s)",
    doc: "The text in small letters, whatever the locale.",
    example: ['lower("DE")', "de"],
    parameters: [named("s", textual)],
    result: always("string"),
    run: (text: string) => text.toLowerCase(),
  },
  trim: {
    signature: "trim(s)",
    doc: "The text without white space at both ends.",
    example: ['trim("  de ")', "de"],
    parameters: [named("s", textual)],
    result: always("string"),
    run: (text: string) => text.trim(),
  },
  length: {
    signature: "length(s)",
    doc: "Length of the text in UTF-16 code units.",
    example: ['length("abc")', 3],
    parameters: [named("s", textual)],
    result: always("int"),
    run: (text: string) => text.length,
  },
  starts_with: {
    signature: "starts_with(s, prefix)",
    doc: "True when the text begins with the prefix.",
    example: ['starts_with("abc", "ab")', true],
    parameters: [named("s", textual), named("prefix", textual)],
    result: always("boolean"),
    run: (text: string, part: string) => text.startsWith(part),
  },
  ends_with: {
    signature: "ends_with(s, suffix)",
    doc: "True when the text ends with the suffix.",
    example: ['ends_with("abc", "ab")', false],
    parameters: [named("s", textual), named("suffix", textual)],
    result: always("boolean"),
    run: (text: string, part: string) => text.endsWith(part),
  },
  contains: {
    signature: "contains(s, part)",
    doc: "True when the part occurs in the text.",
    example: ['contains("abc", "b")', true],
    parameters: [named("s", textual), named("part", textual)],
    result: always("boolean"),
    run: (text: string, part: string) => text.includes(part),
  },
} satisfies Record<string, FunctionDefinition>;

const conversions = {
  to_double: {
    signature: "to_double(x)",
    doc: "x as a double: decimal text, or a boolean as 1 or 0. What does not convert fails the record with MR_CAST; null stays null.",
    example: ['to_double("12.5")', 12.5],
    parameters: [x(scalar, true)],
    result: nullAsFirst("double"),
    fails: { how: "cast", otherwise: 0 },
    run: toDouble,
  },
  to_int: {
    signature: "to_int(x)",
    doc: "x as a whole number of 32 bits. A fraction does not convert: round it first. What does not convert fails the record with MR_CAST; null stays null.",
    example: ['to_int("12")', 12],
    parameters: [x(scalar, true)],
    result: nullAsFirst("int"),
    fails: { how: "cast", otherwise: 0 },
    run: toInt,
  },
  to_long: {
    signature: "to_long(x)",
    doc: "x as a whole number within 2^53; a time gives its milliseconds since 1970. What does not convert fails the record with MR_CAST; null stays null.",
    example: ['to_long(to_timestamp("1970-01-02"))', 86_400_000],
    parameters: [x(scalarOrTime, true)],
    result: nullAsFirst("long"),
    fails: { how: "cast", otherwise: 0 },
    run: toLong,
  },
  to_string: {
    signature: "to_string(x)",
    doc: "x as text; a time as ISO 8601 in UTC. A number that is not finite fails the record with MR_CAST; null stays null.",
    example: ["to_string(2.5)", "2.5"],
    parameters: [x(scalarOrTime, true)],
    result: nullAsFirst("string"),
    fails: { how: "cast", otherwise: "" },
    run: toText,
  },
  to_boolean: {
    signature: "to_boolean(x)",
    doc: "true, false (in any case), 1 and 0 as a boolean. What does not convert fails the record with MR_CAST; null stays null.",
    example: ['to_boolean("TRUE")', true],
    parameters: [x(scalar, true)],
    result: nullAsFirst("boolean"),
    fails: { how: "cast", otherwise: false },
    run: toBoolean,
  },
  to_timestamp: {
    signature: "to_timestamp(x)",
    doc: "ISO 8601 text (UTC without a zone) or milliseconds since 1970 as a time, from 1970 up to 2100. What does not convert fails the record with MR_CAST; null stays null.",
    example: ['to_timestamp("1970-01-01T00:00:01Z")', 1_000],
    parameters: [x(["number", "text", "timestamp"], true)],
    result: nullAsFirst("timestamp"),
    fails: { how: "cast", otherwise: 0 },
    run: toTimestamp,
  },
} satisfies Record<string, FunctionDefinition>;

const table = { ...arithmetic, ...nulls, ...times, ...texts, ...conversions };

export type FunctionName = keyof typeof table;

/** All functions of the language by name, in the order of the reference page. The table is closed. */
export const functionTable: Readonly<Record<FunctionName, FunctionDefinition>> = table;

/** The function of that name; undefined when the language has none. */
export function functionNamed(name: string): FunctionDefinition | undefined {
  return Object.hasOwn(functionTable, name) ? functionTable[name as FunctionName] : undefined;
}

/** Names that other languages use, and what to write here. */
export const foreignFunctions: ReadonlyMap<string, string> = new Map([
  ["if", "write test ? a : b"],
  ["iff", "write test ? a : b"],
  ["iif", "write test ? a : b"],
  ["not", "write !"],
  ["has", "write x != null"],
  ["isnull", "did you mean is_null?"],
  ["ifnull", "did you mean coalesce?"],
  ["nvl", "did you mean coalesce?"],
  ["log", "did you mean ln?"],
  ["len", "did you mean length?"],
  ["size", "did you mean length?"],
  ["ceiling", "did you mean ceil?"],
  ["ucase", "did you mean upper?"],
  ["lcase", "did you mean lower?"],
  ["least", "did you mean min?"],
  ["greatest", "did you mean max?"],
  ["dow", "did you mean day_of_week?"],
  ["weekday", "did you mean day_of_week?"],
  ["power", "did you mean pow?"],
  ["cast", "write to_double(x), to_int(x), ..."],
  ["int", "did you mean to_int?"],
  ["double", "did you mean to_double?"],
  ["float", "did you mean to_double?"],
  ["string", "did you mean to_string?"],
  ["str", "did you mean to_string?"],
  ["timestamp", "did you mean to_timestamp?"],
]);

/** Aggregates look back over many records, so they are no functions of one row; `rolling` reads them. */
export const aggregateNames: ReadonlySet<string> = new Set(["count", "sum", "mean", "std", "avg", "median"]);
