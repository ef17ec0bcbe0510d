import {
  clearMoments,
  closeMoments,
  extendMoments,
  mergeMomentColumns,
  mergeMoments,
  momentsPlaces,
  momentsStride,
  scanMoments,
} from "../stats/index.ts";
import { RowBlocks } from "./row-blocks.ts";
import { firstAfter, type RowRuns } from "./row-runs.ts";
import type { SpanRuns } from "./span-runs.ts";

/** Fewer rows in the longest window are read one by one: that is cheaper than blocks, and needs no memory. */
const blockedRowsMin = 256;
/** Numbers that a group remembers in front of its summary: how many rows it has. */
const groupRows = 1;
/** Rows looked at one by one before the start of a window is searched by halving. */
const linearRowsMax = 8;

/**
 * Summarises the newest rows of a key over several trailing windows in one pass.
 *
 * The longer window goes on, from newer to older rows, from where the shorter one ended. Few rows are read one by
 * one. Many are summarised block by block and group by group ({@link RowBlocks}), and the summaries merged; those of
 * blocks and groups that lie whole inside one stretch are remembered, so that a query reads few rows, however many
 * the window holds. What is done follows from the rows inside the longest window alone, never from what was evicted,
 * remembered or undone: the same rows give the same bits.
 */
export class WindowQuery {
  readonly #runs: RowRuns;
  readonly #cuts: RowBlocks;
  readonly #windowsMs: readonly number[];
  readonly #needs: readonly number[];
  /** Per column, which numbers of a summary are remembered: those that its needs fill. */
  readonly #places: readonly (readonly number[])[];
  readonly #running: Float64Array;
  readonly #group: Float64Array;
  readonly #block: Float64Array;

  /** Rows per window, by the last query. */
  readonly rowCounts: Float64Array;
  /** Summary of column c over window w, at `(w * columns + c) * momentsStride`, by the last query. */
  readonly summaries: Float64Array;

  // Where the walk over the blocks is: the rows before `#end` are still to be read, the row `#end - 1` is in
  // `#blockAt`, which begins at row `#blockStart`, in `#groupAt`, which begins at block `#groupFirst`; -1 and 0 for rows
  // older than all blocks or groups. `#wholeFrom` is the end of that group as long as only rows of it were read
  // since, -1 else.
  #end = 0;
  #blockAt = -1;
  #blockStart = 0;
  #groupAt = -1;
  #groupFirst = 0;
  #wholeFrom = -1;

  /** @param windowsMs lengths, ascending; @param needs per column, what to compute of it */
  constructor(runs: RowRuns, windowsMs: readonly number[], needs: readonly number[]) {
    this.#runs = runs;
    this.#windowsMs = windowsMs;
    this.#needs = needs;
    this.#places = needs.map(momentsPlaces);
    const remembered = this.#places.reduce((sum, places) => sum + places.length, 0);
    // A group also remembers how many rows it has.
    this.#cuts = new RowBlocks(runs, remembered, groupRows + remembered);
    const length = needs.length * momentsStride;
    this.#running = new Float64Array(length);
    this.#group = new Float64Array(length);
    this.#block = new Float64Array(length);
    this.rowCounts = new Float64Array(windowsMs.length);
    this.summaries = new Float64Array(windowsMs.length * length);
  }

