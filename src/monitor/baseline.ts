import { psi } from "../stats/index.ts";
import { learnNulls, type NullScore } from "./null-score.ts";
import { merged, type Partial } from "./partial.ts";

/** Which hours have a reference of their own. */
export type Season = "none" | "hour-of-day" | "hour-of-week";

/** Windows that a cell of the season needs before it is a reference. */
const seasonWindowsMin = 4;
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

  /** @param windows of the reference, at least one, over the cells in which later ones are counted */
  constructor(windows: readonly CountedWindow[], season: Season) {
    this.#season = season;
    this.#windows = windows;
    this.#all = merged(windows.map(({ partial }) => partial));
    if (season !== "none") this.#divide(windows);
    this.nulls = learnNulls(this.#referenceScores(windows));
  }

  /** Rows of the whole reference. */
  get rows(): number {
    return this.#all.rows;
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

  /** Each window of the reference against what it would be compared with, less itself. */
  #referenceScores(windows: readonly CountedWindow[]) {
    const scores: number[][] = this.#all.counts.map(() => []);
    const rests = this.#all.counts.map(({ length }) => new Float64Array(length));
    for (const { fromMs, partial } of windows) {
      const reference = this.referenceAt(fromMs).partial;
      const rows = reference.rows - partial.rows;
      if (rows === 0 || partial.rows === 0) continue;
      const unit = 1 / rows + 1 / partial.rows;
      for (const [field, rest] of rests.entries()) {
        const own = partial.counts[field] ?? [];
        fillDifference(rest, reference.counts[field] ?? [], own);
        scores[field]?.push(psi(rest, own) / unit);
      }
    }
    return scores.map((own, field) => ({ scores: own, freedomMax: freedomOf(this.#all.counts[field] ?? []) }));
  }
}

function fillDifference(into: Float64Array, all: ArrayLike<number>, part: ArrayLike<number>): void {
  for (let i = 0; i < into.length; i++) into[i] = (all[i] ?? 0) - (part[i] ?? 0);
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
