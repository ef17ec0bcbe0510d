/** Stores survive the death of their process: on a real cluster, judged by an oracle that shares no code. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { createFolderRegistry } from "../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../src/app/apply-plan.ts";
import { loadPlan } from "../../src/app/load-topology.ts";
import { createValueReader } from "../../src/app/record-values.ts";
import { seededRng } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { changelogsOf, type DeliveryMode } from "../../src/topology/index.ts";
import { partitionOf } from "../../src/wire/index.ts";
import { differences, type OraclePayment, paymentStream } from "../oracle/features-oracle.ts";
import { eventually } from "../support/deadline.ts";
import { plainRecords } from "../support/records.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 180_000 });

const { signal } = new AbortController();
const deadlineMs = 60_000;
const minute = 60_000;
const partitions = 2;
const rules = {
  repeatWithinMs: 20 * minute,
  lateWithinMs: 5 * minute,
  windowsMs: [10 * minute, 60 * minute],
  windows: ["10min", "60min"],
};

const fileOf = (inbox: string, delivery: DeliveryMode): string => `
apiVersion: millrace/v1
kind: Topology
name: shop
delivery: ${delivery}
commit: { everyMs: 50, records: 100 }
topics:
  inbox: { name: "${inbox}", format: json, external: true }
  payments: { schema: payment, key: customer, time: paid_at, partitions: ${partitions} }
  features: { schema: inferred }
stages:
  - name: ingest
    from: { topic: inbox, format: json, ahead: none }
    to: payments
    steps:
      - cast: { paid_at: timestamp-millis }
  - name: features
    from: payments
    to: features
    late: { within: 5min, then: dead-letter }
    steps:
      - require: [amount]
      - dedupe: { by: id, within: 20min }
      - filter: amount >= 0
      - rolling: { by: customer, over: [10min, 60min], features: { n: count(), mean: mean(amount) } }
`;

const paymentSchema = {
  type: "record",
  name: "Payment",
  fields: [
    { name: "event_id", type: "string" },
    { name: "id", type: "string" },
    { name: "customer", type: "string" },
    { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "amount", type: ["null", "double"], default: null },
  ],
};

describeKafka("a stage with stores", () => {
  let broker: Broker;
  let millrace: BuiltMillrace;
  const folders: string[] = [];
  beforeAll(async () => {
    [broker, millrace] = await Promise.all([connect(testBroker().bootstrap), buildMillrace()]);
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await broker.close();
    await millrace.remove();
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
  });

  async function openShop(delivery: DeliveryMode) {
    const namespace = uniqueNamespace();
    const inbox = `${namespace}.inbox`;
    const folder = await mkdtemp(join(tmpdir(), "millrace-state-"));
    folders.push(folder);
    const file = join(folder, "topologies/shop.yaml");
    await mkdir(join(folder, "schemas"));
    await mkdir(join(folder, "topologies"));
    await writeFile(join(folder, "schemas/payment.avsc"), JSON.stringify(paymentSchema));
    await writeFile(file, fileOf(inbox, delivery));
    await broker.admin.createTopics([{ topic: inbox, partitions, replication: 1, configs: {} }], signal);
    const plan = loadPlan(file, {}, namespace);
    const registry = createFolderRegistry(join(folder, "registry"));
    await applyChanges(await compareWithCluster(plan, broker, registry, signal), broker, registry, signal);
    const stage = plan.stages.find(({ name }) => name === "features")!;
    const reader = createValueReader(registry, signal);

    async function rowsOf(topic: string): Promise<Record<string, unknown>[][]> {
      const found: Record<string, unknown>[][] = [];
      for (const { partition, low, end } of await broker.admin.watermarks(topic, signal)) {
        const rows: Record<string, unknown>[] = [];
        found[partition] = rows;
        if (low === end) continue;
        for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal))
          for (const { value } of plainRecords(batch))
            rows.push((await reader.read(value!)) as Record<string, unknown>);
      }
      return found;
    }

    return {
      changelogs: changelogsOf(plan).map(({ changelog }) => changelog.clusterName),
      start: () => {
        const where = ["--brokers", testBroker().bootstrap, "--registry", join(folder, "registry")];
        const flags = ["--namespace", namespace, "--instance-id", "one"];
        return new WorkerProcess(millrace.entry, ["run", file, ...where, ...flags], {});
      },
      send: async (payments: readonly OraclePayment[]): Promise<void> => {
        const records = payments.map(({ id, customer, paidAtMs, amount }) => {
          const key = Buffer.from(customer);
          const value = JSON.stringify({ id, customer, paid_at: new Date(paidAtMs).toISOString(), amount });
          const partition = partitionOf(key, 0, key.length, partitions);
          return { topic: inbox, partition, timestampMs: Date.now(), key, value: Buffer.from(value) };
        });
        await broker.append(records, signal);
      },
      /** Waits until every stage has committed what it has been sent. */
      workedOff: async (): Promise<void> => {
        for (const { group, from } of plan.stages)
          await eventually(deadlineMs, `${group} to be done`, async () => {
            const marks = await broker.admin.watermarks(from.clusterName, signal);
            const committed = await broker.admin.committed(group, from.clusterName, signal);
            return marks.every(({ partition, end }) => committed[partition]?.offset === end) || undefined;
          });
      },
      differences: async (): Promise<string[]> => {
        const outputs = (await rowsOf(stage.to.clusterName)).flat();
        const inputs = await rowsOf(stage.from.clusterName);
        return differences(
          inputs.map((rows) => rows.map((row) => [String(row["event_id"]), paymentOf(row)] as const)),
          outputs.map((row) => [String(row["event_id"]), JSON.stringify(row)] as const),
          { ...rules, isOnce: delivery === "exactly-once" },
        );
      },
    };
  }

  test.each(["at-least-once", "exactly-once"] as const)(
    "goes on after each kill -9 with the windows, ids and stream time of its committed offset (%s)",
    async (delivery) => {
      const shop = await openShop(delivery);
      const rng = seededRng(29);
      for (let round = 0; round < 4; round++) {
        const worker = shop.start();
        await worker.ready(deadlineMs);
        const before = await total(shop.changelogs);
        await shop.send(paymentStream(300, rng, round * 300));
        // In the middle of its work, where that can be met; else behind it.
        await eventually(deadlineMs, "something to be written down", async () =>
          (await total(shop.changelogs)) > before ? true : undefined,
        );
        if (round === 3) {
          await shop.workedOff();
          expect(worker.warnings.filter(({ code }) => code?.startsWith("MR_STATE") === true)).toEqual([]);
        }
        worker.kill("SIGKILL");
        await worker.ended(deadlineMs);
      }
      expect(await shop.differences()).toEqual([]);
    },
  );

  async function total(topics: readonly string[]): Promise<number> {
    const marks = await Promise.all(topics.map((topic) => broker.admin.watermarks(topic, signal)));
    return marks.flat().reduce((sum, { end }) => sum + end, 0);
  }
});

function paymentOf(row: Record<string, unknown>): OraclePayment {
  return {
    id: String(row["id"]),
    customer: String(row["customer"]),
    paidAtMs: new Date(row["paid_at"] as string | number).getTime(),
    amount: row["amount"] as number | null,
  };
}
