/** Runs longer than this are copied by one call. */
const loopMax = 32;

/** Where an LZ decoder writes: bytes so far, bounded, with copies out of what was written before. */
export class BlockOutput {
  #bytes: Uint8Array;
  readonly #bytesMax: number;
  #drained = 0;
  /** Bytes written. */
  length = 0;

  /**
   * @param capacity first size of the buffer; should be near the real one
   * @param bytesMax most bytes that may be written
   */
  constructor(capacity: number, bytesMax: number) {
    this.#bytes = Buffer.allocUnsafe(Math.min(capacity, bytesMax));
    this.#bytesMax = bytesMax;
  }

  /** Writes `source[from, to)`. */
  literal(source: Uint8Array, from: number, to: number): void {
    if (to > source.length) throw new Error("literals pass the end of the block");
    const at = this.#room(to - from);
    const bytes = this.#bytes;
    if (to - from > loopMax) bytes.set(source.subarray(from, to), at);
    else for (let i = from, next = at; i < to; i++) bytes[next++] = source[i] ?? 0;
  }

  /** Writes `length` bytes again that begin `distance` back; the copy may overlap itself. */
  match(distance: number, length: number): void {
    if (distance < 1 || distance > this.length) throw new Error(`a match ${distance} bytes back has nothing there`);
    const at = this.#room(length);
    const bytes = this.#bytes;
    const from = at - distance;
    if (distance >= length && length > loopMax) bytes.copyWithin(at, from, from + length);
    else for (let i = 0; i < length; i++) bytes[at + i] = bytes[from + i] ?? 0;
  }

  /** What was written, without a copy. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** Takes out what was written since the last time, as a copy, and keeps as much as later copies may go back. */
  drain(historyBytes: number): Uint8Array {
    const part = Buffer.from(this.#bytes.subarray(this.#drained, this.length));
    const dropped = Math.max(0, this.length - historyBytes);
    this.#bytes.copyWithin(0, dropped, this.length);
    this.length -= dropped;
    this.#drained = this.length;
    return part;
  }

  /** Bytes written since the last `drain`. */
  get pending(): number {
    return this.length - this.#drained;
  }

  /** Answers where the next `count` bytes go. */
  #room(count: number): number {
    const at = this.length;
    const end = at + count;
    if (end > this.#bytesMax) throw new Error(`more than ${this.#bytesMax} bytes`);
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#bytesMax, Math.max(end, this.#bytes.length * 2)));
      grown.set(this.written());
      this.#bytes = grown;
    }
    this.length = end;
    return at;
  }
}
