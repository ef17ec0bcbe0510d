import { merged, type Partial } from "./partial.ts";

const hourMs = 3_600_000;
/** Of the week, and where that has been too seldom, of the day. */
const periods = [168, 24] as const;

/** A window of the reference. */
interface Counted {
  readonly fromMs: number;
  readonly partial: Partial;
}

/** All that one hour of the week or the day has held. */
export interface HourCell {
  /** Hours in which there were rows, each counted once however many windows it has. */
  readonly hours: number;
  readonly partial: Partial;
}

/**
 * What the windows of a reference have held by hour of the week and of the day, whichever season they are judged by:
 * what comes every night is no news, and what windows of one hour differ by has nothing to do with the hour.
 *
 * An hour is what is left out, and not a window: windows of a minute are like those beside them.
 */
export class SameHour {
  /** By period, then by hour of it. */
  readonly #cells: ReadonlyMap<number, ReadonlyMap<number, HourCell>>;
  /** By hour since the epoch. */
  readonly #hours: ReadonlyMap<number, Partial>;

  constructor(windows: readonly Counted[]) {
    this.#hours = mergedBy(windows, ({ fromMs }) => Math.floor(fromMs / hourMs));
    const hours = [...this.#hours].map(([hour, partial]) => ({ hour, partial }));
    this.#cells = new Map(
      periods.map((period) => {
        const counts = new Map<number, number>();
        for (const { hour } of hours) counts.set(within(hour, period), (counts.get(within(hour, period)) ?? 0) + 1);
        const partials = mergedBy(hours, ({ hour }) => within(hour, period));
        const cells = [...partials].map(([key, partial]) => [key, { hours: counts.get(key) ?? 0, partial }] as const);
        return [period, new Map(cells)];
      }),
    );
  }

  /** Of the same hour as that time: of the week where so many hours have been, else of the day, else undefined. */
  at(fromMs: number, hoursMin: number): HourCell | undefined {
    for (const period of periods) {
      const cell = this.#cells.get(period)?.get(within(Math.floor(fromMs / hourMs), period));
      if (cell !== undefined && cell.hours >= hoursMin) return cell;
    }
    return undefined;
  }

  /** The same less the hour itself, of a window of the reference. */
  restAt(fromMs: number, hoursMin: number): Partial | undefined {
    const cell = this.at(fromMs, hoursMin);
    const own = this.#hours.get(Math.floor(fromMs / hourMs));
    if (cell === undefined || own === undefined) return cell?.partial;
    return {
      rows: cell.partial.rows - own.rows,
      counts: cell.partial.counts.map((all, f) => less(all, own.counts[f])),
    };
  }

  /** Each cell that {@link at} answers for windows of the reference, once, with a time that it is of. */
  cells(hoursMin: number): readonly { readonly fromMs: number; readonly partial: Partial }[] {
    const found = new Map<HourCell, number>();
    for (const hour of this.#hours.keys()) {
      const cell = this.at(hour * hourMs, hoursMin);
      if (cell !== undefined && !found.has(cell)) found.set(cell, hour * hourMs);
    }
    return [...found].map(([{ partial }, fromMs]) => ({ fromMs, partial }));
  }
}

function mergedBy<Held extends { readonly partial: Partial }>(
  all: readonly Held[],
  keyOf: (held: Held) => number,
): Map<number, Partial> {
  const groups = new Map<number, Partial[]>();
  for (const held of all) {
    const group = groups.get(keyOf(held));
    if (group === undefined) groups.set(keyOf(held), [held.partial]);
    else group.push(held.partial);
  }
  return new Map([...groups].map(([key, partials]) => [key, merged(partials)]));
}

/** Hours before 1970 too. */
function within(hour: number, period: number): number {
  return ((hour % period) + period) % period;
}

function less(all: Float64Array, part: Float64Array | undefined): Float64Array {
  return part === undefined ? all : all.map((count, cell) => count - (part[cell] ?? 0));
}
