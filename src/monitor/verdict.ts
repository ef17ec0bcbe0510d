import { benjaminiHochberg, ksOfCells, psi, psiParts } from "../stats/index.ts";
import { type Baseline, type CountedWindow, freedomOf, type Season } from "./baseline.ts";
import { nullPoint, nullProbability } from "./null-score.ts";
import type { Partial } from "./partial.ts";

/** Rows of a window below which nothing is said of it. */
export const rowsMin = 500;
/** Rows per cell below which chance is not what its formula says. */
const rowsPerCellMin = 20;

/** What the scores of a window mean. */
export interface Thresholds {
  /** An index below this is of no practical interest, however certain, in nats. */
  readonly practical: number;
  /** Probability of a window that alarms while nothing changes: the smaller of the noise floor's and the budget's. */
  readonly probability: number;
}

/** What one window says of one field. */
export interface Verdict {
  readonly field: string;
  readonly fromMs: number;
  /** `insufficient`: too few rows to say anything, which is neither well nor drift. */
  readonly kind: "ok" | "drift" | "insufficient";
  /** Population stability index, nats; NaN of nothing. */
  readonly score: number;
  /** What the score had to reach: the greater of practical interest and what chance passes with its probability. */
  readonly threshold: number;
  /** What chance passes with its probability. */
  readonly noiseFloor: number;
  /** Of such a score while nothing changes, and that among all fields of the window, by Benjamini and Hochberg. */
  readonly probability: number;
  readonly falseDiscoveryRate: number;
  /** Largest difference of the cumulated shares of the cells; an explanation, not judged. */
  readonly ks: number;
  /** Cells that hold anything in the reference. */
  readonly cells: number;
  /** Rows of the reference, and of the window. */
  readonly n: number;
  readonly m: number;
  readonly season: Season;
  /** Cells that give most of the score, the largest part first. */
  readonly culprits: readonly { readonly cell: number; readonly part: number }[];
}

/** Most cells that a verdict names. */
const culpritsMax = 10;

/** A score that nobody has judged yet. */
export interface Score {
  readonly score: number;
  /** Cells that hold anything in the reference. */
  readonly cells: number;
  /** Whether there are rows enough to say anything. */
  readonly isEnough: boolean;
}

/** The score of one field of a window. */
export function scoreOf(reference: Partial, partial: Partial, field: number): Score {
  const counts = reference.counts[field] ?? [];
  const cells = freedomOf(counts) + 1;
  const isEnough = partial.rows >= Math.max(rowsMin, rowsPerCellMin * cells);
  return { score: psi(counts, partial.counts[field] ?? []), cells, isEnough };
}

/** Judges a closed window: one verdict per field, in the monitor's order. */
export function judge(
  fields: readonly string[],
  baseline: Baseline,
  { fromMs, partial }: CountedWindow,
  { practical, probability: allowed }: Thresholds,
): Verdict[] {
  const { season, partial: reference } = baseline.referenceAt(fromMs);
  const n = reference.rows;
  const m = partial.rows;
  const verdicts = fields.map((field, i): Verdict => {
    const counts = reference.counts[i] ?? [];
    const current = partial.counts[i] ?? [];
    const nullScore = baseline.nullOf(i);
    const { score, cells, isEnough } = scoreOf(reference, partial, i);
    const noiseFloor = nullPoint(nullScore, allowed, n, m);
    const threshold = Math.max(practical, noiseFloor);
    const kind = !isEnough ? "insufficient" : score >= threshold ? "drift" : "ok";
    return {
      field,
      fromMs,
      kind,
      score,
      threshold,
      noiseFloor,
      probability: isEnough ? nullProbability(nullScore, score, n, m) : Number.NaN,
      falseDiscoveryRate: Number.NaN,
      ks: ksOfCells(counts, current),
      cells,
      n,
      m,
      season,
      culprits: kind === "drift" ? culpritsOf(counts, current) : [],
    };
  });
  return withRates(verdicts);
}

function withRates(verdicts: readonly Verdict[]): Verdict[] {
  const judged = verdicts.flatMap(({ kind }, i) => (kind === "insufficient" ? [] : [i]));
  const rates = benjaminiHochberg(judged.map((i) => verdicts[i]?.probability ?? 1));
  const rateOf = new Map(judged.map((i, rank) => [i, rates[rank] ?? 1]));
  return verdicts.map((verdict, i) => ({ ...verdict, falseDiscoveryRate: rateOf.get(i) ?? Number.NaN }));
}

function culpritsOf(reference: ArrayLike<number>, current: ArrayLike<number>) {
  return psiParts(reference, current)
    .map((part, cell) => ({ cell, part }))
    .filter(({ part }) => part > 0)
    .sort((a, b) => b.part - a.part)
    .slice(0, culpritsMax);
}
