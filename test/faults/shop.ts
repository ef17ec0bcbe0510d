import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFolderRegistry } from "../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../src/app/apply-plan.ts";
import { loadPlan } from "../../src/app/load-topology.ts";
import type { RecordOut, Rng } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { clusterNamesOf, type Plan } from "../../src/topology/index.ts";
import { partitionOf } from "../../src/wire/index.ts";
import type { StageProgress } from "./progress.ts";

export const deliveries = ["exactly-once", "at-least-once"] as const;
export type Delivery = (typeof deliveries)[number];

const { signal } = new AbortController();
/** Of every topic that events pass through; all are keyed by customer, so that a partition keeps its number. */
const partitions = 6;
const customers = 400;
const firstMs = Date.UTC(2026, 0, 1);
/** Event time between two sales: an hour's window is left behind during a run. */
const everyMs = 500;

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

const topology = (delivery: Delivery, namespace: string, inbox: string): string => `apiVersion: millrace/v1
kind: Topology
name: shop
namespace: ${namespace}
delivery: ${delivery}
commit: { everyMs: 50, records: 500 }
topics:
  inbox: { name: ${inbox}, format: json, external: true }
  sales: { schema: sale, key: customer, time: sold_at, partitions: ${partitions}, replication: 3 }
  features: { schema: inferred, replication: 3 }
  reports: { schema: inferred, format: json, replication: 3 }
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
  - name: report
    from: features
    to: reports
    steps:
      - filter: n_1h >= 0
`;

/** The topology that the faults are made for: an ingest, a stage with two stores, and one that hands on. */
export class Shop {
  readonly plan: Plan;
  readonly file: string;
  /** The same with at-least-once delivery, for versions that have nothing else. */
  readonly olderFile: string;
  readonly registry: string;
  readonly inbox: string;
  readonly #broker: Broker;
  readonly #folder: string;
  #sent = 0;

  private constructor(folder: string, inbox: string, broker: Broker) {
    this.#folder = folder;
    this.#broker = broker;
    this.inbox = inbox;
    this.file = join(folder, "topologies/shop.yaml");
    this.registry = join(folder, "registry");
    this.olderFile = join(folder, "topologies/older-shop.yaml");
    this.plan = loadPlan(this.file, {}, undefined);
  }

  /** The files of a shop and its inbox, in a namespace of its own. */
  static async prepare(broker: Broker, delivery: Delivery, namespace: string): Promise<Shop> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-faults-"));
    const inbox = `${namespace}.inbox`;
    await mkdir(join(folder, "schemas"));
    await mkdir(join(folder, "topologies"));
    await writeFile(join(folder, "schemas/sale.avsc"), JSON.stringify(saleSchema));
    await writeFile(join(folder, "topologies/shop.yaml"), topology(delivery, namespace, inbox));
    await writeFile(join(folder, "topologies/older-shop.yaml"), topology("at-least-once", namespace, inbox));
    await broker.admin.createTopics([{ topic: inbox, partitions, replication: 3, configs: {} }], signal);
    return new Shop(folder, inbox, broker);
  }

  /** Makes topics and schemas. */
  async apply(): Promise<void> {
    const registry = createFolderRegistry(this.registry);
    const changes = await compareWithCluster(this.plan, this.#broker, registry, signal);
    await applyChanges(changes, this.#broker, registry, signal);
  }

  /** What `apply` has made. */
  get ownTopics(): readonly string[] {
    return clusterNamesOf(this.plan).filter((topic) => topic !== this.inbox);
  }

  get sent(): number {
    return this.#sent;
  }

  /**
   * Sends so many sales, slightly out of order. One in twelve repeats the id of one before it, one in twenty is taken
   * back. Prices are quarters, so that their sums are exact in any order.
   */
  async send(rng: Rng, count: number): Promise<void> {
    const records = Array.from({ length: count }, () => this.#sale(rng, this.#sent++));
    await this.#broker.append(records, signal);
  }

  #sale(rng: Rng, index: number): RecordOut {
    // A repeat has the customer of what it repeats, so that both lie in one partition.
    const named = rng.below(12) === 0 && index > 40 ? index - 40 : index;
    const key = Buffer.from(`c${(named * 7) % customers}`);
    const value = {
      sale: `s${named}`,
      customer: key.toString(),
      sold_at: new Date(firstMs + index * everyMs - rng.below(20_000)).toISOString(),
      price: rng.below(20) === 0 ? -1 : rng.below(4_000) / 4,
    };
    const partition = partitionOf(key, 0, key.length, partitions);
    return { topic: this.inbox, partition, timestampMs: Date.now(), key, value: Buffer.from(JSON.stringify(value)) };
  }

  /** How far the groups are, in the order of the stages. */
  progress(): Promise<StageProgress[]> {
    const { admin } = this.#broker;
    return Promise.all(
      this.plan.stages.map(async ({ name, group, from }) => {
        const marks = await admin.watermarks(from.clusterName, signal);
        const committed = await admin.committed(group, from.clusterName, signal);
        const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
        return {
          stage: name,
          partitions: marks.map(({ partition, end }) => ({ partition, end, committed: offsets.get(partition) })),
        };
      }),
    );
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
