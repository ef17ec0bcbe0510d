import { grownUints } from "./number-stack.ts";
import type { RowRuns } from "./row-runs.ts";
import { SpanRuns } from "./span-runs.ts";

/** One row in so many begins a block, and one block in so many a group; powers of two. */
const rowsPerBlock = 64;
const blocksPerGroup = 16;

/**
 * Cuts the rows of long runs into blocks of about 64, and blocks into groups of about 16, so that what was computed of
 * them can be remembered.
 *
 * Whether a row begins a block follows from a hash of its time and of its place among the rows of that time, and from
 * nothing else: so the cuts inside a stretch of rows depend on those rows alone, neither on how times are spread nor
 * on what was before them, was evicted or undone, or came later.
 */
export class RowBlocks {
  readonly #rows: RowRuns;
  readonly blocks: SpanRuns;
  /** Their elements are blocks. */
  readonly groups: SpanRuns;
  /** 1 for the keys whose rows are cut. */
  #isCut: Uint32Array = new Uint32Array(64);

  /** @param perBlock numbers to remember of a block; @param perGroup of a group */
  constructor(rows: RowRuns, perBlock: number, perGroup: number) {
    this.#rows = rows;
    this.blocks = new SpanRuns(perBlock);
    this.groups = new SpanRuns(perGroup);
  }

  isCut(entry: number): boolean {
    return this.#isCut[entry] === 1;
  }

  /** Cuts the rows of a key, if that has not been done. O(rows). */
  cut(entry: number): void {
    if (this.isCut(entry)) return;
    if (entry >= this.#isCut.length) this.#isCut = grownUints(this.#isCut, entry + 1);
    this.#isCut[entry] = 1;
    this.blocks.open(entry);
    this.groups.open(entry);
    this.#rows.look(entry);
    const { slab, times, count } = this.#rows;
    for (let row = 0, tie = 0; row < count; row++) {
      const timeMs = slab[times + row] ?? 0;
      tie = row > 0 && slab[times + row - 1] === timeMs ? tie + 1 : 0;
      this.#add(entry, row, row + 1, timeMs, startHash(timeMs, tie));
    }
  }

  /** Takes in the row that was added at `position` of the run looked at. */
  add(entry: number, position: number): void {
    if (!this.isCut(entry)) return;
    const timeMs = this.#timeOf(position);
    this.#add(entry, position, this.#rows.count, timeMs, startHash(timeMs, this.#tieOf(position)));
  }

  /** Takes out the row at `position` of the run looked at, which is about to be removed. */
  remove(entry: number, position: number): void {
    if (!this.isCut(entry)) return;
    const timeMs = this.#timeOf(position);
    const hash = startHash(timeMs, this.#tieOf(position));
    this.blocks.remove(entry, timeMs, isBlockStart(hash));
    if (isBlockStart(hash)) this.groups.remove(entry, timeMs, isGroupStart(hash));
    else this.groups.forget(entry, timeMs);
  }

  /** Takes out the rows up to and including `timeMs`, which have left. */
  dropUntil(entry: number, timeMs: number): void {
    if (!this.isCut(entry)) return;
    this.blocks.dropUntil(entry, timeMs);
    this.groups.dropUntil(entry, timeMs);
  }

  /** Forgets the cuts of a key and gives their memory back. */
  close(entry: number): void {
    if (!this.isCut(entry)) return;
    this.#isCut[entry] = 0;
    this.blocks.close(entry);
    this.groups.close(entry);
  }

  clear(): void {
    this.#isCut.fill(0);
    this.blocks.clear();
    this.groups.clear();
  }

  #add(entry: number, position: number, rowCount: number, timeMs: number, hash: number): void {
    const block = this.blocks.add(entry, timeMs, position, rowCount, isBlockStart(hash));
    if (block < 0) this.groups.forget(entry, timeMs);
    else this.groups.add(entry, timeMs, block, this.#blockCount(entry), isGroupStart(hash));
  }

  #blockCount(entry: number): number {
    this.blocks.look(entry);
    return this.blocks.count;
  }

  #timeOf(position: number): number {
    return this.#rows.slab[this.#rows.times + position] ?? 0;
  }

  /** How many rows of the same time lie before it. */
  #tieOf(position: number): number {
    const timeMs = this.#timeOf(position);
    if (position === 0 || this.#timeOf(position - 1) < timeMs) return 0;
    // Times are whole milliseconds, so the last one before is at most timeMs - 1.
    return position - this.#rows.firstAfter(timeMs - 1);
  }
}

function isBlockStart(hash: number): boolean {
  return (hash & (rowsPerBlock - 1)) === 0;
}

function isGroupStart(hash: number): boolean {
  return (hash & (rowsPerBlock * blocksPerGroup - 1)) === 0;
}

/** MurmurHash3's finaliser (A. Appleby) over both halves of the time and the tie. */
function startHash(timeMs: number, tie: number): number {
  let hash = mixed((timeMs | 0) ^ Math.imul(Math.floor(timeMs / 2 ** 32), 0x9e3779b1));
  if (tie > 0) hash = mixed(hash ^ Math.imul(tie, 0x85ebca77));
  return hash;
}

function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
