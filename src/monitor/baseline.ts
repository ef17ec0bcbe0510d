import { psi } from "../stats/index.ts";
import { type HourScore, learnNulls, type NullScore, nullOfRows } from "./null-score.ts";
import { merged, type Partial } from "./partial.ts";
import { SameHour } from "./same-hour.ts";

/** Which hours have a reference of their own. */
export type Season = "none" | "hour-of-day" | "hour-of-week";

/** Windows that a cell of the season needs before it is a reference. */
const seasonWindowsMin = 4;
/** Hours of the day or the week that a reference has to hold before they say how windows of one hour differ. */
const learntHoursMin = 4;
const hourMs = 3_600_000;

/** A window of the reference, or one that is judged. */
export interface CountedWindow {
  readonly fromMs: number;
  readonly partial: Partial;
}

/** What a window is compared with. */
export interface Reference {
  /** Which season the rows are of; `none` also where the season has too few windows yet. */
  readonly season: Season;
  readonly partial: Partial;
}

/**
 * The counts of the time when all was well, frozen: windows are compared with all of it, or with what the same hour of
 * the day or the week has held.
 */
export class Baseline {
  readonly #season: Season;
  readonly #all: Partial;
  readonly #windows: readonly CountedWindow[];
  readonly #seasons = new Map<string, readonly CountedWindow[]>();
  readonly #totals = new Map<string, Partial>();
  /** Per field, in the monitor's order. */
  readonly nulls: readonly NullScore[];
  /** What was held by hour, whatever the season is. */
  readonly sameHour: SameHour;

  /** @param windows of the reference, at least one, over the cells in which later ones are counted */
  constructor(windows: readonly CountedWindow[], season: Season) {
    this.#season = season;
    this.#windows = windows;
    this.#all = merged(windows.map(({ partial }) => partial));
    if (season !== "none") this.#divide(windows);
    this.sameHour = new SameHour(windows);
    this.nulls = learnNulls(this.#referenceScores(windows));
  }

  /** Rows of the whole reference. */
  get rows(): number {
    return this.#all.rows;
  }

  /** How the scores of a field are while nothing changes. @param field by its index */
  nullOf(field: number): NullScore {
    return this.nulls[field] ?? nullOfRows(freedomOf(this.#all.counts[field] ?? []));
  }

  /** What a window that begins at that time is compared with: the finest season that has windows enough. */
  referenceAt(fromMs: number): Reference {
    for (const season of finestFirst(this.#season)) {
      const key = keyOf(season, fromMs);
      const windows = this.#seasons.get(key) ?? [];
      const total = this.#totals.get(key);
      if (total !== undefined && windows.length >= seasonWindowsMin) return { season, partial: total };
    }
    return { season: "none", partial: this.#all };
  }

  /** The windows that {@link referenceAt} is the sum of. */
  windowsAt(fromMs: number): readonly CountedWindow[] {
    const { season } = this.referenceAt(fromMs);
    return season === "none" ? this.#windows : (this.#seasons.get(keyOf(season, fromMs)) ?? []);
  }

  #divide(windows: readonly CountedWindow[]): void {
    for (const season of finestFirst(this.#season)) {
      for (const window of windows) {
        const key = keyOf(season, window.fromMs);
        this.#seasons.set(key, [...(this.#seasons.get(key) ?? []), window]);
      }
    }
    for (const [key, held] of this.#seasons) this.#totals.set(key, merged(held.map(({ partial }) => partial)));
  }

  /**
   * Each window of the reference against the same hour of other days, so that a season teaches no noise (decision 49);
   * where hours have been too seldom, against what it would be compared with, less itself.
   */
  #referenceScores(windows: readonly CountedWindow[]) {
    const scores: number[][] = this.#all.counts.map(() => []);
    const units: number[] = [];
    for (const { fromMs, partial } of windows) {
      const reference = this.referenceAt(fromMs).partial;
      const rest = this.sameHour.restAt(fromMs, learntHoursMin) ?? difference(reference, partial);
      if (rest.rows === 0 || partial.rows === 0) continue;
      const unit = 1 / rest.rows + 1 / partial.rows;
      units.push(1 / reference.rows + 1 / partial.rows);
      for (const [field, own] of scores.entries())
        own.push(psi(rest.counts[field] ?? [], partial.counts[field] ?? []) / unit);
    }
    const unit = units.sort((a, b) => a - b)[units.length >> 1] ?? 0;
    const cells = this.sameHour.cells(learntHoursMin);
    return scores.map((own, field) => {
      const freedomMax = freedomOf(this.#all.counts[field] ?? []);
      return { scores: own, freedomMax, unit, hours: cells.map((cell) => this.#hourScore(cell, field)) };
    });
  }

  /** How far an hour is from what its windows are compared with, of which it is a part. */
  #hourScore({ fromMs, partial }: CountedWindow, field: number): HourScore {
    const reference = this.referenceAt(fromMs).partial;
    const score = psi(reference.counts[field] ?? [], partial.counts[field] ?? []);
    return { score, unit: Math.max(0, 1 / partial.rows - 1 / reference.rows) };
  }
}

function difference(all: Partial, part: Partial): Partial {
  const counts = all.counts.map((own, field) => own.map((count, cell) => count - (part.counts[field]?.[cell] ?? 0)));
  return { rows: all.rows - part.rows, counts };
}

/** Cells that hold anything, less one; at least 1. */
export function freedomOf(counts: ArrayLike<number>): number {
  let held = 0;
  for (let i = 0; i < counts.length; i++) if ((counts[i] ?? 0) > 0) held++;
  return Math.max(1, held - 1);
}

function finestFirst(season: Season): readonly Season[] {
  if (season === "none") return [];
  return season === "hour-of-week" ? ["hour-of-week", "hour-of-day"] : ["hour-of-day"];
}

/** Hours of UTC; 1970 began on a Thursday, which no key has to know. */
function keyOf(season: Season, fromMs: number): string {
  const hours = Math.floor(fromMs / hourMs);
  const length = season === "hour-of-week" ? 168 : 24;
  return `${season}/${((hours % length) + length) % length}`;
}
