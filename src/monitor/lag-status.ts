/** What a group has committed of one partition at one time. */
export interface ObservedCommit {
  readonly atMs: number;
  readonly offset: number;
  /** Records between the offset and the end of the partition at that time. */
  readonly lag: number;
}

/**
 * What a group makes of one partition: `stopped` commits nothing any more, `rewound` has gone back, `stalled` commits the
 * same offset again and again, `growing` falls further behind with every commit.
 */
export type LagStatus = "ok" | "stopped" | "rewound" | "stalled" | "growing";

export interface LagQuestion {
  /** The last commits, oldest first. */
  readonly commits: readonly ObservedCommit[];
  /** Ends of the partition as they were seen lately, the current one among them. */
  readonly ends: readonly number[];
  /** Records not committed now. */
  readonly lag: number;
  readonly nowMs: number;
  /** A lag up to which all is well. */
  readonly lagAllowed: number;
  /** A pause between commits that means nothing yet, however quickly they came before; 0 leaves that to their pace. */
  readonly pauseMs: number;
}

/** Commits below which nothing is said of how the lag goes: two say nothing yet. */
const commitsMin = 5;

/**
 * Judges a partition by its commits, not by a threshold: a large lag that shrinks is well, a small one of a group that
 * has stopped is not.
 *
 * Source: the rules of Burrow's caching evaluator, in its order (`linkedin/Burrow`, `core/internal/evaluator`).
 */
export function lagStatus({ commits, ends, lag, nowMs, lagAllowed, pauseMs }: LagQuestion): LagStatus {
  const first = commits[0];
  const last = commits.at(-1);
  if (lag <= lagAllowed || first === undefined || last === undefined) return "ok";
  const paused = nowMs - last.atMs;
  // Who has reached an end that was seen lately is idle rather than dead.
  const isBehind = ends.every((end) => last.offset < end);
  if (isBehind && paused > Math.max(pauseMs, last.atMs - first.atMs)) return "stopped";
  if (isRewound(commits)) return "rewound";
  if (commits.length < commitsMin || commits.some((commit) => commit.lag <= lagAllowed)) return "ok";
  if (first.offset === last.offset) return "stalled";
  return isGrowing(commits) ? "growing" : "ok";
}

/** Whether an offset went back, and where it had been was not reached again. */
function isRewound(commits: readonly ObservedCommit[]): boolean {
  let highest = Number.NEGATIVE_INFINITY;
  for (const { offset } of commits) highest = Math.max(highest, offset);
  return (commits.at(-1)?.offset ?? 0) < highest;
}

/** Whether no commit left a smaller lag than the one before. */
function isGrowing(commits: readonly ObservedCommit[]): boolean {
  return commits.every(({ lag }, i) => lag >= (commits[i - 1]?.lag ?? 0));
}

/** Commits and ends that are kept of a partition. */
const heldMax = 10;

/** The last commits of one partition, as somebody sees them who looks now and then. */
export class CommitHistory {
  #commits: readonly ObservedCommit[] = [];
  #ends: readonly number[] = [];

  /** @param committed next offset, or where reading would begin when nothing is committed */
  add(nowMs: number, committed: number, end: number): void {
    this.#ends = [...this.#ends, end].slice(-heldMax);
    const lag = Math.max(0, end - committed);
    // Commits of the same offset cannot be seen by their offset: a pause, which `stopped` tells.
    if (this.#commits.at(-1)?.offset === committed) return;
    this.#commits = [...this.#commits, { atMs: nowMs, offset: committed, lag }].slice(-heldMax);
  }

  status(nowMs: number, lagAllowed: number, pauseMs: number): LagStatus {
    const offset = this.#commits.at(-1)?.offset ?? 0;
    const lag = Math.max(0, (this.#ends.at(-1) ?? 0) - offset);
    return lagStatus({ commits: this.#commits, ends: this.#ends, lag, nowMs, lagAllowed, pauseMs });
  }
}
