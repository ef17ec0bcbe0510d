import { assert, type EpochMs } from "../kernel/index.ts";
import { checkVersion, EntryReader } from "./entry-bytes.ts";
import { KeyTable } from "./key-table.ts";
import { NumberStack } from "./number-stack.ts";
import { RowRuns } from "./row-runs.ts";
import { RowSlices } from "./row-slices.ts";
import type { ChangeWriter, Store, StoreCopy, StoreSpec } from "./store.ts";
import { WindowQuery } from "./window-query.ts";

/** Rows of the smallest run: most keys of a stream have few. */
const rowsMin = 4;
/** Keys looked over per `keep` beside the changed ones, so that a key that went silent is evicted too. */
const sweepKeysMin = 64;
/** Keys given to a copy between two looks at what else there is to do. */
const copiedAtOnce = 16;

export interface RollingStoreOptions {
  readonly spec: StoreSpec;
  /** Per input column of a row, the `need...` bits of what windows compute of it. */
  readonly needs: readonly number[];
  /** Window lengths in ms, ascending, at least one, each at least 1. */
  readonly windowsMs: readonly number[];
  /** No record older than stream time minus this is ever added or asked for. */
  readonly latenessMs: number;
  /** How long rows are held, in ms, where that is longer than the longest window; entries are cut by it. */
  readonly longestMs?: number | undefined;
  /** Keys held at most; one more throws MR_STATE_FULL. By default what a Map can hold, 2^24. */
  readonly keysMax?: number | undefined;
  /**
   * A key whose latest row stream time has passed by more than this, in ms, is forgotten; at least `latenessMs`, so that a
   * record in time is never older. By default a key goes with the last row that a window can reach.
   */
  readonly ttlMs?: number | undefined;
}

/**
 * Rows per key with event time and numeric inputs, exact, and summaries of them over trailing windows.
 *
 * A window w at time t covers the key's rows in `(t - w, t]` that were added so far. Rows that no window of
 * an accepted record can reach leave in `keep`, at once for keys that changed and by a slow sweep for the
 * others. Nothing is allocated per record.
 *
 * With a time to live a key that was silent for longer begins anew ({@link expire}), whether it has left memory yet or
 * not, so that the answer does not depend on when `keep` was called.
 */
export class RollingStore implements Store {
  readonly spec: StoreSpec;
  /** The inputs of the row to add; NaN is null. Filled by the caller before {@link add}. */
  readonly inputs: Float64Array;
  readonly #keys: KeyTable;
  readonly #runs: RowRuns;
  readonly #query: WindowQuery;
  readonly #slices: RowSlices;
  readonly #lookBackMs: number;
  readonly #reachMs: number;
  readonly #ttlMs: number;
  /** The inputs of a row that is taken in. */
  readonly #applied: Float64Array;
  /**
   * Entry and time of every row added since the last `keep`: it lies behind all that are not newer. NaN for the time says
   * that the entry was detached from its key.
   */
  readonly #undoLog = new NumberStack();
  /** How many entries were detached since the last `keep`. */
  #detachedCount = 0;
  #sweepNext = 0;
  /** The key looked up last, for a query right behind an addition; undefined when it may have gone. */
  #keyLast: string | undefined;
  #entryLast = -1;

