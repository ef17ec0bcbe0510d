import type { EpochMs, Offset } from "../../kernel/index.ts";
import { type Cells, cellsOf, type HeldBaseline, type MonitoredField, type MonitorSpec } from "../../monitor/index.ts";
import type { FieldValues } from "../../schema/index.ts";
import type { WindowCounts } from "../../state/index.ts";

/** A field of a monitor while a baseline is in service. */
interface CountedField {
  /** Where its value is. */
  readonly place: number;
  readonly isNumber: boolean;
  readonly cells: Cells;
  /** Index of its first cell in the counts of a window. */
  readonly first: number;
}

/** Counts rows of one task for one monitor. */
export class MonitorCounter {
  readonly monitor: MonitorSpec;
  readonly store: WindowCounts;
  readonly #placeOf: (field: MonitoredField) => number;
  readonly #countsFailures: boolean;
  #fields: readonly CountedField[] = [];

  constructor(monitor: MonitorSpec, store: WindowCounts, placeOf: (field: MonitoredField) => number) {
    this.monitor = monitor;
    this.store = store;
    this.#placeOf = placeOf;
    this.#countsFailures = monitor.quality?.metrics.includes("errors") === true;
  }

  /**
   * Rows from here on are counted in the cells of this baseline; between chunks. Without one, and with one that was measured
   * of what the monitor was before or lacks a field of it, they are counted in no cell.
   */
  serve(baseline: HeldBaseline | undefined, origin: string): void {
    const cells = baseline?.version === this.monitor.version ? this.#cellsOf(baseline) : undefined;
    let first = 0;
    this.#fields = (cells ?? []).map(([field, own]) => {
      const counted = { place: this.#placeOf(field), isNumber: field.kind === "numbers", cells: own, first };
      first += own.count;
      return counted;
    });
    const id = cells === undefined ? "" : (baseline?.id ?? "");
    this.store.serve(
      id,
      this.#fields.map(({ cells: { count } }) => count),
      origin,
    );
  }

  /** @param timeMs event time; NaN for none @param writtenMs Kafka's time of the record; negative for none */
  count(values: FieldValues, timeMs: EpochMs, writtenMs: EpochMs, offset: Offset, schema: number): void {
    const { store } = this;
    if (!store.count(timeMs, writtenMs, offset, schema)) return;
    const { counts, recentCounts } = store;
    const fields = this.#fields;
    for (let i = 0; i < fields.length; i++) {
      const { place, isNumber, cells, first } = fields[i] as CountedField;
      const cell = first + (isNumber ? numberCell(values, place, cells) : scalarCell(values, place, cells));
      counts[cell] = (counts[cell] as number) + 1;
      if (recentCounts !== undefined) recentCounts[cell] = (recentCounts[cell] as number) + 1;
    }
  }

  /** A record that no row was made of, where the monitor asks for those. */
  fail(writtenMs: EpochMs, offset: Offset): void {
    if (this.#countsFailures) this.store.fail(writtenMs, offset);
  }

  /** In the monitor's order; undefined when a field has none. */
  #cellsOf({ fields }: HeldBaseline): [MonitoredField, Cells][] | undefined {
    const own = new Map(fields.map(({ field, cells }) => [field, cells]));
    const cells = this.monitor.fields.flatMap((field): [MonitoredField, Cells][] => {
      const source = own.get(field.name);
      return source?.kind === field.kind ? [[field, cellsOf(source)]] : [];
    });
    return cells.length === this.monitor.fields.length ? cells : undefined;
  }
}

function numberCell(values: FieldValues, place: number, cells: Cells): number {
  return cells.cellOf(values.areNull[place] === 1 ? null : (values.numbers[place] as number));
}

function scalarCell(values: FieldValues, place: number, cells: Cells): number {
  const value = values.scalars[place] ?? null;
  return cells.cellOf(typeof value === "bigint" ? String(value) : value);
}
