import { parseIsoTimeMs } from "../kernel/index.ts";
import { misfit } from "./byte-sink.ts";

/** Targets of a `cast`: what text (or a number, for boolean and string) may be turned into. */
export const castTypes = ["boolean", "int", "long", "float", "double", "string", "timestamp-millis"] as const;

export type CastType = (typeof castTypes)[number];

/** Longest text looked at as a number. */
const numberLengthMax = 64;
const numberText = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/**
 * Converts a value as a `cast` asks; what already is of the target, or null, passes. The field's own type is checked
 * after it, so "1.5" cast to int is refused there.
 * @throws RecordError MR_CAST when the value cannot be converted
 */
export function castValue(target: CastType, value: unknown, path: string): unknown {
  if (value === null) return null;
  switch (target) {
    case "boolean":
      return toBoolean(value, path);
    case "string":
      return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
    case "timestamp-millis":
      if (typeof value !== "string") return value;
      return parseIsoTimeMs(value) ?? misfit(path, "ISO 8601 time", value);
    default: {
      const number = typeof value === "string" ? parseNumber(value, path, target) : value;
      return (target === "int" || target === "long") && typeof number === "number" && !Number.isInteger(number)
        ? misfit(path, target, number)
        : number;
    }
  }
}

function toBoolean(value: unknown, path: string): unknown {
  if (value === "true" || value === 1) return true;
  if (value === "false" || value === 0) return false;
  return typeof value === "boolean" ? value : misfit(path, "boolean (true, false, 1 or 0)", value);
}

function parseNumber(text: string, path: string, target: CastType): number {
  if (text.length > numberLengthMax || !numberText.test(text)) return misfit(path, target, text);
  return Number(text);
}
