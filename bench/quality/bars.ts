/** What is promised of all rows, and what of it a run misses. */
import type { LearnerName } from "./modes.ts";
import type { ModeResult } from "./result.ts";

interface Bars {
  /** Shares of rows, as results have them. */
  readonly static: number;
  readonly best: number;
  readonly drift: number;
}

/** By what learners of others reach on the same rows by the same protocol. */
const bars: Readonly<Record<LearnerName, Bars>> = {
  logistic: { static: 0.715, best: 0.773, drift: 0.767 },
  mlp: { static: 0.725, best: 0.777, drift: 0.77 },
};
/** As many as a timer of 960 rows makes. */
const retrainingsMax = 42;
const shuffledRetrainingsMax = 2;
/** How far below a mean of timers of 960 rows the loop may be, and a warm start. */
const belowTimersMax = 0.005;

/** Sentences; none where the modes that were run keep what is promised. Means are taken of modes that are there. */
export function missesOf(learner: LearnerName, results: readonly ModeResult[]): readonly string[] {
  const bar = bars[learner];
  const named = (name: string) => results.find(({ mode }) => mode === name);
  const beginning = (stem: string) =>
    results.filter(({ mode }) => mode.startsWith(stem)).map(({ accuracy }) => accuracy);
  const [fixed, drift, mixed] = ["static", "drift", "drift-shuffled"].map(named);
  const phases = beginning("timer-960-");
  const warm = beginning("warm-");
  const floors: (readonly [string, number, number])[] = [];
  if (fixed !== undefined) floors.push(["static", fixed.accuracy, bar.static]);
  if (beginning("timer-480-").length > 0)
    floors.push(["the best mode", Math.max(...results.map(({ accuracy }) => accuracy)), bar.best]);
  if (drift !== undefined) floors.push(["drift", drift.accuracy, bar.drift]);
  if (phases.length > 0) {
    const least = meanOf(phases) - belowTimersMax;
    if (drift !== undefined) floors.push(["drift beside timers of 960 rows", drift.accuracy, least]);
    if (warm.length > 0) floors.push(["the mean of warm starts beside timers of 960 rows", meanOf(warm), least]);
  }
  return [
    ...floors.flatMap(([what, share, least]) =>
      share >= least ? [] : [`${what} has ${percent(share)}, and ${percent(least)} is the least`],
    ),
    ...tooMany(drift, retrainingsMax),
    ...tooMany(mixed, shuffledRetrainingsMax),
  ];
}

function tooMany(result: ModeResult | undefined, most: number): readonly string[] {
  if (result === undefined || result.retrainings <= most) return [];
  return [`${result.mode} retrained ${result.retrainings} times, and ${most} is the most`];
}

function meanOf(shares: readonly number[]): number {
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
