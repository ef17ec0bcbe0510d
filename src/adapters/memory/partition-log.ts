import type { Offset } from "../../kernel/index.ts";
import type { Codecs, Outgoing } from "../../wire/index.ts";
import { compactedSegments } from "./compaction.ts";
import { Segment } from "./segment.ts";

/**
 * A run of small batches fills segments of this size; a short run never allocates it. Each segment of a run has twice
 * the size of the one before, so that at most half of it is waste wherever the run ends: a transaction's marker, which
 * is a run of one behind each large batch, would otherwise allocate ten times what the log holds.
 */
const segmentBytesMax = 1_048_576;
const segmentBytesFirst = 16_384;
/** The first one behind a large batch. */
const segmentBytesBehindLarge = 4_096;
/** A batch of this size becomes a segment as it is: copying it would cost as much as a narrow stage's decoding. */
const ownSegmentBytesMin = 65_536;
/** What a compacted log may hold beyond twice its live records before it is compacted again. */
const uncompactedBytesMax = 65_536;

/** Buffers that are segments already: one that is appended again, after an unknown outcome, is copied. */
const segmentBuffers = new WeakSet<Buffer>();

/** The log of one topic-partition: segments of record batches, and whoever waits for more. */
export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  #segments: Segment[] = [];
  readonly #watchers = new Set<() => void>();
  #logStartOffset: Offset = 0;
  #endOffset: Offset = 0;
  /** Bytes that the last compaction left, and the end of what it looked at. */
  #compactedBytes = 0;
  #compactedTo: Offset = 0;
  /** Bytes of the next segment of small batches. */
  #capacity = segmentBytesFirst;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** First offset that was not dropped; compaction leaves it where it is. */
  get logStartOffset(): Offset {
    return this.#logStartOffset;
  }

  /** The offset that the next record gets. */
  get endOffset(): Offset {
    return this.#endOffset;
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /**
   * Appends one finished batch and wakes the watchers.
   *
   * @returns the segment that was begun for it, when the last one had no room
   */
  append(outgoing: Outgoing): Segment | undefined {
    const { bytes, timestampMaxMs } = outgoing;
    if (bytes.length >= ownSegmentBytesMin && !segmentBuffers.has(bytes)) return this.#adopt(bytes, timestampMaxMs);
    let segment = this.#segments.at(-1);
    let begun: Segment | undefined;
    if (segment === undefined || !segment.hasRoomFor(bytes.length)) {
      begun = Segment.ofCapacity(this.#endOffset, Math.max(this.#capacity, bytes.length));
      this.#capacity = Math.min(this.#capacity * 2, segmentBytesMax);
      this.#segments.push(begun);
      segment = begun;
    }
    segment.append(bytes, timestampMaxMs);
    this.#endOffset = segment.offsetNext;
    this.wake();
    return begun;
  }

  #adopt(bytes: Buffer, timestampMaxMs: number): Segment {
    segmentBuffers.add(bytes);
    this.#capacity = segmentBytesBehindLarge;
    const segment = Segment.ofBatch(this.#endOffset, bytes, timestampMaxMs);
    this.#segments.push(segment);
    this.#endOffset = segment.offsetNext;
    this.wake();
    return segment;
  }

  /** Whole batches from the one that holds `offset` (in `logStartOffset..endOffset-1`) or the first behind it, at least one. */
  slice(offset: Offset, bytesMax: number): Buffer {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#segments[middle]?.offsetNext ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return this.#segments[low]?.slice(offset, bytesMax) ?? Buffer.alloc(0);
  }

  /** First offset of the first batch that holds a record at or after `timeMs`; undefined when none does. */
  batchAtTime(timeMs: number): Offset | undefined {
    for (const segment of this.#segments) {
      const offset = segment.batchAtTime(timeMs);
      if (offset !== undefined) return offset;
    }
    return undefined;
  }

  /** Drops the oldest segment; its offsets are gone for readers that have not come to it. */
  dropOldest(): Segment | undefined {
    const dropped = this.#segments.shift();
    this.#logStartOffset = this.#segments[0]?.baseOffset ?? this.#endOffset;
    return dropped;
  }

  /** True when the segments that are full hold twice what the last compaction left of them, and a little more. */
  get isCompactionDue(): boolean {
    const closed = this.#segments.slice(0, -1);
    const bytes = closed.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return closed.length > 0 && bytes > 2 * this.#compactedBytes + uncompactedBytesMax;
  }

  /**
   * Leaves of each key its last record, in all segments but the one that is written. Costs a look at every record.
   *
   * @returns the segments that are new
   */
  compact(codecs: Codecs): readonly Segment[] {
    const active = this.#segments.at(-1);
    if (active === undefined) return [];
    const segments = compactedSegments(this, this.#compactedTo, codecs);
    this.#compactedTo = active.baseOffset;
    this.#compactedBytes = segments.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#segments = [...segments, active];
    return segments;
  }

  /** Calls `watcher` after every append, until the function returned is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Tells the watchers to look again: more records, or the end of the topic. */
  wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
