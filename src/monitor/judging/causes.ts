import { psi, psiByGroup } from "../../stats/index.ts";
import { type NullScore, nullPoint } from "../null-score.ts";
import type { Partial } from "../partial.ts";
import type { Cause } from "../records/verdict-record.ts";

/** All that the cause of a field's drift is read from. */
export interface CauseQuestion {
  /** What was deployed as the field began to drift, and what its stage reads did not. */
  readonly isDeployment: boolean;
  /** Counts of the field: of the reference, and of each task in the window. */
  readonly reference: ArrayLike<number>;
  readonly tasks: readonly ArrayLike<number>[];
  /** How many tasks there are, those without rows included. */
  readonly taskCount: number;
  /** Counts of the rows whose writer's schema was first met in this window or the one before, per task and schema. */
  readonly recent: readonly ArrayLike<number>[];
  /** What the same hour has held, of this field. */
  readonly sameHour: ArrayLike<number> | undefined;
  /** What a score of n and m rows has to reach. */
  readonly thresholdOf: (n: number, m: number) => number;
  /** The same of rows against those of the same hour. */
  readonly thresholdOfHour: (n: number, m: number) => number;
}

/** Share of the score that makes those who give it the cause. */
const shareMin = 0.8;
/** Among fewer than four tasks that is none. */
const tasksShareMax = 0.25;
/** Of both kinds of fields. */
const nullCell = 0;

/** The first cause that holds, in the order of precedence of decision 26. */
export function causeOf(question: CauseQuestion): Cause {
  if (question.isDeployment) return "deployment";
  if (isOfSchema(question)) return "schema";
  if (isOfPartition(question)) return "partition";
  if (isOfNulls(question)) return "nulls";
  return isOfSeason(question) ? "season" : "world";
}

/** What a score of n and m rows has to reach, against all of the reference and against the same hour. */
export function thresholdsFor(nullScore: NullScore, practical: number, probability: number) {
  const of =
    (known: NullScore) =>
    (n: number, m: number): number =>
      Math.max(practical, nullPoint(known, probability, n, m));
  return { thresholdOf: of(nullScore), thresholdOfHour: of({ ...nullScore, apart: 0 }) };
}

function isOfSchema({ reference, tasks, recent }: CauseQuestion): boolean {
  if (recent.length === 0) return false;
  const all = sumOf(tasks);
  const ofRecent = sumOf(recent);
  const others = all.map((count, cell) => Math.max(0, count - (ofRecent[cell] ?? 0)));
  const [part = 0, rest = 0] = psiByGroup(reference, [ofRecent, others]);
  return part >= shareMin * (part + rest);
}

function isOfPartition({ reference, tasks, taskCount }: CauseQuestion): boolean {
  const fewMax = Math.floor(taskCount * tasksShareMax);
  const parts = psiByGroup(reference, tasks).sort((a, b) => b - a);
  const total = parts.reduce((sum, part) => sum + part, 0);
  const few = parts.slice(0, fewMax);
  return fewMax > 0 && few.reduce((sum, part) => sum + part, 0) >= shareMin * total;
}

function isOfNulls({ reference, tasks, thresholdOf }: CauseQuestion): boolean {
  const without = sumOf(tasks);
  const before = Float64Array.from(reference);
  without[nullCell] = 0;
  before[nullCell] = 0;
  return isBelow(before, without, thresholdOf);
}

/** Whether the same hour has held such values, whatever else is the cause. */
export function isOfSeason({
  sameHour,
  tasks,
  thresholdOfHour,
}: Pick<CauseQuestion, "sameHour" | "tasks" | "thresholdOfHour">): boolean {
  return sameHour !== undefined && isBelow(sameHour, sumOf(tasks), thresholdOfHour);
}

/** Where one of them holds nothing there is no drift left to explain. */
function isBelow(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  thresholdOf: CauseQuestion["thresholdOf"],
): boolean {
  const score = psi(reference, current);
  return Number.isNaN(score) || score < thresholdOf(rowsOf(reference), rowsOf(current));
}

function sumOf(groups: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(groups[0]?.length ?? 0);
  for (const counts of groups) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (counts[i] ?? 0);
  return sum;
}

function rowsOf(counts: ArrayLike<number>): number {
  let rows = 0;
  for (let i = 0; i < counts.length; i++) rows += counts[i] ?? 0;
  return rows;
}

/** One field of partials. */
export function fieldOf(partials: readonly Partial[], field: number): ArrayLike<number>[] {
  return partials.map(({ counts }) => counts[field] ?? []);
}