  /** Summarises the rows in `(timeMs - w, timeMs]` of a key for every window w; of no key when `entry` is -1. */
  run(entry: number, timeMs: number): void {
    let newest = 0;
    if (entry >= 0) {
      this.#runs.look(entry);
      newest = this.#newestEnd(timeMs);
    }
    if (newest >= blockedRowsMin && this.#timeOf(newest - blockedRowsMin) > timeMs - (this.#windowsMs.at(-1) ?? 0)) {
      this.#readBlocks(entry, newest, timeMs);
      return;
    }
    let first = newest;
    for (let window = 0; window < this.#windowsMs.length; window++) {
      first = entry < 0 ? 0 : this.#firstInWindow(first, timeMs - (this.#windowsMs[window] ?? 0));
      this.rowCounts[window] = newest - first;
    }
    if (this.#needs.length > 0) this.#readRows(newest);
  }

  /** Takes in the row that was added at `position` of the run looked at. */
  add(entry: number, position: number): void {
    this.#cuts.add(entry, position);
  }

  /** Takes out the row at `position` of the run looked at, which is about to be removed. */
  remove(entry: number, position: number): void {
    this.#cuts.remove(entry, position);
  }

  /** Takes out the rows up to and including `timeMs`, which have left, so that `rows` remain. */
  dropUntil(entry: number, timeMs: number, rows: number): void {
    if (rows * 2 < blockedRowsMin) this.#cuts.close(entry);
    else this.#cuts.dropUntil(entry, timeMs);
  }

  /** Forgets all that is remembered of a key and gives its memory back. */
  forgetKey(entry: number): void {
    this.#cuts.close(entry);
  }

  clear(): void {
    this.#cuts.clear();
  }

  /** Column by column, every row of the longest window once. */
  #readRows(newest: number): void {
    const { slab, times, capacity } = this.#runs;
    const columns = this.#needs.length;
    const open = this.#block;
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

  #timeOf(row: number): number {
    return this.#runs.slab[this.#runs.times + row] ?? 0;
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

  #readBlocks(entry: number, newest: number, timeMs: number): void {
    this.#startWalk(entry, newest);
    this.#clear(this.#running);
    this.#clear(this.#group);
    for (let window = 0; window < this.rowCounts.length; window++) {
      this.#readStretch(timeMs - (this.#windowsMs[window] ?? 0));
      this.rowCounts[window] = newest - this.#end;
      this.summaries.set(this.#running, window * this.#running.length);
    }
  }

  /** Goes to the block and group of the row before `newest`. */
  #startWalk(entry: number, newest: number): void {
    this.#cuts.cut(entry);
    this.#runs.look(entry);
    const { blocks, groups } = this.#cuts;
    blocks.look(entry);
    groups.look(entry);
    this.#end = newest;
    this.#wholeFrom = -1;
    this.#blockAt = blocks.count;
    this.#blockStart = this.#runs.count;
    this.#groupAt = groups.count;
    this.#groupFirst = blocks.count;
    do {
      this.#toOlderBlock(this.#blockStart);
      if (this.#blockAt < this.#groupFirst) this.#toOlderGroup();
    } while (this.#blockStart >= newest);
  }

  /** Goes to the block that ends in front of row `end`. */
  #toOlderBlock(end: number): void {
    const { numbers, sizes } = this.#cuts.blocks;
    this.#blockAt--;
    this.#blockStart = this.#blockAt < 0 ? 0 : end - (numbers[sizes + this.#blockAt] ?? 0);
  }

  /** The oldest blocks are in no group: theirs, of number -1, has no first block. */
  #toOlderGroup(): void {
    const { numbers, sizes } = this.#cuts.groups;
    this.#groupAt--;
    this.#groupFirst = this.#groupAt < 0 ? -1 : this.#groupFirst - (numbers[sizes + this.#groupAt] ?? 0);
  }

