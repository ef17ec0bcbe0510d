import type { Offset } from "../kernel/index.ts";
import { BatchFault } from "./batch-fault.ts";
import { type BatchHeader, batchAttributes, batchLayout, recordBytesMin } from "./batch-header.ts";
import { type Codecs, codecNames } from "./codecs.ts";
import { DamagedBatchError, type DamagedPlace } from "./damaged-batch.ts";
import type { RawBatch } from "./raw-batch.ts";
import { RecordCursor } from "./record-cursor.ts";
import { indexBytesPerRecord, RecordIndex } from "./record-index.ts";

/** Largest record that is put together; no broker takes batches of that size. */
const recordBytesMax = 64 * 1024 * 1024;
/** Of a piece, what is inflated before its records are looked at. */
const firstShare = 1 / 4;

/**
 * One batch that is too large to be decoded in one go: it is inflated part by part and read in pieces of whole records.
 *
 * It holds the batch as stored, what its decoder keeps, and the part of a record at which the last piece ended. Its
 * checksum was verified before. Reading it anew, at whatever offset, inflates it from its start.
 */
export class LargeBatch {
  /** Bytes of the batch as stored. */
  readonly storedBytes: number;
  readonly #stored: Buffer;
  readonly #header: BatchHeader;
  readonly #place: DamagedPlace;
  readonly #parts: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #offsetNext: Offset;
  /** Inflated, and not read yet: the first `#length` bytes. */
  #held = Buffer.alloc(0);
  #length = 0;
  #recordCount = 0;
  #deltaMin = 0;
  #isInflated = false;
  #isDone = false;

  /** @param stored the batch; it is copied, so that the answer that it came in is not held */
  constructor(stored: Buffer, header: BatchHeader, context: DamagedPlace & { readonly codecs: Codecs }) {
    this.#stored = Buffer.from(stored);
    this.storedBytes = stored.length;
    this.#header = header;
    this.#place = context;
    this.#offsetNext = context.offsetAsked;
    this.#parts = partsOf(this.#stored.subarray(batchLayout.records), header, context.codecs);
  }

