import type { Kind } from "./exact-interpreter.ts";
import { Fault, realOf, Time, type Value } from "./exact-values.ts";

/** A call of a function, by the table of docs/reference/expressions.md. Numbers have been taken as such already. */
export function callFunction(name: string, kind: Kind, values: readonly Value[]): Value {
  const [first] = values;
  if (name.startsWith("to_")) return first === null || first === undefined ? null : convert(name, first);
  if (first instanceof Time && name !== "min" && name !== "max" && name !== "clamp") return ofTime(name, first);
  if (typeof first === "string") return ofText(name, first, values.slice(1));
  if (name === "size") return BigInt(Array.isArray(first) ? first.length : Object.keys(Object(first)).length);
  if (name === "clamp" && first === null) return null;
  if (first instanceof Time) return chosen(name, values as Time[], ({ ms }) => ms);
  if (kind === "whole") return ofWhole(name, values as bigint[]);
  return ofReal(name, values.map(realOf));
}

function chosen<T>(name: string, [x, y, z]: readonly T[], by: (value: T) => bigint): T {
  const [first, second] = [x as T, y as T];
  if (name === "clamp") return by(first) < by(second) ? second : by(first) > by(z as T) ? (z as T) : first;
  const all = [first, second, ...(z === undefined ? [] : [z])];
  return all.reduce((a, b) => ((name === "min" ? by(b) < by(a) : by(b) > by(a)) ? b : a));
}

function ofWhole(name: string, values: readonly bigint[]): bigint {
  const [x = 0n] = values;
  if (name === "abs") return x < 0n ? -x : x;
  if (name === "ceil" || name === "floor" || name === "round") return x;
  return chosen(name, values, (value) => value);
}

function ofReal(name: string, values: readonly number[]): number {
  const [x = Number.NaN, y = Number.NaN, z = Number.NaN] = values;
  if (name === "min") return Math.min(...values);
  if (name === "max") return Math.max(...values);
  if (name === "clamp") return x < y ? y : x > z ? z : x;
  if (name === "abs") return Math.abs(x);
  if (name === "ceil") return Math.ceil(x);
  if (name === "floor") return Math.floor(x);
  if (name === "round") return Math.sign(x) * Math.round(Math.abs(x));
  const made = { sqrt: Math.sqrt(x), ln: Math.log(x), log1p: Math.log1p(x), exp: Math.exp(x), pow: x ** y }[name];
  if (made === undefined) throw new Error(name);
  if (!Number.isFinite(made)) throw new Fault("MR_EXPRESSION");
  return made;
}

function ofTime(name: string, { ms }: Time): bigint {
  if (ms > 8_640_000_000_000_000n || ms < -8_640_000_000_000_000n) throw new Fault("MR_EXPRESSION");
  const date = new Date(Number(ms));
  const part = {
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    day_of_week: ((date.getUTCDay() + 6) % 7) + 1,
    day_of_month: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
  }[name];
  if (part === undefined) throw new Error(name);
  return BigInt(part);
}

function ofText(name: string, text: string, rest: readonly Value[]): Value {
  const [a = null, b = null] = rest;
  switch (name) {
    case "upper":
      return text.toUpperCase();
    case "lower":
      return text.toLowerCase();
    case "trim":
      return text.trim();
    case "length":
      return BigInt(text.length);
    case "size":
      return BigInt([...text].length);
    case "starts_with":
      return text.indexOf(String(a)) === 0;
    case "ends_with":
      return text.endsWith(String(a));
    case "contains":
      return text.indexOf(String(a)) >= 0;
    case "replace":
      return a === "" ? text : text.split(String(a)).join(String(b));
    case "substring":
      return slice(text, a as bigint, b as bigint | null);
    case "split_part": {
      const n = b as bigint;
      if (n < 1n) throw new Fault("MR_EXPRESSION");
      const parts = a === "" ? [text] : text.split(String(a));
      return n > BigInt(parts.length) ? "" : (parts[Number(n) - 1] ?? "");
    }
    default:
      throw new Error(name);
  }
}