  /** Merges the rows before `#end` that are newer than `limit` into the running summary, newest first. */
  #readStretch(limit: number): void {
    const { numbers, times } = this.#cuts.blocks;
    while (this.#blockAt >= 0 && (numbers[times + this.#blockAt] ?? 0) > limit) {
      if (!this.#takeGroups(limit) && !this.#takeBlocks(limit)) this.#readBlock();
      if (this.#blockAt < this.#groupFirst) this.#endGroup();
    }
    const first = firstAfter(this.#runs.slab, this.#runs.times, this.#blockStart, this.#end, limit);
    if (first < this.#end) {
      this.#scan(first, this.#end);
      this.#merge(this.#block, this.#group);
      this.#end = first;
    }
    if (this.#wholeFrom === this.#end) return;
    this.#wholeFrom = -1;
    this.#merge(this.#group, this.#running);
    this.#clear(this.#group);
  }

  /** Merges the groups that are whole, newer than `limit` and known, up to the first that is not; false if there is none. */
  #takeGroups(limit: number): boolean {
    if (this.#wholeFrom !== this.#end) return false;
    const { groups } = this.#cuts;
    const { numbers, times, known, remembered } = groups;
    const newest = this.#groupAt;
    while (this.#groupAt >= 0) {
      const at = this.#groupAt;
      if (numbers[known + at] !== 1 || (numbers[times + at] ?? 0) <= limit) break;
      this.#end -= numbers[remembered + at] ?? 0;
      this.#blockAt = this.#groupFirst;
      this.#toOlderGroup();
    }
    if (this.#groupAt === newest) return false;
    this.#mergeRemembered(groups, this.#groupAt + 1, newest + 1, groupRows, this.#running);
    this.#wholeFrom = this.#end;
    this.#toOlderBlock(this.#end);
    return true;
  }

  /** The same with the blocks of a group. */
  #takeBlocks(limit: number): boolean {
    const { blocks } = this.#cuts;
    const { numbers, times, known, sizes } = blocks;
    const newest = this.#blockAt;
    if (this.#end !== this.#blockStart + (numbers[sizes + newest] ?? 0)) return false;
    const oldest = Math.max(0, this.#groupFirst);
    let at = newest;
    let start = this.#end;
    while (at >= oldest && numbers[known + at] === 1 && (numbers[times + at] ?? 0) > limit) {
      start -= numbers[sizes + at] ?? 0;
      at--;
    }
    if (at === newest) return false;
    this.#mergeRemembered(blocks, at + 1, newest + 1, 0, this.#group);
    this.#end = start;
    this.#blockAt = at + 1;
    this.#toOlderBlock(start);
    return true;
  }

  /** Merges the rows of a block from its first to where the walk is, and remembers what comes out if that is all of it. */
  #readBlock(): void {
    const { blocks } = this.#cuts;
    const at = this.#blockAt;
    this.#scan(this.#blockStart, this.#end);
    this.#merge(this.#block, this.#group);
    // The newest block is not worth it: the next row changes it.
    const isWhole = this.#end === this.#blockStart + (blocks.numbers[blocks.sizes + at] ?? 0);
    if (isWhole && at < blocks.count - 1) this.#remember(this.#block, blocks, at, 0);
    this.#end = this.#blockStart;
    this.#toOlderBlock(this.#end);
  }

  /** Merges a group whose first block was taken, and remembers it if it was taken whole. */
  #endGroup(): void {
    const { groups } = this.#cuts;
    if (this.#wholeFrom >= 0) {
      groups.numbers[groups.remembered + this.#groupAt] = this.#wholeFrom - this.#end;
      this.#remember(this.#group, groups, this.#groupAt, groupRows);
    }
    this.#merge(this.#group, this.#running);
    this.#clear(this.#group);
    this.#wholeFrom = this.#end;
    this.#toOlderGroup();
  }

  #scan(from: number, to: number): void {
    const { slab, times, capacity } = this.#runs;
    for (let column = 0; column < this.#needs.length; column++) {
      const base = times + (1 + column) * capacity;
      scanMoments(slab, base + from, base + to, this.#needs[column] ?? 0, this.#block, column * momentsStride);
    }
  }

  #clear(moments: Float64Array): void {
    for (let at = 0; at < moments.length; at += momentsStride) clearMoments(moments, at);
  }

  #merge(part: Float64Array, into: Float64Array): void {
    for (let column = 0; column < this.#needs.length; column++) {
      const at = column * momentsStride;
      mergeMoments(into, at, part, at, this.#needs[column] ?? 0);
    }
  }

  #remember(part: Float64Array, spans: SpanRuns, span: number, behind: number): void {
    const { numbers, stride } = spans;
    let at = spans.remembered + span + behind * stride;
    for (let column = 0; column < this.#places.length; column++) {
      for (const place of this.#places[column] ?? []) {
        numbers[at] = part[column * momentsStride + place] ?? 0;
        at += stride;
      }
    }
    numbers[spans.known + span] = 1;
  }

  /** Merges what is remembered of spans `from .. to`, the last first. */
  #mergeRemembered(spans: SpanRuns, from: number, to: number, behind: number, into: Float64Array): void {
    const { numbers, stride } = spans;
    let base = spans.remembered + behind * stride;
    for (let column = 0; column < this.#needs.length; column++) {
      const needs = this.#needs[column] ?? 0;
      mergeMomentColumns(numbers, base, stride, from, to, needs, into, column * momentsStride);
      base += (this.#places[column]?.length ?? 0) * stride;
    }
  }
}
