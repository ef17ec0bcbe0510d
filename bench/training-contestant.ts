/**
 * One training of one build, in a process of its own: `training-contestant.ts BUILD ROWS`. Everything that is measured
 * comes out of `BUILD/dist`; prints one line of JSON. Needs `--expose-gc`.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { seededRng } from "../src/kernel/index.ts";
import type { TrainingMemory } from "./training.ts";

const partitionCount = 4;
const inputCount = 10;
const startMs = 1_735_689_600_000;
const sampleMs = 20;
const settleMs = 300;
const rowsPerAppend = 2_000;
const seed = 20_260_101;
const bytesMax = 2_000_000_000;
const refuse = (): never => {
  throw new Error("the benchmark compresses nothing");
};
const codecs = { gzip: refuse, snappy: refuse, lz4: refuse, zstd: refuse, deflateGzip: refuse };

async function main(build: string, rowCount: number): Promise<void> {
  const load = (path: string) => import(join(build, "dist", path));
  const [
    { createMemoryBroker },
    schema,
    node,
    { openTrainerThread },
    { loadPlan },
    { readFeatures, readLabels },
    { readTopicRows },
    kernel,
  ] = await Promise.all(
    [
      "adapters/memory/index.js",
      "schema/index.js",
      "adapters/node/index.js",
      "adapters/training-thread/index.js",
      "app/load-topology.js",
      "training/read-rows.js",
      "runtime/index.js",
      "kernel/index.js",
    ].map(load),
  );
  const plan = loadPlan(join(import.meta.dirname, "training.yaml"), {}, undefined);
  const [model] = plan.models;
  const topics = [model.featuresFrom, model.label.topic].map((name) =>
    plan.topics.find((topic: { name: string }) => topic.name === name),
  );
  const broker = createMemoryBroker({
    codecs,
    clock: node.systemClock,
    logger: kernel.silentLogger,
    bytesMax,
    topics: topics.map(({ clusterName }) => ({
      topic: clusterName,
      partitions: partitionCount,
      replication: undefined,
      configs: {},
    })),
  });
  const registry = {
    byId: async (id: number) => ({ id, version: 1, subject: "", text: JSON.stringify(topics[id - 1].schema.json) }),
    latest: refuse,
    lookUp: refuse,
    register: refuse,
  };
  const signal = new AbortController().signal;
  const rng = seededRng(seed);
  for (const [i, topic] of topics.entries()) {
    const encoder = schema.createEncoder(topic.schema);
    for (let done = 0; done < rowCount; ) {
      const batch = [];
      for (; batch.length < rowsPerAppend && done < rowCount; done++) {
        const row: Record<string, unknown> = {
          event_id: `in-${done % partitionCount}-${Math.floor(done / partitionCount)}`,
          card: `c${String(done).padStart(9, "0")}`,
          at: startMs + done * 100,
          is_fraud: rng.below(10) === 0,
        };
        for (let x = 0; x < inputCount; x++) row[`x${x}`] = rng.normal();
        const into = Buffer.alloc(256);
        const value = into.subarray(0, encoder.encode(row, into, schema.writeSchemaId(into, 0, i + 1)));
        const record = { topic: topic.clusterName, partition: done % partitionCount, timestampMs: Number(row["at"]) };
        batch.push({ ...record, key: Buffer.from(String(row["card"])), value });
      }
      await broker.append(batch, signal);
    }
  }
  const trainer = openTrainerThread({ task: model.task, inputs: model.features });
  const source = {
    topics,
    featuresFrom: model.featuresFrom,
    features: model.features,
    rows: (topic: string, reader: unknown, visitor: unknown, stop: AbortSignal) =>
      readTopicRows(broker, registry, topic, reader, visitor, stop),
    progress: () => undefined,
  };
  await settled();
  const idleBytes = process.memoryUsage().rss;
  let peakBytes = idleBytes;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
  }, sampleMs);
  const begun = process.hrtime.bigint();
  await readFeatures(source, model.label.on, trainer, signal);
  await readLabels(source, model.label, trainer, signal);
  const read = process.hrtime.bigint();
  const { model: fitted, split } = await trainer.train(() => undefined, signal);
  const done = process.hrtime.bigint();
  clearInterval(sampling);
  await trainer.close();
  const result: TrainingMemory = {
    rows: split.trainCount + split.validationCount,
    idleBytes,
    peakBytes,
    readMs: Number(read - begun) / 1e6,
    trainMs: Number(done - read) / 1e6,
    intercept: fitted.intercept,
    weights: fitted.weights,
  };
  await new Promise((resolve) => process.stdout.write(`${JSON.stringify(result)}\n`, resolve));
  process.exit(0);
}

/** What was needed to fill the topics is given back before anything is measured. */
async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await delay(settleMs);
  }
}

await main(process.argv[2] ?? "", Number(process.argv[3]));
