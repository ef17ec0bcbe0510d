/** A record set aside by the interpreter. */
export class Fault extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Milliseconds since 1970. */
export class Time {
  readonly ms: bigint;
  constructor(ms: bigint) {
    this.ms = ms;
  }
}

/** Whole numbers are bigints, doubles numbers; records, lists and maps are as the row has them. */
export type Value = null | boolean | string | number | bigint | Time;

const most = 2n ** 53n - 1n;

/** A computed whole number. */
export function safe(value: bigint): bigint {
  if (value > most || value < -most) throw new Fault("MR_EXPRESSION");
  return value;
}

/** The code of a long beyond 2^53 - 1 that is taken as a number, in a stage that reads Avro. */
const wideCode = "MR_DECODE_BODY";

/** A number, taken as one. */
export function numberOf(value: Value): bigint | number {
  if (typeof value === "bigint" && (value > most || value < -most)) throw new Fault(wideCode);
  return value as bigint | number;
}

export function realOf(value: Value): number {
  return Number(numberOf(value));
}

export function limited(time: Time): Time {
  if (time.ms > most || time.ms < -most) throw new Fault(wideCode);
  return time;
}

/** The double nearest to a / b, from the quotient in 64 bits and whether something is left. */
export function exactQuotient(a: bigint, b: bigint): number {
  const sign = a < 0n !== b < 0n ? -1 : 1;
  const [top, bottom] = [a < 0n ? -a : a, b < 0n ? -b : b];
  const shift = BigInt(Math.max(0, 64 + bottom.toString(2).length - top.toString(2).length));
  const scaled = top << shift;
  const sticky = scaled % bottom === 0n ? 0n : 1n;
  // Number() rounds to the nearest, halves to even; the bit that was left over tells a half from more than one.
  return (sign * Number((scaled / bottom) * 2n + sticky)) / 2 ** (Number(shift) + 1);
}
