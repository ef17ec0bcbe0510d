/**
 * One run of one stage of one build, in a process of its own: `wide-contestant.ts BUILD RECORDS STAGE`. Everything that
 * is measured comes out of `BUILD/dist`; prints one line of JSON.
 */
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { CpuWindow } from "./cpu-window.ts";
import { type BenchStage, benchStages } from "./stages.ts";

const partitionCount = 4;
const seed = 20_260_101;
const valueBytesMax = 1_024;
const recordsPerAppend = 2_000;
const bytesMax = 1_500_000_000;
const refuse = (): never => {
  throw new Error("the benchmark compresses nothing");
};
const codecs = { gzip: refuse, snappy: refuse, lz4: refuse, zstd: refuse, deflateGzip: refuse };

async function main(build: string, records: number, what: BenchStage): Promise<void> {
  const load = (path: string) => import(join(build, "dist", path));
  const [
    { createMemoryBroker },
    { createStageRunner, BufferBudget },
    schema,
    { partitionOf },
    node,
    { loadPlan },
    kernel,
  ] = await Promise.all(
    ["adapters/memory", "runtime", "schema", "wire", "adapters/node"]
      .map((folder) => load(`${folder}/index.js`))
      .concat(load("app/load-topology.js"), load("kernel/index.js")),
  );
  const plan = loadPlan(join(import.meta.dirname, what.topology), {}, undefined);
  const stage = plan.stages.find((planned: { name: string }) => planned.name === what.stage);
  // A build from before there were accounts is measured too.
  const kept = [plan.deadLetters, plan.accounts].flatMap((topic) => topic?.clusterName ?? []);
  const topics = [stage.from.clusterName, stage.to.clusterName, ...kept];
  const broker = createMemoryBroker({
    codecs,
    clock: node.systemClock,
    logger: kernel.silentLogger,
    bytesMax,
    topics: topics.map((topic) => ({ topic, partitions: partitionCount, replication: undefined, configs: {} })),
  });
  const signal = new AbortController().signal;
  const encoder = stage.from.schema && schema.createEncoder(stage.from.schema);
  const source = what.rows(seed);
  let bytes = 0;
  for (let done = 0; done < records; ) {
    const batch = [];
    for (; batch.length < recordsPerAppend && done < records; done++) {
      const row = source.next().value;
      const into = Buffer.alloc(valueBytesMax);
      const value = encoder
        ? into.subarray(0, encoder.encode(row, into, schema.writeSchemaId(into, 0, 1)))
        : Buffer.from(JSON.stringify(row));
      const key = Buffer.from(String(row[what.key]));
      bytes += value.length;
      const partition = partitionOf(key, 0, key.length, partitionCount);
      batch.push({
        topic: stage.from.clusterName,
        partition,
        timestampMs: Number(row[what.time]),
        key,
        value: Buffer.from(value),
      });
    }
    await broker.append(batch, signal);
  }
  const registered = [stage.from, stage.to]
    .filter((topic) => topic.schema)
    .map((topic, i) => {
      return { id: i + 1, version: 1, subject: topic.subject, text: JSON.stringify(topic.schema.json) };
    });
  const registry = {
    byId: async (id: number) => registered[id - 1],
    latest: async (subject: string) => registered.find((each) => each.subject === subject),
    lookUp: async (subject: string) => registered.find((each) => each.subject === subject),
    register: refuse,
  };
  const runner = createStageRunner({
    plan,
    stage,
    broker,
    registry,
    models: { load: refuse, peek: () => undefined },
    clock: node.systemClock,
    logger: kernel.silentLogger,
    budget: new BufferBudget({ bytesMax: 128 * 1024 * 1024, reservedBytesPerTask: 512 * 1024 }),
    yieldToLoop: node.yieldToLoop,
    deflateGzip: undefined,
  });
  const loopDelay = monitorEventLoopDelay({ resolution: 5 });
  loopDelay.enable();
  const window = new CpuWindow(records, () => runner.counts().in, what.fillShare);
  await runner.start();
  const ticking = setInterval(() => runner.tick(), 100);
  while (runner.counts().in < records && runner.status !== "halted") await delay(10);
  const { in: read, out } = runner.counts();
  const result = window.result();
  clearInterval(ticking);
  const line = { in: read, out, bytes: bytes / records, window: result, delayMsMax: loopDelay.max / 1e6 };
  await new Promise((resolve) => process.stdout.write(`${JSON.stringify(line)}\n`, resolve));
  process.exit(0);
}

const what = benchStages[process.argv[4] ?? ""];
if (what === undefined) throw new Error(`no stage ${process.argv[4]}: ${Object.keys(benchStages).join(", ")}`);
await main(process.argv[2] ?? "", Number(process.argv[3]), what);
