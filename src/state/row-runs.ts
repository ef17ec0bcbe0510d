import { grownUints } from "./number-stack.ts";
import { Slabs } from "./slabs.ts";

const entryStride = 4;
const addressAt = 0;
const sizeClassAt = 1;
const startAt = 2;
const countAt = 3;

/**
 * Rows of many keys, each key's in one run ordered by event time, ties in arrival order.
 *
 * A run is an extent: times first, then one column per input, all of the run's capacity; rows lie at
 * `start .. start + count` of each. Rows leave at the front by moving `start`; a full run slides back or
 * doubles, so that adding a newest row is O(1) amortised and an older one costs a move of what is newer.
 */
export class RowRuns {
  readonly #columns: number;
  readonly #capacityMin: number;
  readonly #slabs: Slabs;
  #entries: Uint32Array = new Uint32Array(64 * entryStride);
  #rowCount = 0;

  /** The run looked at by {@link look}: `slab[times + i]` is the time of row i. */
  slab: Float64Array = new Float64Array(0);
  times = 0;
  capacity = 0;
  count = 0;

  /** @param columns inputs per row, 0 or more; @param capacityMin rows of the smallest run */
  constructor(columns: number, capacityMin: number) {
    this.#columns = columns;
    this.#capacityMin = capacityMin;
    this.#slabs = new Slabs(capacityMin * (1 + columns));
  }

  /** Rows held over all keys. */
  get rowCount(): number {
    return this.#rowCount;
  }

  /** Makes the empty run of a new key. */
  open(entry: number): void {
    const at = entry * entryStride;
    if (at + entryStride > this.#entries.length) this.#entries = grownUints(this.#entries, at + entryStride);
    this.#entries[at + addressAt] = this.#slabs.allocate(0);
    this.#entries[at + sizeClassAt] = 0;
    this.#entries[at + startAt] = 0;
    this.#entries[at + countAt] = 0;
  }

  /** Gives the run of a key back, with its rows. */
  close(entry: number): void {
    const at = entry * entryStride;
    this.#rowCount -= this.#entries[at + countAt] ?? 0;
    this.#slabs.release(this.#entries[at + addressAt] ?? 0, this.#entries[at + sizeClassAt] ?? 0);
    this.#entries[at + countAt] = 0;
  }

  countOf(entry: number): number {
    return this.#entries[entry * entryStride + countAt] ?? 0;
  }

  /** Points `slab`, `times`, `capacity` and `count` at the key's run; column c begins at `times + (1 + c) * capacity`. */
  look(entry: number): void {
    const at = entry * entryStride;
    const address = this.#entries[at + addressAt] ?? 0;
    this.slab = this.#slabs.slabOf(address);
    // Not `2 **`, which is a call.
    this.capacity = this.#capacityMin * (1 << (this.#entries[at + sizeClassAt] ?? 0));
    this.times = this.#slabs.placeOf(address) + (this.#entries[at + startAt] ?? 0);
    this.count = this.#entries[at + countAt] ?? 0;
  }

  /** First row of the run looked at whose time is greater than `timeMs`; its count when there is none. */
  firstAfter(timeMs: number): number {
    return firstAfter(this.slab, this.times, 0, this.count, timeMs);
  }

  /** Adds a row behind all that are not newer, and answers its position. The run is the one looked at afterwards. */
  insert(entry: number, timeMs: number, inputs: Float64Array): number {
    this.look(entry);
    const at = entry * entryStride;
    if ((this.#entries[at + startAt] ?? 0) + this.count === this.capacity) {
      this.#makeRoom(entry);
      this.look(entry);
    }
    const { slab, times, count, capacity } = this;
    const position =
      count === 0 || (slab[times + count - 1] ?? 0) <= timeMs ? count : firstAfter(slab, times, 0, count, timeMs);
    for (let column = 0; column <= this.#columns; column++) {
      const from = times + column * capacity;
      if (position < count) slab.copyWithin(from + position + 1, from + position, from + count);
      slab[from + position] = column === 0 ? timeMs : (inputs[column - 1] ?? Number.NaN);
    }
    this.count = count + 1;
    this.#entries[at + countAt] = count + 1;
    this.#rowCount++;
    return position;
  }

  /** Takes the row at `position` out again. */
  remove(entry: number, position: number): void {
    this.look(entry);
    const { slab, times, count, capacity } = this;
    for (let column = 0; column <= this.#columns; column++) {
      const from = times + column * capacity;
      slab.copyWithin(from + position, from + position + 1, from + count);
    }
    this.count = count - 1;
    this.#entries[entry * entryStride + countAt] = count - 1;
    this.#rowCount--;
  }

  /** Drops the rows up to and including `timeMs`, gives back memory no longer needed, and answers how many remain. */
  dropUntil(entry: number, timeMs: number): number {
    this.look(entry);
    if (this.count === 0 || (this.slab[this.times] ?? 0) > timeMs) return this.count;
    return this.dropFirst(entry, this.firstAfter(timeMs));
  }

  /** Drops the `dropped` oldest rows, gives back memory no longer needed, and answers how many remain. */
  dropFirst(entry: number, dropped: number): number {
    this.look(entry);
    const at = entry * entryStride;
    const remaining = this.count - dropped;
    this.#entries[at + startAt] = (this.#entries[at + startAt] ?? 0) + dropped;
    this.#entries[at + countAt] = remaining;
    this.#rowCount -= dropped;
    const sizeClass = this.#entries[at + sizeClassAt] ?? 0;
    if (remaining > 0 && remaining * 4 <= this.capacity && sizeClass > 0) this.#move(entry, sizeClass - 1);
    return remaining;
  }

  clear(): void {
    this.#slabs.clear();
    this.#rowCount = 0;
    this.slab = new Float64Array(0);
  }

  /** Slides the rows to the front when a quarter of the run is free there, else doubles it. */
  #makeRoom(entry: number): void {
    const { slab, times, capacity, count } = this;
    const at = entry * entryStride;
    if (count * 4 > capacity * 3) {
      this.#move(entry, (this.#entries[at + sizeClassAt] ?? 0) + 1);
      return;
    }
    const base = times - (this.#entries[at + startAt] ?? 0);
    for (let column = 0; column <= this.#columns; column++) {
      const from = times + column * capacity;
      slab.copyWithin(base + column * capacity, from, from + count);
    }
    this.#entries[at + startAt] = 0;
  }

  #move(entry: number, sizeClass: number): void {
    this.look(entry);
    const { slab, times, capacity, count } = this;
    const at = entry * entryStride;
    const address = this.#slabs.allocate(sizeClass);
    const target = this.#slabs.slabOf(address);
    const base = this.#slabs.placeOf(address);
    const capacityNew = this.#capacityMin * 2 ** sizeClass;
    for (let column = 0; column <= this.#columns; column++) {
      const from = times + column * capacity;
      target.set(slab.subarray(from, from + count), base + column * capacityNew);
    }
    this.#slabs.release(this.#entries[at + addressAt] ?? 0, this.#entries[at + sizeClassAt] ?? 0);
    this.#entries[at + addressAt] = address;
    this.#entries[at + sizeClassAt] = sizeClass;
    this.#entries[at + startAt] = 0;
  }
}

/** First index in `low .. high` whose number, counted from `from`, is greater than `limit`; numbers ascend. */
export function firstAfter(numbers: Float64Array, from: number, low: number, high: number, limit: number): number {
  let lower = low;
  let upper = high;
  while (lower < upper) {
    const middle = (lower + upper) >>> 1;
    if ((numbers[from + middle] ?? 0) <= limit) lower = middle + 1;
    else upper = middle;
  }
  return lower;
}
