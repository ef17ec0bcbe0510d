import { assert, type EpochMs, type Offset } from "../kernel/index.ts";
import { checkVersion, EntryBytes, EntryReader } from "./entry-bytes.ts";
import { GoneKeys } from "./gone-keys.ts";
import { KeyTable } from "./key-table.ts";
import { grownUints, NumberStack } from "./number-stack.ts";
import { firstAfter, RowRuns } from "./row-runs.ts";
import type { ChangeWriter, Store, StoreCopy, StoreSpec } from "./store.ts";

/** Ids looked over per `keep` beside the changed ones and twice their number. */
const sweepIdsMin = 64;
/** Entries given to a copy between two looks at what else there is to do. */
const copiedAtOnce = 16;
/** Columns of a span beside its first time: its last time and its first offset. */
const spanColumns = 2;
/**
 * Spans of an id that one entry holds at most, but for one at the edge: they begin at least `withinMs` apart, and an entry
 * is what begins in a stretch of so many times that. It bounds what a record of a changelog takes, to 1.6 KB, and what an
 * update of an id writes that comes again and again over a long reach.
 */
const spansPerEntry = 64;
/** Numbers of a change in the undo log. */
const changeNumbers = 5;

export interface IdStoreOptions {
  readonly spec: StoreSpec;
  /** Event times of a repeat are closer than this, in ms; at least 1. */
  readonly withinMs: number;
  /** Records older than stream time minus this are late. */
  readonly latenessMs: number;
  /** Keys held at most; one more throws MR_STATE_FULL. By default what a Map can hold, 2^24. */
  readonly keysMax?: number | undefined;
  /** What was seen before stream time minus this, in ms, is forgotten; at least `latenessMs`. By default as late as can be. */
  readonly ttlMs?: number | undefined;
}

/**
 * Which ids were seen, at which event times, so that a repeat can be told.
 *
 * A repeat is an id that an earlier offset had with an event time closer than `withinMs`; every record that is
 * judged counts as seen, also one that is itself a repeat, or late, or fails later in the stage. Reading the same
 * offset again finds no earlier one and so is no repeat. What was seen at times before
 * stream time - lateness - `withinMs` is forgotten: no record in time can be its repeat. With a time to live it is
 * forgotten that long behind stream time, if that is sooner. Whether it has left memory yet does not matter, so the answer does not depend on when `keep` was called.
 *
 * Times of an id that are closer than `withinMs` form one span, kept as its first and last time and its first
 * offset: a time is a repeat of one of them exactly when it is closer than `withinMs` to the span. So an id that
 * comes a million times holds one span, not a million entries. Spans of an id never overlap, and are held in the order
 * of their times, so that a record looks at the few around it however many there are.
 *
 * An entry is what an id holds of spans that begin in one stretch of event time.
 */
export class IdStore implements Store {
  readonly spec: StoreSpec;
  readonly #withinMs: number;
  readonly #reachMs: number;
  /** True when ids are forgotten before the last record that could be their repeat. */
  readonly #isShort: boolean;
  readonly #stretchMs: number;
  readonly #ids: KeyTable;
  /** Per id its spans, by first time; and so by last time too. */
  readonly #spans = new RowRuns(spanColumns, 1);
  readonly #made = new Float64Array(spanColumns);
  /** Id, position of the span, the first and last time that it had before, NaN for a new span, and the first that it got. */
  readonly #undoLog = new NumberStack();
  #sweepNext = 0;
  /** Spans that ended before it are evicted, or will be. */
  #horizonMs = Number.NEGATIVE_INFINITY;
  /** By id: 1 when it is written down somewhere, else 0. */
  #isGiven: Uint32Array = new Uint32Array(64);
  /** By id: the stretches that this `changes` has given, so that each is given once. */
  readonly #givenNow = new Map<number, number[]>();
  /** Entries that were evicted after they were given. */
  readonly #gone = new GoneKeys();
  readonly #key = new EntryBytes();
  readonly #value = new EntryBytes();

  constructor(options: IdStoreOptions) {
    assert(options.withinMs >= 1 && options.latenessMs >= 0, "within must be at least 1 ms, lateness not negative");
    this.spec = options.spec;
    this.#ids = new KeyTable(options.spec.name, options.keysMax);
    this.#withinMs = options.withinMs;
    const ttlMs = options.ttlMs ?? Number.POSITIVE_INFINITY;
    assert(ttlMs >= options.latenessMs, "an id lives at least as long as a record may be late");
    this.#reachMs = Math.min(options.latenessMs + options.withinMs, ttlMs);
    this.#isShort = ttlMs < options.latenessMs + options.withinMs;
    this.#stretchMs = options.withinMs * spansPerEntry;
  }

