/**
 * Runs test lanes and ends with the plain line `N passed, N failed, N skipped`.
 *
 * Skipped tests are named. Under CI=true a skipped test is a failure: CI has what every lane needs.
 * `--project NAME` (repeatable) picks lanes, `--report FILE` keeps the counts, other arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const root = join(import.meta.dirname, "..");
const args = process.argv.slice(2);
const reportAt = args.indexOf("--report");
const reportFile = reportAt < 0 ? undefined : args.splice(reportAt, 2)[1];

const folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
const output = join(folder, "report.json");
const run = spawnSync(
  process.execPath,
  [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${output}`,
    ...args,
  ],
  { cwd: root, stdio: "inherit" },
);
let report: VitestReport | undefined;
try {
  report = JSON.parse(readFileSync(output, "utf8")) as VitestReport;
} catch {
  process.stdout.write("The tests did not run to their end.\n");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const unsettled = (report?.testResults ?? []).flatMap((file) =>
  file.assertionResults.filter((test) => !["passed", "failed"].includes(test.status)).map((test) => test.fullName),
);
for (const name of unsettled) process.stdout.write(`SKIPPED ${name}\n`);
const strict = process.env["CI"] === "true" && unsettled.length > 0;
if (strict) process.stdout.write("CI=true: a skipped test counts as failed.\n");
const passed = report?.numPassedTests ?? 0;
const failed = Math.max(report?.numFailedTests ?? 1, run.status === 0 ? 0 : 1) + (strict ? unsettled.length : 0);
const skipped = strict ? 0 : unsettled.length;
if (reportFile !== undefined) {
  mkdirSync(dirname(reportFile), { recursive: true });
  writeFileSync(reportFile, JSON.stringify({ passed, failed, skipped }));
}
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