function slice(text: string, from: bigint, count: bigint | null): string {
  if (from < 1n || (count !== null && count < 0n)) throw new Fault("MR_EXPRESSION");
  return [...text]
    .filter((_, i) => BigInt(i) >= from - 1n && (count === null || BigInt(i) < from - 1n + count))
    .join("");
}

function convert(name: string, value: Exclude<Value, null>): Value {
  switch (name) {
    case "to_double":
      return toDouble(value);
    case "to_int":
    case "to_long":
      return toWhole(value, name === "to_int" ? 31n : 63n);
    case "to_boolean": {
      const text = String(value).toLowerCase();
      return truth(text);
    }
    case "to_timestamp":
      return toTime(value);
    default:
      return toText(value);
  }
}

function truth(text: string): boolean {
  if (text !== "true" && text !== "false" && text !== "1" && text !== "0") throw new Fault("MR_CAST");
  return text === "true" || text === "1";
}

function toText(value: Exclude<Value, null>): string {
  if (value instanceof Time) {
    const inYears = value.ms >= -62_167_219_200_000n && value.ms < 253_402_300_800_000n;
    if (!inYears) throw new Fault("MR_CAST");
    return new Date(Number(value.ms)).toISOString();
  }
  if (typeof value === "number" && !Number.isFinite(value)) throw new Fault("MR_CAST");
  return String(value);
}

function toDouble(value: Exclude<Value, null>): number {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return equal(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new Fault("MR_CAST");
    return value;
  }
  const text = decimal(value);
  if (/^[-+]?\d+$/.test(text))
    return text.startsWith("-") && Number(text) === 0 ? -0 : equal(BigInt(text.replace("+", "")));
  const number = Number(text);
  if (!Number.isFinite(number)) throw new Fault("MR_CAST");
  if (Math.abs(number) <= Number.MAX_SAFE_INTEGER) return number;
  const [whole, printed] = [wholeOrFault(text), wholeOrFault(String(number))];
  // A fraction, or a number too large for the fuzz to tell: the nearest double.
  if (whole instanceof Fault || printed instanceof Fault) return number;
  if (whole !== printed && whole !== BigInt(number)) throw new Fault("MR_CAST");
  return number;
}

function wholeOrFault(text: string): bigint | Fault {
  try {
    return wholeOf(text);
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}

function equal(whole: bigint): number {
  if (BigInt(Number(whole)) !== whole) throw new Fault("MR_CAST");
  return Number(whole);
}

function decimal(value: Value): string {
  if (typeof value !== "string" || value.length > 64 || !/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value))
    throw new Fault("MR_CAST");
  return value;
}

function toWhole(value: Exclude<Value, null>, bits: bigint): bigint {
  const whole = wholeOf(value);
  if (whole >= 2n ** bits || whole < -(2n ** bits)) throw new Fault("MR_CAST");
  return whole;
}

function wholeOf(value: Exclude<Value, null>): bigint {
  if (value instanceof Time) return value.ms;
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") {
    if (!Number.isInteger(value)) throw new Fault("MR_CAST");
    return BigInt(value);
  }
  const [mantissa = "", exponent = "0"] = decimal(value).toLowerCase().split("e");
  const [before = "", after = ""] = mantissa.split(".");
  const digits = BigInt(before.replace(/^[-+]/, "") + after);
  const zeros = Number(exponent) - after.length;
  if (digits === 0n) return 0n;
  if (zeros > 64) throw new Fault("MR_CAST");
  const sign = before.startsWith("-") ? -1n : 1n;
  if (zeros >= 0) return sign * digits * 10n ** BigInt(zeros);
  const unit = zeros < -128 ? 0n : 10n ** BigInt(-zeros);
  if (unit === 0n || digits % unit !== 0n) throw new Fault("MR_CAST");
  return (sign * digits) / unit;
}

function toTime(value: Exclude<Value, null>): Time {
  if (value instanceof Time) return value;
  // Text that is a date is none of the fuzz's texts; a number may be text.
  if (typeof value === "boolean") throw new Fault("MR_CAST");
  const ms = wholeOf(value);
  if (ms < 100_000_000_000n || ms >= BigInt(Date.UTC(2100))) throw new Fault("MR_CAST");
  return new Time(ms);
}
