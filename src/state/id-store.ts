import { assert, type EpochMs, type Offset } from "../kernel/index.ts";
import { KeyTable } from "./key-table.ts";
import { grownFloats, grownUints, NumberStack } from "./number-stack.ts";
import type { Store, StoreSpec } from "./store.ts";

/** Spans looked over per `keep` beside twice the number of new ones. */
const sweepSpansMin = 64;
const spanStride = 3;
const firstTimeAt = 0;
const lastTimeAt = 1;
const firstOffsetAt = 2;
const linkStride = 2;
const nextAt = 0;
const ownerAt = 1;

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
 * comes a million times holds one span, not a million entries.
 */
export class IdStore implements Store {
  readonly spec: StoreSpec;
  readonly #withinMs: number;
  readonly #reachMs: number;
  readonly #ids: KeyTable;
  /** First span of each id, plus one; 0 for none. */
  #heads: Uint32Array = new Uint32Array(64);
  #spans: Float64Array = new Float64Array(64 * spanStride);
  /** Next span of the same id, plus one; and the id, plus one, or 0 for a free span. */
  #links: Uint32Array = new Uint32Array(64 * linkStride);
  #spanEnd = 0;
  readonly #free = new NumberStack();
  /** Span, and the first and last time it had before; NaN for a new span. */
  readonly #undoLog = new NumberStack();
  #sweepNext = 0;

  constructor(options: IdStoreOptions) {
    assert(options.withinMs >= 1 && options.latenessMs >= 0, "within must be at least 1 ms, lateness not negative");
    this.spec = options.spec;
    this.#ids = new KeyTable(options.spec.name, options.keysMax);
    this.#withinMs = options.withinMs;
    this.#reachMs = options.latenessMs + options.withinMs;
  }

  /** Spans held: about the number of ids. */
  get entryCount(): number {
    return this.#spanEnd - this.#free.length;
  }

  /** Tells whether the record is a repeat, and remembers it. `streamTimeMs` is the stream time before this record. */
  judge(id: string, timeMs: EpochMs, offset: Offset, streamTimeMs: EpochMs): boolean {
    const horizonMs = streamTimeMs - this.#reachMs;
    const entry = this.#ids.find(id);
    let home = -1;
    let isRepeat = false;
    for (let span = entry < 0 ? -1 : this.#headOf(entry); span >= 0; span = this.#nextOf(span)) {
      const at = span * spanStride;
      const lastTime = this.#spans[at + lastTimeAt] ?? 0;
      if (lastTime < horizonMs) continue;
      const isNear = timeMs > (this.#spans[at] ?? 0) - this.#withinMs && timeMs < lastTime + this.#withinMs;
      if (!isNear) continue;
      home = span;
      if ((this.#spans[at + firstOffsetAt] ?? 0) < offset) isRepeat = true;
    }
    if (timeMs >= horizonMs) {
      if (home >= 0) this.#widen(home, timeMs);
      else this.#addSpan(entry < 0 ? this.#ids.add(id) : entry, timeMs, offset);
    }
    return isRepeat;
  }

  undo(): void {
    while (this.#undoLog.length > 0) {
      const lastTime = this.#undoLog.pop();
      const firstTime = this.#undoLog.pop();
      const span = this.#undoLog.pop();
      if (Number.isNaN(firstTime)) this.#removeSpan(span);
      else {
        this.#spans[span * spanStride + firstTimeAt] = firstTime;
        this.#spans[span * spanStride + lastTimeAt] = lastTime;
      }
    }
  }

  keep(streamTimeMs: EpochMs): void {
    const horizonMs = streamTimeMs - this.#reachMs;
    const changes = this.#undoLog.length / 3;
    this.#undoLog.clear();
    for (let i = Math.min(this.#spanEnd, sweepSpansMin + 2 * changes); i > 0; i--) {
      if (this.#sweepNext >= this.#spanEnd) this.#sweepNext = 0;
      const span = this.#sweepNext++;
      const isHeld = this.#links[span * linkStride + ownerAt] !== 0;
      if (isHeld && (this.#spans[span * spanStride + lastTimeAt] ?? 0) < horizonMs) this.#removeSpan(span);
    }
  }

  clear(): void {
    this.#ids.clear();
    this.#heads.fill(0);
    this.#links.fill(0);
    this.#spanEnd = 0;
    this.#free.clear();
    this.#undoLog.clear();
    this.#sweepNext = 0;
  }

  #headOf(entry: number): number {
    return (this.#heads[entry] ?? 0) - 1;
  }

  #nextOf(span: number): number {
    return (this.#links[span * linkStride + nextAt] ?? 0) - 1;
  }

  #widen(span: number, timeMs: EpochMs): void {
    const at = span * spanStride;
    const firstTime = this.#spans[at + firstTimeAt] ?? 0;
    const lastTime = this.#spans[at + lastTimeAt] ?? 0;
    if (timeMs >= firstTime && timeMs <= lastTime) return;
    this.#log(span, firstTime, lastTime);
    this.#spans[at + firstTimeAt] = Math.min(firstTime, timeMs);
    this.#spans[at + lastTimeAt] = Math.max(lastTime, timeMs);
  }

  #addSpan(entry: number, timeMs: EpochMs, offset: Offset): void {
    const span = this.#free.length > 0 ? this.#free.pop() : this.#spanEnd++;
    const at = span * spanStride;
    const linkAt = span * linkStride;
    if (at + spanStride > this.#spans.length) this.#spans = grownFloats(this.#spans, at + spanStride);
    if (linkAt + linkStride > this.#links.length) this.#links = grownUints(this.#links, linkAt + linkStride);
    if (entry >= this.#heads.length) this.#heads = grownUints(this.#heads, entry + 1);
    this.#spans[at + firstTimeAt] = timeMs;
    this.#spans[at + lastTimeAt] = timeMs;
    this.#spans[at + firstOffsetAt] = offset;
    this.#links[linkAt + nextAt] = this.#heads[entry] ?? 0;
    this.#links[linkAt + ownerAt] = entry + 1;
    this.#heads[entry] = span + 1;
    this.#log(span, Number.NaN, Number.NaN);
  }

  #removeSpan(span: number): void {
    const linkAt = span * linkStride;
    const entry = (this.#links[linkAt + ownerAt] ?? 0) - 1;
    const next = this.#links[linkAt + nextAt] ?? 0;
    if (this.#headOf(entry) === span) this.#heads[entry] = next;
    else {
      let before = this.#headOf(entry);
      while (before >= 0 && this.#nextOf(before) !== span) before = this.#nextOf(before);
      this.#links[before * linkStride + nextAt] = next;
    }
    this.#links[linkAt + ownerAt] = 0;
    this.#free.push(span);
    if (this.#heads[entry] === 0) this.#ids.remove(entry);
  }

  #log(span: number, firstTime: number, lastTime: number): void {
    this.#undoLog.push(span);
    this.#undoLog.push(firstTime);
    this.#undoLog.push(lastTime);
  }
}
