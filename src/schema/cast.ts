import { bareTimeMinMs, eventTimeEndMs, isDigitsOfDate, parseIsoTimeMs, timeMinMs } from "../kernel/index.ts";
import { doubleOf, floorOf, numberText, parseDecimal, wholeOf } from "./decimal.ts";
import { JsonNumber } from "./exact-json.ts";
import { exactDouble, isLong, type Long, longOf } from "./long.ts";
import type { FieldKind } from "./row-shape.ts";

/**
 * What a value is turned into: null stays null, and undefined says that it does not convert, which is no value of
 * a row. The conversions below are what `cast` means in every stage and what the `to_*` functions do.
 */
export type Converted<T> = T | null | undefined;

/** A target of `cast`: the kind of field it gives, and for the reference page what it takes. */
export interface CastTarget {
  readonly kind: FieldKind;
  readonly takes: string;
}

/** Every target of a `cast`. What a target does not take is MR_CAST; null stays null. */
export const castTargets = {
  boolean: { kind: "boolean", takes: "true and false, also as text in any case; 1 and 0, also as text" },
  int: { kind: "int", takes: "a whole number of 32 bits, also as text; a boolean as 1 or 0" },
  long: {
    kind: "long",
    takes:
      "a whole number of 64 bits, also as text, to the last digit; a boolean as 1 or 0; a time as its milliseconds",
  },
  float: {
    kind: "float",
    takes: "a number, also as text: the nearest float of one with a fraction, a whole number only when it is a float",
  },
  double: {
    kind: "double",
    takes: "a number, also as text: the nearest double of one with a fraction, a whole number only when it is a double",
  },
  string: {
    kind: "string",
    takes:
      "a number as its digits (1.0 is `1`, 9007199254740993 stays), a boolean as `true` or `false`, a time as ISO 8601 in UTC",
  },
  "timestamp-millis": {
    kind: "timestamp",
    takes:
      "ISO 8601 and RFC 3339 text (UTC without a zone, cut to milliseconds; a leap second is the next one, week dates and days of the year are not taken); milliseconds since 1970, also as text, from 1973-03-03 on or from `timesFrom` of the input: what lies before looks like seconds, and digits such as 202601010000 look like a date",
  },
  "epoch-seconds": { kind: "timestamp", takes: "seconds since 1970, also as text, with any fraction" },
  "epoch-millis": { kind: "timestamp", takes: "milliseconds since 1970, also as text, however small" },
  "epoch-micros": { kind: "timestamp", takes: "microseconds since 1970, also as text, floored to the millisecond" },
  "epoch-nanos": { kind: "timestamp", takes: "nanoseconds since 1970, also as text, floored to the millisecond" },
  utc: {
    kind: "timestamp",
    takes:
      "in an ingest stage Avro's `local-timestamp-*` as UTC and `time-*` on 1970-01-01; else as `timestamp-millis`",
  },
} as const satisfies Record<string, CastTarget>;

export type CastType = keyof typeof castTargets;

export const castTypes = Object.keys(castTargets) as [CastType, ...CastType[]];

/** Powers of ten from the unit of an `epoch-*` target to a millisecond; undefined for other targets. */
export const epochShifts: Readonly<Partial<Record<CastType, number>>> = {
  "epoch-seconds": 3,
  "epoch-millis": 0,
  "epoch-micros": -3,
  "epoch-nanos": -6,
};

/** `true` and `false` in any case, 1 and 0. */
export function toBoolean(value: unknown): Converted<boolean> {
  if (value === null || typeof value === "boolean") return value;
  const plain = value instanceof JsonNumber ? doubleOf(value.source) : value;
  if (plain === 1) return true;
  if (plain === 0) return false;
  if (typeof plain !== "string" || plain.length > 5) return undefined;
  const lower = plain.toLowerCase();
  if (lower === "true" || lower === "1") return true;
  return lower === "false" || lower === "0" ? false : undefined;
}

/**
 * Numbers, decimal text with nothing around it, and booleans as 1 and 0. The nearest double of a number with a
 * fraction; a whole number must be a double. The result is finite.
 */
