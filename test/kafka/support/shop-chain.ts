import { systemClock, yieldToLoop } from "../../../src/adapters/node/index.ts";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { createValueReader } from "../../../src/app/record-values.ts";
import { Worker } from "../../../src/app/worker.ts";
import { type RecordOut, seededRng, silentLogger } from "../../../src/kernel/index.ts";
import { type Broker, BufferBudget, createStageRunner, type StageRunner } from "../../../src/runtime/index.ts";
import { cachedRegistry, type SchemaRegistry } from "../../../src/schema/index.ts";
import { clusterNamesOf, type Plan, type PlannedStage, planTopology } from "../../../src/topology/index.ts";
import { partitionOf } from "../../../src/wire/index.ts";
import { eventually } from "../../support/deadline.ts";
import { nodeHasher } from "../../support/node-hasher.ts";
import { plainRecords } from "../../support/records.ts";

const { signal } = new AbortController();

/** So small that the output of one chunk takes several batches, of which half can be written. */
const outputBytesMax = 3_000;
/** Partitions of the inbox and of `sales`; both are keyed by customer. */
export const partitions = 4;

/**
 * A stage with a `dedupe` and a `rolling` behind an ingest.
 */
const file = `
apiVersion: millrace/v1
kind: Topology
name: shop
delivery: at-least-once
commit: { everyMs: 100, records: 150 }
limits: { recordBytes: 1000 }
topics:
  inbox: { name: "\${SHOP_INBOX}", format: json, external: true }
  sales: { schema: sale, key: customer, time: sold_at, partitions: ${partitions} }
  features: { schema: inferred }
stages:
  - name: ingest
    from: { topic: inbox, format: json }
    to: sales
    steps:
      - cast: { sold_at: timestamp-millis }
  - name: features
    from: sales
    to: features
    steps:
      - dedupe: { by: sale, within: 1h }
      - filter: price >= 0
      - rolling: { by: customer, over: [5min, 1h], features: { n: count(), spent: sum(price), dearest: max(price) } }
`;

