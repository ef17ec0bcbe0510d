import { eventTimeEndMs, eventTimeMinMs, formatIsoTime, parseIsoTimeMs } from "../kernel/index.ts";

/**
 * The `to_*` functions at work. Null stays null. A value that does not convert gives undefined, which is no
 * value of the language: the compiled program turns it into MR_CAST without the price of an exception.
 */
export type Converted<T> = T | null | undefined;

/** Longest text looked at as a number. */
const numberLengthMax = 64;
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const digitsOnly = /^[+-]?\d+$/;

/**
 * Text must be a decimal number, nothing around it; booleans are 1 and 0. The result is finite. A whole number,
 * written without point and exponent, converts only to a double that is equal to it.
 */
export function toDouble(value: unknown): Converted<number> {
  if (value === null) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return equalDouble(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.length > numberLengthMax || !decimal.test(value)) return undefined;
  if (digitsOnly.test(value) && value.length > safeDigits) return equalDouble(BigInt(value.replace("+", "")));
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Whole numbers of so many characters, sign included, are within 2^53. */
const safeDigits = 15;

function equalDouble(whole: bigint): number | undefined {
  const number = Number(whole);
  return BigInt(number) === whole ? number : undefined;
}

/** A whole number of 32 bits. A fraction does not convert: round, floor or ceil it first. */
export function toInt(value: unknown): Converted<number> {
  const number = toLong(value);
  if (number === null || number === undefined) return number;
  return typeof number === "number" && (number | 0) === number ? number : undefined;
}

const longEnd = 2n ** 63n;

/** A whole number of 64 bits, a bigint when it is beyond 2^53 - 1. A time is its milliseconds since 1970. */
export function toLong(value: unknown): Converted<number | bigint> {
  if (value === null || typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string") return wholeOf(value);
  if (typeof value !== "number" || !Number.isInteger(value)) return undefined;
  return Number.isSafeInteger(value) ? value + 0 : asLong(BigInt(value));
}

function asLong(whole: bigint): number | bigint | undefined {
  if (whole < -longEnd || whole >= longEnd) return undefined;
  return whole >= BigInt(Number.MIN_SAFE_INTEGER) && whole <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(whole) : whole;
}

/** The whole number that a decimal text is, exactly: `1.0` and `1e3` are, what a double would round to one is not. */
function wholeOf(text: string): number | bigint | undefined {
  if (text.length > numberLengthMax) return undefined;
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null || !decimal.test(text)) return undefined;
  const [, sign, before = "", after = "", exponent = "0"] = match;
  const digits = (before + after).replace(/^0+/, "");
  if (digits === "") return 0;
  const significant = digits.replace(/0+$/, "");
  const zeros = digits.length - significant.length - after.length + Number(exponent);
  if (zeros < 0 || significant.length + zeros > longDigits) return undefined;
  return asLong(BigInt(`${sign === "-" ? "-" : ""}${significant}${"0".repeat(zeros)}`));
}

/** Digits of 2^63. */
const longDigits = 19;

/** `true` and `false` in any case, 1 and 0. */
export function toBoolean(value: unknown): Converted<boolean> {
  if (value === null || typeof value === "boolean") return value;
  if (value === 1) return true;
  if (value === 0) return false;
  if (typeof value !== "string" || value.length > 5) return undefined;
  const lower = value.toLowerCase();
  if (lower === "true" || lower === "1") return true;
  return lower === "false" || lower === "0" ? false : undefined;
}

/** ISO 8601 text (UTC without a zone) or whole milliseconds since 1970; from 1970 up to 2100. */
export function toTimestamp(value: unknown): Converted<number> {
  if (value === null) return null;
  const ms = typeof value === "string" ? parseIsoTimeMs(value) : value;
  if (typeof ms !== "number" || !Number.isSafeInteger(ms)) return undefined;
  return ms >= eventTimeMinMs && ms < eventTimeEndMs ? ms : undefined;
}

/** Whole numbers digit by digit, other numbers as the shortest decimal that reads back as the same; `true`, `false`. */
export function toText(value: unknown): Converted<string> {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "bigint") return String(value);
  return typeof value === "number" && Number.isFinite(value) ? String(value) : undefined;
}

/** A time as ISO 8601 in UTC, for years 0 to 9999. */
export function timeToText(value: unknown): Converted<string> {
  if (value === null) return null;
  const inYears = typeof value === "number" && value >= -62_167_219_200_000 && value < 253_402_300_800_000;
  return inYears ? formatIsoTime(value) : undefined;
}