export function toDouble(value: unknown): Converted<number> {
  if (value === null) return null;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return exactDouble(value);
  if (value instanceof JsonNumber) return doubleOf(value.source);
  return typeof value === "string" && parseDecimal(value) !== undefined ? doubleOf(value) : undefined;
}

/** As {@link toDouble}, for 32 bits. */
export function toFloat(value: unknown): Converted<number> {
  const number = toDouble(value);
  return typeof number === "number" ? floatOf(number) : number;
}

/** The nearest float of a number with a fraction; of a whole number only what equals it or prints as it. */
export function floatOf(number: number): number | undefined {
  const float = Math.fround(number);
  if (float === number) return float;
  if (!Number.isFinite(float)) return undefined;
  return Number.isInteger(number) && shortestFloat(float) !== number ? undefined : float;
}

/** What a float prints as where floats are printed: the number of fewest digits that is read as it. */
function shortestFloat(float: number): number {
  for (let digits = 6; digits <= 8; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return Number(float.toPrecision(9));
}

/** A whole number of 32 bits. A fraction does not convert: round, floor or ceil it first. */
export function toInt(value: unknown): Converted<number> {
  const long = toLong(value);
  if (long === null || long === undefined) return long;
  return typeof long === "number" && (long | 0) === long ? long | 0 : undefined;
}

/** A whole number of 64 bits, exact. A time is its milliseconds since 1970. */
export function toLong(value: unknown): Converted<Long> {
  if (value === null) return null;
  if (typeof value === "number") return Number.isSafeInteger(value) ? value + 0 : largeDouble(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return isLong(value) ? longOf(value) : undefined;
  const text = value instanceof JsonNumber ? value.source : value;
  const decimal = typeof text === "string" ? parseDecimal(text) : undefined;
  const whole = decimal && wholeOf(decimal);
  return whole !== undefined && isLong(whole) ? longOf(whole) : undefined;
}

/** A double beyond 2^53 is one whole number, and that one. */
function largeDouble(value: number): bigint | undefined {
  const whole = Number.isInteger(value) ? BigInt(value) : undefined;
  return isLong(whole) && typeof whole === "bigint" ? whole : undefined;
}

/** The digits of a number, as {@link numberText} says; `true` and `false`. */
export function toText(value: unknown): Converted<string> {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof JsonNumber) return numberText(value.source);
  return typeof value === "number" && Number.isFinite(value) ? String(value) : undefined;
}

/** ISO 8601 text, or milliseconds since 1970 from `bareFromMs` on; before 2100. */
export function toTime(value: unknown, bareFromMs = bareTimeMinMs): Converted<number> {
  if (value === null) return null;
  const ms = typeof value === "string" ? parseIsoTimeMs(value) : undefined;
  if (ms !== undefined) return inTimes(ms);
  if (typeof value === "boolean" || (typeof value === "string" && isDigitsOfDate(value))) return undefined;
  const bare = toLong(value);
  return typeof bare === "number" && bare >= bareFromMs ? inTimes(bare) : undefined;
}

/** A count of the target's unit since 1970 as a time, floored to the millisecond; from the year 1 up to 2100. */
export function epochToTime(value: unknown, shift: number): Converted<number> {
  if (value === null) return null;
  const text = typeof value === "boolean" ? undefined : toText(value);
  const decimal = typeof text === "string" ? parseDecimal(text) : undefined;
  return decimal && inTimes(Number(floorOf(decimal, shift)));
}

function inTimes(ms: number): number | undefined {
  return ms >= timeMinMs && ms < eventTimeEndMs ? ms : undefined;
}

/** One conversion by its target, for a value that is no time yet. */
export function convert(target: CastType, value: unknown, bareFromMs = bareTimeMinMs): unknown {
  const shift = epochShifts[target];
  if (shift !== undefined) return epochToTime(value, shift);
  switch (target) {
    case "boolean":
      return toBoolean(value);
    case "int":
      return toInt(value);
    case "long":
      return toLong(value);
    case "float":
      return toFloat(value);
    case "double":
      return toDouble(value);
    case "string":
      return toText(value);
    default:
      return toTime(value, bareFromMs);
  }
}
