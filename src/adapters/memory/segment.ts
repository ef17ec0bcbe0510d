import { readBatchHeader, writeBaseOffset } from "../../wire/index.ts";

/** A run of record batches of one partition, back to back in one buffer, as in Kafka's log files; compaction leaves gaps. */
export class Segment {
  readonly bytes: Buffer;
  readonly baseOffset: number;
  /** Offset after the last record of the segment. */
  offsetNext: number;
  /** Bytes in use; the rest of `bytes` waits for more batches. */
  byteLength = 0;
  timestampMaxMs = Number.NEGATIVE_INFINITY;
  /** Per batch: first offset, the one behind its last, where it begins in `bytes`, and its largest timestamp. */
  readonly #baseOffsets: number[] = [];
  readonly #offsetsNext: number[] = [];
  readonly #positions: number[] = [];
  readonly #timestampsMaxMs: number[] = [];

  private constructor(baseOffset: number, bytes: Buffer) {
    this.bytes = bytes;
    this.baseOffset = baseOffset;
    this.offsetNext = baseOffset;
  }

  /** An empty segment. */
  static ofCapacity(baseOffset: number, capacity: number): Segment {
    // Not from the shared pool: a segment lives long and must not hold someone else's bytes.
    return new Segment(baseOffset, Buffer.allocUnsafeSlow(capacity));
  }

  /** A full segment of one batch, which lives in the batch's own buffer: nobody else may use that any more. */
  static ofBatch(baseOffset: number, batch: Buffer, timestampMaxMs: number): Segment {
    const segment = new Segment(baseOffset, batch);
    segment.#take(batch.length, timestampMaxMs, baseOffset);
    return segment;
  }

  hasRoomFor(byteLength: number): boolean {
    return this.byteLength + byteLength <= this.bytes.length;
  }

  /** Copies one batch in and gives it its offsets, from `baseOffset` on; the caller has checked that there is room. */
  append(batch: Buffer, timestampMaxMs: number, baseOffset = this.offsetNext): void {
    batch.copy(this.bytes, this.byteLength);
    this.#take(batch.length, timestampMaxMs, baseOffset);
  }

  /** Counts in the batch that stands behind the others. */
  #take(byteLength: number, timestampMaxMs: number, baseOffset: number): void {
    const position = this.byteLength;
    writeBaseOffset(this.bytes, position, baseOffset);
    this.#baseOffsets.push(baseOffset);
    this.#positions.push(position);
    this.#timestampsMaxMs.push(timestampMaxMs);
    this.timestampMaxMs = Math.max(this.timestampMaxMs, timestampMaxMs);
    this.byteLength += byteLength;
    this.offsetNext = readBatchHeader(this.bytes, position).lastOffset + 1;
    this.#offsetsNext.push(this.offsetNext);
  }

  /** Whole batches from the one that holds `offset`, or the first behind it, as many as fit `bytesMax`, at least one. Cost: log of the batches. */
  slice(offset: number, bytesMax: number): Buffer {
    const first = this.#batchIndexOf(offset);
    const from = this.#positions[first] ?? this.byteLength;
    let to = this.byteLength;
    if (to - from > bytesMax) {
      let last = first + 1;
      while ((this.#positions[last + 1] ?? this.byteLength) - from <= bytesMax) last++;
      to = this.#positions[last] ?? this.byteLength;
    }
    return this.bytes.subarray(from, to);
  }

  /** First offset of the first batch that holds a record at or after `timeMs`; undefined when none does. */
  batchAtTime(timeMs: number): number | undefined {
    if (this.timestampMaxMs < timeMs) return undefined;
    return this.#baseOffsets[this.#timestampsMaxMs.findIndex((max) => max >= timeMs)];
  }

  #batchIndexOf(offset: number): number {
    let low = 0;
    let high = this.#offsetsNext.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#offsetsNext[middle] ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
