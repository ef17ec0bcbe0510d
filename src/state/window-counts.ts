import { assert, type EpochMs, type Offset } from "../kernel/index.ts";
import { checkVersion, EntryBytes, EntryReader } from "./entry-bytes.ts";
import { GoneKeys } from "./gone-keys.ts";
import type { ChangeWriter, Store, StoreCopy, StoreSpec } from "./store.ts";
import { noSchema, type SchemaCounts, WindowTotal } from "./window-total.ts";

/** Where the entry of the known schemas stands, before every window. */
const schemasFromMs = Number.NEGATIVE_INFINITY;
/** Writer schemas that are remembered. */
const knownSchemasMax = 64;

export interface WindowCountsOptions {
  readonly spec: StoreSpec;
  /** What is counted, as text: entries of another are no longer of use, and go. */
  readonly config: string;
  /** Windows begin at multiples of this; at least 1. */
  readonly windowMs: number;
  /** A window is over once stream time has come to its end and this much beyond. */
  readonly lateMs: number;
}

/** What a chunk has changed: the window, and what it was before; undefined when it was not there. */
interface Change {
  readonly fromMs: EpochMs;
  readonly baseline: string;
  readonly before: WindowTotal | undefined;
}

/**
 * Counts of rows by window of event time and by cell, behind an undo log.
 *
 * Stream time is the latest event time of the rows that came here. A row whose window is over is not counted in it but as
 * late, in the window that stream time is in: what a window has when it is taken out is what it will ever have. So is one
 * that is dated far ahead. Which cell a row belongs to is the caller's to say: it adds to {@link counts}, and to {@link recentCounts} where there are any.
 *
 * An entry is a window under one baseline; one more holds the writer schemas that were met, and in which window first.
 */
export class WindowCounts implements Store {
  readonly spec: StoreSpec;
  /** Of the window of the row that {@link count} took last. */
  counts: Float64Array = new Float64Array(0);
  /** The same, for rows of a schema that is new; undefined for most. */
  recentCounts: Float64Array | undefined;
  readonly #config: string;
  readonly #windowMs: number;
  readonly #lateMs: number;
  /** By start of the window: what was counted under each baseline. */
  readonly #totals = new Map<EpochMs, WindowTotal[]>();
  #baseline = "";
  #cells: readonly number[] = [];
  #origin = "";
  #streamMs: EpochMs = Number.NEGATIVE_INFINITY;
  #streamKeptMs: EpochMs = Number.NEGATIVE_INFINITY;
  /** The window that a row came to last, touched; undefined when it has to be looked for. */
  #last: WindowTotal | undefined;
  /** In first-touched order. */
  #changes: Change[] = [];
  /** Writer schemas, and the window that each came in first. */
  #known = new Map<number, EpochMs>();
  /** As they were before the chunk in hand; undefined when it has changed nothing of them. */
  #knownBefore: Map<number, EpochMs> | undefined;
  #reported: readonly WindowTotal[] = [];
  readonly #gone = new GoneKeys();
  readonly #key = new EntryBytes();
  readonly #value = new EntryBytes();

  constructor({ spec, config, windowMs, lateMs }: WindowCountsOptions) {
    assert(windowMs >= 1 && lateMs >= 0, "a window has at least 1 ms, and lateness is not negative");
    this.spec = spec;
    this.#config = config;
    this.#windowMs = windowMs;
    this.#lateMs = lateMs;
  }

