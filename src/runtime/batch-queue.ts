import { AssertionError, type Offset } from "../kernel/index.ts";
import { indexBytesPerRecord, type RawBatch } from "../wire/index.ts";

/**
 * What became of a batch that was offered.
 *
 * - `taken`: it is queued, less the records that the queue had already.
 * - `stale`: everything in it is behind the position.
 * - `hole`: it begins past the position, so records in between were never seen.
 */
export type Offer = "taken" | "stale" | "hole";

/** What a batch costs while it is held. */
export function heldBytesOf(batch: RawBatch): number {
  return batch.bytes.length + batch.count * indexBytesPerRecord;
}

/**
 * The batches of a task that wait to be computed, without holes.
 *
 * Gaps in offsets are legitimate (markers, compaction): what is compared is the offset that the fetch asked for.
 */
export class BatchQueue {
  /** Offset that the next batch has to ask for, at most. */
  offsetNext: Offset = 0;
  /** Next offset to compute; only {@link restart} moves it back. */
  #position: Offset = 0;
  #batches: RawBatch[] = [];
  /** First record of the first batch that was not computed. */
  #index = 0;

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** The batch to compute, from `index` on. */
  get head(): RawBatch | undefined {
    return this.#batches[0];
  }

  get index(): number {
    return this.#index;
  }

  offer(batch: RawBatch): Offer {
    if (batch.offsetNext <= this.offsetNext) return "stale";
    if (batch.offsetAsked > this.offsetNext) return "hole";
    if (this.#batches.length === 0) this.#index = firstAtOrAfter(batch, this.offsetNext);
    this.#batches.push(batch);
    this.offsetNext = batch.offsetNext;
    return "taken";
  }

  /**
   * The records of the head before `index` are computed.
   *
   * @returns the next offset to compute, and the batch when all of it is done and it left the queue
   */
  advance(index: number): { readonly offsetNext: Offset; readonly done: RawBatch | undefined } {
    const head = this.#batches[0];
    if (head === undefined) return { offsetNext: this.offsetNext, done: undefined };
    const offsetNext = index < head.count ? (head.offsets[index] as number) : head.offsetNext;
    if (offsetNext < this.#position)
      throw new AssertionError(
        `the position in ${head.topic}-${head.partition} moved back: ${this.#position} to ${offsetNext}`,
      );
    this.#position = offsetNext;
    if (index < head.count) {
      this.#index = index;
      return { offsetNext, done: undefined };
    }
    this.#batches.shift();
    const next = this.#batches[0];
    // A batch that asked for an earlier offset than its predecessor ended at repeats some records.
    this.#index = next === undefined ? 0 : firstAtOrAfter(next, head.offsetNext);
    return { offsetNext, done: head };
  }

  /** Forgets everything and waits for `offsetNext`; answers whether anything was dropped. */
  restart(offsetNext: Offset): boolean {
    const hadBatches = this.#batches.length > 0;
    this.#batches = [];
    this.#index = 0;
    this.offsetNext = offsetNext;
    this.#position = offsetNext;
    return hadBatches;
  }
}

/** Index of the first record at or after `offset`; `count` when there is none. */
function firstAtOrAfter(batch: RawBatch, offset: Offset): number {
  // The one record of a damaged batch stands for all of its offsets, of which some lie behind.
  if (batch.damage !== undefined) return 0;
  let index = 0;
  while (index < batch.count && (batch.offsets[index] as number) < offset) index++;
  return index;
}
