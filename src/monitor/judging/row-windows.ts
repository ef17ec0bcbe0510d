/**
 * Windows of at least so many rows, made of slices of event time: as many slices in a row as it takes to hold them.
 *
 * A window that ended with the n-th row would depend on the order in which rows came and on how they were shared out. Which
 * slice a row belongs to follows from its event time alone, and a slice that is closed never changes: so neither does where
 * a window ends. It holds more rows than asked for by less than its last slice has.
 *
 * V1 Slices come in the order of time, each once, and each is in one window.
 * V2 Where no row comes for an hour, what was gathered is a window as it is, and the empty time is one by itself.
 */
import { type Partial, rowsIn } from "../partial.ts";
import type { PartialRecord } from "../records/partial-record.ts";
import type { ClosedWindow } from "./open-windows.ts";

/** So long without a row is a window without rows. */
export const emptyMs = 3_600_000;

export class RowWindows {
  readonly #rowsMin: number;
  #slices: ClosedWindow[] = [];
  #rows = 0;
  /** Of the slices, how many at the end are empty. */
  #empty = 0;

  /** @param rowsMin rows of a window at least */
  constructor(rowsMin: number) {
    this.#rowsMin = rowsMin;
  }

  /** Takes closed slices, and answers the windows that they complete. */
  add(slices: readonly ClosedWindow[]): ClosedWindow[] {
    return slices.flatMap((slice) => this.#addOne(slice));
  }

  #addOne(slice: ClosedWindow): ClosedWindow[] {
    const before = this.#slices.at(-1);
    // Empty slices that nobody was told of in time were passed over: what follows has nothing to do with what was before.
    const cut = before !== undefined && slice.fromMs > before.toMs ? this.#take() : [];
    const rows = rowsIn(slice.partials);
    this.#slices.push(slice);
    this.#rows += rows;
    this.#empty = rows === 0 ? this.#empty + 1 : 0;
    if (this.#rows >= this.#rowsMin) return [...cut, ...this.#take()];
    const first = this.#slices.at(-this.#empty);
    if (this.#empty === 0 || first === undefined || slice.toMs - first.fromMs < emptyMs) return cut;
    const empty = this.#slices.splice(this.#slices.length - this.#empty);
    return [...cut, ...this.#take(), together(empty)];
  }

  /** What was gathered, as one window. */
  #take(): ClosedWindow[] {
    const slices = this.#slices;
    this.#slices = [];
    this.#rows = 0;
    this.#empty = 0;
    return slices.some((slice) => rowsIn(slice.partials) > 0) ? [together(slices)] : [];
  }
}

function together(slices: readonly ClosedWindow[]): ClosedWindow {
  const [first] = slices as readonly [ClosedWindow, ...ClosedWindow[]];
  const last = slices.at(-1) ?? first;
  const held = new Map<string, { readonly record: PartialRecord; readonly staleMs: number }>();
  for (const { partials, staleMs } of slices)
    for (const [i, record] of partials.entries()) {
      const key = `${record.stage}/${record.partition}/${record.baseline}/${record.version}`;
      const before = held.get(key);
      const stale = staleMs[i] ?? 0;
      held.set(key, {
        record: before === undefined ? { ...record, fromMs: first.fromMs } : joined(before.record, record),
        staleMs: Math.max(before?.staleMs ?? stale, stale),
      });
    }
  return {
    fromMs: first.fromMs,
    toMs: last.toMs,
    partials: [...held.values()].map(({ record }) => record),
    staleMs: [...held.values()].map((one) => one.staleMs),
    late: slices.reduce((sum, { late }) => sum + late, 0),
    closedAtMs: last.closedAtMs,
    isCurrent: last.isCurrent,
  };
}

/** Of one task under one baseline, the second behind the first. */
function joined(one: PartialRecord, other: PartialRecord): PartialRecord {
  const [a, b] = [one.recent, other.recent];
  const recent = a !== undefined && b?.schema === a.schema ? { ...summed(a, b), schema: a.schema } : (b ?? a);
  const known = new Set(one.schemas.map(({ id }) => id));
  return {
    ...other,
    ...summed(one, other),
    fromMs: one.fromMs,
    late: one.late + other.late,
    failed: (one.failed ?? 0) + (other.failed ?? 0),
    offsetFrom: Math.min(one.offsetFrom, other.offsetFrom),
    offsetNext: Math.max(one.offsetNext, other.offsetNext),
    schemas: [...one.schemas, ...other.schemas.filter(({ id }) => !known.has(id))],
    recent,
    streamTimeMs: Math.max(one.streamTimeMs, other.streamTimeMs),
    model: other.model ?? one.model,
  };
}

/** Counts of other cells stay apart: whoever judges sees that they are not those of the baseline. */
function summed(one: Partial, other: Partial): Partial {
  const isAlike = one.counts.length === other.counts.length;
  const counts = one.counts.map((own, field) => {
    const more = other.counts[field];
    return isAlike && more?.length === own.length ? own.map((count, cell) => count + (more[cell] ?? 0)) : own;
  });
  return { rows: one.rows + other.rows, counts: isAlike ? counts : [] };
}
