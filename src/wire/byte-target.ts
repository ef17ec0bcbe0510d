import { copyWords, wordsMax } from "./copy-words.ts";

/** Up to this length a plain loop is fastest. */
const loopMax = 16;

/** Memory that runs were copied out of, and a view of all of it once it has come again. */
interface Memory {
  buffer: ArrayBufferLike | undefined;
  view: DataView | undefined;
}

/**
 * A growing buffer that short runs of bytes are copied into.
 *
 * `set(subarray)` costs 60 ns however short the run, a byte loop 1.4 ns per byte; 32-bit words through a DataView cost
 * 0.2. The view of the source is kept, because many records in a row come out of one buffer; and those of two pieces of
 * memory, because keys and values of stores come out of one each, in views of changing lengths.
 */
export class ByteTarget {
  bytes: Buffer = Buffer.alloc(0);
  #view = new DataView(this.bytes.buffer, 0, 0);
  #source: Uint8Array = this.bytes;
  #sourceView: DataView | undefined;
  #memory: Memory = { buffer: undefined, view: undefined };
  #memoryBefore: Memory = { buffer: undefined, view: undefined };

  /** Takes a new buffer of `capacity` bytes and copies the first `length` of the old one over. */
  grow(capacity: number, length: number): void {
    const grown = Buffer.allocUnsafe(capacity);
    if (length > 0) this.bytes.copy(grown, 0, 0, length);
    this.bytes = grown;
    this.#view = new DataView(grown.buffer, grown.byteOffset, grown.length);
  }

  /** Forgets the buffer, which now is somebody else's, and the last source. */
  release(): void {
    this.bytes = Buffer.alloc(0);
    this.#view = new DataView(this.bytes.buffer, 0, 0);
    this.#source = this.bytes;
    this.#sourceView = undefined;
    // A view holds its memory as its buffer does.
    this.#memory = { buffer: undefined, view: undefined };
    this.#memoryBefore = { buffer: undefined, view: undefined };
  }

  /** Copies `source[from, to)` to `at`; answers the position after it. There must be room. */
  copy(source: Uint8Array, from: number, to: number, at: number): number {
    const length = to - from;
    if (length <= loopMax) return this.#bytewise(source, from, to, at);
    if (length > wordsMax || source !== this.#source) return this.#copyOther(source, from, to, at);
    this.#sourceView ??= new DataView(source.buffer, source.byteOffset, source.length);
    const words = length & ~3;
    copyWords(this.#sourceView, from, words, this.#view, at);
    return this.#bytewise(source, from + words, to, at + words);
  }

  /** Of a source that is not the one before, or a long run. */
  #copyOther(source: Uint8Array, from: number, to: number, at: number): number {
    const length = to - from;
    const { buffer } = source;
    const memory = buffer === this.#memory.buffer ? this.#memory : this.#memoryBefore;
    if (buffer === memory.buffer && length <= wordsMax) {
      memory.view ??= new DataView(buffer);
      const start = source.byteOffset + from;
      const words = length & ~3;
      copyWords(memory.view, start, words, this.#view, at);
      return this.#bytewise(source, from + words, to, at + words);
    }
    if (buffer !== memory.buffer) {
      memory.buffer = buffer;
      memory.view = undefined;
      this.#memoryBefore = this.#memory;
      this.#memory = memory;
    }
    this.#source = source;
    this.#sourceView = undefined;
    this.bytes.set(source.subarray(from, to), at);
    return at + length;
  }

  #bytewise(source: Uint8Array, from: number, to: number, at: number): number {
    const { bytes } = this;
    let next = at;
    for (let i = from; i < to; i++) bytes[next++] = source[i] ?? 0;
    return next;
  }
}