  /** Windows that are open. */
  get entryCount(): number {
    let count = 0;
    for (const totals of this.#totals.values()) count += totals.length;
    return count;
  }

  get lookBackMs(): number {
    return this.#windowMs + this.#lateMs;
  }

  get latestTimeMs(): EpochMs {
    return this.#streamMs;
  }

  /** Stream time at the last `keep`; -Infinity before there was a row. */
  get keptTimeMs(): EpochMs {
    return this.#streamKeptMs;
  }

  get byteCount(): number {
    let bytes = 0;
    for (const { counts } of this.#all()) bytes += 8 * counts.length;
    return bytes;
  }

  /**
   * Rows from here on are counted under this baseline; between chunks only.
   *
   * @param baseline empty for none
   * @param cells of each field; none without a baseline
   * @param origin kept with each window that a row comes to
   */
  serve(baseline: string, cells: readonly number[], origin: string): void {
    assert(this.#changes.length === 0, "a baseline is put into service while a chunk is in hand");
    this.#baseline = baseline;
    this.#cells = cells;
    this.#origin = origin;
    this.#last = undefined;
  }

  /**
   * Takes a row, and points {@link counts} to the window in whose cells it is to be counted.
   *
   * @param timeMs its event time; NaN for none: it belongs where stream time is, and moves it nowhere
   * @param writtenMs Kafka's time of the record that it was made of; negative for none. A row that is dated more than a
   *   window ahead of it counts as late and moves no stream time: one dated 2099 would make all that follow late
   * @param schema id of the writer schema of what the row was made of; -1 for none
   * @returns false for a late one, which is in no cell
   */
  count(timeMs: EpochMs, writtenMs: EpochMs, offset: Offset, schema: number): boolean {
    const streamMs = this.#streamMs;
    const isAhead = writtenMs >= 0 && timeMs > writtenMs + this.#windowMs;
    if (timeMs > streamMs && !isAhead) this.#streamMs = timeMs;
    let fromMs = this.#startOf(timeMs);
    const isLate = isAhead || this.#isOver(fromMs, streamMs);
    if (isLate || Number.isNaN(timeMs)) fromMs = this.#startWithout(streamMs, writtenMs);
    const total = this.#reach(fromMs, offset);
    if (isLate) {
      total.late++;
      return false;
    }
    total.rows++;
    if (schema !== total.schemaNow) this.#meet(total, schema, offset);
    this.counts = total.counts;
    this.recentCounts = undefined;
    const { recent } = total;
    if (total.isRecentNow && recent !== undefined) {
      recent.rows++;
      this.recentCounts = recent.counts;
    }
    return true;
  }

  /**
   * Takes a record that no row was made of. It has no event time, and belongs where stream time is.
   *
   * @param writtenMs as of {@link count}
   */
  fail(writtenMs: EpochMs, offset: Offset): void {
    this.#reach(this.#startWithout(this.#streamMs, writtenMs), offset).failed++;
  }

  /** The window of what has no time of its own. */
  #startWithout(streamMs: EpochMs, writtenMs: EpochMs): EpochMs {
    return this.#startOf(Number.isFinite(streamMs) ? streamMs : Math.max(0, writtenMs));
  }

  /** The window with that begin, which a record at that offset comes to. */
  #reach(fromMs: EpochMs, offset: Offset): WindowTotal {
    const last = this.#last;
    const total = last !== undefined && last.fromMs === fromMs ? last : this.#touch(fromMs);
    if (offset < total.offsetFrom) total.offsetFrom = offset;
    if (offset >= total.offsetNext) total.offsetNext = offset + 1;
    total.streamTimeMs = this.#streamMs;
    return total;
  }

  /** Takes out the windows that are over, and answers them, the oldest first: nothing will be added to them. */
  takeOver(): WindowTotal[] {
    const over = [...this.#all()].filter(({ fromMs }) => this.#isOver(fromMs, this.#streamMs));
    for (const total of over) {
      this.#log(total);
      this.#remove(total.fromMs, total.baseline);
    }
    if (over.length > 0) this.#last = undefined;
    return over.sort((a, b) => a.fromMs - b.fromMs);
  }

  /** Open windows that rows came to since they were reported, the oldest first. */
  get behind(): WindowTotal[] {
    return [...this.#all()].filter(({ isBehind }) => isBehind).sort((a, b) => a.fromMs - b.fromMs);
  }

  get isBehind(): boolean {
    for (const { isBehind } of this.#all()) if (isBehind) return true;
    return false;
  }

  /** What `behind` is now is told to others with the chunk in hand. Behind its last row. */
  reported(): void {
    this.#reported = this.behind;
  }

  keep(): void {
    for (const total of this.#reported) total.isBehind = false;
    for (const total of this.#all()) total.isTouched = false;
    this.#streamKeptMs = this.#streamMs;
    this.#gone.keep();
    this.#endChunk();
  }

  undo(): void {
    this.#gone.undo();
    // Newest first, so that what stays is what was before the first change.
    for (const { fromMs, baseline, before } of this.#changes.toReversed()) {
      this.#remove(fromMs, baseline);
      if (before !== undefined) this.#put(before);
    }
    if (this.#knownBefore !== undefined) this.#known = this.#knownBefore;
    this.#streamMs = this.#streamKeptMs;
    this.#endChunk();
  }

  clear(): void {
    this.#totals.clear();
    this.#known.clear();
    this.#gone.clear();
    this.#streamMs = Number.NEGATIVE_INFINITY;
    this.#streamKeptMs = Number.NEGATIVE_INFINITY;
    this.#endChunk();
  }

  changes(into: ChangeWriter): void {
    this.#gone.give(into);
    const given = new Set<string>();
    for (const { fromMs, baseline, before } of this.#changes) {
      const name = `${fromMs}/${baseline}`;
      if (given.has(name)) continue;
      given.add(name);
      const total = this.#find(fromMs, baseline);
      // One that came and went in the chunk was never written down.
      if (total === undefined && before === undefined) continue;
      into.write(this.#keyOf(fromMs, baseline), total === undefined ? null : this.#valueOf(total));
    }
    if (this.#knownBefore !== undefined) this.#writeKnown(into);
  }

  copy(): StoreCopy {
    const next = (into: ChangeWriter): boolean => {
      for (const total of this.#all()) into.write(this.#keyOf(total.fromMs, total.baseline), this.#valueOf(total));
      if (this.#known.size > 0) this.#writeKnown(into);
      this.#gone.copy(into);
      return false;
    };
    return { next };
  }

  owe(key: Uint8Array): void {
    this.#gone.owe(key);
  }

  apply(key: Uint8Array, value: Uint8Array | null): void {
    assert(this.#changes.length === 0, `an entry of store ${this.spec.name} is taken in while a chunk is in hand`);
    this.#gone.settle(key);
    const keyReader = new EntryReader(key);
    const fromMs = keyReader.number();
    const baseline = keyReader.text();
    if (fromMs === schemasFromMs) this.#known.clear();
    else this.#remove(fromMs, baseline);
    this.#last = undefined;
    if (value === null) return;
    const reader = new EntryReader(value);
    checkVersion(this.spec, reader.byte());
    // The monitor was changed: what was counted before is of another kind.
    if (reader.label() !== this.#config) {
      this.#gone.owe(key);
      return;
    }
    if (fromMs === schemasFromMs) {
      while (!reader.isDone) this.#known.set(reader.count(), reader.number());
      return;
    }
    const total = WindowTotal.read(fromMs, baseline, reader);
    this.#put(total);
    this.#streamMs = Math.max(this.#streamMs, total.streamTimeMs);
    this.#streamKeptMs = this.#streamMs;
  }

  #startOf(timeMs: EpochMs): EpochMs {
    return Math.floor(timeMs / this.#windowMs) * this.#windowMs;
  }

  #isOver(fromMs: EpochMs, streamMs: EpochMs): boolean {
    return fromMs + this.#windowMs + this.#lateMs <= streamMs;
  }

  /** The window under the baseline in service, made if it has to be, and logged as it is. */
  #touch(fromMs: EpochMs): WindowTotal {
    let total = this.#find(fromMs, this.#baseline);
    if (total === undefined) {
      total = new WindowTotal(fromMs, this.#baseline, this.#cells);
      this.#changes.push({ fromMs, baseline: this.#baseline, before: undefined });
      this.#put(total);
    } else if (!total.isTouched) this.#log(total);
    assert(total.cells.length === this.#cells.length, `baseline ${this.#baseline} has other fields than before`);
    total.isTouched = true;
    total.isBehind = true;
    total.origin = this.#origin;
    this.#last = total;
    return total;
  }

  #log(total: WindowTotal): void {
    this.#changes.push({ fromMs: total.fromMs, baseline: total.baseline, before: total.copied() });
  }

  /** A row has another schema than the row before it. */
  #meet(total: WindowTotal, schema: number, offset: Offset): void {
    total.schemaNow = schema;
    total.isRecentNow = false;
    if (schema === noSchema) return;
    if (!total.schemas.some(({ id }) => id === schema)) total.schemas = [...total.schemas, { id: schema, offset }];
    const firstMs = this.#known.get(schema) ?? this.#remember(schema, total.fromMs);
    if (total.fromMs > firstMs + this.#windowMs) return;
    // A newer one takes the place: one at a time is what causes are told by.
    if (total.recent === undefined || this.#isNewer(schema, total.recent)) {
      total.recent = { schema, rows: 0, counts: new Float64Array(total.counts.length) };
    }
    total.isRecentNow = total.recent.schema === schema;
  }

  /** True when it was met behind the other. */
  #isNewer(schema: number, { schema: other }: SchemaCounts): boolean {
    if (schema === other) return false;
    for (const id of this.#known.keys()) {
      if (id === schema) return false;
      if (id === other) return true;
    }
    return true;
  }

  /** The first schema of all is none that is new: nobody has met another before. */
  #remember(schema: number, fromMs: EpochMs): EpochMs {
    this.#knownBefore ??= new Map(this.#known);
    const firstMs = this.#known.size === 0 ? Number.NEGATIVE_INFINITY : fromMs;
    this.#known.set(schema, firstMs);
    if (this.#known.size > knownSchemasMax) this.#known.delete(this.#unused(schema));
    return firstMs;
  }

  /** The schema that was met first of those that no open window has; of all but the newest where each is in use. */
  #unused(newest: number): number {
    const used = new Set([newest]);
    for (const { schemas } of this.#all()) for (const { id } of schemas) used.add(id);
    let oldest = newest;
    for (const id of this.#known.keys()) {
      if (!used.has(id)) return id;
      if (oldest === newest) oldest = id;
    }
    return oldest;
  }

  #endChunk(): void {
    this.#changes = [];
    this.#knownBefore = undefined;
    this.#reported = [];
    this.#last = undefined;
  }

  *#all(): Generator<WindowTotal> {
    for (const totals of this.#totals.values()) yield* totals;
  }

  #find(fromMs: EpochMs, baseline: string): WindowTotal | undefined {
    return this.#totals.get(fromMs)?.find((total) => total.baseline === baseline);
  }

  #put(total: WindowTotal): void {
    this.#totals.set(total.fromMs, [...(this.#totals.get(total.fromMs) ?? []), total]);
  }

  #remove(fromMs: EpochMs, baseline: string): void {
    const rest = (this.#totals.get(fromMs) ?? []).filter((total) => total.baseline !== baseline);
    if (rest.length === 0) this.#totals.delete(fromMs);
    else this.#totals.set(fromMs, rest);
  }

  #keyOf(fromMs: EpochMs, baseline: string): Uint8Array {
    return this.#key.begin().number(fromMs).text(baseline).written;
  }

  #valueOf(total: WindowTotal): Uint8Array {
    return total.write(this.#value.begin().byte(this.spec.version).label(this.#config)).written;
  }

  #writeKnown(into: ChangeWriter): void {
    const value = this.#value.begin().byte(this.spec.version).label(this.#config);
    for (const [schema, firstMs] of this.#known) value.count(schema).number(firstMs);
    into.write(this.#keyOf(schemasFromMs, ""), value.written);
  }
}
