import { RecordError } from "../kernel/index.ts";
import { type Long, longOf } from "./long.ts";

/** Records inside records; deeper input exists only to overflow a stack. */
const depthMax = 256;
/** Items in one body that take no bytes (nulls): nothing else bounds their number. */
const emptyItemsMax = 65_536;
const two27 = 134_217_728;
const two42 = 4_398_046_511_104;

/**
 * Reads Avro's primitives out of a window of a buffer, and trusts nothing: every length and count is compared with
 * the bytes left before anything is allocated. All methods throw RecordError MR_DECODE_BODY.
 */
export class ByteCursor {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  end = 0;
  #depth = 0;
  #emptyItems = 0;

  reset(bytes: Buffer, from: number, to: number): void {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
    this.#depth = 0;
    this.#emptyItems = 0;
  }

  /** Any other byte than 0 and 1 is refused: Java reads 7 as false, others as true. */
  boolean(): boolean {
    const byte = this.#byte();
    if (byte > 1) return damaged("a boolean is neither 0 nor 1");
    return byte === 1;
  }

  int(): number {
    const value = this.long();
    return typeof value === "number" && (value | 0) === value ? value : damaged("an int is beyond 32 bits");
  }

  /** The index of a branch or symbol, which the caller looks up: negative and far beyond any list, there is none. */
  index(): number {
    const value = this.long();
    return typeof value === "number" ? value : -1;
  }

  /**
   * A zigzag varint of at most 10 bytes and 64 bits, exact. The lowest 28 bits are kept apart from the rest, because
   * a double does not hold the zigzag form of a large long exactly.
   */
  long(): Long {
    const bytes = this.bytes;
    const from = this.at;
    let at = from;
    // Past the end of the buffer there is undefined, which ends the loops and is found out below.
    let byte = bytes[at++] as number;
    let low = byte & 127;
    for (let shift = 7; byte > 127 && shift < 28; shift += 7) {
      byte = bytes[at++] as number;
      low |= (byte & 127) << shift;
    }
    let high = 0;
    for (let scale = 1; byte > 127 && scale < two42; scale *= 128) {
      byte = bytes[at++] as number;
      high += (byte & 127) * scale;
    }
    if (at > this.end) damaged("the value ends too early");
    if (byte > 127) damaged("a number takes more than 10 bytes");
    this.at = at;
    const negative = low & 1;
    const magnitude = high * two27 + (low >>> 1);
    if (magnitude > Number.MAX_SAFE_INTEGER - negative) return largeLong(bytes, from, at);
    return negative === 1 ? -magnitude - 1 : magnitude;
  }

  /** Steps over a long that {@link long} would read. */
  skipLong(): void {
    this.at = longEnd(this.bytes, this.at);
    if (this.at > this.end) damaged("the value ends too early");
  }

  float(): number {
    return this.bytes.readFloatLE(this.take(4));
  }

  double(): number {
    return this.bytes.readDoubleLE(this.take(8));
  }

  /** A copy: the window is reused or belongs to a batch that should be free to go. */
  fixed(size: number): Buffer {
    const from = this.take(size);
    return Buffer.from(this.bytes.subarray(from, from + size));
  }

  binary(): Buffer {
    return this.fixed(this.length());
  }

  string(): string {
    const length = this.length();
    const from = this.take(length);
    return utf8(this.bytes, from, from + length);
  }

  /** A length, checked against the bytes left. */
  length(): number {
    const length = this.#number();
    if (length < 0) damaged("a length is negative");
    if (length > this.end - this.at) damaged("a length passes the end of the value");
    return length;
  }

  /**
   * The number of items in the next block of an array or map, 0 after the last. A negative count carries the size
   * of the block in bytes, which only readers that skip need.
   *
   * @param itemBytesMin fewest bytes one item takes
   */
  blockCount(itemBytesMin: number): number {
    let count = this.#number();
    if (count < 0) {
      count = -count;
      this.length();
    }
    if (itemBytesMin === 0) {
      this.#emptyItems += count;
      if (this.#emptyItems > emptyItemsMax) damaged(`more than ${emptyItemsMax} items without bytes`);
    } else if (count * itemBytesMin > this.end - this.at) damaged("a count of items passes the end of the value");
    return count;
  }

  /** Steps over `size` bytes and answers where they begin. */
  take(size: number): number {
    const from = this.at;
    if (size > this.end - from) damaged("the value ends too early");
    this.at = from + size;
    return from;
  }

  enter(): void {
    this.#depth += 1;
    if (this.#depth > depthMax) damaged(`records nest deeper than ${depthMax}`);
  }

  leave(): void {
    this.#depth -= 1;
  }

  #number(): number {
    const value = this.long();
    return typeof value === "number" ? value : damaged("a length or count is beyond 2^53");
  }

  #byte(): number {
    return this.bytes[this.take(1)] ?? 0;
  }
}

/** Where a varint of at most 10 bytes and 64 bits ends; behind the end of the buffer when it is cut short. */
export function longEnd(bytes: Buffer, from: number): number {
  let at = from;
  while ((bytes[at] as number) > 127) {
    at++;
    if (at - from > 9) damaged("a number takes more than 10 bytes");
  }
  if (at - from === 9 && (bytes[at] as number) > 1) damaged("a long is beyond 64 bits");
  return at + 1;
}

/** The long in `bytes[from, to)`, a varint that may pass 2^53. */
function largeLong(bytes: Buffer, from: number, to: number): Long {
  let zigzag = 0n;
  for (let i = to - 1; i >= from; i--) zigzag = (zigzag << 7n) | BigInt((bytes[i] ?? 0) & 127);
  if (zigzag >> 64n !== 0n) damaged("a long is beyond 64 bits");
  return longOf(zigzag & 1n ? -(zigzag >> 1n) - 1n : zigzag >> 1n);
}

/** Always throws MR_DECODE_BODY with what is wrong about the bytes. */
export function damaged(what: string): never {
  throw new RecordError("MR_DECODE_BODY", `reading the Avro body: ${what}`);
}

/**
 * Text from UTF-8. Invalid bytes are refused, not replaced: a key or id whose bytes were changed on the way would
 * silently become another one's.
 */
export function utf8(bytes: Buffer, from: number, to: number): string {
  const text = utf8OrUndefined(bytes, from, to);
  return text ?? damaged("a string is not UTF-8");
}

/** Like {@link utf8}, undefined when the bytes are no UTF-8. */
export function utf8OrUndefined(bytes: Buffer, from: number, to: number): string | undefined {
  const text = bytes.toString("utf8", from, to);
  // Decoding puts U+FFFD in place of what it cannot read; a text that really holds one encodes to the same bytes.
  if (text.includes("\ufffd") && bytes.compare(Buffer.from(text), 0, undefined, from, to) !== 0) return undefined;
  return text;
}
