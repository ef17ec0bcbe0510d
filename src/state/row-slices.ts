import { EntryBytes } from "./entry-bytes.ts";
import { GoneKeys } from "./gone-keys.ts";
import { grownUints, NumberStack } from "./number-stack.ts";
import { RowRuns } from "./row-runs.ts";
import type { ChangeWriter } from "./store.ts";

/** A slice with more rows is cut in halves, so that an update writes few rows however long the window is. */
const sliceRowsMax = 64;

/** Slices given to a copy between two looks at what else there is to do. */
const copiedAtOnce = 16;

/** Of a slice beside its start. */
const columns = 3;
const levelAt = 1;
/** The chunk that touched it last. */
const touchedAt = 2;
/** The chunk that made it: in that one, nobody has written it down yet. */
const bornAt = 3;

/** Numbers per entry of the log: entry, start, level, touched, born, and whether it was added (1) or taken away (0). */
const logStride = 6;

/**
 * Cuts the rows of each key into slices of event time, the entries in which rows are written down.
 *
 * A slice is a stretch of `longestMs / 2^level`, beginning at a multiple of that length. Slices of a key never overlap;
 * a row lies in the one that holds its time. A new slice is as long as its neighbours let it be; one that has more than
 * 64 rows when it is written is cut in halves until none has, or until it is a millisecond long. Slices leave when
 * their last row does.
 *
 * Everything is provisional until `keep`. Keys whose changes nobody asks for have no slices and cost nothing.
 */
export class RowSlices {
  readonly #rows: RowRuns;
  readonly #rowColumns: number;
  readonly #longestMs: number;
  /** Of a slice, in ms, by its level. */
  readonly #lengths: number[] = [];
  readonly #version: number;
  readonly #slices = new RowRuns(columns, 1);
  readonly #slice = new Float64Array(columns);
  #isOpen: Uint32Array = new Uint32Array(64);
  /** Entry and start of each slice that the chunk has touched. */
  readonly #touched = new NumberStack();
  readonly #log = new NumberStack();
  #chunk = 1;
  readonly #gone = new GoneKeys();
  readonly #key = new EntryBytes();
  readonly #value = new EntryBytes();

  /** @param rowColumns inputs per row; @param longestMs the longest window, at least 1 */
  constructor(rows: RowRuns, rowColumns: number, longestMs: number, version: number) {
    this.#rows = rows;
    this.#rowColumns = rowColumns;
    this.#longestMs = longestMs;
    this.#version = version;
  }

