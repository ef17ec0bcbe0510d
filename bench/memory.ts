/**
 * `npm run bench:memory`: whether what a process holds grows while it runs. See docs/benchmarks.md.
 *
 *   npm run bench:memory -- [--minutes N] [--warm-up MINUTES] [--rate N] [--delivery exactly-once] [--every MS]
 */
import { parseArgs } from "node:util";
import { KafkaNode } from "../test/kafka/harness/node.ts";
import { compileContestants } from "./run-contestant.ts";
import { type MemorySample, ScaleRun } from "./scale-run.ts";
import { slopeOf } from "./summary.ts";

const sampleSeconds = 10;
const shape = { name: "memory", stages: 4, partitions: 4 } as const;
const bytesPerMb = 1e6;
const secondsPerHour = 3_600;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "30" },
      "warm-up": { type: "string", default: "3" },
      rate: { type: "string", default: "2000" },
      delivery: { type: "string", default: "exactly-once" },
      every: { type: "string", default: "100" },
    },
  });
  const { delivery } = values;
  if (delivery !== "exactly-once" && delivery !== "at-least-once")
    throw new Error(`--delivery: exactly-once or at-least-once, not ${delivery}`);
  const [minutes, warmUp, perSecond, everyMs] = [values.minutes, values["warm-up"], values.rate, values.every].map(
    Number,
  ) as [number, number, number, number];
  if (!(minutes > warmUp && warmUp > 0 && perSecond > 0 && everyMs > 0))
    throw new Error("--minutes above --warm-up, and --warm-up, --rate and --every above 0 are needed");
  await compileContestants();
  const broker = await KafkaNode.start({ isOptimised: true });
  try {
    const run = await ScaleRun.make(broker.bootstrap, { ...shape, delivery, everyMs });
    const samples: MemorySample[] = [];
    for await (const sample of run.watch(perSecond, sampleSeconds, minutes * 60)) {
      samples.push(sample);
      const { seconds, rssBytes, heapBytes, handles } = sample;
      process.stderr.write(`${seconds} s: RSS ${mb(rssBytes)} MB, heap ${mb(heapBytes)} MB, ${handles} handles\n`);
    }
    await run.remove();
    process.stdout.write(`${report(samples.filter(({ seconds }) => seconds > warmUp * 60))}\n`);
  } finally {
    await broker.remove();
  }
}

function report(samples: readonly MemorySample[]): string {
  const slope = (of: (sample: MemorySample) => number): string =>
    mb(slopeOf(samples.map((sample) => [sample.seconds, of(sample)])) * secondsPerHour);
  const handles = samples.map((sample) => sample.handles);
  const rss = samples.map(({ rssBytes }) => rssBytes);
  return [
    "",
    `${samples.length} samples after the warm-up; RSS ${mb(Math.min(...rss))} to ${mb(Math.max(...rss))} MB, handles ${Math.min(...handles)} to ${Math.max(...handles)}.`,
    "Heap: what is left after a collection, which each sample makes. Broker and feeder are processes of their own.",
    `slope, MB per hour: RSS ${slope(({ rssBytes }) => rssBytes)}, heap ${slope(({ heapBytes }) => heapBytes)}`,
  ].join("\n");
}

function mb(bytes: number): string {
  return (bytes / bytesPerMb).toFixed(1);
}

await main();
