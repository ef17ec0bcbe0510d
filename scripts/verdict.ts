/**
 * What CI says last: how long each step took, what failed with the first lines of its error, and the sum of all lanes.
 *
 *     tsx scripts/verdict.ts FOLDER STEP...
 *
 * FOLDER holds `steps`, a line `NAME STATUS SECONDS` for each step in order; beside it a lane's report `NAME.json`
 * (`scripts/test.ts --report`, the same of `test/faults/main.ts`), and of every step what it printed, `NAME.log`. A step
 * without a report that ended with another status than 0 counts as one failure, and so does one of the named steps that
 * left no line. Everything fits in the last hundred lines, which may be all that is kept.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LaneFailure } from "./lane-reporter.ts";

export interface LaneReport {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly LaneFailure[];
  /** What it has to say of itself, also when all is well. */
  readonly says?: readonly string[];
}

const linesMax = 80;
const logLines = 25;
const nothing: LaneReport = { passed: 0, failed: 0, skipped: 0, failures: [] };
const neverEnded: LaneFailure = { what: "it left no word of its end", lines: [] };

/** The failures with their first lines; with names alone from where the lines would be more than are kept. */
export function failureLines(failures: readonly LaneFailure[]): string[] {
  const lines: string[] = [];
  for (const [i, { what, lines: said }] of failures.entries()) {
    const left = failures.length - i;
    if (lines.length >= linesMax - 1 && left > 1) return [...lines, `FAILED and ${left} more`];
    lines.push(`FAILED ${what}`);
    if (lines.length + said.length + left - 1 <= linesMax) lines.push(...said.map((line) => `       ${line}`));
  }
  return lines;
}

/** The lines of the verdict on a folder; the last one is the sum. */
export function verdict(
  folder: string,
  expected: readonly string[] = [],
): { readonly lines: readonly string[]; readonly ok: boolean } {
  const steps = readFileSync(join(folder, "steps"), "utf8").trim().split("\n");
  const reports = steps.map((step) => {
    const [name = "", status = "", seconds = ""] = step.split(" ");
    return { name, status, seconds, report: reportOf(folder, name, status) };
  });
  for (const name of expected.filter((step) => reports.every((report) => report.name !== step)))
    reports.push({ name, status: "", seconds: "?", report: { ...nothing, failed: 1, failures: [neverEnded] } });
  const sum = (of: "passed" | "failed" | "skipped"): number =>
    reports.reduce((total, { report }) => total + report[of], 0);
  const failures = reports.flatMap(({ name, report }) =>
    report.failures.map(({ what, lines }) => ({ what: `${name}: ${what}`, lines })),
  );
  return {
    lines: [
      reports.map(({ name, seconds }) => `${name} ${seconds} s`).join(", "),
      ...reports.flatMap(({ name, report }) => (report.says ?? []).map((line) => `${name}: ${line}`)),
      ...failureLines(failures),
      `${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`,
    ],
    ok: sum("failed") === 0 && sum("passed") > 0,
  };
}

function reportOf(folder: string, name: string, status: string): LaneReport {
  const file = join(folder, `${name}.json`);
  const report = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as LaneReport) : undefined;
  if (status === "0" || (report?.failed ?? 0) > 0) return report ?? nothing;
  const log = readFileSync(join(folder, `${name}.log`), "utf8")
    .trimEnd()
    .split("\n");
  return {
    ...(report ?? nothing),
    failed: 1,
    failures: [{ what: `ended with ${status}`, lines: log.slice(-logLines) }],
  };
}

if (process.argv[1] === import.meta.filename) {
  const { lines, ok } = verdict(String(process.argv[2]), process.argv.slice(3));
  process.stdout.write(`${lines.join("\n")}\n`);
  process.exitCode = ok ? 0 : 1;
}
