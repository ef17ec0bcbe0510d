import { clearMoments, closeMoments, extendMoments, mergeMoments, momentsStride, scanMoments } from "../stats/index.ts";
import { grownUints } from "./number-stack.ts";
import { firstAfter, type RowRuns } from "./row-runs.ts";
import { Slabs } from "./slabs.ts";

/** The longest window is cut into this many coarse slices of time, and each of them into fine ones. */
const coarsePerWindow = 64;
const finePerCoarse = 8;
/** Slices remembered per key, by slice number modulo these powers of two: all coarse ones of a window, fine ones at its edges. */
const coarseSlots = 128;
const fineSlots = 64;
/** Fewer rows in the longest window are read one by one: that is cheaper than slices, and needs no cache. */
const slicedRowsMin = 512;
/** Rows looked at one by one before the start of a slice is searched by halving. */
const linearRowsMax = 8;

/**
 * Summarises the newest rows of a key over several trailing windows in one pass.
 *
 * The longer window goes on, from newer to older rows, from where the shorter one ended. Few rows are read one by
 * one. Many are summarised slice by slice, a slice being a fixed stretch of event time, and the slices merged:
 * coarse slices where they lie whole inside a window, fine ones at its edges, rows where a fine one is cut. Whole
 * slices are remembered, so that a query reads few rows, however many the window holds. What is done follows from the rows inside the longest window alone, never from what was evicted,
 * remembered or undone: the same rows give the same bits.
 */
export class WindowQuery {
  readonly #runs: RowRuns;
  readonly #windowsMs: readonly number[];
  readonly #needs: readonly number[];
  readonly #fineMs: number;
  readonly #coarseMs: number;
  readonly #slotStride: number;
  readonly #caches: Slabs;
  /** Address of a key's cache plus one; 0 when it has none. */
  #cacheOf: Uint32Array = new Uint32Array(64);
  readonly #running: Float64Array;
  readonly #segment: Float64Array;

  /** Rows per window, by the last query. */
  readonly rowCounts: Float64Array;
  /** Summary of column c over window w, at `(w * columns + c) * momentsStride`, by the last query. */
  readonly summaries: Float64Array;

  /** @param windowsMs lengths, ascending; @param needs per column, what to compute of it */
  constructor(runs: RowRuns, windowsMs: readonly number[], needs: readonly number[]) {
    this.#runs = runs;
    this.#windowsMs = windowsMs;
    this.#needs = needs;
    this.#fineMs = Math.max(1, Math.ceil((windowsMs.at(-1) ?? 0) / (coarsePerWindow * finePerCoarse)));
    this.#coarseMs = this.#fineMs * finePerCoarse;
    this.#slotStride = 2 + needs.length * momentsStride;
    this.#caches = new Slabs((coarseSlots + fineSlots) * this.#slotStride);
    this.#running = new Float64Array(needs.length * momentsStride);
    this.#segment = new Float64Array(needs.length * momentsStride);
    this.rowCounts = new Float64Array(windowsMs.length);
    this.summaries = new Float64Array(windowsMs.length * needs.length * momentsStride);
  }

