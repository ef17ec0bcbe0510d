import { eventTimeEndMs, eventTimeMinMs, formatIsoTime, parseIsoTimeMs } from "../kernel/index.ts";

/**
 * The `to_*` functions at work. Null stays null. A value that does not convert gives undefined, which is no
 * value of the language: the compiled program turns it into MR_CAST without the price of an exception.
 */
export type Converted<T> = T | null | undefined;

/** Longest text looked at as a number. */
const numberLengthMax = 64;
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Text must be a decimal number, nothing around it; booleans are 1 and 0. The result is finite. */
export function toDouble(value: unknown): Converted<number> {
  if (value === null) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  const number = typeof value === "string" ? numberOf(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** A whole number of 32 bits. A fraction does not convert: round, floor or ceil it first. */
export function toInt(value: unknown): Converted<number> {
  const number = toDouble(value);
  if (number === null || number === undefined) return number;
  return (number | 0) === number ? number | 0 : undefined;
}

/** A whole number within 2^53. A time is its milliseconds since 1970. */
export function toLong(value: unknown): Converted<number> {
  const number = toDouble(value);
  if (number === null || number === undefined) return number;
  return Number.isSafeInteger(number) ? number + 0 : undefined;
}

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

/** The shortest decimal that reads back as the same number; `true` and `false`. Numbers must be finite. */
export function toText(value: unknown): Converted<string> {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "true" : "false";
  return typeof value === "number" && Number.isFinite(value) ? String(value) : undefined;
}

/** A time as ISO 8601 in UTC, for years 0 to 9999. */
export function timeToText(value: unknown): Converted<string> {
  if (value === null) return null;
  const inYears = typeof value === "number" && value >= -62_167_219_200_000 && value < 253_402_300_800_000;
  return inYears ? formatIsoTime(Math.floor(value)) : undefined;
}

function numberOf(text: string): number | undefined {
  return text.length <= numberLengthMax && decimal.test(text) ? Number(text) : undefined;
}
