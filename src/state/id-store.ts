import { assert, type EpochMs, type Offset } from "../kernel/index.ts";
import { checkVersion, EntryBytes, EntryReader } from "./entry-bytes.ts";
import { GoneKeys } from "./gone-keys.ts";
import { KeyTable } from "./key-table.ts";
import { grownUints, NumberStack } from "./number-stack.ts";
import { firstAfter, RowRuns } from "./row-runs.ts";
import type { ChangeWriter, Store, StoreCopy, StoreSpec } from "./store.ts";

/** Ids looked over per `keep` beside the changed ones and twice their number. */
const sweepIdsMin = 64;
/** Ids given to a copy between two looks at what else there is to do. */
const copiedAtOnce = 16;
/** Columns of a span beside its first time: its last time and its first offset. */
const spanColumns = 2;

export interface IdStoreOptions {
  readonly spec: StoreSpec;
  /** Event times of a repeat are closer than this, in ms; at least 1. */
  readonly withinMs: number;
  /** Records older than stream time minus this are late. */
  readonly latenessMs: number;
  /** Keys held at most; one more throws MR_STATE_FULL. By default what a Map can hold, 2^24. */
  readonly keysMax?: number | undefined;
}

/**
 * Which ids were seen, at which event times, so that a repeat can be told.
 *
 * A repeat is an id that an earlier offset had with an event time closer than `withinMs`; every record that is
 * judged counts as seen, also one that is itself a repeat, or late, or fails later in the stage. Reading the same
 * offset again finds no earlier one and so is no repeat. What was seen at times before
 * stream time - lateness - `withinMs` is forgotten: no record in time can be its repeat. Whether it has left
 * memory yet does not matter, so the answer does not depend on when `keep` was called.
 *
 * Times of an id that are closer than `withinMs` form one span, kept as its first and last time and its first
 * offset: a time is a repeat of one of them exactly when it is closer than `withinMs` to the span. So an id that
 * comes a million times holds one span, not a million entries. Spans of an id never overlap, and are held in the order
 * of their times, so that a record looks at the few around it however many there are.
 */
export class IdStore implements Store {
  readonly spec: StoreSpec;
  readonly #withinMs: number;
  readonly #reachMs: number;
  readonly #ids: KeyTable;
  /** Per id its spans, by first time; and so by last time too. */
  readonly #spans = new RowRuns(spanColumns, 1);
  readonly #made = new Float64Array(spanColumns);
  /** Id, position of the span, and the first and last time that it had before; NaN for a new span. */
  readonly #undoLog = new NumberStack();
  #sweepNext = 0;
  /** Spans that ended before it are evicted, or will be. */
  #horizonMs = Number.NEGATIVE_INFINITY;
  /** By id: the last `changes` that gave it, so that each is given once; 0 when it is written down nowhere. */
  #givenIn: Uint32Array = new Uint32Array(64);
  #asked = 1;
  /** Ids that were evicted after they were given. */
  readonly #gone = new GoneKeys();
  readonly #key = new EntryBytes();
  readonly #value = new EntryBytes();

  constructor(options: IdStoreOptions) {
    assert(options.withinMs >= 1 && options.latenessMs >= 0, "within must be at least 1 ms, lateness not negative");
    this.spec = options.spec;
    this.#ids = new KeyTable(options.spec.name, options.keysMax);
    this.#withinMs = options.withinMs;
    this.#reachMs = options.latenessMs + options.withinMs;
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
    const horizonMs = streamTimeMs - this.#reachMs;
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
    const changes = this.#undoLog.length / 4;
    for (let i = 0; i < changes; i++) this.#evict(this.#undoLog.at(4 * i), horizonMs);
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
    this.#givenIn.fill(0);
    this.#gone.clear();
  }

