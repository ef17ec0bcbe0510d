import { formatIsoTime } from "../kernel/index.ts";
import type { Converted } from "../schema/index.ts";

/** A time as ISO 8601 in UTC, for years 0 to 9999. */
function timeToText(value: unknown): Converted<string> {
  if (value === null) return null;
  const inYears = typeof value === "number" && value >= -62_167_219_200_000 && value < 253_402_300_800_000;
  return inYears ? formatIsoTime(value) : undefined;
}

/** What a conversion does to a time, where that differs from what it does to a number. */
export function onTime(name: string): (value: unknown) => unknown {
  return name === "to_string" ? timeToText : (value) => value;
}
