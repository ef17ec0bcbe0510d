import { RecordError } from "../kernel/index.ts";
import type { Long } from "./long.ts";

const two27 = 134_217_728;
const sinkBytesFirst = 4_096;
/** A larger buffer is given back after use instead of being kept. */
const sinkBytesKept = 1_048_576;

/** A growing buffer that Avro's primitives are written to. The values have been checked before. */
export class ByteSink {
  #bytes = Buffer.allocUnsafe(sinkBytesFirst);
  #at = 0;

  get byteLength(): number {
    return this.#at;
  }

  reset(): void {
    this.#at = 0;
    if (this.#bytes.length > sinkBytesKept) this.#bytes = Buffer.allocUnsafe(sinkBytesFirst);
  }

  copyTo(into: Buffer, at: number): void {
    this.#bytes.copy(into, at, 0, this.#at);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  /** A zigzag varint, exact for every long. */
  long(value: Long): void {
    this.#room(10);
    this.#at = writeLong(this.#bytes, this.#at, value);
  }

  float(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
  }

  double(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Length, then UTF-8; false, and nothing written, for half of a surrogate pair, which has no UTF-8. */
  string(text: string): boolean {
    const length = Buffer.byteLength(text);
    if (length !== text.length && !text.isWellFormed()) return false;
    this.long(length);
    this.#room(length);
    this.#bytes.write(text, this.#at, length, "utf8");
    this.#at += length;
    return true;
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + size));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Writes a long as a zigzag varint and answers the end; needs up to 10 bytes of room. */
export function writeLong(into: Buffer, at: number, value: Long): number {
  return typeof value === "number" ? writeSafe(into, at, value) : writeLarge(into, at, value);
}

function writeLarge(into: Buffer, at: number, value: bigint): number {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let position = at;
  for (; rest > 127n; rest >>= 7n) into[position++] = Number(rest & 127n) | 128;
  into[position++] = Number(rest);
  return position;
}

function writeSafe(into: Buffer, at: number, value: number): number {
  const magnitude = value < 0 ? -value - 1 : value;
  let high = Math.floor(magnitude / two27);
  let low = (magnitude - high * two27) * 2 + (value < 0 ? 1 : 0);
  let position = at;
  if (high > 0) {
    for (let i = 0; i < 4; i++) {
      into[position++] = (low & 127) | 128;
      low >>>= 7;
    }
    low = high;
    high = 0;
  }
  while (low > 127) {
    into[position++] = (low & 127) | 128;
    low >>>= 7;
  }
  into[position++] = low;
  return position;
}

/** What text has to be, for {@link misfit}: half of a surrogate pair is none. */
export const writableText = "text that has UTF-8: half of a surrogate pair is in it";

/** Always throws MR_CAST for a value that its field cannot hold. Says the type of the value, never the value. */
export function misfit(path: string, wanted: string, value: unknown): never {
  throw new RecordError("MR_CAST", `field ${path}: ${typeWord(value)} is no ${wanted}`);
}

/** A word for the type of a JavaScript value, for messages that must not show the value. */
export function typeWord(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "a missing value";
  if (Array.isArray(value)) return "a list";
  if (Buffer.isBuffer(value)) return "a value of bytes";
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? (Number.isInteger(value) ? "a whole number" : "a fraction") : "no finite number";
    case "object":
      return "an object";
    case "bigint":
      return "a whole number";
    default:
      return `a ${typeof value}`;
  }
}
