import type { Offset } from "../kernel/index.ts";
import type { RawBatch } from "../wire/index.ts";
import { BatchQueue, heldBytesOf } from "./batch-queue.ts";
import { type BufferShare, unaccountedRoom } from "./buffer-budget.ts";
import type { Room } from "./port.ts";

/**
 * What became of a batch that arrived.
 *
 * - `taken`: queued.
 * - `dropped`: of no use, or the task takes nothing now.
 * - `hole`: the fetch has run ahead of the task and has to be moved back.
 * - `deleted`: the records from the position on are no longer in the log.
 */
export type Arrival = "taken" | "dropped" | "hole" | "deleted";

/** What a task has fetched and not computed, within its share of the process's buffers. */
export class Intake {
  readonly #queue = new BatchQueue();
  readonly #share: BufferShare;
  readonly #isOpen: () => boolean;
  #hasTurnedAway = false;

  /** @param isOpen whether the task takes batches at the moment; asked again after waiting for room */
  constructor(share: BufferShare, isOpen: () => boolean) {
    this.#share = share;
    this.#isOpen = isOpen;
  }

  get head(): RawBatch | undefined {
    return this.#queue.head;
  }

  /** First record of the head that was not computed. */
  get index(): number {
    return this.#queue.index;
  }

  /** Offset that the next batch has to begin at, or before. */
  get offsetNext(): Offset {
    return this.#queue.offsetNext;
  }

  /** True when batches are queued or were turned away, so that the fetch is ahead of the task. */
  get isBehindFetch(): boolean {
    return !this.#queue.isEmpty || this.#hasTurnedAway;
  }

  /** Room for the next batch before it is there; undefined when the task takes none after all. */
  room(): Room | Promise<Room | undefined> {
    return this.#isOpen() ? this.#share.room() : unaccountedRoom;
  }

  /** Waits for room where none was set aside. */
  async take(batch: RawBatch, room?: Room): Promise<Arrival> {
    if (!this.#isOpen()) {
      room?.release();
      return this.#turnOneAway();
    }
    const bytes = heldBytesOf(batch);
    const taking = (room !== undefined && this.#share.fill(room, bytes)) || this.#share.take(bytes);
    if (taking !== true && !(await taking)) return this.#turnOneAway();
    if (!this.#isOpen()) {
      this.#share.give(bytes);
      return this.#turnOneAway();
    }
    const offer = this.#queue.offer(batch);
    if (offer === "taken") return "taken";
    this.#share.give(bytes);
    if (offer === "stale") return "dropped";
    return this.#queue.isEmpty && batch.logStartOffset > this.#queue.offsetNext ? "deleted" : "hole";
  }

  /** The records of the head before `index` are computed; answers the next offset. */
  advance(index: number): Offset {
    const { offsetNext, done } = this.#queue.advance(index);
    if (done !== undefined) this.#share.give(heldBytesOf(done));
    return offsetNext;
  }

  /** Forgets what is queued, turns away who waits, and expects `offsetNext`. */
  restart(offsetNext: Offset): void {
    this.#share.turnAway();
    this.#share.reset();
    this.#queue.restart(offsetNext);
    this.#hasTurnedAway = false;
  }

  /** Turns away who waits for room. */
  turnAway(): void {
    if (this.#share.turnAway()) this.#hasTurnedAway = true;
  }

  close(): void {
    this.#share.close();
  }

  #turnOneAway(): "dropped" {
    this.#hasTurnedAway = true;
    return "dropped";
  }
}
