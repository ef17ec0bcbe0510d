/**
 * Runs `npm run demo` as a user does, on the broker in the process, and holds its last lines against what they have to
 * be: counts to the unit, AUCs to within half a hundredth. CI runs it; it ends with 1 and says what differs.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Departures and landings that the file holds for the demo's five airports, with its five broken events. */
const totals = "events 582845 predictions 95673 dead-letters 5";
/**
 * A logistic regression on the same columns of the same flights, fitted to January and measured on February with
 * scikit-learn: 0.587 by the calendar, 0.731 with means, late shares and counts of what landed.
 */
const aucs = { calendar: 0.587, keyed: 0.731 } as const;
/** As printed, to a thousandth. */
const aucTolerance = 0.005;

/** What differs in the last four lines of what the demo printed; none when it is as it has to be. */
export function faultsOfDemo(printed: string): readonly string[] {
  const [counts = "", calendar = "", keyed = "", seconds = ""] = printed.trimEnd().split("\n").slice(-4);
  return [
    ...(counts === totals ? [] : [`${JSON.stringify(totals)} was to come, ${JSON.stringify(counts)} came`]),
    ...faultsOfAuc("calendar", calendar),
    ...faultsOfAuc("keyed", keyed),
    ...(/^seconds \d+$/.test(seconds) ? [] : [`"seconds N" was to come last, ${JSON.stringify(seconds)} came`]),
  ];
}

function faultsOfAuc(model: keyof typeof aucs, line: string): readonly string[] {
  const auc = Number(/^auc (\w+) (\d\.\d{3})$/.exec(line)?.[2]);
  const isNear = Math.round(1_000 * Math.abs(auc - aucs[model])) <= 1_000 * aucTolerance;
  if (line.startsWith(`auc ${model} `) && isNear) return [];
  return [`"auc ${model} ${aucs[model]}", give or take ${aucTolerance}, was to come, ${JSON.stringify(line)} came`];
}

function main(): number {
  const out = mkdtempSync(join(tmpdir(), "millrace-demo-"));
  try {
    const { status, signal, stdout } = spawnSync("npm", ["run", "--silent", "demo", "--", "--out", out], {
      cwd: join(import.meta.dirname, ".."),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    process.stdout.write(stdout);
    const faults = status === 0 ? faultsOfDemo(stdout) : [`it ended with ${status ?? signal}`];
    process.stdout.write(faults.map((fault) => `the demo: ${fault}\n`).join(""));
    return faults.length === 0 ? 0 : 1;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) process.exitCode = main();