  constructor(options: RollingStoreOptions) {
    const { windowsMs } = options;
    const ascending = windowsMs.every((window, i) => window >= 1 && (i === 0 || window >= (windowsMs[i - 1] ?? 0)));
    assert(windowsMs.length > 0 && ascending, "windows must ascend and be at least 1 ms");
    assert(options.latenessMs >= 0, "the allowed lateness must not be negative");
    this.#ttlMs = options.ttlMs ?? Number.POSITIVE_INFINITY;
    assert(this.#ttlMs >= options.latenessMs, "a key lives at least as long as a record may be late");
    this.spec = options.spec;
    this.#keys = new KeyTable(options.spec.name, options.keysMax);
    this.inputs = new Float64Array(options.needs.length);
    this.#runs = new RowRuns(options.needs.length, rowsMin);
    this.#query = new WindowQuery(this.#runs, windowsMs, options.needs);
    const longestMs = options.longestMs ?? windowsMs.at(-1) ?? 1;
    assert(longestMs >= (windowsMs.at(-1) ?? 1), "rows are held at least as long as the longest window");
    this.#slices = new RowSlices(this.#runs, options.needs.length, longestMs, options.spec.version);
    this.#applied = new Float64Array(options.needs.length);
    this.#lookBackMs = windowsMs.at(-1) ?? 0;
    this.#reachMs = options.latenessMs + longestMs;
  }

  /** Rows held. */
  get entryCount(): number {
    return this.#runs.rowCount;
  }

  get byteCount(): number {
    return this.#runs.rowCount * 8 * (1 + this.inputs.length);
  }

  get lookBackMs(): number {
    return this.#lookBackMs;
  }

  get latestTimeMs(): EpochMs {
    let latestMs = Number.NEGATIVE_INFINITY;
    for (let entry = this.#keys.entryEnd - 1; entry >= 0; entry--) {
      if (!this.#keys.holds(entry)) continue;
      latestMs = Math.max(latestMs, this.#latestOf(entry));
    }
    return latestMs;
  }

  /** Keys that have rows. */
  get keyCount(): number {
    return this.#keys.size;
  }

  /** Rows of window w, by the last {@link query}. */
  get rowCounts(): Float64Array {
    return this.#query.rowCounts;
  }

  /** Summary of column c over window w, at `(w * columns + c) * momentsStride`, by the last {@link query}. */
  get summaries(): Float64Array {
    return this.#query.summaries;
  }

  /**
   * Forgets what a key holds when it was silent for longer than its time to live. Called for every record of the key,
   * before {@link add} and {@link query}. @param streamTimeMs with this record
   */
  expire(key: string, streamTimeMs: EpochMs): void {
    if (this.#ttlMs === Number.POSITIVE_INFINITY) return;
    const entry = this.#find(key);
    if (entry < 0 || this.#latestOf(entry) >= streamTimeMs - this.#ttlMs) return;
    // Its rows stay under a number that no key has, until `keep` drops them or `undo` gives them back.
    this.#keys.detach(entry);
    this.#keyLast = undefined;
    this.#detachedCount++;
    this.#undoLog.push(entry);
    this.#undoLog.push(Number.NaN);
  }

  /** Adds a row with `inputs` to a key. O(1) amortised when it is the newest, else it moves the newer ones. */
  add(key: string, timeMs: EpochMs): void {
    let entry = this.#find(key);
    if (entry < 0) {
      entry = this.#keys.add(key);
      this.#entryLast = entry;
      this.#runs.open(entry);
    }
    const position = this.#runs.insert(entry, timeMs, this.inputs);
    this.#query.add(entry, position);
    this.#undoLog.push(entry);
    this.#undoLog.push(timeMs);
  }

  /** Fills `rowCounts` and `summaries` with what the windows of the key hold at `timeMs`. */
  query(key: string, timeMs: EpochMs): void {
    this.#query.run(this.#find(key), timeMs);
  }

  undo(): void {
    this.#slices.undo();
    // Newest first: each row is then the last of those that are not newer, as it was when it was added.
    while (this.#undoLog.length > 0) {
      const timeMs = this.#undoLog.pop();
      const entry = this.#undoLog.pop();
      if (Number.isNaN(timeMs)) {
        this.#keys.attach(entry);
        this.#keyLast = undefined;
        continue;
      }
      this.#runs.look(entry);
      this.#removeRow(entry, this.#runs.firstAfter(timeMs) - 1);
      if (this.#runs.countOf(entry) === 0) this.#removeKey(entry);
    }
    this.#detachedCount = 0;
  }

  keep(streamTimeMs: EpochMs): void {
    const horizonMs = streamTimeMs - this.#reachMs;
    this.#slices.keep();
    const silentMs = streamTimeMs - this.#ttlMs;
    const changes = this.#undoLog.length / 2;
    // First, so that none of them is given as gone once more: `changes` has done that.
    for (let i = 0; this.#detachedCount > 0 && i < changes; i++)
      if (this.#isDetachment(i)) this.#removeKey(this.#undoLog.at(2 * i));
    for (let i = 0; i < changes; i++) this.#evict(this.#undoLog.at(2 * i), horizonMs, silentMs);
    this.#undoLog.clear();
    const end = this.#keys.entryEnd;
    for (let i = Math.min(end, sweepKeysMin + Math.floor(changes / 4)); i > 0; i--) {
      if (this.#sweepNext >= end) this.#sweepNext = 0;
      this.#evict(this.#sweepNext++, horizonMs, silentMs);
    }
  }

  clear(): void {
    this.#keys.clear();
    this.#runs.clear();
    this.#query.clear();
    this.#slices.clear();
    this.#undoLog.clear();
    this.#detachedCount = 0;
    this.#keyLast = undefined;
    this.#sweepNext = 0;
  }

  changes(into: ChangeWriter): void {
    for (let i = 0; i < this.#undoLog.length; i += 2) {
      const entry = this.#undoLog.at(i);
      if (this.#detachedCount === 0 || !this.#keys.isDetached(entry))
        this.#slices.touch(entry, this.#undoLog.at(i + 1));
      else if (Number.isNaN(this.#undoLog.at(i + 1)))
        // In front of what is touched: a slice that the key begins anew may be one of these.
        this.#slices.giveGone(into, entry, this.#keys.keyOf(entry));
    }
    this.#slices.give(into, (entry) => this.#keys.keyOf(entry));
  }

  copy(): StoreCopy {
    let entry = 0;
    /** A key of many rows is given in parts: from where on, in event time. */
    let fromMs = Number.NEGATIVE_INFINITY;
    const next = (into: ChangeWriter): boolean => {
      for (let given = 0; given < copiedAtOnce && entry < this.#keys.entryEnd; given++) {
        if (this.#keys.holds(entry)) fromMs = this.#slices.copy(into, entry, this.#keys.keyOf(entry), fromMs);
        else fromMs = Number.POSITIVE_INFINITY;
        if (fromMs < Number.POSITIVE_INFINITY) return true;
        entry++;
        fromMs = Number.NEGATIVE_INFINITY;
      }
      if (entry < this.#keys.entryEnd) return true;
      this.#slices.copyGone(into);
      return false;
    };
    return { next };
  }

  owe(key: Uint8Array): void {
    this.#slices.owe(key);
  }

  apply(key: Uint8Array, value: Uint8Array | null): void {
    assert(this.#undoLog.length === 0, `an entry of store ${this.spec.name} is taken in while a chunk is in hand`);
    this.#slices.settle(key);
    const reader = new EntryReader(key);
    const start = reader.number();
    const level = reader.byte();
    const text = reader.text();
    this.#keyLast = undefined;
    let entry = this.#keys.find(text);
    if (entry < 0) {
      if (value === null) return;
      entry = this.#keys.add(text);
      this.#runs.open(entry);
    }
    // A slice that was cut, or stands where its halves were, is gone with what it held.
    const covered = this.#slices.release(entry, start, level, value === null);
    if (covered !== undefined) this.#removeRows(entry, covered[0], covered[1]);
    if (value !== null) this.#addRows(entry, new EntryReader(value));
    if (this.#runs.countOf(entry) === 0) this.#removeKey(entry);
    else if (value !== null) this.#slices.hold(entry, start, level);
  }

  #addRows(entry: number, rows: EntryReader): void {
    checkVersion(this.spec, rows.byte());
    while (!rows.isDone) {
      const timeMs = rows.number();
      for (let column = 0; column < this.#applied.length; column++) this.#applied[column] = rows.number();
      this.#query.add(entry, this.#runs.insert(entry, timeMs, this.#applied));
    }
  }

  /** Takes out the rows from `start` on and before `end`. */
  #removeRows(entry: number, start: number, end: number): void {
    this.#runs.look(entry);
    for (let row = this.#runs.count - 1; row >= 0; row--) {
      const timeMs = this.#runs.slab[this.#runs.times + row] ?? 0;
      if (timeMs < start) return;
      if (timeMs < end) this.#removeRow(entry, row);
    }
  }

  /** Takes out a row of the run looked at that is the last of those that are not newer. */
  #removeRow(entry: number, row: number): void {
    this.#query.remove(entry, row);
    this.#runs.remove(entry, row);
  }

  /** @param silentMs a key whose latest row is older goes whole */
  #evict(entry: number, horizonMs: number, silentMs: number): void {
    if (!this.#keys.holds(entry)) return;
    const before = this.#runs.countOf(entry);
    const isSilent = silentMs > Number.NEGATIVE_INFINITY && this.#latestOf(entry) < silentMs;
    const remaining = this.#runs.dropUntil(entry, isSilent ? Number.POSITIVE_INFINITY : horizonMs);
    if (remaining < before) this.#slices.evict(entry, this.#keys.keyOf(entry));
    if (remaining === 0) this.#removeKey(entry);
    else if (remaining < before) this.#query.dropUntil(entry, horizonMs, remaining);
  }

  #isDetachment(index: number): boolean {
    return Number.isNaN(this.#undoLog.at(2 * index + 1));
  }

  #latestOf(entry: number): EpochMs {
    this.#runs.look(entry);
    const { slab, times, count } = this.#runs;
    return slab[times + count - 1] ?? Number.NEGATIVE_INFINITY;
  }

  #find(key: string): number {
    if (key !== this.#keyLast) {
      this.#entryLast = this.#keys.find(key);
      this.#keyLast = key;
    }
    return this.#entryLast;
  }

  #removeKey(entry: number): void {
    this.#keyLast = undefined;
    this.#query.forgetKey(entry);
    this.#slices.close(entry);
    this.#runs.close(entry);
    this.#keys.remove(entry);
  }
}
