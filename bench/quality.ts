/**
 * `npm run bench:quality`: how fresh a model stays on a market that never rests, through a real Kafka. See
 * docs/benchmarks.md.
 *
 *   npm run bench:quality -- [--model logistic|mlp] [--rows N]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KafkaNode } from "../test/kafka/harness/node.ts";
import type { LearnerName } from "./quality/modes.ts";
import { runPass } from "./quality/pass.ts";
import { electricityFile, firstOf, firstRows, readElectricity } from "./quality/readings.ts";
import { lineOf, repeatAccuracy } from "./quality/result.ts";

const learners: readonly LearnerName[] = ["logistic", "mlp"];

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { model: { type: "string" }, rows: { type: "string" } } });
  const chosen = learners.filter((learner) => values.model === undefined || learner === values.model);
  if (chosen.length === 0) throw new Error(`--model: ${values.model} is none of ${learners.join(", ")}`);
  const rows = Number(values.rows ?? Number.POSITIVE_INFINITY);
  if (!(rows > firstRows))
    throw new Error(`--rows: more than ${firstRows} are needed, which the first model learns from`);
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
  const broker = await KafkaNode.start({ isOptimised: true });
  try {
    for (const learner of chosen) {
      const { bootstrap } = broker;
      const tell = (text: string): void => void process.stderr.write(text);
      const results = await runPass({ bootstrap, folder: join(folder, learner), learner, readings, say: tell });
      for (const result of results) say(lineOf(result));
    }
  } finally {
    await broker.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
