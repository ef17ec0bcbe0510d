import { AssertionError, assert } from "../kernel/index.ts";
import type { StoreSpec } from "./store.ts";

const numberBytes = 8;
/** Seven bits each of 53. */
const countBytesMax = 8;
/** In front of a text: how its bytes are to be read. */
const utf8 = 0;
/** For a text with half a surrogate pair, which UTF-8 would turn into another text. */
const utf16 = 1;
/** The bytes of a number in memory are those that {@link EntryBytes} writes. */
const isLittleEndian = new Uint8Array(new Float64Array([1]).buffer)[0] === 0;
/** Longer texts are left to the encoder of the platform. */
const asciiLoopMax = 64;

/** Bytes of a key or a value under construction, in a buffer that is used again for the next one. */
export class EntryBytes {
  #bytes = Buffer.alloc(256);
  #end = 0;
  #numbers = new Float64Array(32);
  #numberBytes = new Uint8Array(this.#numbers.buffer);

  /** What was written since {@link begin}; valid until the next one. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  /** A copy of it that lasts. */
  get copied(): Uint8Array {
    return new Uint8Array(this.written);
  }

  begin(): this {
    this.#end = 0;
    return this;
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#end++] = value;
    return this;
  }

  number(value: number): this {
    this.#reserve(numberBytes);
    this.#end = this.#bytes.writeDoubleLE(value, this.#end);
    return this;
  }

  /** Room for `count` numbers, for {@link putNumbers} to write. Valid until the next call. */
  numbers(count: number): Float64Array {
    if (count > this.#numbers.length) {
      this.#numbers = new Float64Array(Math.max(count, this.#numbers.length * 2));
      this.#numberBytes = new Uint8Array(this.#numbers.buffer);
    }
    return this.#numbers;
  }

  /** Writes the first `count` of {@link numbers}, each as {@link number} would: a copy of memory where that is the same. */
  putNumbers(count: number): this {
    this.#reserve(count * numberBytes);
    if (isLittleEndian) {
      this.#bytes.set(this.#numberBytes.subarray(0, count * numberBytes), this.#end);
      this.#end += count * numberBytes;
    } else for (let i = 0; i < count; i++) this.number(this.#numbers[i] ?? 0);
    return this;
  }

  /** A whole number of 0 .. 2^53, seven bits to a byte, the lowest first. */
  count(value: number): this {
    this.#reserve(countBytesMax);
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#end++] = (rest % 128) | 128;
    this.#bytes[this.#end++] = rest;
    return this;
  }

  /** Text with its length in front; for names, which are well-formed. */
  label(value: string): this {
    const length = Buffer.byteLength(value);
    this.count(length);
    this.#reserve(length);
    this.#end += this.#bytes.write(value, this.#end);
    return this;
  }

  /** Takes all that follows: nothing may be written behind it. */
  text(value: string): this {
    if (value.length <= asciiLoopMax && this.#ascii(value)) return this;
    const isWellFormed = value.isWellFormed();
    const encoding = isWellFormed ? "utf8" : "utf16le";
    this.byte(isWellFormed ? utf8 : utf16);
    this.#reserve(Buffer.byteLength(value, encoding));
    this.#end += this.#bytes.write(value, this.#end, encoding);
    return this;
  }

  /** Keys are short and mostly ASCII: a loop costs less than three calls into the platform. False has written nothing. */
  #ascii(value: string): boolean {
    this.#reserve(1 + value.length);
    const bytes = this.#bytes;
    const from = this.#end + 1;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      bytes[from + i] = code;
    }
    bytes[this.#end] = utf8;
    this.#end = from + value.length;
    return true;
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(this.#end + count, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#end);
    this.#bytes = grown;
  }
}

/** Every value begins with the version of its store: an entry of another one must not be read as this one's. */
export function checkVersion({ name, version }: StoreSpec, found: number): void {
  assert(found === version, `an entry of store ${name} has version ${found}, not ${version}`);
}

/** Reads what {@link EntryBytes} has written, in the same order. */
export class EntryReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    // A view costs as much as taking in a small entry, and what a restore reads has one already.
    this.#bytes = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++] ?? 0;
  }

  number(): number {
    this.#need(numberBytes);
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += numberBytes;
    return value;
  }

  count(): number {
    let value = 0;
    for (let scale = 1, byte = 128; byte > 127; scale *= 128) {
      byte = this.byte();
      value += (byte & 127) * scale;
    }
    assert(Number.isSafeInteger(value), "a count of an entry is beyond 2^53");
    return value;
  }

  label(): string {
    const length = this.count();
    this.#need(length);
    const value = this.#bytes.toString("utf8", this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  text(): string {
    const encoding = this.byte() === utf8 ? "utf8" : "utf16le";
    const value = this.#bytes.toString(encoding, this.#at);
    this.#at = this.#bytes.length;
    return value;
  }

  #need(count: number): void {
    if (this.#at + count > this.#bytes.length)
      throw new AssertionError(`an entry of ${this.#bytes.length} bytes ends in the middle of a value`);
  }
}
