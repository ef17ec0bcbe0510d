import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { type Logger, silentLogger } from "../../../src/kernel/index.ts";
import {
  type Broker,
  BufferBudget,
  createStageRunner,
  type ModelSource,
  type StageRunner,
  type StageRunnerOptions,
} from "../../../src/runtime/index.ts";
import type { RecordSchema, Row } from "../../../src/schema/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import type { PlannedStage } from "../../../src/topology/index.ts";
import { partitionOf } from "../../../src/wire/index.ts";
import { type FaultPlan, type FaultyBroker, faultyBroker } from "../../fakes/faulty-broker.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";
import {
  AutoClock,
  avro,
  FakeRegistry,
  nextTurn,
  noModels,
  orderSchema,
  planOf,
  rowOf,
  totalSchema,
} from "./fixture.ts";

const never = new AbortController().signal;

/** A memory cluster with one stage's topics, and runners of that stage. */
export class Cluster {
  readonly broker: FaultyBroker;
  readonly clock = new AutoClock();
  readonly registry = new FakeRegistry();
  readonly runners: StageRunner[] = [];
  readonly logged: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  readonly stage: PlannedStage;
  readonly #memory: Broker;

  constructor(stage: PlannedStage, plan: FaultPlan = {}, partitions = 2) {
    this.stage = stage;
    const topics = [stage.from.clusterName, stage.to.clusterName, "shop.dead-letters", "shop.accounts"];
    this.#memory = createMemoryBroker({
      codecs: noCodecs,
      // Its only wait is for a member that does not answer; none of these tests has one.
      clock: new FakeClock(1_700_000_000_000),
      logger: silentLogger,
      bytesMax: 100_000_000,
      topics: topics.map((topic) => ({ topic, partitions, replication: undefined, configs: {} })),
    });
    this.broker = faultyBroker(this.#memory, plan);
    const { subject, schema } = stage.to;
    if (subject !== undefined && schema !== undefined) {
      this.registry.schemas.set(9, schema);
      this.registry.latestBySubject.set(subject, 9);
    }
  }

  async run(more: Partial<StageRunnerOptions> = {}, models: ModelSource = noModels): Promise<StageRunner> {
    const runner = createStageRunner({
      plan: planOf([this.stage]),
      stage: this.stage,
      broker: this.broker,
      registry: this.registry,
      models,
      clock: this.clock,
      logger: this.logger,
      budget: new BufferBudget({ bytesMax: 1_000_000, reservedBytesPerTask: 100_000 }),
      yieldToLoop: nextTurn,
      deflateGzip: undefined,
      ...more,
    });
    this.runners.push(runner);
    await runner.start();
    return runner;
  }

  get logger(): Logger {
    const log = (level: string) => (fields: object, message: string) => {
      this.logged.push({ level, message, fields: { ...fields } });
    };
    return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
  }

  messages(level: string): string[] {
    return this.logged.filter((line) => line.level === level).map((line) => line.message);
  }

  /** Sends rows keyed by their customer. */
  async send(rows: readonly Row[], schema: RecordSchema = orderSchema): Promise<void> {
    const topic = this.stage.from.clusterName;
    const { length } = await this.#memory.admin.watermarks(topic, never);
    const records = rows.map((row) => {
      const key = Buffer.from(String(row["customer"]));
      const value = avro(schema, row);
      return {
        topic,
        partition: partitionOf(key, 0, key.length, length),
        timestampMs: 1,
        key,
        value: Buffer.from(value),
      };
    });
    await this.#memory.append(records, never);
  }

  async sendBytes(partition: number, values: readonly (Buffer | null)[]): Promise<void> {
    const topic = this.stage.from.clusterName;
    await this.#memory.append(
      values.map((value) => ({ topic, partition, timestampMs: 1, key: null, value })),
      never,
    );
  }

  /** Lets the group work until everything that is in the input topic is committed. */
  async catchUp(): Promise<void> {
    const ends = await this.#memory.admin.watermarks(this.stage.from.clusterName, never);
    await this.until(async () => {
      const committed = await this.#memory.admin.committed(this.stage.group, this.stage.from.clusterName, never);
      return ends.every(
        ({ partition, end }) => (committed.find((c) => c.partition === partition)?.offset ?? -1) >= end,
      );
    });
  }

  /** Turns of the event loop and ticks until it holds; gives up after far more than any test needs. */
  async until(holds: () => boolean | Promise<boolean>, turnsMax = 5_000): Promise<void> {
    for (let turn = 0; turn < turnsMax; turn++) {
      if (await holds()) return;
      await this.turn();
    }
    throw new Error(`gave up: ${JSON.stringify(this.logged.slice(-5))}`);
  }

  async turn(): Promise<void> {
    await nextTurn();
    this.clock.nowMs += 30;
    for (const runner of this.runners) runner.tick(this.clock.nowMs);
  }

  async records(topic: string): Promise<PlainRecord[]> {
    const records: PlainRecord[] = [];
    for (const { partition, low, end } of await this.#memory.admin.watermarks(topic, never)) {
      if (end === low) continue;
      for await (const batch of this.#memory.read({ topic, partition, from: "earliest", to: end }, never))
        records.push(...plainRecords(batch));
    }
    return records;
  }

  /** The stage's outputs: every different text of a row per event id. */
  async outputs(schema: RecordSchema = totalSchema): Promise<Map<string, Set<string>>> {
    const byId = new Map<string, Set<string>>();
    for (const record of await this.records(this.stage.to.clusterName)) {
      const row = rowOf(schema, record.value);
      const id = String(row["event_id"]);
      byId.set(id, (byId.get(id) ?? new Set()).add(JSON.stringify(row)));
    }
    return byId;
  }

  /** Values by partition, in their order, as text. */
  async values(topic: string): Promise<Map<number, string[]>> {
    const byPartition = new Map<number, string[]>();
    for (const { partition, value } of await this.records(topic))
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), value?.toString("base64") ?? ""]);
    return byPartition;
  }

  async committed(partition: number): Promise<number> {
    const all = await this.#memory.admin.committed(this.stage.group, this.stage.from.clusterName, never);
    return all.find((entry) => entry.partition === partition)?.offset ?? -1;
  }

  async close(): Promise<void> {
    await Promise.all(this.runners.map((runner) => runner.drain()));
    await this.broker.close();
  }
}
