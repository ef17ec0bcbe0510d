import { assert, type EpochMs, type Offset } from "../kernel/index.ts";
import type { EntryBytes, EntryReader } from "./entry-bytes.ts";

/** Rows of one writer schema in a window: what is looked at when a schema is new. */
export interface SchemaCounts {
  readonly schema: number;
  rows: number;
  /** As {@link WindowTotal.counts}. */
  readonly counts: Float64Array;
}

/** A writer schema, and the first offset that a row of the window had under it. */
export interface MetSchema {
  readonly id: number;
  readonly offset: Offset;
}

/**
 * What one task has counted of one window under one baseline so far. All of it follows from the rows in their order, and
 * from nothing else.
 */
export class WindowTotal {
  readonly fromMs: EpochMs;
  /** Id of the baseline whose cells these are; empty while none was in service, and then there are no cells. */
  readonly baseline: string;
  /** Cells of each field, in the monitor's order. */
  readonly cells: readonly number[];
  /** Rows per cell, field behind field. */
  readonly counts: Float64Array;
  /** Rows that are counted in the cells. */
  rows = 0;
  /** Rows of windows that were over already; they are in no cell. */
  late = 0;
  /** Records that no row was made of. */
  failed = 0;
  /** First offset of the task's input whose row is in here, late ones included, and the one behind the last. */
  offsetFrom: Offset = Number.POSITIVE_INFINITY;
  offsetNext: Offset = Number.NEGATIVE_INFINITY;
  /** Latest event time that was met when the last row came. */
  streamTimeMs: EpochMs = Number.NEGATIVE_INFINITY;
  /** What the caller said of itself when the last row came. */
  origin = "";
  /** In the order in which they were met. */
  schemas: readonly MetSchema[] = [];
  /** Rows of the last schema that was new then; undefined when none was. */
  recent: SchemaCounts | undefined;
  /** True while rows are in here that were not reported. */
  isBehind = true;
  /** True when the chunk in hand has changed it. */
  isTouched = false;
  /** Schema of the row before, and whether it was new. */
  schemaNow = noSchema;
  isRecentNow = false;

  constructor(fromMs: EpochMs, baseline: string, cells: readonly number[]) {
    this.fromMs = fromMs;
    this.baseline = baseline;
    this.cells = cells;
    this.counts = new Float64Array(cells.reduce((sum, count) => sum + count, 0));
  }

  /** As it is now, sharing nothing that changes. */
  copied(): WindowTotal {
    const copy = new WindowTotal(this.fromMs, this.baseline, this.cells);
    copy.counts.set(this.counts);
    copy.rows = this.rows;
    copy.late = this.late;
    copy.failed = this.failed;
    copy.offsetFrom = this.offsetFrom;
    copy.offsetNext = this.offsetNext;
    copy.streamTimeMs = this.streamTimeMs;
    copy.origin = this.origin;
    copy.schemas = this.schemas;
    const { recent } = this;
    copy.recent = recent && { ...recent, counts: Float64Array.from(recent.counts) };
    copy.isBehind = this.isBehind;
    return copy;
  }

  /** The counts, field by field: views of them. */
  byField(counts: Float64Array): Float64Array[] {
    let to = 0;
    return this.cells.map((count) => {
      to += count;
      return counts.subarray(to - count, to);
    });
  }

  write(into: EntryBytes): EntryBytes {
    into.count(this.cells.length);
    for (const count of this.cells) into.count(count);
    into.count(this.rows).count(this.late).count(this.offsetFrom).count(this.offsetNext).number(this.streamTimeMs);
    into.label(this.origin).count(this.schemas.length);
    for (const { id, offset } of this.schemas) into.count(id).count(offset);
    writeCounts(into, this.counts);
    const { recent } = this;
    if (recent !== undefined) writeCounts(into.count(recent.schema).count(recent.rows), recent.counts);
    // Behind all that was there before it: an entry of a version without it reads as one without failures.
    return this.failed === 0 ? into : into.count(this.failed);
  }

  static read(fromMs: EpochMs, baseline: string, reader: EntryReader): WindowTotal {
    const cells = Array.from({ length: boundedCount(reader) }, () => boundedCount(reader));
    const total = new WindowTotal(fromMs, baseline, cells);
    total.rows = reader.count();
    total.late = reader.count();
    total.offsetFrom = reader.count();
    total.offsetNext = reader.count();
    total.streamTimeMs = reader.number();
    total.origin = reader.label();
    total.schemas = Array.from({ length: boundedCount(reader) }, () => ({
      id: reader.count(),
      offset: reader.count(),
    }));
    readCounts(reader, total.counts);
    if (reader.isDone) return total;
    const first = reader.count();
    if (reader.isDone) {
      total.failed = first;
      return total;
    }
    const recent = { schema: first, rows: reader.count(), counts: new Float64Array(total.counts.length) };
    readCounts(reader, recent.counts);
    total.recent = recent;
    if (!reader.isDone) total.failed = reader.count();
    return total;
  }
}

/** Instead of a schema's id, where there is none. */
export const noSchema = -1;

/** No entry has so many cells, fields or schemas: damage must not allocate. */
const countMax = 1_000_000;

function boundedCount(reader: EntryReader): number {
  const count = reader.count();
  assert(count <= countMax, `an entry of counted windows says that it has ${count} parts`);
  return count;
}

function writeCounts(into: EntryBytes, counts: Float64Array): void {
  for (let i = 0; i < counts.length; i++) into.count(counts[i] ?? 0);
}

function readCounts(reader: EntryReader, into: Float64Array): void {
  for (let i = 0; i < into.length; i++) into[i] = reader.count();
}
