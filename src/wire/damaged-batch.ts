import { type Offset, OperationError, topicPartitionKey } from "../kernel/index.ts";
import { batchHasCrc, batchLayout, lengthPrefixBytes, readBatchHeader, readLong } from "./batch-header.ts";
import type { RawBatch } from "./raw-batch.ts";

/** How much of a damaged batch is kept. */
export const damagedBytesMax = 65_536;

/** Where a damaged batch lies, and what is known of the log around it. */
export interface DamagedPlace {
  readonly topic: string;
  readonly partition: number;
  /** Everything before it was read. */
  readonly offsetAsked: Offset;
  /** Whether the batch before it ended there. */
  readonly isBehindBatch?: boolean;
  readonly logStartOffset: Offset;
  readonly endOffset: Offset;
}

/**
 * A batch of which nothing can be read: its bytes contradict each other or its checksum.
 *
 * Damage on the way heals by asking again. Damage that stays is passed over as one record, by {@link passedOver}.
 */
export class DamagedBatchError extends OperationError {
  readonly reason: string;
  readonly #place: DamagedPlace;
  readonly #stored: Buffer;
  readonly #lastOffset: Offset | undefined;

  /** @param fetched what the log holds from the damaged batch on, which begins at `at` */
  constructor(place: DamagedPlace, fetched: Buffer, at: number, reason: string, options?: ErrorOptions) {
    const baseOffset = fetched.length - at < 8 ? place.offsetAsked : readLong(fetched, at);
    const message = `decoding the batch at offset ${baseOffset} of topic ${place.topic}, partition ${place.partition}: ${reason}`;
    super("MR_BATCH_CORRUPT", message, options);
    this.reason = reason;
    this.#place = place;
    const end = Math.min(storedEnd(fetched, at), at + damagedBytesMax);
    // A copy: the error outlives the answer that the bytes came in.
    this.#stored = Buffer.from(fetched.subarray(at, end));
    this.#lastOffset = lastOffsetOf(fetched, at, place);
  }

  /** The offset to go on at, when whatever lies before the end of the log is given up. */
  get offsetBehind(): Offset {
    return Math.max(this.#place.endOffset, this.#place.offsetAsked + 1);
  }

  /**
   * One record in the place of the batch: the first 64 KiB of its bytes as its value. Undefined when nothing tells where
   * the batch ends: then whatever follows it cannot be found without leaving records out.
   */
  passedOver(): RawBatch | undefined {
    const last = this.#lastOffset;
    if (last === undefined) return undefined;
    const { topic, partition, offsetAsked, logStartOffset, endOffset } = this.#place;
    const bytes = this.#stored;
    return {
      topic,
      partition,
      count: 1,
      bytes,
      offsets: Float64Array.of(offsetAsked),
      timestampsMs: Float64Array.of(-1),
      keyFrom: Int32Array.of(-1),
      keyTo: Int32Array.of(-1),
      valueFrom: Int32Array.of(0),
      valueTo: Int32Array.of(bytes.length),
      headersFrom: Int32Array.of(0),
      headersTo: Int32Array.of(0),
      headerCounts: Int32Array.of(0),
      damage: { first: offsetAsked, last, reason: this.message },
      offsetAsked,
      offsetNext: last + 1,
      logStartOffset,
      endOffset,
    };
  }
}

/** What is lost with a damaged batch, and why, in a sentence; undefined for any other. */
export function lossIn({ topic, partition, damage }: RawBatch): string | undefined {
  if (damage === undefined) return undefined;
  const { first, last, reason } = damage;
  return `reading ${topicPartitionKey(topic, partition)}: offsets ${first}-${last} are lost: ${reason}`;
}

/** Throws for a stand-in of a damaged batch, where records that are missing would be worse than an end. */
export function refuseDamage(batch: RawBatch): void {
  const loss = lossIn(batch);
  if (loss !== undefined) throw new OperationError("MR_BATCH_CORRUPT", loss);
}

/** Where the bytes of the batch at `at` end: as far as it says, when that is believable and came. */
function storedEnd(fetched: Buffer, at: number): number {
  if (fetched.length - at < lengthPrefixBytes) return fetched.length;
  const end = at + lengthPrefixBytes + fetched.readInt32BE(at + batchLayout.length);
  return end > at + lengthPrefixBytes && end < fetched.length ? end : fetched.length;
}

/**
 * Last offset of the damaged batch at `at`; undefined when nothing tells it.
 *
 * Its header may be what is damaged, so it is believed last: first comes what the batch behind it says of itself, which is
 * found by the damaged batch's length or, when that leads to no batch, by looking for one.
 */
function lastOffsetOf(fetched: Buffer, at: number, place: DamagedPlace): Offset | undefined {
  const { offsetAsked, endOffset, isBehindBatch = false } = place;
  if (fetched.length - at < batchLayout.records) return undefined;
  const { byteLength, baseOffset, lastOffset } = readBatchHeader(fetched, at);
  const magic = fetched[at + batchLayout.magic] ?? 0;
  const isBehind = (offset: Offset): boolean => offset > offsetAsked && offset <= endOffset;
  const next = at + byteLength;
  if (byteLength >= batchLayout.records && isBatch(fetched, next) && isBehind(readLong(fetched, next))) {
    const nextBase = readLong(fetched, next);
    if (nextBase === lastOffset + 1 || batchHasCrc(fetched, next)) return nextBase - 1;
  }
  // Formats before version 2 have another header, and whole logs of them are no damage to be jumped over.
  if (magic < 2) return undefined;
  for (let from = at + batchLayout.records; from + batchLayout.records <= fetched.length; from++) {
    if (isBatch(fetched, from) && isBehind(readLong(fetched, from)) && batchHasCrc(fetched, from))
      return readLong(fetched, from) - 1;
  }
  // Behind a right checksum only the base offset can be wrong, and then the batch begins where its predecessor ended.
  const isThere =
    baseOffset <= offsetAsked && offsetAsked <= lastOffset && !(isBehindBatch && baseOffset < offsetAsked);
  const isElsewhere = !isThere && batchHasCrc(fetched, at);
  const last = isElsewhere ? offsetAsked + lastOffset - baseOffset : lastOffset;
  return magic === 2 && last >= offsetAsked && last < endOffset ? last : undefined;
}

/** Whether the bytes at `at` may begin a batch of version 2. */
function isBatch(bytes: Buffer, at: number): boolean {
  return bytes.length - at >= batchLayout.crc && bytes[at + batchLayout.magic] === 2;
}
