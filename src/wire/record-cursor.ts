import { BatchFault } from "./batch-fault.ts";

/**
 * Reads varints off a buffer.
 *
 * It may run past the end of a record, and past the buffer where it reads zeros: whoever uses it compares `at`
 * with the end afterwards. One comparison per record is cheaper than one per byte, and nothing is stored before it.
 */
export class RecordCursor {
  readonly bytes: Buffer;
  /** Position of the next byte. */
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  /** A zigzag varint of at most 32 bits. */
  varint(): number {
    const byte = this.bytes[this.at] ?? 0;
    if (byte < 0x80) {
      this.at++;
      return (byte >>> 1) ^ -(byte & 1);
    }
    return this.#varintOfMany();
  }

  /** A zigzag varint of at most 64 bits, rounded beyond 2^53. */
  varlong(): number {
    const byte = this.bytes[this.at] ?? 0;
    if (byte < 0x80) {
      this.at++;
      return (byte >>> 1) ^ -(byte & 1);
    }
    return this.#varlongOfMany();
  }

  /**
   * A length and that many bytes, which must end by `end`; the cursor then stands behind them.
   *
   * @returns where the bytes begin; -1 for null, which is the length -1
   */
  run(end: number): number {
    const length = this.varint();
    const from = this.at;
    if (length < -1 || from + length > end) throw new BatchFault(`${length} bytes do not fit into their record`);
    if (length < 0) return -1;
    this.at = from + length;
    return from;
  }

  #varintOfMany(): number {
    const { bytes } = this;
    let at = this.at;
    let byte = bytes[at++] ?? 0;
    let zigzag = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      byte = bytes[at++] ?? 0;
      if (shift === 28 && byte > 0x0f) throw new BatchFault("a varint has more than 32 bits");
      zigzag |= (byte & 0x7f) << shift;
    }
    this.at = at;
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  #varlongOfMany(): number {
    const low = this.#bits28();
    if (!this.#more) return (low >>> 1) ^ -(low & 1);
    const middle = this.#bits28();
    let high = 0;
    if (this.#more) {
      const first = this.bytes[this.at++] ?? 0;
      const second = first < 0x80 ? 0 : (this.bytes[this.at++] ?? 0);
      if (second > 1) throw new BatchFault("a varint has more than 64 bits");
      high = (first & 0x7f) | (second << 7);
    }
    const half = (low >>> 1) + middle * 0x800_0000 + high * 0x80_0000_0000_0000;
    return (low & 1) === 0 ? half : -half - 1;
  }

  /** Whether the last byte that `#bits28` read says that another follows. */
  #more = false;

  /** Up to four bytes of a varint. */
  #bits28(): number {
    let bits = 0;
    let byte = 0x80;
    for (let shift = 0; shift < 28 && byte >= 0x80; shift += 7) {
      byte = this.bytes[this.at++] ?? 0;
      bits |= (byte & 0x7f) << shift;
    }
    this.#more = byte >= 0x80;
    return bits;
  }
}
