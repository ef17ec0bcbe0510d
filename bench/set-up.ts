import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type avro from "avsc";
import kafkajs from "kafkajs";
import { nodeHasher } from "../src/adapters/node/index.ts";
import { applyChanges, compareWithCluster } from "../src/app/apply-plan.ts";
import { openArtefacts, openBroker, openRegistry } from "../src/app/wire.ts";
import { type RecordOut, silentLogger } from "../src/kernel/index.ts";
import { versionFiles } from "../src/model/index.ts";
import { writeAlias } from "../src/runtime/control/aliases.ts";
import type { Broker } from "../src/runtime/index.ts";
import { createEncoder, writeSchemaId } from "../src/schema/index.ts";
import { clusterNamesOf, type Plan, type PlannedStage, partOf } from "../src/topology/index.ts";
import { benchPlan, benchStage, besideLoop, type ChainVariant } from "./bench-plan.ts";
import type { Outputs } from "./compare-outputs.ts";
import { evenLoad, type PaymentLoad, partitionCount, payments } from "./events.ts";
import { benchModel, modelInputs } from "./logistic-weights.ts";
import { schemaTexts } from "./schema-texts.ts";

const seed = 20_260_101;
/** Records per call of `append`: about 500 per partition, and so per batch in the log. */
const appendRecords = 500 * partitionCount;
const feedStepMs = 5;
const framingBytes = 5;
const valueBytesMax = 1_024;

/** Topics, schemas, model and input of the benchmark, and of each of its runs. */
export class BenchSetUp {
  readonly folder: string;
  /** What runs beside the hand-written loop. */
  readonly stage: PlannedStage;
  readonly loopTopic = "loop.predictions";
  /** Mean bytes of an input value. */
  valueBytesMean = 0;
  readonly #variant: ChainVariant;
  readonly #bootstrap: string;
  readonly #broker: Broker;
  /** Number of the model's version. */
  #version = 0;
  /** The topic that payments are added to. */
  #input: string;
  #source: ReturnType<typeof payments>;
  readonly #load: PaymentLoad;
  readonly #signal = new AbortController().signal;
  #produced = 0;
  #bytes = 0;

