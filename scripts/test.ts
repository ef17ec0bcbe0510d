/**
 * Runs test lanes and ends with what failed, first lines of each error, and the plain line `N passed, N failed, N skipped`.
 *
 * Skipped tests are named. Under CI=true a skipped test is a failure: CI has what every lane needs.
 * `--project NAME` (repeatable) picks lanes, `--report FILE` keeps counts and failures, other arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { LaneOutcome } from "./lane-reporter.ts";
import { failureLines, type LaneReport } from "./verdict.ts";

const root = join(import.meta.dirname, "..");
const args = process.argv.slice(2);
const reportAt = args.indexOf("--report");
const reportFile = reportAt < 0 ? undefined : args.splice(reportAt, 2)[1];

const folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
const file = join(folder, "outcome.json");
const run = spawnSync(
  process.execPath,
  [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    "--reporter=default",
    `--reporter=${join(import.meta.dirname, "lane-reporter.ts")}`,
    ...args,
  ],
  { cwd: root, stdio: "inherit", env: { ...process.env, MILLRACE_LANE_OUTCOME: file } },
);
const report = reportOf(outcome(), run.signal ?? run.status);
rmSync(folder, { recursive: true, force: true });

if (reportFile !== undefined) {
  mkdirSync(dirname(reportFile), { recursive: true });
  writeFileSync(reportFile, JSON.stringify(report));
}
const { passed, failed, skipped } = report;
process.stdout.write(
  [...failureLines(report.failures), `${passed} passed, ${failed} failed, ${skipped} skipped\n`].join("\n"),
);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function outcome(): LaneOutcome | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as LaneOutcome;
  } catch {
    return undefined;
  }
}

function reportOf(known: LaneOutcome | undefined, end: string | number | null): LaneReport {
  const names = known?.skipped ?? [];
  for (const name of names) process.stdout.write(`SKIPPED ${name}\n`);
  const strict = process.env["CI"] === "true";
  const failures = [
    ...(known?.failures ?? [{ what: `the tests did not run to their end: ${end}`, lines: [] }]),
    ...(strict
      ? names.map((name) => ({ what: `skipped: ${name}`, lines: ["CI=true: a skipped test counts as failed."] }))
      : []),
  ];
  if (failures.length === 0 && known?.passed === 0) failures.push({ what: "no test was run", lines: [] });
  if (failures.length === 0 && end !== 0)
    failures.push({ what: `all tests passed, and vitest ended with ${end}`, lines: [] });
  return { passed: known?.passed ?? 0, failed: failures.length, skipped: strict ? 0 : names.length, failures };
}
