import { assert } from "../kernel/index.ts";
import type { FieldKind } from "../schema/index.ts";

export const isSafeInteger: (value: number) => boolean = Number.isSafeInteger;

/**
 * A value as a field of that kind holds it; undefined when it cannot. Whole numbers lose the sign of zero,
 * times their fraction of a millisecond, floats what 32 bits do not hold. A bigint is copied as it is.
 */
export function fitted(kind: FieldKind, value: unknown): unknown {
  if (typeof value !== "number") return value;
  switch (kind) {
    case "int":
      return (value | 0) === value ? value | 0 : undefined;
    case "long":
      return isSafeInteger(value) ? value + 0 : undefined;
    case "timestamp":
      return isSafeInteger(Math.floor(value)) ? Math.floor(value) + 0 : undefined;
    case "float":
      return Number.isFinite(Math.fround(value)) ? Math.fround(value) : undefined;
    case "double":
      return Number.isFinite(value) ? value : undefined;
    default:
      return value;
  }
}

/** The fate of answer `n >= 1` of a memory. */
export function checkedDrop(drops: readonly number[], answer: number): number {
  const fate = drops[answer - 1];
  assert(fate !== undefined, `a step with memory answered ${answer}, and has ${drops.length} reasons to drop a record`);
  return fate;
}

/** The entry of a map; null when it has none. Keys come from the wire, and every object has members of its own. */
export function entryOf(map: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : null;
}

/** The field of a record; null when the row came without it. */
export function fieldOf(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : null;
}

/** Whether a list holds the value. */
export function isItem(list: readonly unknown[], value: unknown): boolean {
  for (const item of list) if (item === value) return true;
  return false;
}

/** The same where a long, which may be a bigint, meets doubles. */
export function isEqualItem(list: readonly (number | bigint)[], value: number | bigint): boolean {
  for (const item of list) if (isEqual(item, value)) return true;
  return false;
}

/** Whether two numbers are the same number, exactly. */
export function isEqual(a: number | bigint | null, b: number | bigint | null): boolean {
  // biome-ignore lint/suspicious/noDoubleEquals: the one comparison of a bigint with a number, and it is exact.
  return a !== null && b !== null && a == b;
}
