import { firstAfter, RowRuns } from "./row-runs.ts";

/** Columns of a span in front of what is remembered of it. */
const ownColumns = 2;
const spansMin = 4;

/**
 * Cuts the ordered elements of each key into spans, without holding the elements, and remembers some numbers of each
 * span for as long as its elements stay the same.
 *
 * A span reaches from an element that begins one to the next such element; what lies before the first of them is in
 * no span. A span's time is that of the element that begins it. An element that is added or taken away must be the
 * last of all that are not newer, as a row is in {@link RowRuns}.
 */
export class SpanRuns {
  readonly #runs: RowRuns;
  /** Size and memory of a new span: nothing is known of it. */
  readonly #made: Float64Array;

  /** Spans of the key looked at by {@link look}. */
  count = 0;
  /** What they are made of: number i of span s is at `NAME + s`. */
  numbers: Float64Array = new Float64Array(0);
  times = 0;
  sizes = 0;
  /** 1 where the remembered numbers hold, else 0. */
  known = 0;
  /** The first remembered number; the next one lies `stride` further. */
  remembered = 0;
  stride = 0;

  /** @param remembered numbers to remember of a span */
  constructor(remembered: number) {
    this.#runs = new RowRuns(ownColumns + remembered, spansMin);
    this.#made = new Float64Array(ownColumns + remembered);
  }

  /** Begins without spans for a key. */
  open(entry: number): void {
    this.#runs.open(entry);
  }

  close(entry: number): void {
    this.#runs.close(entry);
  }

  clear(): void {
    this.#runs.clear();
  }

  look(entry: number): void {
    const runs = this.#runs;
    runs.look(entry);
    this.count = runs.count;
    this.numbers = runs.slab;
    this.times = runs.times;
    this.stride = runs.capacity;
    this.sizes = this.times + this.stride;
    this.known = this.sizes + this.stride;
    this.remembered = this.known + this.stride;
  }

  /**
   * Takes in an element that was added at `position`, so that there are `elementCount` now. Answers the position of
   * the span that it begins, -1 when it begins none.
   */
  add(entry: number, timeMs: number, position: number, elementCount: number, isStart: boolean): number {
    this.look(entry);
    const span = this.#lastUntil(timeMs);
    if (!isStart) {
      this.#resize(span, 1);
      return -1;
    }
    let end = elementCount;
    for (let newer = this.count - 1; newer > span; newer--) end -= this.numbers[this.sizes + newer] ?? 0;
    // The newer part of the span that it falls into is its own from now on.
    this.#resize(span, position + 1 - end);
    this.#made[0] = end - position;
    return this.#runs.insert(entry, timeMs, this.#made);
  }

  /** Takes an element out that has just been removed. */
  remove(entry: number, timeMs: number, isStart: boolean): void {
    this.look(entry);
    const span = this.#lastUntil(timeMs);
    if (!isStart) {
      this.#resize(span, -1);
      return;
    }
    this.#resize(span - 1, (this.numbers[this.sizes + span] ?? 0) - 1);
    this.#runs.remove(entry, span);
  }

  /** Forgets what is known of the span that an element of `timeMs`, the last that is not newer, lies in. */
  forget(entry: number, timeMs: number): void {
    this.look(entry);
    this.#resize(this.#lastUntil(timeMs), 0);
  }

  /** Drops the spans that begin up to and including `timeMs`: their elements have left, or are in no span any more. */
  dropUntil(entry: number, timeMs: number): void {
    this.#runs.dropUntil(entry, timeMs);
  }

  #resize(span: number, by: number): void {
    if (span < 0) return;
    this.numbers[this.sizes + span] = (this.numbers[this.sizes + span] ?? 0) + by;
    this.numbers[this.known + span] = 0;
  }

  #lastUntil(timeMs: number): number {
    const { numbers, times, count } = this;
    if (count > 0 && (numbers[times + count - 1] ?? 0) <= timeMs) return count - 1;
    return firstAfter(numbers, times, 0, count, timeMs) - 1;
  }
}
