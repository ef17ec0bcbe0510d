/**
 * Which cause is right, by the definitions in their order and by nothing of the product: they are worked out on many more
 * rows than a window has, made in the same way. An answer that the chance of one window could turn is none.
 */
import type { Cause, Partial } from "../../src/monitor/index.ts";

/** The first window of an incident with many rows, of the field that is hit. */
export interface ManyRows {
  readonly all: Float64Array;
  readonly rows: number;
  /** Those of a schema first seen at most one window before. */
  readonly recent: { readonly counts: Float64Array; readonly rows: number };
  readonly partitions: readonly { readonly counts: Float64Array; readonly rows: number }[];
  /** Of the stage's input; undefined where the field is not in it. */
  readonly input: Float64Array | undefined;
  /** A plan or a version changes in the window. */
  readonly isDeployed: boolean;
  /** Rows that a window has. */
  readonly windowRows: number;
}

export interface FieldReference {
  readonly all: Float64Array;
  /** Of the same hour of the day. */
  readonly sameHour: Float64Array;
  /** Mean score of a window of the reference against all of it, and the rows of such a window. */
  readonly scoreMean: number;
  readonly windowRows: number;
}

/** A share that is not seen is taken to be one in ten thousand. */
const shareMin = 1e-4;
/** Where a score is that chance passes once in fifty windows, in multiples of its mean: χ² with about 20 degrees. */
const rareTimes = 1.75;
const practical = 0.01;
/** How far from the threshold a score has to be. */
const clearly = { above: 1.5, below: 0.15 };
/** What few partitions, or a new schema, have to give; and so many standard deviations from it. */
const mostShare = 0.8;
const deviations = 1.5;
const fewPartitions = 0.25;
/** A null's cell is the first of any field. */
const nullCell = 0;

function sharesOf(counts: Float64Array): Float64Array {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => Math.max(shareMin, count / rows));
}

/** What these rows give of the score that all rows have, as a stability index is a sum over rows. */
function given(counts: Float64Array, rows: number, all: Float64Array, reference: Float64Array): number {
  const now = sharesOf(all);
  const before = sharesOf(reference);
  const total = all.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count, cell) => {
    const [p = 0, q = 0] = [now[cell], before[cell]];
    return sum + (count / total - (rows / total) * q) * Math.log(p / q);
  }, 0);
}

function scoreOf(counts: Float64Array, reference: Float64Array): number {
  const before = sharesOf(reference);
  return sharesOf(counts).reduce(
    (sum, p, cell) => sum + (p - (before[cell] ?? 0)) * Math.log(p / (before[cell] ?? 0)),
    0,
  );
}

/** @returns undefined when it hangs on chance, or when nothing would be seen */
export function rightCause(seen: ManyRows, reference: FieldReference): Cause | undefined {
  const { all, windowRows } = seen;
  const noise = reference.all.filter((count) => count > 0).length / windowRows;
  const calm = Math.max(practical, rareTimes * noise);
  const usual = Math.max(practical, (rareTimes * reference.scoreMean * reference.windowRows) / windowRows);
  const isAbove = (score: number): boolean | undefined => {
    if (score >= clearly.above * Math.max(calm, usual)) return true;
    return score <= clearly.below * calm ? false : undefined;
  };
  const score = scoreOf(all, reference.all);
  const isMost = (counts: Float64Array, rows: number): boolean | undefined => {
    const part = rows / seen.rows;
    const share = (given(counts, rows, all, reference.all) + part * noise) / (score + noise);
    const deviation = Math.sqrt((1 - part) / (score * windowRows));
    if (share >= mostShare + deviations * deviation) return true;
    return share <= mostShare - deviations * deviation ? false : undefined;
  };
  const without = (counts: Float64Array): Float64Array => counts.filter((_, cell) => cell !== nullCell);
  const few = fewest(seen, reference.all);
  const not = (answer: boolean | undefined): boolean | undefined => (answer === undefined ? undefined : !answer);
  const answers: readonly [Cause, () => boolean | undefined][] = [
    [
      "deployment",
      () => seen.isDeployed && (seen.input === undefined || not(isAbove(scoreOf(seen.input, reference.all)))),
    ],
    ["schema", () => seen.recent.rows > 0 && isMost(seen.recent.counts, seen.recent.rows)],
    ["partition", () => isMost(few.counts, few.rows)],
    ["nulls", () => not(isAbove(scoreOf(without(all), without(reference.all))))],
    ["season", () => not(isAbove(scoreOf(all, reference.sameHour)))],
    ["world", () => true],
  ];
  if (isAbove(score) !== true) return undefined;
  for (const [cause, isRight] of answers) {
    const answer = isRight();
    if (answer !== false) return answer === undefined ? undefined : cause;
  }
  return undefined;
}

/** The quarter of the partitions that gives most. */
function fewest({ all, partitions }: ManyRows, reference: Float64Array): { counts: Float64Array; rows: number } {
  const most = partitions
    .map((own) => ({ ...own, given: given(own.counts, own.rows, all, reference) }))
    .sort((a, b) => b.given - a.given)
    .slice(0, Math.floor(fewPartitions * partitions.length));
  const counts = new Float64Array(all.length);
  for (const own of most) for (const [cell, count] of own.counts.entries()) counts[cell] = (counts[cell] ?? 0) + count;
  return { counts, rows: most.reduce((sum, { rows }) => sum + rows, 0) };
}

/** How much windows of a reference differ from all of it, as far as one field goes. */
export function referenceOf(
  windows: readonly (Partial & { readonly hour: number })[],
  field: number,
  hour: number,
): FieldReference {
  const sum = (parts: readonly Partial[]): Float64Array => {
    const total = new Float64Array(windows[0]?.counts[field]?.length ?? 0);
    for (const { counts } of parts)
      for (const [cell, count] of (counts[field] ?? []).entries()) total[cell] = (total[cell] ?? 0) + count;
    return total;
  };
  const all = sum(windows);
  const scores = windows.map(({ counts }) => scoreOf(counts[field] ?? all, all));
  return {
    all,
    sameHour: sum(windows.filter((window) => window.hour % 24 === hour % 24)),
    scoreMean: scores.reduce((total, score) => total + score, 0) / scores.length,
    windowRows: windows[0]?.rows ?? 0,
  };
}
