/**
 * `npm run bench:training`: the memory that a training on a million rows of ten numbers takes over idle. Build before
 * (`npm run build`). See docs/benchmarks.md.
 *
 *   npm run bench:training -- [--rows N] [--rounds N] [--build FOLDER]
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { repository } from "./run-stage.ts";
import { spreadOf, spreadText } from "./summary.ts";

/** What one training in a process of its own came to. */
export interface TrainingMemory {
  readonly rows: number;
  /** Resident memory with the topics filled and the thread open, and the most that it was from then on. */
  readonly idleBytes: number;
  readonly peakBytes: number;
  readonly readMs: number;
  readonly trainMs: number;
  readonly intercept: number;
  readonly weights: readonly number[];
}

function main(): void {
  const { values } = parseArgs({
    options: {
      rows: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "3" },
      build: { type: "string", default: repository },
    },
  });
  const build = resolve(values.build);
  if (!existsSync(join(build, "dist"))) throw new Error(`${build} is not built: run npm run build there`);
  const contestant = join(import.meta.dirname, "training-contestant.ts");
  const args = ["--expose-gc", "--import", "tsx", contestant, build, values.rows];
  const runs = Array.from({ length: Number(values.rounds) }, () => {
    const text = execFileSync(process.execPath, args, { cwd: repository, encoding: "utf8", timeout: 300_000 });
    return JSON.parse(text.trim().split("\n").at(-1) ?? "") as TrainingMemory;
  });
  const of = (figure: (run: TrainingMemory) => number, digits: number): string =>
    spreadText(spreadOf(runs.map(figure)), digits);
  const lines = [
    `${runs[0]?.rows} labelled rows, ${runs.length} runs`,
    `reading ${of((run) => run.readMs / 1e3, 1)} s, joining, fitting and measuring ${of((run) => run.trainMs / 1e3, 1)} s`,
    `intercept ${runs[0]?.intercept}, weights ${runs[0]?.weights.join(" ")}`,
    "Medians, in brackets the range; resident memory of the process over idle, the memory broker's topics in idle.",
    `peak ${of((run) => (run.peakBytes - run.idleBytes) / 2 ** 20, 0)} MiB`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

if (process.argv[1] === import.meta.filename) main();
