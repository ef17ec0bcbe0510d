/**
 * Enough for one fetch to be worked off while the next is under way. What is read further ahead is only memory that
 * has left the caches by the time it is computed.
 */
const bytesMaxPerTaskDefault = 2 * 1024 * 1024;

/**
 * How many fetched bytes a process may hold before they are computed, shared by all its tasks.
 *
 * Each task has a reserved minimum, so that one busy partition cannot starve the others; what is used above it
 * comes from the shared rest, up to a maximum per task. A task that holds nothing is always let in, however large
 * the batch: it could never be worked off otherwise.
 */
export class BufferBudget {
  readonly bytesMax: number;
  readonly reservedBytesPerTask: number;
  readonly bytesMaxPerTask: number;
  #shares = new Set<BufferShare>();
  #waiting: { readonly share: BufferShare; readonly bytes: number; readonly go: (taken: boolean) => void }[] = [];

  constructor(options: {
    readonly bytesMax: number;
    readonly reservedBytesPerTask: number;
    readonly bytesMaxPerTask?: number;
  }) {
    this.bytesMax = options.bytesMax;
    this.reservedBytesPerTask = options.reservedBytesPerTask;
    this.bytesMaxPerTask = options.bytesMaxPerTask ?? bytesMaxPerTaskDefault;
  }

  /** A share for one task; `close` gives everything back. */
  join(): BufferShare {
    const share = new BufferShare(this);
    this.#shares.add(share);
    return share;
  }

  /** Bytes held now by all tasks. */
  get bytesHeld(): number {
    let sum = 0;
    for (const share of this.#shares) sum += share.bytesHeld;
    return sum;
  }

  /** True when taken at once, else a promise of whether; a task's batches are let in in their order. */
  takeOrWait(share: BufferShare, bytes: number): true | Promise<boolean> {
    const isBehind = this.#waiting.some((waiter) => waiter.share === share);
    if (!isBehind && this.#tryTake(share, bytes)) return true;
    return new Promise((go) => this.#waiting.push({ share, bytes, go }));
  }

  #tryTake(share: BufferShare, bytes: number): boolean {
    const after = share.bytesHeld + bytes;
    if (share.bytesHeld > 0 && !this.#hasRoom(share, after)) return false;
    share.bytesHeld = after;
    return true;
  }

  #hasRoom(share: BufferShare, after: number): boolean {
    if (after > this.bytesMaxPerTask) return false;
    return after <= this.reservedBytesPerTask || this.#overReserve(share, after) <= this.#shared();
  }

  /** Lets in, in their order, those that fit now. */
  admit(): void {
    const blocked = new Set<BufferShare>();
    this.#waiting = this.#waiting.filter((waiter) => {
      if (blocked.has(waiter.share) || !this.#tryTake(waiter.share, waiter.bytes)) {
        blocked.add(waiter.share);
        return true;
      }
      waiter.go(true);
      return false;
    });
  }

  /** Turns away everyone who waits on this share; answers whether there was anyone. */
  turnAway(share: BufferShare): boolean {
    const gone = this.#waiting.filter((waiter) => waiter.share === share);
    this.#waiting = this.#waiting.filter((waiter) => waiter.share !== share);
    for (const waiter of gone) waiter.go(false);
    return gone.length > 0;
  }

  leave(share: BufferShare): void {
    this.turnAway(share);
    this.#shares.delete(share);
    this.admit();
  }

  #shared(): number {
    return this.bytesMax - this.#shares.size * this.reservedBytesPerTask;
  }

  /** What all tasks would use above their reserves, were `share` at `bytes`. */
  #overReserve(share: BufferShare, bytes: number): number {
    let sum = Math.max(0, bytes - this.reservedBytesPerTask);
    for (const other of this.#shares)
      if (other !== share) sum += Math.max(0, other.bytesHeld - this.reservedBytesPerTask);
    return sum;
  }
}

/** One task's part of the budget. */
export class BufferShare {
  /** Bytes held now. */
  bytesHeld = 0;
  readonly #budget: BufferBudget;

  constructor(budget: BufferBudget) {
    this.#budget = budget;
  }

  /** Takes `bytes`, waiting for room; false when `turnAway` or `close` came first and nothing was taken. */
  take(bytes: number): true | Promise<boolean> {
    return this.#budget.takeOrWait(this, bytes);
  }

  give(bytes: number): void {
    this.bytesHeld -= bytes;
    this.#budget.admit();
  }

  /** Turns away who waits; what is held stays held. Answers whether anyone waited. */
  turnAway(): boolean {
    return this.#budget.turnAway(this);
  }

  /** Gives back everything and leaves the budget. */
  close(): void {
    this.bytesHeld = 0;
    this.#budget.leave(this);
  }
}
