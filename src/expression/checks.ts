import { assert } from "../kernel/index.ts";
import type { FieldKind } from "../schema/index.ts";

export const isSafeInteger: (value: number) => boolean = Number.isSafeInteger;

/**
 * A value as a field of that kind holds it; undefined when it cannot. Whole numbers lose the sign of zero,
 * times their fraction of a millisecond, floats what 32 bits do not hold.
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
