import { clearMoments, mergeMoments, momentsStride, scanMoments } from "../stats/index.ts";
import { grownUints } from "./number-stack.ts";
import { firstAfter, type RowRuns } from "./row-runs.ts";
import { Slabs } from "./slabs.ts";

/** The longest window is cut into this many slices of time. */
const slicesPerWindow = 64;
/** Slices remembered per key, by slice number modulo this; more than a window touches. */
const cacheSlots = 128;
/** A key gets a cache once its window holds this many rows; below, reading them all is as cheap. */
const cacheRowsMin = 256;
/** Rows looked at one by one before the start of a slice is searched by halving. */
const linearRowsMax = 8;

/**
 * Summarises the newest rows of a key over several trailing windows in one pass.
 *
 * Rows are summarised slice by slice, a slice being a fixed stretch of event time, and the slices merged
 * from the newest to the oldest; the longer window goes on from where the shorter one ended. A slice that lies
 * whole inside a window is remembered, so that a query reads the rows of the cut slices and merges the
 * rest. The grouping follows from times alone, never from what was evicted, remembered or undone: the same
 * rows give the same bits.
 */
export class WindowQuery {
  readonly #runs: RowRuns;
  readonly #windowsMs: readonly number[];
  readonly #needs: readonly number[];
  readonly #sliceMs: number;
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
    this.#sliceMs = Math.max(1, Math.ceil((windowsMs.at(-1) ?? 0) / slicesPerWindow));
    this.#slotStride = 2 + needs.length * momentsStride;
    this.#caches = new Slabs(cacheSlots * this.#slotStride);
    this.#running = new Float64Array(needs.length * momentsStride);
    this.#segment = new Float64Array(needs.length * momentsStride);
    this.rowCounts = new Float64Array(windowsMs.length);
    this.summaries = new Float64Array(windowsMs.length * needs.length * momentsStride);
  }

  /** Summarises the rows in `(timeMs - w, timeMs]` of a key for every window w; of no key when `entry` is -1. */
  run(entry: number, timeMs: number): void {
    const runs = this.#runs;
    const columns = this.#needs.length;
    for (let column = 0; column < columns; column++) clearMoments(this.#running, column * momentsStride);
    let newest = 0;
    if (entry >= 0) {
      runs.look(entry);
      newest = this.#newestEnd(timeMs);
    }
    let end = newest;
    let cache = -2;
    for (let window = 0; window < this.#windowsMs.length; window++) {
      const limit = timeMs - (this.#windowsMs[window] ?? 0);
      const first = entry < 0 ? 0 : this.#firstInWindow(end, limit);
      this.rowCounts[window] = newest - first;
      if (columns > 0 && first < end) {
        if (cache === -2) cache = newest < cacheRowsMin ? -1 : this.#cacheFor(entry);
        this.#add(first, end, limit, cache);
      }
      this.summaries.set(this.#running, window * columns * momentsStride);
      end = first;
    }
  }

  /** Forgets what is remembered of the slice that holds `timeMs`; called whenever its rows change. */
  forgetSlice(entry: number, timeMs: number): void {
    const cache = this.#cacheOf[entry] ?? 0;
    if (cache === 0) return;
    const slice = Math.floor(timeMs / this.#sliceMs);
    const slab = this.#caches.slabOf(cache - 1);
    const at = this.#caches.placeOf(cache - 1) + slotOf(slice) * this.#slotStride;
    if (slab[at] === slice) slab[at] = Number.NaN;
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
    if (rows * 2 < cacheRowsMin) this.forgetKey(entry);
  }

  clear(): void {
    this.#caches.clear();
    this.#cacheOf.fill(0);
  }

  #newestEnd(timeMs: number): number {
    const { slab, times, count } = this.#runs;
    return count > 0 && (slab[times + count - 1] ?? 0) <= timeMs ? count : firstAfter(slab, times, 0, count, timeMs);
  }

  #firstInWindow(end: number, limit: number): number {
    const { slab, times } = this.#runs;
    if (end === 0 || (slab[times] ?? 0) > limit) return 0;
    return firstAfter(slab, times, 0, end, limit);
  }

  /** Address of the key's cache, made empty when it had none. */
  #cacheFor(entry: number): number {
    if (entry >= this.#cacheOf.length) this.#cacheOf = grownUints(this.#cacheOf, entry + 1);
    const held = this.#cacheOf[entry] ?? 0;
    if (held !== 0) return held - 1;
    const address = this.#caches.allocate(0);
    const place = this.#caches.placeOf(address);
    this.#caches.slabOf(address).fill(Number.NaN, place, place + cacheSlots * this.#slotStride);
    this.#cacheOf[entry] = address + 1;
    return address;
  }

  /** Merges rows `first .. end` into the running summaries, newest slice first. `limit` lies before them all. */
  #add(first: number, end: number, limit: number, cache: number): void {
    const { slab, times, count } = this.#runs;
    const sliceMs = this.#sliceMs;
    let to = end;
    while (to > first) {
      const slice = Math.floor((slab[times + to - 1] ?? 0) / sliceMs);
      const sliceStart = slice * sliceMs;
      const whole = sliceStart > limit && (to === count || (slab[times + to] ?? 0) >= sliceStart + sliceMs);
      if (cache >= 0 && whole) {
        to = this.#addRemembered(cache, slice, first, to);
      } else {
        const from = this.#sliceFirst(sliceStart, first, to);
        this.#scan(from, to, this.#segment, 0);
        this.#merge(this.#segment, 0);
        to = from;
      }
    }
  }

  /** Merges a whole slice that ends before row `to`, and answers its first row. */
  #addRemembered(cache: number, slice: number, first: number, to: number): number {
    const slots = this.#caches.slabOf(cache);
    const at = this.#caches.placeOf(cache) + slotOf(slice) * this.#slotStride;
    if (slots[at] !== slice) {
      const from = this.#sliceFirst(slice * this.#sliceMs, first, to);
      this.#scan(from, to, slots, at + 2);
      slots[at] = slice;
      slots[at + 1] = to - from;
    }
    this.#merge(slots, at + 2);
    return to - (slots[at + 1] ?? 0);
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

  #merge(segment: Float64Array, at: number): void {
    for (let column = 0; column < this.#needs.length; column++) {
      const offset = column * momentsStride;
      mergeMoments(this.#running, offset, segment, at + offset, this.#needs[column] ?? 0);
    }
  }
}

function slotOf(slice: number): number {
  return ((slice % cacheSlots) + cacheSlots) % cacheSlots;
}