  private constructor(folder: string, bootstrap: string, broker: Broker, load: PaymentLoad) {
    this.#load = load;
    this.#source = payments(seed, load);
    this.#variant = { ...besideLoop, partitions: load.partitions };
    this.stage = benchStage(benchPlan(this.#variant));
    this.#input = this.stage.from.clusterName;
    this.folder = folder;
    this.#bootstrap = bootstrap;
    this.#broker = broker;
  }

  /** Makes everything but the input. */
  static async make(bootstrap: string, load: PaymentLoad = evenLoad): Promise<BenchSetUp> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
    const broker = await openBroker({ tls: undefined, sasl: undefined }, [bootstrap], silentLogger);
    const setUp = new BenchSetUp(folder, bootstrap, broker, load);
    await setUp.#createTopic(setUp.loopTopic);
    setUp.#version = await setUp.#writeModel();
    await setUp.open(setUp.#variant);
    return setUp;
  }

  /** Deletes its topics, ends the client and removes the folder. */
  async remove(): Promise<void> {
    await this.close(this.#variant);
    await this.#deleteTopics([this.loopTopic]);
    await this.#broker.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Adds payments to the input topic at a steady rate until it holds `total`. */
  async feedUntil(total: number, perSecond: number): Promise<void> {
    const startMs = performance.now();
    while (this.#produced < total) {
      await delay(feedStepMs);
      await this.produceUntil(Math.min(total, Math.floor(((performance.now() - startMs) * perSecond) / 1_000)));
    }
  }

  /** Adds payments to the input topic until it holds `total`. */
  async produceUntil(total: number): Promise<void> {
    const { reader } = this.stage;
    const encoder = createEncoder(reader);
    const { readerId } = await schemaTexts(this.folder);
    const scratch = Buffer.alloc(valueBytesMax);
    writeSchemaId(scratch, 0, readerId);
    while (this.#produced < total) {
      const records: RecordOut[] = [];
      const timestampMs = Date.now();
      for (; records.length < appendRecords && this.#produced < total; this.#produced++) {
        const { partition, key, payment } = this.#source.next().value;
        const end = encoder.encode({ ...payment }, scratch, framingBytes);
        const value = Buffer.from(scratch.subarray(0, end));
        this.#bytes += end;
        records.push({ topic: this.#input, partition, timestampMs, key, value });
      }
      await this.#broker.append(records, this.#signal);
    }
    this.valueBytesMean = this.#bytes / this.#produced;
  }

  /** Everything that is in an output topic, decoded with avsc. */
  async outputs(topic: string): Promise<Outputs> {
    const { writer } = await schemaTexts(this.folder);
    const watermarks = await this.#broker.admin.watermarks(topic, this.#signal);
    return Promise.all(
      [...watermarks]
        .sort((a, b) => a.partition - b.partition)
        .map(({ partition, low, end }) => this.#readPartition(topic, partition, low, end, writer)),
    );
  }

  /** Records in a topic, over all partitions. */
  async countOf(topic: string): Promise<number> {
    const watermarks = await this.#broker.admin.watermarks(topic, this.#signal);
    return watermarks.reduce((sum, { low, end }) => sum + end - low, 0);
  }

  /** Forgets what a group has committed, so that the next member begins anew. */
  async forgetGroup(group: string): Promise<void> {
    const kafka = new kafkajs.Kafka({
      brokers: [this.#bootstrap],
      clientId: "millrace-bench",
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const admin = kafka.admin();
    await admin.connect();
    try {
      const { groups } = await admin.listGroups();
      if (groups.some(({ groupId }) => groupId === group)) await admin.deleteGroups([group]);
    } finally {
      await admin.disconnect();
    }
  }

  async #readPartition(topic: string, partition: number, low: number, end: number, writer: avro.Type) {
    const records: { key: string; fields: Record<string, unknown> }[] = [];
    if (low === end) return records;
    for await (const batch of this.#broker.read({ topic, partition, from: low, to: end }, this.#signal)) {
      for (let i = 0; i < batch.count; i++) {
        const key = batch.bytes.toString("utf8", batch.keyFrom[i], batch.keyTo[i]);
        const body = batch.bytes.subarray((batch.valueFrom[i] ?? 0) + framingBytes, batch.valueTo[i]);
        records.push({ key, fields: { ...(writer.fromBuffer(body) as object) } });
      }
    }
    return records;
  }

  /**
   * Makes what the stage of a variant needs, in its namespace; the model is in service there. Payments come to its input from
   * now on, and the next is the first again.
   */
  async open(variant: ChainVariant): Promise<void> {
    const plan = stagePlan(variant);
    const registry = await this.#registry();
    const changes = await compareWithCluster(plan, this.#broker, registry, this.#signal);
    await applyChanges(changes, this.#broker, registry, this.#signal);
    const alias = { model: this.stage.infer?.model ?? "", alias: "champion", version: this.#version };
    await writeAlias(this.#broker, plan.control.clusterName, alias, Date.now(), this.#signal);
    this.#input = benchStage(plan, variant.stage).from.clusterName;
    this.#source = payments(seed, this.#load);
    this.#produced = 0;
    this.#bytes = 0;
  }

  /** Deletes the topics that were made for a variant, its input among them. */
  async close(variant: ChainVariant): Promise<void> {
    await this.#deleteTopics(clusterNamesOf(stagePlan(variant)));
  }

  /** Where plans run, for what is written beside them. */
  async surroundings() {
    return { broker: this.#broker, registry: await this.#registry(), signal: this.#signal };
  }

  /** Deletes those of these topics that are there. */
  async #deleteTopics(topics: readonly string[]): Promise<void> {
    const names = [...new Set(topics)];
    const { topics: found } = await this.#broker.admin.describe(names, this.#signal);
    await this.#broker.admin.deleteTopics(
      found.map(({ topic }) => topic),
      this.#signal,
    );
  }

  async #createTopic(topic: string): Promise<void> {
    const plain = { partitions: this.#load.partitions, replication: 1, configs: {} };
    await this.#broker.admin.createTopics([{ topic, ...plain }], this.#signal);
  }

  async #registry() {
    return openRegistry(join(this.folder, "registry"), undefined, "write");
  }

  /** @returns the number of its version */
  async #writeModel(): Promise<number> {
    const { topology, hash } = benchPlan(this.#variant);
    const files = versionFiles(
      {
        learner: "logistic",
        signature: { inputs: modelInputs, task: "binary" },
        model: benchModel,
        metrics: null,
        manifest: {
          topology,
          planHash: hash,
          seed,
          ranges: [],
          schemaIds: [],
          rows: { train: 0, validation: 0, unlabelled: 0, labelledAfterSplit: 0, repeats: 0, repeatsDiffering: 0 },
          labelsAfterBound: 0,
          splitAt: null,
          createdAt: new Date().toISOString(),
          warnings: [],
        },
      },
      nodeHasher,
    );
    const model = this.stage.infer?.model ?? "";
    return openArtefacts(join(this.folder, "models")).write(model, files, async () => undefined, this.#signal);
  }
}

/** As much of the plan as the variant's stage is. */
function stagePlan(variant: ChainVariant): Plan {
  const plan = benchPlan(variant);
  return partOf(plan, [benchStage(plan, variant.stage)]);
}