const saleSchema = {
  type: "record",
  name: "Sale",
  fields: [
    { name: "event_id", type: "string" },
    { name: "sale", type: "string" },
    { name: "customer", type: "string" },
    { name: "sold_at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "price", type: "double" },
  ],
};

/**
 * Sales of 40 customers, two a second of event time, slightly out of order; one in twelve repeats the id of one
 * before it, one in twenty is taken back.
 *
 * @param from index of the first
 */
export function sales(inbox: string, from: number, to: number): RecordOut[] {
  const rng = seededRng(from);
  return Array.from({ length: to - from }, (_, i) => {
    const index = from + i;
    // A repeat has the customer of what it repeats, so that both lie in one partition.
    const named = rng.below(12) === 0 && index > 40 ? index - 40 : index;
    const customer = Buffer.from(`c${named % 40}`);
    const value = {
      sale: `s${named}`,
      customer: customer.toString(),
      sold_at: new Date(1_750_000_000_000 + index * 500 - rng.below(20_000)).toISOString(),
      price: rng.below(20) === 0 ? -1 : rng.below(10_000) / 100,
    };
    return {
      topic: inbox,
      partition: partitionOf(customer, 0, customer.length, partitions),
      timestampMs: Date.now(),
      key: customer,
      value: Buffer.from(JSON.stringify(value)),
    };
  });
}

/** The rows of the output by event id, as JSON; one id has several rows when copies differ. */
export type RowsById = ReadonlyMap<string, ReadonlySet<string>>;

/** A member of a stage's group that runs until it is stopped. */
export interface Member {
  readonly runner: StageRunner;
  stop(): Promise<void>;
}

/** The topology above in a namespace of its own. */
export class ShopChain {
  readonly plan: Plan;
  readonly #broker: Broker;
  readonly #registry: SchemaRegistry;

  private constructor(plan: Plan, broker: Broker, registry: SchemaRegistry) {
    this.plan = plan;
    this.#broker = broker;
    this.#registry = registry;
  }

  /** @param folder where the registry is kept */
  static async open(broker: Broker, namespace: string, inbox: string, folder: string): Promise<ShopChain> {
    const { plan, problems } = planTopology({
      text: file,
      file: "shop.yaml",
      environment: { SHOP_INBOX: inbox },
      namespace,
      schemas: new Map([["sale", JSON.stringify(saleSchema)]]),
      hasher: nodeHasher,
    });
    if (plan === undefined) throw new Error(JSON.stringify(problems));
    const topic = `${namespace}.features`;
    const configs = { "max.message.bytes": String(outputBytesMax) };
    await broker.admin.createTopics([{ topic, partitions, replication: 1, configs }], signal);
    const registry = cachedRegistry(createFolderRegistry(`${folder}/${namespace}`));
    await applyChanges(await compareWithCluster(plan, broker, registry, signal), broker, registry, signal);
    return new ShopChain(plan, broker, registry);
  }

  stage(name: "ingest" | "features"): PlannedStage {
    return this.plan.stages.find((stage) => stage.name === name)!;
  }

  /** Runs a stage until it has worked off its input, through a broker that may fail by plan. */
  async run(name: "ingest" | "features", broker: Broker = this.#broker): Promise<StageRunner> {
    const runner = this.#runner(name, broker);
    const code = await this.#worker(runner, broker, true).run(new AbortController().signal);
    if (code !== 0) throw new Error(`${name} ended with ${code}`, { cause: runner.haltReason });
    return runner;
  }

  start(name: "ingest" | "features", broker: Broker): Member {
    const runner = this.#runner(name, broker);
    const stopping = new AbortController();
    const ended = this.#worker(runner, broker, false).run(stopping.signal);
    return {
      runner,
      stop: async () => {
        stopping.abort();
        const code = await ended;
        if (code !== 0) throw new Error(`${name} ended with ${code}`, { cause: runner.haltReason });
      },
    };
  }

  /** Waits until a stage's group has committed what its input holds now. */
  workedOff(name: "ingest" | "features", ms: number): Promise<true> {
    const { group, from } = this.stage(name);
    return eventually(ms, `${name} to be done`, async () => {
      const marks = await this.#broker.admin.watermarks(from.clusterName, signal);
      const committed = await this.#broker.admin.committed(group, from.clusterName, signal);
      const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
      return marks.every(({ partition, end }) => offsets.get(partition) === end) || undefined;
    });
  }

  /** What the stage with the stores has put out, and how many records that took. */
  async output(): Promise<{ readonly rows: RowsById; readonly recordCount: number }> {
    const topic = this.stage("features").to.clusterName;
    const reader = createValueReader(this.#registry, signal);
    const rows = new Map<string, Set<string>>();
    let recordCount = 0;
    for (const { partition, end } of await this.#broker.admin.watermarks(topic, signal)) {
      if (end === 0) continue;
      for await (const batch of this.#broker.read({ topic, partition, from: "earliest", to: end }, signal))
        for (const { value } of plainRecords(batch)) {
          const row = (await reader.read(value!)) as Record<string, unknown>;
          const id = String(row["event_id"]);
          rows.set(id, (rows.get(id) ?? new Set()).add(JSON.stringify(row)));
          recordCount++;
        }
    }
    return { rows, recordCount };
  }

  async remove(): Promise<void> {
    const foreign = new Set(this.plan.topics.filter(({ external }) => external).map(({ clusterName }) => clusterName));
    const own = clusterNamesOf(this.plan).filter((topic) => !foreign.has(topic));
    await this.#broker.admin.deleteTopics(own, signal);
    const groups = this.plan.stages.map(({ group }) => group);
    // After a test that failed, members may still be there.
    await this.#broker.admin.deleteGroups(groups, signal).catch(() => undefined);
  }

  #runner(name: "ingest" | "features", broker: Broker): StageRunner {
    return createStageRunner({
      plan: this.plan,
      stage: this.stage(name),
      broker,
      registry: this.#registry,
      models: { load: () => Promise.reject(new Error("there is no model")) },
      clock: systemClock,
      logger: silentLogger,
      budget: new BufferBudget({ bytesMax: 16_000_000, reservedBytesPerTask: 500_000 }),
      yieldToLoop,
      deflateGzip: undefined,
    });
  }

  #worker(runner: StageRunner, broker: Broker, untilCaughtUp: boolean): Worker {
    const stages = [runner];
    const drainTimeoutMs = 20_000;
    return new Worker({ stages, broker, clock: systemClock, logger: silentLogger, drainTimeoutMs, untilCaughtUp });
  }
}