  /** Spans held: about the number of ids. */
  get entryCount(): number {
    return this.#spans.rowCount;
  }

  get lookBackMs(): number {
    return this.#withinMs;
  }

  get latestTimeMs(): EpochMs {
    let latestMs = Number.NEGATIVE_INFINITY;
    for (let entry = this.#ids.entryEnd - 1; entry >= 0; entry--) {
      if (!this.#ids.holds(entry)) continue;
      this.#spans.look(entry);
      const { slab, times, capacity, count } = this.#spans;
      latestMs = Math.max(latestMs, slab[times + capacity + count - 1] ?? latestMs);
    }
    return latestMs;
  }

  get byteCount(): number {
    return this.#spans.rowCount * 8 * (1 + spanColumns);
  }

  /** Tells whether the record is a repeat, and remembers it. `streamTimeMs` is the stream time before this record. */
  judge(id: string, timeMs: EpochMs, offset: Offset, streamTimeMs: EpochMs): boolean {
    // A record that moves stream time on sees what is left then.
    const horizonMs = (this.#isShort ? Math.max(streamTimeMs, timeMs) : streamTimeMs) - this.#reachMs;
    const entry = this.#ids.find(id);
    if (entry < 0) {
      if (timeMs >= horizonMs) this.#addSpan(this.#addId(id), timeMs, offset);
      return false;
    }
    const spans = this.#spans;
    spans.look(entry);
    const { slab, times, capacity } = spans;
    const lasts = times + capacity;
    const offsets = lasts + capacity;
    let home = -1;
    let isRepeat = false;
    // From the last span that could reach back to it, towards those that end too early.
    for (let span = this.#firstFrom(timeMs + this.#withinMs) - 1; span >= 0; span--) {
      const lastTime = slab[lasts + span] ?? 0;
      if (lastTime <= timeMs - this.#withinMs || lastTime < horizonMs) break;
      // A span that begins at or before the time comes last of those that could take it in without an overlap.
      if (home < 0 || (slab[times + home] ?? 0) > timeMs) home = span;
      if ((slab[offsets + span] ?? 0) < offset) isRepeat = true;
    }
    if (timeMs >= horizonMs) {
      if (home >= 0) this.#widen(entry, home, timeMs);
      else this.#addSpan(entry, timeMs, offset);
    }
    return isRepeat;
  }

  undo(): void {
    this.#gone.undo();
    // Newest first: each position is then the one the span had when it was changed.
    while (this.#undoLog.length > 0) {
      this.#undoLog.pop();
      const lastTime = this.#undoLog.pop();
      const firstTime = this.#undoLog.pop();
      const span = this.#undoLog.pop();
      const entry = this.#undoLog.pop();
      if (Number.isNaN(firstTime)) {
        this.#spans.remove(entry, span);
        if (this.#spans.count === 0) this.#removeId(entry);
      } else {
        this.#spans.look(entry);
        this.#setTimes(span, firstTime, lastTime);
      }
    }
  }

  keep(streamTimeMs: EpochMs): void {
    const horizonMs = streamTimeMs - this.#reachMs;
    this.#horizonMs = horizonMs;
    this.#gone.keep();
    const changes = this.#undoLog.length / changeNumbers;
    for (let i = 0; i < changes; i++) this.#evict(this.#undoLog.at(changeNumbers * i), horizonMs);
    this.#undoLog.clear();
    const end = this.#ids.entryEnd;
    for (let i = Math.min(end, sweepIdsMin + 2 * changes); i > 0; i--) {
      if (this.#sweepNext >= end) this.#sweepNext = 0;
      this.#evict(this.#sweepNext++, horizonMs);
    }
  }

  clear(): void {
    this.#ids.clear();
    this.#spans.clear();
    this.#undoLog.clear();
    this.#sweepNext = 0;
    this.#horizonMs = Number.NEGATIVE_INFINITY;
    this.#isGiven.fill(0);
    this.#gone.clear();
  }

  changes(into: ChangeWriter): void {
    this.#gone.give(into);
    for (let i = 0; i < this.#undoLog.length; i += changeNumbers) {
      const entry = this.#undoLog.at(i);
      const timeBefore = this.#undoLog.at(i + 2);
      // A span that begins earlier than it did may have left a stretch.
      if (!Number.isNaN(timeBefore)) this.#give(entry, timeBefore, into);
      this.#give(entry, this.#undoLog.at(i + 4), into);
    }
    this.#givenNow.clear();
  }

  copy(): StoreCopy {
    let entry = 0;
    let fromMs = Number.NEGATIVE_INFINITY;
    const next = (into: ChangeWriter): boolean => {
      for (let given = 0; entry < this.#ids.entryEnd && given < copiedAtOnce; ) {
        fromMs = this.#ids.holds(entry) ? this.#copyFrom(entry, fromMs, into) : Number.POSITIVE_INFINITY;
        given++;
        if (fromMs < Number.POSITIVE_INFINITY) continue;
        entry++;
        fromMs = Number.NEGATIVE_INFINITY;
      }
      if (entry < this.#ids.entryEnd) return true;
      this.#gone.copy(into);
      return false;
    };
    return { next };
  }

  owe(key: Uint8Array): void {
    this.#gone.owe(key);
  }

  apply(key: Uint8Array, value: Uint8Array | null): void {
    assert(this.#undoLog.length === 0, `an entry of store ${this.spec.name} is taken in while a chunk is in hand`);
    this.#gone.settle(key);
    const keyReader = new EntryReader(key);
    const stretch = keyReader.number();
    const id = keyReader.text();
    const before = this.#ids.find(id);
    if (before >= 0) this.#dropStretch(before, stretch);
    if (value === null) return;
    const reader = new EntryReader(value);
    checkVersion(this.spec, reader.byte());
    if (reader.isDone) return;
    const held = this.#ids.find(id);
    const entry = held < 0 ? this.#addId(id) : held;
    this.#markGiven(entry);
    while (!reader.isDone) {
      const firstTime = reader.number();
      this.#made[0] = reader.number();
      this.#made[1] = reader.number();
      this.#spans.insert(entry, firstTime, this.#made);
    }
  }

  /** Takes away the spans of an id that begin in a stretch, and the id with the last of its spans. */
  #dropStretch(entry: number, stretch: number): void {
    this.#spans.look(entry);
    const from = this.#firstFrom(stretch);
    for (let span = this.#firstFrom(stretch + this.#stretchMs) - 1; span >= from; span--)
      this.#spans.remove(entry, span);
    if (this.#spans.countOf(entry) === 0) this.#removeId(entry);
  }

  /** Gives the entry of an id in whose stretch `timeMs` lies, once per `changes`. */
  #give(entry: number, timeMs: EpochMs, into: ChangeWriter): void {
    const stretch = this.#stretchOf(timeMs);
    const given = this.#givenNow.get(entry);
    if (given === undefined) this.#givenNow.set(entry, [stretch]);
    else if (given.includes(stretch)) return;
    else given.push(stretch);
    this.#markGiven(entry);
    into.write(this.#keyBytes(entry, stretch).written, this.#spanBytes(entry, stretch, this.#horizonMs));
  }

  /** Gives the first entry of an id with spans that begin at `fromMs` or later; answers where the next one begins. */
  #copyFrom(entry: number, fromMs: EpochMs, into: ChangeWriter): EpochMs {
    this.#spans.look(entry);
    const span = this.#firstFrom(fromMs);
    const { slab, times, count } = this.#spans;
    if (span === count) return Number.POSITIVE_INFINITY;
    const stretch = this.#stretchOf(slab[times + span] ?? 0);
    // All of its spans: an entry that is evicted later is to be given as gone then.
    into.write(this.#keyBytes(entry, stretch).written, this.#spanBytes(entry, stretch, Number.NEGATIVE_INFINITY));
    return this.#firstFrom(stretch + this.#stretchMs) === count ? Number.POSITIVE_INFINITY : stretch + this.#stretchMs;
  }

  /** Where the stretch begins that a time lies in. */
  #stretchOf(timeMs: EpochMs): number {
    return Math.floor(timeMs / this.#stretchMs) * this.#stretchMs;
  }

  #keyBytes(entry: number, stretch: number): EntryBytes {
    return this.#key.begin().number(stretch).text(this.#ids.keyOf(entry));
  }

  /**
   * The spans of an id that begin in a stretch and end at the horizon or later, in their order: first time, last time, first
   * offset of each. Null when there are none.
   */
  #spanBytes(entry: number, stretch: number, horizonMs: EpochMs): Uint8Array | null {
    this.#spans.look(entry);
    const { slab, times, capacity } = this.#spans;
    const end = this.#firstFrom(stretch + this.#stretchMs);
    const value = this.#value.begin().byte(this.spec.version);
    let written = 0;
    for (let span = this.#firstFrom(stretch); span < end; span++) {
      if ((slab[times + capacity + span] ?? 0) < horizonMs) continue;
      for (let column = 0; column <= spanColumns; column++) value.number(slab[times + column * capacity + span] ?? 0);
      written++;
    }
    return written === 0 ? null : value.written;
  }

  #markGiven(entry: number): void {
    if (entry >= this.#isGiven.length) this.#isGiven = grownUints(this.#isGiven, entry + 1);
    this.#isGiven[entry] = 1;
  }

  /** Drops the spans that ended before the horizon, which stand in front. */
  #evict(entry: number, horizonMs: number): void {
    if (!this.#ids.holds(entry)) return;
    this.#spans.look(entry);
    const { slab, times, capacity, count } = this.#spans;
    if ((slab[times + capacity] ?? 0) >= horizonMs) return;
    // Times are whole milliseconds.
    const dropped = firstAfter(slab, times + capacity, 0, count, horizonMs - 1);
    if (this.#isGiven[entry] === 1) this.#noteGone(entry, dropped);
    if (this.#spans.dropFirst(entry, dropped) === 0) this.#removeId(entry);
  }

  /** Remembers the entries of the id looked at of which nothing is left without its first `dropped` spans. */
  #noteGone(entry: number, dropped: number): void {
    const { slab, times, count } = this.#spans;
    const stretchAt = (span: number): number => this.#stretchOf(slab[times + span] ?? 0);
    for (let span = 0; span < dropped; span++) {
      const stretch = stretchAt(span);
      const isLast = span + 1 === count || stretchAt(span + 1) !== stretch;
      if (isLast) this.#gone.add(this.#keyBytes(entry, stretch).copied);
    }
  }

  /** First span of the id looked at that begins at `timeMs` or later. */
  #firstFrom(timeMs: EpochMs): number {
    const { slab, times, count } = this.#spans;
    if (count === 0 || (slab[times + count - 1] ?? 0) < timeMs) return count;
    return this.#spans.firstAfter(timeMs - 1);
  }

  #addId(id: string): number {
    const entry = this.#ids.add(id);
    this.#spans.open(entry);
    return entry;
  }

  #removeId(entry: number): void {
    if (entry < this.#isGiven.length) this.#isGiven[entry] = 0;
    this.#spans.close(entry);
    this.#ids.remove(entry);
  }

  #addSpan(entry: number, timeMs: EpochMs, offset: Offset): void {
    this.#made[0] = timeMs;
    this.#made[1] = offset;
    const span = this.#spans.insert(entry, timeMs, this.#made);
    this.#log(entry, span, Number.NaN, Number.NaN, timeMs);
  }

  /** Takes a time into a span of the id looked at. */
  #widen(entry: number, span: number, timeMs: EpochMs): void {
    const { slab, times, capacity } = this.#spans;
    const firstTime = slab[times + span] ?? 0;
    const lastTime = slab[times + capacity + span] ?? 0;
    if (timeMs >= firstTime && timeMs <= lastTime) return;
    const firstTimeNow = Math.min(firstTime, timeMs);
    this.#log(entry, span, firstTime, lastTime, firstTimeNow);
    this.#setTimes(span, firstTimeNow, Math.max(lastTime, timeMs));
  }

  #setTimes(span: number, firstTime: EpochMs, lastTime: EpochMs): void {
    const { slab, times, capacity } = this.#spans;
    slab[times + span] = firstTime;
    slab[times + capacity + span] = lastTime;
  }

  #log(entry: number, span: number, firstTime: number, lastTime: number, firstTimeNow: EpochMs): void {
    this.#undoLog.push(entry);
    this.#undoLog.push(span);
    this.#undoLog.push(firstTime);
    this.#undoLog.push(lastTime);
    this.#undoLog.push(firstTimeNow);
  }
}
