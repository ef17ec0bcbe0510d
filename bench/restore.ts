/**
 * `npm run bench:restore`: how long a worker takes to be ready after a kill -9, with its snapshots and without, on a broker
 * of its own. See docs/benchmarks.md.
 *
 *   npm run bench:restore -- [--keys N] [--cold-keys N]
 */
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createFolderRegistry } from "../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../src/app/apply-plan.ts";
import { loadPlan } from "../src/app/load-topology.ts";
import type { Broker } from "../src/runtime/index.ts";
import { SnapshotDecoder } from "../src/runtime/snapshot-format.ts";
import { createEncoder, writeSchemaId } from "../src/schema/index.ts";
import { connect } from "../test/kafka/harness/client.ts";
import { KafkaCluster } from "../test/kafka/harness/cluster.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, WorkerProcess } from "../test/kafka/support/worker-process.ts";
import { eventually } from "../test/support/deadline.ts";
import { tableText } from "./summary.ts";

const partitions = 8;
const framingBytes = 5;
const recordsPerAppend = 5_000;
const waitMsMax = 900_000;
const { signal } = new AbortController();

const topology = `apiVersion: millrace/v1
kind: Topology
name: restore
delivery: exactly-once
topics:
  inbox: { format: json, external: true }
  payments: { schema: payment, key: customer, time: paid_at, partitions: ${partitions}, replication: 1 }
  features: { schema: inferred }
stages:
  - { name: ingest, from: inbox, to: payments, steps: [cast: { paid_at: timestamp-millis }] }
  - name: features
    from: payments
    to: features
    steps:
      - rolling: { by: customer, over: [1d], features: { n: count(), spent: sum(amount) } }
`;

const paymentSchema = {
  type: "record",
  name: "Payment",
  fields: [
    { name: "event_id", type: "string" },
    { name: "customer", type: "string" },
    { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "amount", type: "double" },
  ],
};

/** One start of a worker: how long until it was ready, and what its tasks said of their stores. */
interface Start {
  readonly worker: WorkerProcess;
  readonly readyMs: number;
  readonly entries: number;
  readonly fromSnapshots: number;
  /** Of the task that took longest. */
  readonly restoreMs: number;
}

/** A stage with one store of a row per key. */
class Shop {
  readonly #broker: Broker;
  readonly #folder: string;
  readonly #begin: () => WorkerProcess;
  readonly #append: (from: number, to: number) => Promise<void>;
  readonly #lag: () => Promise<number>;
  readonly changelog: string;

  private constructor(
    broker: Broker,
    folder: string,
    changelog: string,
    begin: () => WorkerProcess,
    append: (from: number, to: number) => Promise<void>,
    lag: () => Promise<number>,
  ) {
    this.#broker = broker;
    this.#folder = folder;
    this.changelog = changelog;
    this.#begin = begin;
    this.#append = append;
    this.#lag = lag;
  }

