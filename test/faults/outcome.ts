import type { LaneReport } from "../../scripts/verdict.ts";
import type { FaultRun } from "./asked.ts";
import type { Verdict } from "./compare-rows.ts";
import type { DisturbanceKind } from "./disturbances.ts";

/** Fewer have not met what a kill does. */
export const recordsPerKillMin = 500;

/** How a run went. */
export interface Outcome {
  readonly verdict: Verdict;
  /** Disturbances that happened, and how many did not. */
  readonly done: ReadonlyMap<DisturbanceKind, number>;
  readonly missed: number;
  /** What is wrong with the accounts, a line each. */
  readonly accounts: readonly string[];
  /** What workers said that ended without having been told to. */
  readonly deaths: readonly string[];
}

export function countOf(done: Outcome["done"], ...kinds: readonly DisturbanceKind[]): number {
  return kinds.reduce((sum, kind) => sum + (done.get(kind) ?? 0), 0);
}

/** `mode M records N lost N duplicates N kills N in-commit N moves N freezes N`. */
export function lastLine({ delivery }: FaultRun, { verdict, done }: Outcome): string {
  const { records, lost, duplicates } = verdict;
  const count = (...kinds: DisturbanceKind[]): number => countOf(done, ...kinds);
  return [
    `mode ${delivery} records ${records} lost ${lost} duplicates ${duplicates}`,
    `kills ${count("kill", "kill-in-commit")} in-commit ${count("kill-in-commit")}`,
    `moves ${count("move")} freezes ${count("freeze", "broker-freeze")}`,
  ].join(" ");
}

/** Why a run is not passed, a line each; none when it is. */
export function shortcomings({ delivery, kills }: FaultRun, { verdict, missed, accounts, deaths }: Outcome): string[] {
  const { records, lost, duplicates, wrong, found, copies } = verdict;
  return [
    ...(lost > 0 ? [`${lost} records are lost`] : []),
    ...(duplicates > 0 && delivery === "exactly-once" ? [`${duplicates} records are there more than once`] : []),
    ...(wrong > 0 ? [`${wrong} rows are not what their input makes them`] : []),
    ...(delivery === "exactly-once" ? copies : []),
    ...found,
    ...accounts,
    ...deaths,
    ...(missed > 0 ? [`${missed} disturbances did not happen`] : []),
    ...(records < recordsPerKillMin * kills ? [`only ${records} records for ${kills} kills`] : []),
  ];
}

export interface JudgedRun {
  readonly line: string;
  /** See {@link shortcomings}. */
  readonly reasons: readonly string[];
}

/** Of several runs, as CI sums up lanes: each is a test. */
export function laneReport(runs: readonly JudgedRun[]): LaneReport {
  const failures = runs
    .filter(({ reasons }) => reasons.length > 0)
    .map(({ line, reasons }) => ({ what: line, lines: reasons }));
  return {
    passed: runs.length - failures.length,
    failed: failures.length,
    skipped: 0,
    failures,
    says: runs.map(({ line }) => line),
  };
}
