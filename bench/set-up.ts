import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type avro from "avsc";
import kafkajs from "kafkajs";
import { nodeHasher } from "../src/adapters/node/index.ts";
import { applyChanges, compareWithCluster } from "../src/app/apply-plan.ts";
import { openArtefacts, openBroker, openRegistry } from "../src/app/wire.ts";
import { type RecordOut, silentLogger } from "../src/kernel/index.ts";
import { logisticArtefact } from "../src/model/index.ts";
import { writeAlias } from "../src/runtime/control/aliases.ts";
import type { Broker } from "../src/runtime/index.ts";
import { createEncoder, writeSchemaId } from "../src/schema/index.ts";
import { benchPlan, benchStage } from "./bench-plan.ts";
import type { Outputs } from "./compare-outputs.ts";
import { partitionCount, payments } from "./events.ts";
import { benchModel, modelInputs } from "./logistic-weights.ts";
import { schemaTexts } from "./schema-texts.ts";

const seed = 20_260_101;
/** Records per call of `append`: about 500 per partition, and so per batch in the log. */
const appendRecords = 500 * partitionCount;
const framingBytes = 5;
const valueBytesMax = 1_024;

/** Topics, schemas, model and input of one run of the benchmark. */
export class BenchSetUp {
  readonly folder: string;
  readonly plan = benchPlan();
  readonly stage = benchStage(this.plan);
  readonly loopTopic = "loop.predictions";
  /** Mean bytes of an input value. */
  valueBytesMean = 0;
  readonly #bootstrap: string;
  readonly #broker: Broker;
  readonly #source = payments(seed);
  readonly #signal = new AbortController().signal;
  #produced = 0;
  #bytes = 0;

  private constructor(folder: string, bootstrap: string, broker: Broker) {
    this.folder = folder;
    this.#bootstrap = bootstrap;
    this.#broker = broker;
  }

  /** Makes everything but the input. */
  static async make(bootstrap: string): Promise<BenchSetUp> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
    const broker = await openBroker({ tls: undefined, sasl: undefined }, [bootstrap], silentLogger);
    const setUp = new BenchSetUp(folder, bootstrap, broker);
    await setUp.#apply();
    await setUp.#writeModel();
    return setUp;
  }

  /** Ends the client and removes the folder. */
  async remove(): Promise<void> {
    await this.#broker.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Adds payments to the input topic until it holds `total`. */
  async produceUntil(total: number): Promise<void> {
    const { reader, from } = this.stage;
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
        records.push({ topic: from.clusterName, partition, timestampMs, key, value });
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

  async #apply(): Promise<void> {
    const inbox = this.plan.topics.find(({ external }) => external)?.clusterName ?? "inbox";
    const plain = { partitions: partitionCount, replication: 1, configs: {} };
    await this.#broker.admin.createTopics(
      [
        { topic: inbox, ...plain },
        { topic: this.loopTopic, ...plain },
      ],
      this.#signal,
    );
    const registry = await openRegistry(join(this.folder, "registry"), undefined, "write");
    const changes = await compareWithCluster(this.plan, this.#broker, registry, this.#signal);
    await applyChanges(changes, this.#broker, registry, this.#signal);
  }

  async #writeModel(): Promise<void> {
    const files = logisticArtefact(
      {
        signature: { inputs: modelInputs, task: "binary" },
        model: benchModel,
        metrics: null,
        manifest: {
          topology: this.plan.topology,
          planHash: this.plan.hash,
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
    const version = await openArtefacts(join(this.folder, "models")).write(
      model,
      files,
      async () => undefined,
      this.#signal,
    );
    const alias = { model, alias: "champion", version };
    await writeAlias(this.#broker, this.plan.control.clusterName, alias, Date.now(), this.#signal);
  }
}