  /** Summarises the rows in `(timeMs - w, timeMs]` of a key for every window w; of no key when `entry` is -1. */
  run(entry: number, timeMs: number): void {
    let newest = 0;
    if (entry >= 0) {
      this.#runs.look(entry);
      newest = this.#newestEnd(timeMs);
    }
    let first = newest;
    for (let window = 0; window < this.#windowsMs.length; window++) {
      first = entry < 0 ? 0 : this.#firstInWindow(first, timeMs - (this.#windowsMs[window] ?? 0));
      this.rowCounts[window] = newest - first;
    }
    if (this.#needs.length === 0) return;
    if (newest - first < slicedRowsMin) this.#readRows(newest);
    else this.#mergeSlices(newest, timeMs, this.#cacheFor(entry));
  }

  /** Forgets what is remembered of the slices that hold `timeMs`; called whenever its rows change. */
  forgetSlice(entry: number, timeMs: number): void {
    const cache = this.#cacheOf[entry] ?? 0;
    if (cache === 0) return;
    const slab = this.#caches.slabOf(cache - 1);
    const fine = Math.floor(timeMs / this.#fineMs);
    const fineAt = this.#fineAt(cache - 1, fine);
    if (slab[fineAt] === fine) slab[fineAt] = Number.NaN;
    const coarse = Math.floor(timeMs / this.#coarseMs);
    const coarseAt = this.#coarseAt(cache - 1, coarse);
    if (slab[coarseAt] === coarse) slab[coarseAt] = Number.NaN;
  }

  /** Forgets all that is remembered of a key and gives its memory back. */
  forgetKey(entry: number): void {
    const cache = this.#cacheOf[entry] ?? 0;
    if (cache === 0) return;
    this.#caches.release(cache - 1, 0);
    this.#cacheOf[entry] = 0;
  }

  /** Gives the memory of a key's cache back when `rows` are too few for one. */
  shrink(entry: number, rows: number): void {
    if (rows * 2 < slicedRowsMin) this.forgetKey(entry);
  }

  clear(): void {
    this.#caches.clear();
    this.#cacheOf.fill(0);
  }

  /** Column by column, every row of the longest window once. */
  #readRows(newest: number): void {
    const { slab, times, capacity } = this.#runs;
    const columns = this.#needs.length;
    const open = this.#segment;
    for (let column = 0; column < columns; column++) {
      const needs = this.#needs[column] ?? 0;
      const base = times + (1 + column) * capacity + newest;
      clearMoments(open, 0);
      let end = 0;
      for (let window = 0; window < this.rowCounts.length; window++) {
        const rows = this.rowCounts[window] ?? 0;
        if (rows > end) extendMoments(slab, base - rows, base - end, needs, open, 0);
        closeMoments(open, 0, this.summaries, (window * columns + column) * momentsStride);
        end = rows;
      }
    }
  }

  #mergeSlices(newest: number, timeMs: number, cache: number): void {
    const columns = this.#needs.length;
    for (let column = 0; column < columns; column++) clearMoments(this.#running, column * momentsStride);
    let end = newest;
    for (let window = 0; window < this.rowCounts.length; window++) {
      const first = newest - (this.rowCounts[window] ?? 0);
      this.#add(first, end, timeMs - (this.#windowsMs[window] ?? 0), cache);
      this.summaries.set(this.#running, window * columns * momentsStride);
      end = first;
    }
  }

  #newestEnd(timeMs: number): number {
    const { slab, times, count } = this.#runs;
    return count > 0 && (slab[times + count - 1] ?? 0) <= timeMs ? count : firstAfter(slab, times, 0, count, timeMs);
  }

  #firstInWindow(end: number, limit: number): number {
    const { slab, times } = this.#runs;
    if (end === 0 || (slab[times] ?? 0) > limit) return 0;
    if (end < linearRowsMax) {
      let first = end;
      while ((slab[times + first - 1] ?? 0) > limit) first--;
      return first;
    }
    return firstAfter(slab, times, 0, end, limit);
  }

  /** Address of the key's cache, made empty when it had none. */
  #cacheFor(entry: number): number {
    if (entry >= this.#cacheOf.length) this.#cacheOf = grownUints(this.#cacheOf, entry + 1);
    const held = this.#cacheOf[entry] ?? 0;
    if (held !== 0) return held - 1;
    const address = this.#caches.allocate(0);
    const place = this.#caches.placeOf(address);
    this.#caches.slabOf(address).fill(Number.NaN, place, place + (coarseSlots + fineSlots) * this.#slotStride);
    this.#cacheOf[entry] = address + 1;
    return address;
  }

  /** Merges rows `first .. end` into the running summaries, newest first. `limit` lies before them all. */
  #add(first: number, end: number, limit: number, cache: number): void {
    const { slab, times, count } = this.#runs;
    let to = end;
    while (to > first) {
      const coarse = Math.floor((slab[times + to - 1] ?? 0) / this.#coarseMs);
      const start = coarse * this.#coarseMs;
      const isWhole = start > limit && (to === count || (slab[times + to] ?? 0) >= start + this.#coarseMs);
      to = isWhole
        ? this.#addCoarse(cache, coarse, first, to)
        : this.#addFine(cache, first, to, limit, this.#running, 0);
    }
  }

  /** Merges the whole coarse slice that ends before row `to` into the running summaries, and answers its first row. */
  #addCoarse(cache: number, coarse: number, first: number, to: number): number {
    const slots = this.#caches.slabOf(cache);
    const at = this.#coarseAt(cache, coarse);
    if (slots[at] !== coarse) {
      const { slab, times } = this.#runs;
      const start = coarse * this.#coarseMs;
      for (let column = 0; column < this.#needs.length; column++) clearMoments(slots, at + 2 + column * momentsStride);
      let from = to;
      while (from > first && (slab[times + from - 1] ?? 0) >= start) {
        from = this.#addFine(cache, first, from, start - 1, slots, at + 2);
      }
      slots[at] = coarse;
      slots[at + 1] = to - from;
    }
    this.#merge(slots, at + 2, this.#running, 0);
    return to - (slots[at + 1] ?? 0);
  }

  /** Merges the part after `limit` of the fine slice that ends before row `to` into `into`, and answers its first row. */
  #addFine(cache: number, first: number, to: number, limit: number, into: Float64Array, intoAt: number): number {
    const { slab, times, count } = this.#runs;
    const fine = Math.floor((slab[times + to - 1] ?? 0) / this.#fineMs);
    const start = fine * this.#fineMs;
    const isWhole = start > limit && (to === count || (slab[times + to] ?? 0) >= start + this.#fineMs);
    if (!isWhole) {
      const from = this.#sliceFirst(start, first, to);
      this.#scan(from, to, this.#segment, 0);
      this.#merge(this.#segment, 0, into, intoAt);
      return from;
    }
    const slots = this.#caches.slabOf(cache);
    const at = this.#fineAt(cache, fine);
    if (slots[at] !== fine) {
      const from = this.#sliceFirst(start, first, to);
      this.#scan(from, to, slots, at + 2);
      slots[at] = fine;
      slots[at + 1] = to - from;
    }
    this.#merge(slots, at + 2, into, intoAt);
    return to - (slots[at + 1] ?? 0);
  }

  #coarseAt(cache: number, coarse: number): number {
    return this.#caches.placeOf(cache) + slotOf(coarse, coarseSlots) * this.#slotStride;
  }

  #fineAt(cache: number, fine: number): number {
    return this.#caches.placeOf(cache) + (coarseSlots + slotOf(fine, fineSlots)) * this.#slotStride;
  }

  #sliceFirst(sliceStart: number, first: number, to: number): number {
    const { slab, times } = this.#runs;
    let from = to - 1;
    const linear = Math.max(first, to - linearRowsMax);
    while (from > linear && (slab[times + from - 1] ?? 0) >= sliceStart) from--;
    if (from > linear || from === first) return from;
    // Times are whole milliseconds, so the last one before the slice is at most sliceStart - 1.
    return firstAfter(slab, times, first, from, sliceStart - 1);
  }

  #scan(from: number, to: number, into: Float64Array, at: number): void {
    const { slab, times, capacity } = this.#runs;
    for (let column = 0; column < this.#needs.length; column++) {
      const base = times + (1 + column) * capacity;
      scanMoments(slab, base + from, base + to, this.#needs[column] ?? 0, into, at + column * momentsStride);
    }
  }

  #merge(part: Float64Array, at: number, into: Float64Array, intoAt: number): void {
    for (let column = 0; column < this.#needs.length; column++) {
      const offset = column * momentsStride;
      mergeMoments(into, intoAt + offset, part, at + offset, this.#needs[column] ?? 0);
    }
  }
}

function slotOf(slice: number, slots: number): number {
  // A power of two: the remainder of a large number by division would cost more than the merge that follows.
  return slice & (slots - 1);
}
