import { assert } from "../kernel/index.ts";

/** Values of this size and above take the slow road; below, zigzag fits a small integer. */
const smallEnd = 0x4000_0000;
/** The difference of two numbers that are exact is at most 2^54. */
const varlongMax = 2 ** 54;

/** Bytes that `value` (32 bits, signed) takes as a zigzag varint: 1 to 5. */
export function varintSize(value: number): number {
  const zigzag = (value << 1) ^ (value >> 31);
  return zigzag >= 0 && zigzag < 0x80 ? 1 : (((31 - Math.clz32(zigzag)) / 7) | 0) + 1;
}

/** Writes `value` (32 bits, signed) as a zigzag varint at `at`; answers the position after it. There must be room. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  const zigzag = (value << 1) ^ (value >> 31);
  if ((zigzag & ~0x7f) !== 0) return writeBytes(bytes, at, zigzag);
  bytes[at] = zigzag;
  return at + 1;
}

function writeBytes(bytes: Uint8Array, at: number, zigzag: number): number {
  let rest = zigzag;
  let next = at;
  while ((rest & ~0x7f) !== 0) {
    bytes[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[next++] = rest;
  return next;
}

/** Writes a whole number, at most 2^54 from 0, as a zigzag varlong at `at`; answers the position after it. There must be room. */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  if (isSmall(value)) return writeVarint(bytes, at, value);
  assert(Number.isInteger(value) && Math.abs(value) <= varlongMax, `a varlong is a whole number, not ${value}`);
  // Zigzag is twice the size of the number, less 1 when it is negative. Digit by digit, because beyond 2^53 neither that nor
  // the number less 1 is exact.
  const size = Math.abs(value);
  const isNegative = value < 0;
  const borrows = isNegative && size % 64 === 0;
  let low = borrows ? 127 : (size % 64) * 2 - (isNegative ? 1 : 0);
  let rest = Math.floor(size / 64) - (borrows ? 1 : 0);
  let next = at;
  while (rest > 0) {
    bytes[next++] = low | 0x80;
    low = rest % 128;
    rest = Math.floor(rest / 128);
  }
  bytes[next++] = low;
  return next;
}

function isSmall(value: number): boolean {
  return value === (value | 0) && value < smallEnd && value >= -smallEnd;
}