  /** Notes that a row of this time was added to the key, or is about to be given. */
  touch(entry: number, timeMs: number): void {
    const slices = this.#slices;
    this.#open(entry);
    let slice = slices.firstAfter(timeMs) - 1;
    if (slice < 0 || this.#endOf(slice) <= timeMs) slice = this.#make(entry, slice, timeMs);
    const { slab, times, capacity } = slices;
    const touched = times + touchedAt * capacity + slice;
    if (slab[touched] === this.#chunk) return;
    slab[touched] = this.#chunk;
    this.#touched.push(entry);
    this.#touched.push(slab[times + slice] ?? 0);
  }

  /**
   * Gives what has gone, and then every slice that was touched, in first-touched order. A slice that is touched has no
   * row that could have been evicted: those are a longest window behind every row that is added.
   */
  give(into: ChangeWriter, keyOf: (entry: number) => string): void {
    this.#gone.give(into);
    for (let i = 0; i < this.#touched.length; i += 2) {
      const entry = this.#touched.at(i);
      const start = this.#touched.at(i + 1);
      this.#slices.look(entry);
      this.#give(into, entry, keyOf(entry), this.#slices.firstAfter(start) - 1);
    }
  }

  /** Gives every slice of a key as gone that was written down. The key is closed at `keep`, unless the chunk is undone. */
  giveGone(into: ChangeWriter, entry: number, key: string): void {
    if (this.#isOpen[entry] !== 1) return;
    this.#slices.look(entry);
    for (let slice = 0; slice < this.#slices.count; slice++)
      into.write(this.#keyOf(key, this.#startOf(slice), this.#levelOf(slice)).written, null);
  }

  /** The chunk is final. Called before anything is evicted. */
  keep(): void {
    this.#gone.keep();
    this.#endChunk();
  }

  /** Takes back every slice that was made or cut since `keep`. Called before rows are taken back. */
  undo(): void {
    for (let at = this.#log.length - logStride; at >= 0; at -= logStride) {
      const entry = this.#log.at(at);
      const start = this.#log.at(at + 1);
      this.#slices.look(entry);
      if (this.#log.at(at + 5) === 1) this.#slices.remove(entry, this.#slices.firstAfter(start) - 1);
      else this.#insert(entry, start, this.#log.at(at + 2), this.#log.at(at + 3), this.#log.at(at + 4));
    }
    this.#endChunk();
  }

  /** Lets the slices in front go whose rows have all been evicted; they are given as gone with the next chunk. */
  evict(entry: number, key: string): void {
    if (this.#isOpen[entry] !== 1) return;
    this.#rows.look(entry);
    const firstRowMs = this.#rows.count === 0 ? Number.POSITIVE_INFINITY : (this.#rows.slab[this.#rows.times] ?? 0);
    this.#slices.look(entry);
    let emptied = 0;
    while (emptied < this.#slices.count && this.#endOf(emptied) <= firstRowMs) {
      this.#gone.add(this.#keyOf(key, this.#startOf(emptied), this.#levelOf(emptied)).copied);
      emptied++;
    }
    if (emptied > 0) this.#slices.dropFirst(entry, emptied);
  }

  /** The key has no rows any more. */
  close(entry: number): void {
    if (this.#isOpen[entry] !== 1) return;
    this.#slices.close(entry);
    this.#isOpen[entry] = 0;
  }

  clear(): void {
    this.#slices.clear();
    this.#isOpen.fill(0);
    this.#gone.clear();
    this.#log.clear();
    this.#endChunk();
  }

  /**
   * Gives slices of a key that begin at `fromMs` or later, a few at most; answers from where on to go on, Infinity when
   * there are no more.
   */
  copy(into: ChangeWriter, entry: number, key: string, fromMs: number): number {
    if (this.#isOpen[entry] !== 1) return Number.POSITIVE_INFINITY;
    this.#slices.look(entry);
    let slice = this.#slices.count;
    while (slice > 0 && this.#startOf(slice - 1) >= fromMs) slice--;
    for (let given = 0; slice < this.#slices.count; given++, slice++) {
      const start = this.#startOf(slice);
      if (given === copiedAtOnce) return start;
      const [from, to] = this.#rowsIn(entry, start, this.#endOf(slice));
      into.write(this.#keyOf(key, start, this.#levelOf(slice)).written, this.#rowBytes(entry, from, to));
    }
    return Number.POSITIVE_INFINITY;
  }

  copyGone(into: ChangeWriter): void {
    this.#gone.copy(into);
  }

  owe(key: Uint8Array): void {
    this.#gone.owe(key);
  }

  /** An entry of this key was taken in. */
  settle(key: Uint8Array): void {
    this.#gone.settle(key);
  }

  /** Takes in a slice as it was written down. The caller has removed what it overlaps. */
  hold(entry: number, start: number, level: number): void {
    this.#open(entry);
    this.#insert(entry, start, level, 0, 0);
  }

  /**
   * Forgets the slices that overlap this one, all of them or only the very same; answers the stretch of time that they
   * covered, or undefined when there were none.
   */
  release(entry: number, start: number, level: number, isExact: boolean): readonly [number, number] | undefined {
    if (this.#isOpen[entry] !== 1) return undefined;
    const end = start + this.#lengthOf(level);
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    this.#slices.look(entry);
    for (let slice = this.#slices.count - 1; slice >= 0; slice--) {
      const sliceStart = this.#startOf(slice);
      const sliceEnd = this.#endOf(slice);
      if (sliceStart >= end || sliceEnd <= start) continue;
      if (isExact && (sliceStart !== start || this.#levelOf(slice) !== level)) continue;
      from = Math.min(from, sliceStart);
      to = Math.max(to, sliceEnd);
      this.#slices.remove(entry, slice);
      this.#slices.look(entry);
    }
    return from > to ? undefined : [from, to];
  }

  #give(into: ChangeWriter, entry: number, key: string, slice: number): void {
    const start = this.#startOf(slice);
    const end = this.#endOf(slice);
    const level = this.#levelOf(slice);
    const [from, to] = this.#rowsIn(entry, start, end);
    if (to - from <= sliceRowsMax || end - start <= 1) {
      into.write(this.#keyOf(key, start, level).written, this.#rowBytes(entry, from, to));
      return;
    }
    const isKnown = this.#numberOf(slice, bornAt) !== this.#chunk;
    this.#note(entry, slice, 0);
    this.#slices.remove(entry, slice);
    // In front of its halves: whoever applies it must not lose what they bring.
    if (isKnown) into.write(this.#keyOf(key, start, level).written, null);
    const middle = start + (end - start) / 2;
    for (const halfStart of [start, middle]) {
      const [first, last] = this.#rowsIn(entry, halfStart, halfStart + (end - start) / 2);
      if (first === last) continue;
      const half = this.#add(entry, halfStart, level + 1);
      this.#give(into, entry, key, half);
    }
  }

  /** Positions of the rows of a stretch; the run is the one looked at afterwards. */
  #rowsIn(entry: number, start: number, end: number): readonly [number, number] {
    this.#rows.look(entry);
    // Times are whole milliseconds, and so the first row from x on is the first one after ceil(x) - 1.
    return [this.#rows.firstAfter(Math.ceil(start) - 1), this.#rows.firstAfter(Math.ceil(end) - 1)];
  }

  #rowBytes(entry: number, from: number, to: number): Uint8Array {
    this.#rows.look(entry);
    const { slab, times, capacity } = this.#rows;
    const value = this.#value.begin().byte(this.#version);
    return value.rows(slab, times, capacity, this.#rowColumns + 1, from, to).written;
  }

  #keyOf(key: string, start: number, level: number): EntryBytes {
    return this.#key.begin().number(start).byte(level).text(key);
  }

  /** The longest slice that holds the time and overlaps neither `before` nor the slice behind it. */
  #make(entry: number, before: number, timeMs: number): number {
    const behindMs = before + 1 < this.#slices.count ? this.#startOf(before + 1) : Number.POSITIVE_INFINITY;
    const beforeMs = before < 0 ? Number.NEGATIVE_INFINITY : this.#endOf(before);
    let level = 0;
    let length = this.#longestMs;
    let start = Math.floor(timeMs / length) * length;
    while (start < beforeMs || start + length > behindMs) {
      level++;
      length /= 2;
      if (timeMs >= start + length) start += length;
    }
    return this.#add(entry, start, level);
  }

  #add(entry: number, start: number, level: number): number {
    const slice = this.#insert(entry, start, level, 0, this.#chunk);
    this.#note(entry, slice, 1);
    return slice;
  }

  #insert(entry: number, start: number, level: number, touched: number, born: number): number {
    this.#slice[levelAt - 1] = level;
    this.#slice[touchedAt - 1] = touched;
    this.#slice[bornAt - 1] = born;
    const slice = this.#slices.insert(entry, start, this.#slice);
    this.#slices.look(entry);
    return slice;
  }

  #note(entry: number, slice: number, isAdded: number): void {
    this.#log.push(entry);
    this.#log.push(this.#startOf(slice));
    this.#log.push(this.#levelOf(slice));
    this.#log.push(this.#numberOf(slice, touchedAt));
    this.#log.push(this.#numberOf(slice, bornAt));
    this.#log.push(isAdded);
  }

  #open(entry: number): void {
    if (this.#isOpen[entry] !== 1) {
      if (entry >= this.#isOpen.length) this.#isOpen = grownUints(this.#isOpen, entry + 1);
      this.#isOpen[entry] = 1;
      this.#slices.open(entry);
    }
    this.#slices.look(entry);
  }

  #endChunk(): void {
    this.#gone.undo();
    this.#touched.clear();
    this.#log.clear();
    this.#chunk++;
  }

  #lengthOf(level: number): number {
    const known = this.#lengths[level];
    if (known !== undefined) return known;
    const length = this.#longestMs / 2 ** level;
    this.#lengths[level] = length;
    return length;
  }

  #startOf(slice: number): number {
    return this.#slices.slab[this.#slices.times + slice] ?? 0;
  }

  #levelOf(slice: number): number {
    return this.#numberOf(slice, levelAt);
  }

  #endOf(slice: number): number {
    return this.#startOf(slice) + this.#lengthOf(this.#levelOf(slice));
  }

  #numberOf(slice: number, column: number): number {
    return this.#slices.slab[this.#slices.times + column * this.#slices.capacity + slice] ?? 0;
  }
}
