import type { Room } from "./port.ts";

/** Most bytes of a piece with its index, and the fewest that this falls to where many tasks share. */
const pieceBytesMax = 2 * 1024 * 1024;
const pieceBytesMin = 512 * 1024;
/** Of the budget, what the first pieces of all tasks take: as much is left for what is read ahead, and for batches as stored. */
const firstPiecesShare = 1 / 2;

/**
 * Enough for one fetch to be worked off while the next is under way. What is read further ahead is only memory that
 * has left the caches by the time it is computed.
 */
const bytesMaxPerTaskDefault = 2 * 1024 * 1024;

interface Waiter {
  readonly share: BufferShare;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly go: (taken: boolean) => void;
}

/**
 * How many fetched bytes a process may hold before they are computed, shared by all its tasks.
 *
 * Each task has a reserved minimum, so that one busy partition cannot starve the others; what is used above it
 * comes from the shared rest, up to a maximum per task. A task that holds nothing is always let in, however large
 * the batch: it could never be worked off otherwise. What it holds of a batch as stored, to cut pieces from, counts like
 * anything else, but does not keep its next piece out.
 *
 * Room is given before a piece is inflated, so that nobody holds one that waits. It is given for the largest piece, and
 * what the piece does not need comes back when it is there.
 *
 * Bytes that come back to a task's reserve concern that task alone, so that what a batch costs does not grow with the
 * number of tasks; only what comes back to the shared rest makes it look at all who wait.
 */
export class BufferBudget {
  readonly bytesMax: number;
  readonly reservedBytesPerTask: number;
  readonly bytesMaxPerTask: number;
  readonly #shares = new Set<BufferShare>();
  /** In their order. */
  readonly #waiting = new Set<Waiter>();
  /** What all tasks use above their reserves. */
  #overReserve = 0;

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
    for (const share of this.#shares) sum += share.bytesHeld + share.bytesStored;
    return sum;
  }

