import { assert } from "../../kernel/index.ts";
import type { ProtocolRequest } from "./client-types.ts";

/** Bytes of a 64-bit number, the longest that has a fixed length. */
const longBytes = 8;

/** Writes the body of a request in the flexible format (KIP-482): compact strings and arrays, tags behind each structure. */
export class FlexibleWriter {
  #bytes = Buffer.allocUnsafe(256);
  #at = 0;

  int8(value: number): this {
    this.#at = this.#room(1).writeInt8(value, this.#at);
    return this;
  }

  int16(value: number): this {
    this.#at = this.#room(2).writeInt16BE(value, this.#at);
    return this;
  }

  int32(value: number): this {
    this.#at = this.#room(4).writeInt32BE(value, this.#at);
    return this;
  }

  /** Exact for whole numbers up to 2^53. */
  int64(value: number): this {
    const bytes = this.#room(longBytes);
    bytes.writeInt32BE(Math.floor(value / 2 ** 32), this.#at);
    bytes.writeUInt32BE(value >>> 0, this.#at + longBytes / 2);
    this.#at += longBytes;
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  string(value: string | null): this {
    if (value === null) return this.#varint(0);
    const text = Buffer.from(value);
    this.#varint(text.length + 1);
    return this.raw(text);
  }

  /** Bytes as they are, such as a topic's id. */
  raw(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** The length of bytes, which follow it. */
  lengthOf(bytes: Uint8Array): this {
    return this.#varint(bytes.length + 1);
  }

  array<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.#varint(items === null ? 0 : items.length + 1);
    for (const item of items ?? []) write(item);
    return this;
  }

  /** The end of a structure: no tagged field follows. */
  end(): this {
    return this.#varint(0);
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #varint(value: number): this {
    this.#room(5);
    let rest = value;
    for (; rest > 127; rest >>>= 7) this.#bytes[this.#at++] = (rest & 127) | 128;
    this.#bytes[this.#at++] = rest;
    return this;
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
      this.#bytes.copy(larger, 0, 0, this.#at);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

/** Reads the answer to a flexible request. Throws a RangeError when it ends too early. */
export class FlexibleReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#step(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#step(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#step(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#step(longBytes));
  }

  /** A 64-bit number that is no larger than 2^53, such as an offset. */
  offset(): number {
    const from = this.#step(longBytes);
    return this.#bytes.readInt32BE(from) * 2 ** 32 + this.#bytes.readUInt32BE(from + longBytes / 2);
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  string(): string | null {
    return this.compactBytes()?.toString() ?? null;
  }

  /** A part of the answer's own memory. */
  compactBytes(): Buffer | null {
    const length = this.#varint() - 1;
    return length < 0 ? null : this.raw(length);
  }

  raw(length: number): Buffer {
    const from = this.#step(length);
    return this.#bytes.subarray(from, this.#at);
  }

  /** An array that is null reads as one without items. */
  array<T>(read: () => T): T[] {
    const length = this.#varint() - 1;
    const items: T[] = [];
    for (let i = 0; i < length; i++) items.push(read());
    return items;
  }

  /** The tagged fields at the end of a structure: those with a reader are read, all others stepped over. */
  end(fields: Readonly<Record<number, (field: FlexibleReader) => void>> = {}): void {
    for (let left = this.#varint(); left > 0; left--) {
      const tag = this.#varint();
      const bytes = this.raw(this.#varint());
      fields[tag]?.(new FlexibleReader(bytes));
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      assert(shift < 35, "a varint of an answer is at most five bytes long");
      const byte = this.#bytes.readUInt8(this.#step(1));
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  #step(bytes: number): number {
    const from = this.#at;
    if (bytes < 0 || from + bytes > this.#bytes.length) throw new RangeError("an answer of the broker is cut off");
    this.#at += bytes;
    return from;
  }
}

export interface FlexibleRequest {
  readonly apiKey: number;
  readonly apiName: string;
  readonly apiVersion: number;
  write(to: FlexibleWriter): void;
  /** Reads the answer behind its throttle time, with which every answer to these requests begins. */
  read(from: FlexibleReader): unknown;
}

/**
 * A decoded answer with the time for which the broker reads nothing more from the connection (KIP-219), under the name
 * that kafkajs looks for: its queue sends nothing for so long, and counts no time limit meanwhile.
 */
export interface Throttled {
  readonly clientSideThrottleTime: number;
  readonly answer: unknown;
}

/**
 * A request in a flexible version, which kafkajs has none of. Its header has tags behind the client's name, and the
 * answer's has them behind the correlation id: both are where kafkajs takes the body to begin.
 */
export function flexibleRequest({ apiKey, apiName, apiVersion, write, read }: FlexibleRequest): ProtocolRequest {
  return {
    request: {
      apiKey,
      apiName,
      apiVersion,
      // All of it is in what `encode` gives; with a body, be it empty, it goes out without kafkajs's copies.
      body: [],
      encode: async () => {
        const body = new FlexibleWriter().end();
        write(body);
        return { buf: body.bytes, buffer: body.bytes };
      },
    },
    response: {
      decode: async (bytes) => {
        const answer = new FlexibleReader(bytes);
        answer.end();
        return { clientSideThrottleTime: answer.int32(), answer: read(answer) } satisfies Throttled;
      },
      parse: async (decoded) => (decoded as Throttled).answer,
    },
  };
}