  static async open(broker: Broker, bootstrap: string, millrace: BuiltMillrace, namespace: string): Promise<Shop> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-restore-"));
    const [file, registryFolder] = [join(folder, "topologies/restore.yaml"), join(folder, "registry")];
    await mkdir(join(folder, "schemas"));
    await mkdir(join(folder, "topologies"));
    await writeFile(join(folder, "schemas/payment.avsc"), JSON.stringify(paymentSchema));
    await writeFile(file, topology.replace("inbox: {", `inbox: { name: ${namespace}.inbox,`));
    const inbox = { topic: `${namespace}.inbox`, partitions: 1, replication: 1, configs: {} };
    await broker.admin.createTopics([inbox], signal);
    const plan = loadPlan(file, {}, namespace);
    const registry = createFolderRegistry(registryFolder);
    await applyChanges(await compareWithCluster(plan, broker, registry, signal), broker, registry, signal);
    const stage = plan.stages.find(({ name }) => name === "features");
    const changelog = stage?.stores[0]?.changelog?.clusterName;
    if (stage === undefined || changelog === undefined)
      throw new Error("the topology has no stage features with a store");
    const topic = stage.from.clusterName;
    const schemaId = (await registry.latest(stage.from.subject ?? "", signal))?.id ?? 0;
    const encoder = createEncoder(stage.reader);
    const scratch = Buffer.alloc(1_024);
    writeSchemaId(scratch, 0, schemaId);
    const recordOf = (id: number) => {
      const row = { event_id: `p${id}`, customer: `customer-${id}`, paid_at: 1_700_000_000_000, amount: id % 100 };
      const end = encoder.encode(row, scratch, framingBytes);
      const value = Buffer.from(scratch.subarray(0, end));
      return { topic, partition: id % partitions, timestampMs: Date.now(), key: Buffer.from(row.customer), value };
    };
    const where = ["--brokers", bootstrap, "--registry", registryFolder, "--namespace", namespace];
    const flags = ["--stage", stage.name, "--instance-id", "one", "--state-dir", join(folder, "state")];
    return new Shop(
      broker,
      folder,
      changelog,
      () => new WorkerProcess(millrace.entry, ["run", file, ...where, ...flags], {}),
      (from, to) =>
        broker.append(
          Array.from({ length: to - from }, (_, i) => recordOf(from + i)),
          signal,
        ),
      async () => {
        const [marks, committed] = await Promise.all([
          broker.admin.watermarks(topic, signal),
          broker.admin.committed(stage.group, topic, signal),
        ]);
        return marks.reduce((sum, { partition, end }) => sum + end - Math.max(0, committed[partition]?.offset ?? 0), 0);
      },
    );
  }

  async start(): Promise<Start> {
    const beganMs = performance.now();
    const worker = this.#begin();
    const restored: { entries: number; fromSnapshots?: number; seconds: number }[] = [];
    worker.onLine((line) => {
      if (line.includes('"The stores are restored."')) restored.push(JSON.parse(line));
    });
    await worker.ready(waitMsMax);
    const sum = (of: (one: (typeof restored)[number]) => number): number =>
      restored.reduce((all, one) => all + of(one), 0);
    return {
      worker,
      readyMs: performance.now() - beganMs,
      entries: sum(({ entries }) => entries),
      fromSnapshots: sum(({ fromSnapshots = 0 }) => fromSnapshots),
      restoreMs: 1_000 * Math.max(0, ...restored.map(({ seconds }) => seconds)),
    };
  }

  /** Gives `keys` keys a row each, and waits until that is committed. */
  async fill(keys: number): Promise<void> {
    for (let from = 0; from < keys; from += recordsPerAppend)
      await this.#append(from, Math.min(keys, from + recordsPerAppend));
    await eventually(waitMsMax, "all rows to be committed", async () => ((await this.#lag()) === 0 ? true : undefined));
  }

  /** Keeps a little going on until every partition has a snapshot of all that is there now. */
  async snapshotsTaken(): Promise<void> {
    const marks = await this.#broker.admin.watermarks(this.changelog, signal);
    const needed = marks.map(({ end }) => end);
    for (const until = performance.now() + waitMsMax; performance.now() < until; await sleep(250)) {
      await this.#append(0, partitions);
      const offsets = await this.#snapshotOffsets();
      if (needed.every((end, task) => (offsets.get(task) ?? -1) >= end)) return;
    }
    throw new Error("the snapshots were not taken in time");
  }

  async #snapshotOffsets(): Promise<Map<number, number>> {
    const folder = join(this.#folder, "state");
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    const offsets = new Map<number, number>();
    for (const name of names.filter((found) => found.endsWith(".snapshot"))) {
      const decoder = new SnapshotDecoder(createReadStream(join(folder, name)));
      const header = await decoder.header();
      await decoder.close();
      if (header !== undefined) offsets.set(header.task, header.offset);
    }
    return offsets;
  }

  async forgetSnapshots(): Promise<void> {
    await rm(join(this.#folder, "state"), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function killed({ worker }: Start): Promise<void> {
  worker.kill("SIGKILL");
  await worker.ended(waitMsMax);
}

function rowOf(what: string, { readyMs, entries, fromSnapshots, restoreMs }: Start): string[] {
  const perSecond = restoreMs === 0 ? "-" : Math.round((entries / restoreMs) * 1_000).toLocaleString("en");
  return [
    what,
    ...[readyMs, restoreMs, entries, fromSnapshots].map((n) => Math.round(n).toLocaleString("en")),
    perSecond,
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { keys: { type: "string", default: "1000000" }, "cold-keys": { type: "string", default: "100000" } },
  });
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const rows: string[][] = [["", "ready ms", "restore ms", "entries", "of snapshots", "entries/s"]];
  const [cluster, millrace] = await Promise.all([KafkaCluster.start(1, { isOptimised: true }), buildMillrace()]);
  const broker = await connect(cluster.bootstrap);
  const shops: Shop[] = [];
  const opened = async (namespace: string): Promise<Shop> => {
    const shop = await Shop.open(broker, cluster.bootstrap, millrace, namespace);
    shops.push(shop);
    return shop;
  };
  try {
    const small = await opened("small");
    const coldKeys = Number(values["cold-keys"]);
    const first = await small.start();
    await small.fill(coldKeys);
    await killed(first);
    await small.forgetSnapshots();
    const cold = await small.start();
    rows.push(rowOf(`${coldKeys} keys, no snapshot`, cold));
    await killed(cold);

    const keys = Number(values.keys);
    const large = await opened("large");
    const filling = await large.start();
    await large.fill(keys);
    say("all rows are committed; waiting for snapshots");
    await large.snapshotsTaken();
    await killed(filling);
    const warm = await large.start();
    rows.push(rowOf(`${keys} keys, with snapshots`, warm));
    await killed(warm);
    await large.forgetSnapshots();
    const whole = await large.start();
    rows.push(rowOf(`${keys} keys, no snapshot`, whole));
    await killed(whole);
  } finally {
    await endWorkers();
    await broker.close();
    await cluster.remove();
    await millrace.remove();
    for (const shop of shops) await shop.close();
  }
  const notes =
    "From the start of a process behind a kill -9 to its `Ready.`, and the longest restore of a task; 8 tasks of one stage.";
  process.stdout.write(`${notes}\n\n${tableText(rows)}\n`);
}

await main();