  /** How many batches and pieces wait for room. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Most bytes of a piece, as many as share the budget now. */
  get pieceBytes(): number {
    const even = Math.floor((this.bytesMax * firstPiecesShare) / Math.max(1, this.#shares.size));
    return Math.max(pieceBytesMin, Math.min(pieceBytesMax, even));
  }

  /** True when taken at once, else a promise of whether; a task's batches are let in in their order. */
  takeOrWait(share: BufferShare, bytes: number, bytesMax = this.bytesMaxPerTask): true | Promise<boolean> {
    if (share.waiting.length === 0 && this.#tryTake(share, bytes, bytesMax)) return true;
    return new Promise((go) => {
      const waiter = { share, bytes, bytesMax, go };
      this.#waiting.add(waiter);
      share.waiting.push(waiter);
    });
  }

  #tryTake(share: BufferShare, bytes: number, bytesMax: number): boolean {
    const held = share.bytesHeld + bytes;
    if (share.bytesHeld > 0 && (held > bytesMax || !this.#hasRoom(share, held + share.bytesStored))) return false;
    share.hold(held, share.bytesStored);
    return true;
  }

  #hasRoom(share: BufferShare, after: number): boolean {
    if (after <= this.reservedBytesPerTask) return true;
    const before = share.bytesHeld + share.bytesStored;
    return this.#overReserve + this.#over(after) - this.#over(before) <= this.#shared();
  }

  /** Takes note of what a task held and holds; true when that leaves others more of the shared rest. */
  changed(before: number, after: number): boolean {
    const freed = this.#over(before) - this.#over(after);
    this.#overReserve -= freed;
    return freed > 0;
  }

  /** Lets in, in their order, those that fit now. */
  admitAll(): void {
    for (const waiter of this.#waiting) if (waiter === waiter.share.waiting[0]) this.#admit(waiter);
  }

  /** The same of one task. */
  admitOf({ waiting }: BufferShare): void {
    for (let first = waiting[0]; first !== undefined && this.#admit(first); ) first = waiting[0];
  }

  /** Lets in the first of its task, if it fits. */
  #admit(waiter: Waiter): boolean {
    const { share, bytes, bytesMax, go } = waiter;
    if (!this.#tryTake(share, bytes, bytesMax)) return false;
    share.waiting.shift();
    this.#waiting.delete(waiter);
    go(true);
    return true;
  }

  /** Turns away everyone who waits on this share; answers whether there was anyone. */
  turnAway(share: BufferShare): boolean {
    const gone = share.waiting.splice(0);
    for (const waiter of gone) {
      this.#waiting.delete(waiter);
      waiter.go(false);
    }
    return gone.length > 0;
  }

  leave(share: BufferShare): void {
    this.turnAway(share);
    this.#shares.delete(share);
    this.admitAll();
  }

  #shared(): number {
    return this.bytesMax - this.#shares.size * this.reservedBytesPerTask;
  }

  #over(bytes: number): number {
    return Math.max(0, bytes - this.reservedBytesPerTask);
  }
}

/** One task's part of the budget. */
export class BufferShare {
  /** Those of the task who wait, in their order. */
  readonly waiting: Waiter[] = [];
  readonly #budget: BufferBudget;
  readonly #rooms = new Set<BufferRoom>();
  #bytesHeld = 0;
  #bytesStored = 0;
  #isClosed = false;

  constructor(budget: BufferBudget) {
    this.#budget = budget;
  }

  /** Bytes held now, room that was given included. */
  get bytesHeld(): number {
    return this.#bytesHeld;
  }

  /** Bytes of batches as stored, from which pieces are cut. */
  get bytesStored(): number {
    return this.#bytesStored;
  }

  /** Holds so much from now on; true when that leaves others more. A task that has left is of no account. */
  hold(bytesHeld: number, bytesStored: number): boolean {
    const before = this.#bytesHeld + this.#bytesStored;
    this.#bytesHeld = bytesHeld;
    this.#bytesStored = bytesStored;
    return !this.#isClosed && this.#budget.changed(before, bytesHeld + bytesStored);
  }

  /** Takes `bytes`, waiting for room; false when `turnAway` or `close` came first and nothing was taken. */
  take(bytes: number): true | Promise<boolean> {
    return this.#budget.takeOrWait(this, bytes);
  }

  /** Room for a piece, waiting for it; undefined when `turnAway` or `close` came first. */
  room(): Room | Promise<Room | undefined> {
    const budget = this.#budget;
    const { pieceBytes } = budget;
    const bytes = besideStored(pieceBytes, this.#bytesStored);
    // Half a piece is what most of them have: the next is read while one is worked off.
    const taking = budget.takeOrWait(this, bytes, budget.bytesMaxPerTask + (pieceBytes * 5) / 8);
    const given = (): BufferRoom => {
      const room = new BufferRoom(this, bytes, 0);
      this.#rooms.add(room);
      return room;
    };
    return taking === true ? given() : taking.then((taken) => (taken ? given() : undefined));
  }

  /** Makes room that was given a batch's of so many bytes. False, and nothing was done, when it was forgotten meanwhile. */
  fill(room: Room, bytes: number): boolean {
    if (!(room instanceof BufferRoom && this.#rooms.delete(room))) return false;
    this.give(room.bytes - bytes);
    return true;
  }

  /** Forgets everything that is held, and all room that was given. */
  reset(): void {
    this.#rooms.clear();
    this.#giveBack(this.#bytesHeld, this.#bytesStored);
  }

  /** Moves room from a piece to what is stored. */
  store(room: BufferRoom, bytes: number, bytesLeft: number): BufferRoom | undefined {
    if (!this.#rooms.has(room)) return undefined;
    this.hold(this.#bytesHeld + bytesLeft - room.bytes, this.#bytesStored + bytes);
    const stored = new BufferRoom(this, 0, bytes);
    this.#rooms.add(stored);
    return stored;
  }

  release(room: BufferRoom): void {
    if (this.#rooms.delete(room)) this.#giveBack(room.bytes, room.bytesStored);
  }

  give(bytes: number): void {
    this.#giveBack(bytes, 0);
  }

  /** Turns away who waits; what is held stays held. Answers whether anyone waited. */
  turnAway(): boolean {
    return this.#budget.turnAway(this);
  }

  /** Gives back everything and leaves the budget. */
  close(): void {
    this.#rooms.clear();
    this.hold(0, 0);
    this.#isClosed = true;
    this.#budget.leave(this);
  }

  #giveBack(bytes: number, bytesStored: number): void {
    const isShared = this.hold(this.#bytesHeld - bytes, this.#bytesStored - bytesStored);
    if (isShared) this.#budget.admitAll();
    else this.#budget.admitOf(this);
  }
}

/** The smallest piece that is cut from a large batch, as a share of the largest. */
const pieceShareMin = 1 / 4;

/** What is left for a piece beside the batch as stored that it is cut from, so that both take no more than another piece. */
function besideStored(pieceBytes: number, bytesStored: number): number {
  return Math.max(pieceBytes * pieceShareMin, pieceBytes - bytesStored);
}

/** Room that a share has given; of no account once the share has forgotten it. */
class BufferRoom implements Room {
  bytes: number;
  readonly bytesStored: number;
  readonly #share: BufferShare;

  constructor(share: BufferShare, bytes: number, bytesStored: number) {
    this.#share = share;
    this.bytes = bytes;
    this.bytesStored = bytesStored;
  }

  store(bytes: number): Room {
    const left = besideStored(this.bytes, bytes);
    const stored = this.#share.store(this, bytes, left) ?? new BufferRoom(this.#share, 0, bytes);
    this.bytes = left;
    return stored;
  }

  release(): void {
    this.#share.release(this);
  }
}

/** Room of which no account is kept: for a task that takes nothing now, and drops what comes. */
export const unaccountedRoom: Room = { bytes: 65_536, store: () => unaccountedRoom, release: () => undefined };