  /** Whether the last piece was the end of the batch. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * The next records that are not below the offset asked for, in about `bytesMax` bytes with their index, one at least;
   * undefined behind the last.
   *
   * @throws DamagedBatchError where the rest contradicts itself; its stand-in has the offsets that are left
   */
  async next(bytesMax: number): Promise<RawBatch | undefined> {
    while (!this.#isDone) {
      let piece: RawBatch;
      try {
        piece = this.#cut(await this.#records(bytesMax));
      } catch (thrown) {
        this.#isDone = true;
        if (!(thrown instanceof BatchFault)) throw thrown;
        const place = { ...this.#place, offsetAsked: this.#offsetNext, isBehindBatch: false };
        throw new DamagedBatchError(place, this.#stored, 0, thrown.message, { cause: thrown });
      }
      this.#offsetNext = piece.offsetNext;
      // Records below the offset asked for are passed over; behind the last there is still a position to tell.
      if (piece.count > 0 || this.#isDone) return piece;
    }
    return undefined;
  }

  /** Ends the inflating before its end. */
  async close(): Promise<void> {
    this.#isDone = true;
    await this.#parts.return?.();
  }

  /** Inflates until there are whole records enough for a piece, or no more bytes. */
  async #records(bytesMax: number): Promise<RecordRun> {
    const countMax = this.#header.recordCount - this.#recordCount;
    // Little at first: of small records the index is the larger part, and what is inflated too early is held for long.
    for (let wanted = this.#length + bytesMax * firstShare; ; ) {
      await this.#inflate(wanted);
      const found = wholeRecords(this.#held.subarray(0, this.#length), countMax, bytesMax);
      if (found.count === countMax) await this.#expectEnd(found.end);
      if (found.isFull || this.#isInflated) return found;
      // The first record is larger than the piece.
      if (found.count === 0 && this.#length > recordBytesMax)
        throw new BatchFault(`record ${this.#recordCount} is larger than ${recordBytesMax} bytes`);
      wanted = found.count === 0 ? this.#length * 2 : Math.max(this.#length + 1, lengthOf(found, bytesMax));
    }
  }

  async #inflate(wanted: number): Promise<void> {
    while (this.#length < wanted && !this.#isInflated) {
      const part = await this.#nextPart();
      const length = this.#length + part.length;
      if (length > this.#held.length) {
        const grown = Buffer.allocUnsafeSlow(Math.max(length, Math.ceil(wanted)) + part.length);
        this.#held.copy(grown, 0, 0, this.#length);
        this.#held = grown;
      }
      this.#held.set(part, this.#length);
      this.#length = length;
    }
  }

  /** Before the last records are given out: what contradicts them behind them is their fault too. */
  async #expectEnd(end: number): Promise<void> {
    let left = this.#length - end;
    while (left === 0 && !this.#isInflated) left += (await this.#nextPart()).length;
    if (left > 0) throw new BatchFault(`${left} bytes are left after its last record`);
  }

  async #nextPart(): Promise<Uint8Array> {
    try {
      const { done, value } = await this.#parts.next();
      if (done !== true) return value;
    } catch (thrown) {
      const codec = codecNames[this.#header.attributes & batchAttributes.codecMask];
      throw new BatchFault(`its ${codec} bytes do not inflate: ${thrown instanceof Error ? thrown.message : thrown}`, {
        cause: thrown,
      });
    }
    this.#isInflated = true;
    return new Uint8Array(0);
  }

  /** What is held before `end`, without a copy where that would leave little; the rest is copied. */
  #take(end: number): Buffer {
    const [held, length] = [this.#held, this.#length];
    const isMost = end > held.length * 0.8;
    this.#held = isMost ? Buffer.from(held.subarray(end, length)) : held;
    this.#length = length - end;
    if (isMost) return held.subarray(0, end);
    const bytes = Buffer.from(held.subarray(0, end));
    held.copyWithin(0, end, length);
    return bytes;
  }

  #cut({ end, count }: RecordRun): RawBatch {
    const header = this.#header;
    const { topic, partition, offsetAsked, logStartOffset, endOffset } = this.#place;
    const isLast = this.#recordCount + count === header.recordCount;
    if (!isLast && count === 0)
      throw new BatchFault(`it declares ${header.recordCount} records and has ${this.#recordCount}`);
    const bytes = this.#take(end);
    const index = new RecordIndex(count);
    const part = { count, deltaMin: this.#deltaMin };
    this.#deltaMin = index.addPart(bytes, 0, end, header, offsetAsked, part);
    this.#recordCount += count;
    this.#isDone = isLast;
    return {
      topic,
      partition,
      bytes,
      ...index.filled,
      damage: undefined,
      offsetAsked: this.#offsetNext,
      offsetNext: isLast ? header.lastOffset + 1 : Math.max(offsetAsked, header.baseOffset + this.#deltaMin),
      logStartOffset,
      endOffset,
    };
  }
}

function partsOf(bytes: Buffer, header: BatchHeader, codecs: Codecs): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  const codec = codecNames[header.attributes & batchAttributes.codecMask];
  if (codec === undefined || codec === "none") return [bytes][Symbol.iterator]();
  const parts = codecs.parts[codec](bytes);
  return Symbol.asyncIterator in parts ? parts[Symbol.asyncIterator]() : parts[Symbol.iterator]();
}

/** Whole records at the beginning of some bytes. */
interface RecordRun {
  readonly count: number;
  /** Where they end. */
  readonly end: number;
  /** There are as many as a piece takes, or as there are in the batch. */
  readonly isFull: boolean;
}

/** How many bytes make a piece, if the records go on as they begin. */
function lengthOf({ count, end }: RecordRun, bytesMax: number): number {
  return (bytesMax * end) / (end + count * indexBytesPerRecord);
}

/** How many whole records `bytes` begins with, as many as a piece takes and one at least. */
function wholeRecords(bytes: Buffer, countMax: number, bytesMax: number): RecordRun {
  const cursor = new RecordCursor(bytes, 0);
  let end = 0;
  let count = 0;
  let isFull = false;
  while (count < countMax && !isFull) {
    // Its varint may be cut off, and reads as zeros then.
    const length = cursor.varint();
    const next = cursor.at + length;
    if (cursor.at > bytes.length) break;
    if (length < recordBytesMin - 1) throw new BatchFault(`record ${count} of a piece is ${length} bytes long`);
    isFull = count > 0 && next + (count + 1) * indexBytesPerRecord > bytesMax;
    if (isFull || next > bytes.length) break;
    cursor.at = next;
    end = next;
    count++;
  }
  return { count, end, isFull: isFull || count === countMax };
}
