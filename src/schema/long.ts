const longMin = -(2n ** 63n);
const longMax = 2n ** 63n - 1n;

/**
 * A long of Avro's in a row: a number up to 2^53 - 1 in magnitude, beyond it a bigint. Never both for one value, so
 * that `===` compares two longs exactly.
 */
export type Long = number | bigint;

/** The one form of a whole number within 64 bits. */
export function longOf(exact: bigint): Long {
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

/** Whether a value is a long. A bigint that would fit a number counts as well: writers are lenient. */
export function isLong(value: unknown): value is Long {
  return typeof value === "bigint" ? value >= longMin && value <= longMax : Number.isSafeInteger(value);
}

/** The double that equals a long; undefined when there is none, which can be only beyond 2^53. */
export function exactDouble(long: Long): number | undefined {
  if (typeof long === "number") return long;
  const number = Number(long);
  return BigInt(number) === long ? number : undefined;
}
