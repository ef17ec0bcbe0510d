/**
 * `npm run bench:quality`: how fresh a model stays on a market that never rests, through a real Kafka. See
 * docs/benchmarks.md.
 *
 *   npm run bench:quality -- [--model logistic|mlp] [--rows N] [--modes NAME,NAME...] [--memory]
 *
 * `--memory` takes the broker in the process instead, for a look at what a change does.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KafkaNode } from "../test/kafka/harness/node.ts";
import { missesOf } from "./quality/bars.ts";
import { chosenModes, type LearnerName } from "./quality/modes.ts";
import { type PassOptions, runPass } from "./quality/pass.ts";
import { electricityFile, firstOf, firstRows, readElectricity, shuffled } from "./quality/readings.ts";
import { lineOf, type ModeResult, repeatAccuracy } from "./quality/result.ts";

/** Of the order in which nothing drifts. */
const shuffleSeed = 0;

const learners: readonly LearnerName[] = ["logistic", "mlp"];

async function main(): Promise<void> {
  const options = {
    model: { type: "string" },
    rows: { type: "string" },
    modes: { type: "string" },
    memory: { type: "boolean", default: false },
  } as const;
  const { values } = parseArgs({ options });
  const chosen = learners.filter((learner) => values.model === undefined || learner === values.model);
  if (chosen.length === 0) throw new Error(`--model: ${values.model} is none of ${learners.join(", ")}`);
  const rows = Number(values.rows ?? Number.POSITIVE_INFINITY);
  if (!(rows > firstRows))
    throw new Error(`--rows: more than ${firstRows} are needed, which the first model learns from`);
  const modesOf = new Map(chosen.map((learner) => [learner, chosenModes(learner, values.modes?.split(","))]));
  const file = electricityFile(process.env);
  if (file === undefined) {
    process.stdout.write(
      "skipped: no electricity data; name its file with MILLRACE_ELEC2\n0 passed, 0 failed, 1 skipped\n",
    );
    return;
  }
  const readings = firstOf(readElectricity(file), rows);
  const repeat = { model: "none", mode: "repeat", accuracy: repeatAccuracy(readings) };
  say(lineOf({ ...repeat, retrainings: 0, promoted: 0, cpuSeconds: 0 }));
  const folder = await mkdtemp(join(tmpdir(), "millrace-quality-"));
  const broker = values.memory ? undefined : await KafkaNode.start({ isOptimised: true });
  try {
    for (const [learner, modes] of modesOf) {
      const results = await resultsOf({ learner, modes, readings, bootstrap: broker?.bootstrap, folder });
      // What is promised is promised of all rows.
      const misses = values.rows === undefined ? missesOf(learner, results) : [];
      for (const miss of misses) process.stderr.write(`${learner}: ${miss}\n`);
      if (misses.length > 0) process.exitCode = 1;
    }
  } finally {
    await broker?.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of the rows in their order, then of the same rows shuffled; each said when its pass is over. */
async function resultsOf({
  modes,
  readings,
  folder,
  ...options
}: Omit<PassOptions, "namespace" | "say">): Promise<readonly ModeResult[]> {
  const results: ModeResult[] = [];
  for (const isShuffled of [false, true]) {
    const passed = modes.filter((mode) => mode.isShuffled === isShuffled);
    if (passed.length === 0) continue;
    const namespace = isShuffled ? `${options.learner}-shuffled` : options.learner;
    const found = await runPass({
      ...options,
      namespace,
      folder: join(folder, namespace),
      modes: passed,
      readings: isShuffled ? shuffled(readings, shuffleSeed) : readings,
      say: (text) => void process.stderr.write(text),
    });
    for (const result of found) say(lineOf(result));
    results.push(...found);
  }
  return results;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
