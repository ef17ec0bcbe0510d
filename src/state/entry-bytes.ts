import { AssertionError, assert } from "../kernel/index.ts";
import type { StoreSpec } from "./store.ts";

const numberBytes = 8;
/** Seven bits each of 53. */
const countBytesMax = 8;
/** In front of a text: how its bytes are to be read. */
const utf8 = 0;
/** For a text with half a surrogate pair, which UTF-8 would turn into another text. */
const utf16 = 1;
/** Lengths up to this have a view each that is used again: most entries of a store are short, and alike in length. */
const viewsMax = 1_024;
/** Longer texts are left to the encoder of the platform. */
const asciiLoopMax = 64;

/** Bytes of a key or a value under construction, in a buffer that is used again for the next one. */
export class EntryBytes {
  #bytes = Buffer.alloc(256);
  #view = viewOf(this.#bytes);
  #end = 0;
  /** What {@link written} has answered, by length. */
  #views: (Uint8Array | undefined)[] = [];

  /** What was written since {@link begin}; valid until the next one. */
  get written(): Uint8Array {
    const length = this.#end;
    if (length > viewsMax) return this.#bytes.subarray(0, length);
    const known = this.#views[length];
    if (known !== undefined) return known;
    const view = this.#bytes.subarray(0, length);
    this.#views[length] = view;
    return view;
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
    this.#view.setFloat64(this.#end, value, true);
    this.#end += numberBytes;
    return this;
  }

  /**
   * Writes the rows `from` .. `to - 1` of columns that lie side by side, row by row, each number as {@link number} would.
   *
   * @param first position of row 0 in the first column @param stride numbers from one column to the next
   */
  rows(slab: Float64Array, first: number, stride: number, columns: number, from: number, to: number): this {
    this.#reserve((to - from) * columns * numberBytes);
    const view = this.#view;
    let end = this.#end;
    for (let row = from; row < to; row++)
      for (let column = 0, at = first + row; column < columns; column++, at += stride, end += numberBytes)
        view.setFloat64(end, slab[at] ?? Number.NaN, true);
    this.#end = end;
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
    this.#view = viewOf(grown);
    this.#views = [];
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
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
