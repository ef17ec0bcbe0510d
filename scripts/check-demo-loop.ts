/**
 * Runs `npm run demo:loop` as a user does, with the drift and without it, and holds the last lines against what they have
 * to be. CI runs it; it ends with 1 and says what differs.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Arrivals and departures of the file before 9 February that concern the demo's airport. */
const injectedAt = 104_398;
/** By how much the new version has to be better on what came after it. */
const gainMin = 0.2;

/** What differs in what the demo with the drift printed last; none when it is as it has to be. */
export function faultsOfLoop(printed: string): readonly string[] {
  const [injected = "", incident = "", version = "", compared = "", seconds = ""] = printed
    .trimEnd()
    .split("\n")
    .slice(-5);
  const expected = `drift injected at ${injectedAt}`;
  const opened = /^incident \S+ cause (\w+) opened (\d+) closed (\d+|-)$/.exec(incident);
  const auc = /^auc old (\d\.\d{3}) new (\d\.\d{3}) rows (\d+)$/.exec(compared);
  return [
    ...(injected === expected ? [] : [`${JSON.stringify(expected)} was to come, ${JSON.stringify(injected)} came`]),
    ...(opened?.[1] === "world" ? [] : [`an incident of cause world was to come, ${JSON.stringify(incident)} came`]),
    ...(opened !== null && Number(opened[3]) > Number(opened[2])
      ? []
      : ["the incident was not closed after it was opened"]),
    ...(/^version 1 -> 2 at \d+$/.test(version) ? [] : [`one promotion was to come, ${JSON.stringify(version)} came`]),
    ...(auc !== null && Number(auc[2]) - Number(auc[1]) >= gainMin && Number(auc[3]) > 0
      ? []
      : [`the new version was to be better by ${gainMin}, ${JSON.stringify(compared)} came`]),
    ...(/^seconds \d+$/.test(seconds) ? [] : [`"seconds N" was to come last, ${JSON.stringify(seconds)} came`]),
  ];
}

/** What differs without the drift. */
export function faultsOfRest(printed: string): readonly string[] {
  const expected = "incidents 0 promotions 0";
  const last = printed.trimEnd().split("\n").at(-1);
  return last === expected ? [] : [`${JSON.stringify(expected)} was to come last, ${JSON.stringify(last)} came`];
}

function printedBy(flags: readonly string[]): string {
  const out = mkdtempSync(join(tmpdir(), "millrace-loop-"));
  try {
    const { status, signal, stdout } = spawnSync(
      "npm",
      ["run", "--silent", "demo:loop", "--", "--out", out, ...flags],
      {
        cwd: join(import.meta.dirname, ".."),
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    process.stdout.write(stdout);
    return status === 0 ? stdout : `it ended with ${status ?? signal}`;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function main(): number {
  const faults = [...faultsOfLoop(printedBy([])), ...faultsOfRest(printedBy(["--no-drift"]))];
  process.stdout.write(faults.map((fault) => `the loop's demo: ${fault}\n`).join(""));
  return faults.length === 0 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) process.exitCode = main();