  changes(into: ChangeWriter): void {
    this.#asked++;
    this.#gone.give(into);
    for (let i = 0; i < this.#undoLog.length; i += 4) {
      const entry = this.#undoLog.at(i);
      if (this.#givenIn[entry] === this.#asked) continue;
      this.#markGiven(entry);
      into.write(this.#key.begin().text(this.#ids.keyOf(entry)).written, this.#spanBytes(entry, this.#horizonMs));
    }
  }

  copy(): StoreCopy {
    let entry = 0;
    const next = (into: ChangeWriter): boolean => {
      for (const end = Math.min(this.#ids.entryEnd, entry + copiedAtOnce); entry < end; entry++) {
        if (!this.#ids.holds(entry)) continue;
        // All of them: an id that is evicted later is to be given as gone then.
        const value = this.#spanBytes(entry, Number.NEGATIVE_INFINITY);
        into.write(this.#key.begin().text(this.#ids.keyOf(entry)).written, value);
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
    const id = new EntryReader(key).text();
    const before = this.#ids.find(id);
    if (before >= 0) this.#removeId(before);
    if (value === null) return;
    const reader = new EntryReader(value);
    checkVersion(this.spec, reader.byte());
    if (reader.isDone) return;
    const entry = this.#addId(id);
    this.#markGiven(entry);
    while (!reader.isDone) {
      const firstTime = reader.number();
      this.#made[0] = reader.number();
      this.#made[1] = reader.number();
      this.#spans.insert(entry, firstTime, this.#made);
    }
  }

  /** The spans of an id that end at the horizon or later, in their order: first time, last time, first offset of each. */
  #spanBytes(entry: number, horizonMs: EpochMs): Uint8Array {
    this.#spans.look(entry);
    const { slab, times, capacity, count } = this.#spans;
    const value = this.#value.begin().byte(this.spec.version);
    for (let span = 0; span < count; span++) {
      if ((slab[times + capacity + span] ?? 0) < horizonMs) continue;
      for (let column = 0; column <= spanColumns; column++) value.number(slab[times + column * capacity + span] ?? 0);
    }
    return value.written;
  }

  #markGiven(entry: number): void {
    if (entry >= this.#givenIn.length) this.#givenIn = grownUints(this.#givenIn, entry + 1);
    this.#givenIn[entry] = this.#asked;
  }

  /** Drops the spans that ended before the horizon, which stand in front. */
  #evict(entry: number, horizonMs: number): void {
    if (!this.#ids.holds(entry)) return;
    this.#spans.look(entry);
    const { slab, times, capacity, count } = this.#spans;
    if ((slab[times + capacity] ?? 0) >= horizonMs) return;
    // Times are whole milliseconds.
    const dropped = firstAfter(slab, times + capacity, 0, count, horizonMs - 1);
    if (this.#spans.dropFirst(entry, dropped) > 0) return;
    if ((this.#givenIn[entry] ?? 0) > 0) this.#gone.add(this.#key.begin().text(this.#ids.keyOf(entry)).copied);
    this.#removeId(entry);
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
    if (entry < this.#givenIn.length) this.#givenIn[entry] = 0;
    this.#spans.close(entry);
    this.#ids.remove(entry);
  }

  #addSpan(entry: number, timeMs: EpochMs, offset: Offset): void {
    this.#made[0] = timeMs;
    this.#made[1] = offset;
    const span = this.#spans.insert(entry, timeMs, this.#made);
    this.#log(entry, span, Number.NaN, Number.NaN);
  }

  /** Takes a time into a span of the id looked at. */
  #widen(entry: number, span: number, timeMs: EpochMs): void {
    const { slab, times, capacity } = this.#spans;
    const firstTime = slab[times + span] ?? 0;
    const lastTime = slab[times + capacity + span] ?? 0;
    if (timeMs >= firstTime && timeMs <= lastTime) return;
    this.#log(entry, span, firstTime, lastTime);
    this.#setTimes(span, Math.min(firstTime, timeMs), Math.max(lastTime, timeMs));
  }

  #setTimes(span: number, firstTime: EpochMs, lastTime: EpochMs): void {
    const { slab, times, capacity } = this.#spans;
    slab[times + span] = firstTime;
    slab[times + capacity + span] = lastTime;
  }

  #log(entry: number, span: number, firstTime: number, lastTime: number): void {
    this.#undoLog.push(entry);
    this.#undoLog.push(span);
    this.#undoLog.push(firstTime);
    this.#undoLog.push(lastTime);
  }
}
