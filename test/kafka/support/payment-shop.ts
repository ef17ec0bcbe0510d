import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { reconcile } from "../../../src/app/reconcile.ts";
import { createValueReader } from "../../../src/app/record-values.ts";
import {
  baselineKey,
  decodePartial,
  encodeBaseline,
  isHeartbeat,
  type PartialRecord,
} from "../../../src/monitor/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { changelogsOf, type DeliveryMode, type Plan } from "../../../src/topology/index.ts";
import { partitionOf } from "../../../src/wire/index.ts";
import { differences, type OraclePayment } from "../../oracle/features-oracle.ts";
import { baselineRecords, expectedPartials, windowKey } from "../../oracle/monitored-windows.ts";
import { eventually } from "../../support/deadline.ts";
import { plainRecords } from "../../support/records.ts";
import { type BuiltMillrace, WorkerProcess } from "./worker-process.ts";

const { signal } = new AbortController();
const minute = 60_000;
const rules = {
  repeatWithinMs: 20 * minute,
  lateWithinMs: 5 * minute,
  windowsMs: [10 * minute, 60 * minute],
  windows: ["10min", "60min"],
};

export interface PaymentShopOptions {
  readonly bootstrap: string;
  readonly broker: Broker;
  readonly millrace: BuiltMillrace;
  readonly namespace: string;
  readonly delivery: DeliveryMode;
  /** Of every topic. */
  readonly partitions: number;
  /** What the file ends with: `monitors:`. */
  readonly monitors?: string;
}

const fileOf = (inbox: string, { delivery, partitions, monitors = "" }: PaymentShopOptions): string => `
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
${monitors}`;

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

/** An ingest and a stage with two stores, judged by an oracle that shares no code with the product. */
export class PaymentShop {
  readonly plan: Plan;
  readonly #options: PaymentShopOptions;
  readonly #folder: string;
  readonly #inbox: string;

  private constructor(options: PaymentShopOptions, folder: string, inbox: string) {
    this.#options = options;
    this.#folder = folder;
    this.#inbox = inbox;
    this.plan = loadPlan(this.#file, {}, options.namespace);
  }

  /** Makes the topics, and everything that `apply` makes. */
  static async open(options: PaymentShopOptions): Promise<PaymentShop> {
    const { namespace, partitions, broker } = options;
    const inbox = `${namespace}.inbox`;
    const folder = await mkdtemp(join(tmpdir(), "millrace-payments-"));
    await mkdir(join(folder, "schemas"));
    await mkdir(join(folder, "topologies"));
    await writeFile(join(folder, "schemas/payment.avsc"), JSON.stringify(paymentSchema));
    await writeFile(join(folder, "topologies/shop.yaml"), fileOf(inbox, options));
    await broker.admin.createTopics([{ topic: inbox, partitions, replication: 1, configs: {} }], signal);
    const shop = new PaymentShop(options, folder, inbox);
    const registry = createFolderRegistry(shop.#registry);
    await applyChanges(await compareWithCluster(shop.plan, broker, registry, signal), broker, registry, signal);
    return shop;
  }

  get changelogs(): readonly string[] {
    return changelogsOf(this.plan).map(({ changelog }) => changelog.clusterName);
  }

  /** The stage with the stores. */
  get features(): Plan["stages"][number] {
    const stage = this.plan.stages.find(({ name }) => name === "features");
    if (stage === undefined) throw new Error("the topology has no stage features");
    return stage;
  }

  start(flags: readonly string[], environment: Readonly<Record<string, string>> = {}): WorkerProcess {
    const { bootstrap, namespace, millrace } = this.#options;
    const where = ["--brokers", bootstrap, "--registry", this.#registry, "--namespace", namespace];
    return new WorkerProcess(millrace.entry, ["run", this.#file, ...where, ...flags], environment);
  }

  async send(payments: readonly OraclePayment[]): Promise<void> {
    const { broker, partitions } = this.#options;
    const records = payments.map(({ id, customer, paidAtMs, amount }) => {
      const key = Buffer.from(customer);
      const value = JSON.stringify({ id, customer, paid_at: new Date(paidAtMs).toISOString(), amount });
      const partition = partitionOf(key, 0, key.length, partitions);
      return { topic: this.#inbox, partition, timestampMs: Date.now(), key, value: Buffer.from(value) };
    });
    await broker.append(records, signal);
  }

  /** Waits until every stage has committed what it has been sent, in the order of the stages. */
  async workedOff(ms: number): Promise<void> {
    const { admin } = this.#options.broker;
    for (const { group, from } of this.plan.stages)
      await eventually(ms, `${group} to be done`, async () => {
        const marks = await admin.watermarks(from.clusterName, signal);
        const committed = await admin.committed(group, from.clusterName, signal);
        return marks.every(({ partition, end }) => committed[partition]?.offset === end) || undefined;
      });
  }

  /** What the outputs have that they should not have, or the other way round. */
  async differences(): Promise<string[]> {
    const outputs = (await this.#rowsOf(this.features.to.clusterName)).flat();
    const inputs = await this.#rowsOf(this.features.from.clusterName);
    return differences(
      inputs.map((rows) => rows.map((row) => [String(row["event_id"]), paymentOf(row)] as const)),
      outputs.map((row) => [String(row["event_id"]), JSON.stringify(row)] as const),
      { ...rules, isOnce: this.#options.delivery === "exactly-once" },
    );
  }

  /** Puts a baseline of the monitors in `test/oracle/monitored-windows.ts` into service. */
  async putBaselines(id: string): Promise<void> {
    const { broker } = this.#options;
    const topic = this.plan.monitoring?.topics.baselines.clusterName ?? "";
    const registered = await createFolderRegistry(this.#registry).latest(`${topic}-value`, signal);
    const records = baselineRecords(this.plan, id).map((record) => {
      const [key, value] = [Buffer.from(baselineKey(record)), encodeBaseline(record, registered?.id ?? -1)];
      return { topic, partition: 0, timestampMs: Date.now(), key, value };
    });
    await broker.append(records, signal);
  }

  /** What tasks have told of their windows, and what one pass over the rows that were written makes of them. */
  async partials(): Promise<Readonly<Record<"told" | "expected", readonly WindowCounted[]>>> {
    const { broker } = this.#options;
    const range = { topic: this.plan.monitoring?.topics.partials.clusterName ?? "", partition: 0 };
    const [marks] = await broker.admin.watermarks(range.topic, signal);
    const last = new Map<string, PartialRecord>();
    for await (const batch of broker.read({ ...range, from: marks?.low ?? 0, to: marks?.end ?? 0 }, signal)) {
      for (const { value } of plainRecords(batch)) {
        const record = value === null ? undefined : decodePartial(value);
        if (record !== undefined && !isHeartbeat(record)) last.set(windowKey(record), record);
      }
    }
    const rows = (await this.#rowsOf(this.features.to.clusterName)).flatMap((own, partition) => {
      // The order in which a row stands there first is the task's; at least once it may stand there again.
      const first = new Map([...own.entries()].toReversed().map(([offset, row]) => [String(row["event_id"]), offset]));
      return own.flatMap((row, offset) => {
        const timeMs = new Date(row["paid_at"] as string).getTime();
        return first.get(String(row["event_id"])) === offset ? [{ partition, offset, timeMs, row }] : [];
      });
    });
    const told = [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => windowCounted(record));
    return { told, expected: expectedPartials(rows, rules.lateWithinMs).map(windowCounted) };
  }

  /** Where the topics and the accounts differ, in words. */
  async unreconciled(): Promise<string[]> {
    const { broker } = this.#options;
    const registry = createFolderRegistry(this.#registry);
    const { partitions, strays } = await reconcile({ plan: this.plan, broker, registry, nowMs: Date.now() }, signal);
    return [
      ...partitions.flatMap(({ stage, partition, lacking, differences: found }) =>
        [...found, ...(lacking === undefined ? [] : [lacking])].map((what) => `${stage}/${partition}: ${what}`),
      ),
      ...strays.map(({ topic, count }) => `${count} strays in ${topic}`),
    ];
  }

  /** Adds to the outputs what somebody might by hand: the first of them once more, under the event id of nobody. */
  async addByHand(): Promise<void> {
    const { broker } = this.#options;
    const topic = this.features.to.clusterName;
    const range = { topic, partition: 0, from: "earliest" } as const;
    for await (const batch of broker.read(range, signal)) {
      const [first] = plainRecords(batch);
      if (first === undefined) continue;
      const text = first.value?.toString("latin1").replace(".inbox-", ".xobni-") ?? "";
      await broker.append([{ ...first, timestampMs: Date.now(), value: Buffer.from(text, "latin1") }], signal);
      return;
    }
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #rowsOf(topic: string): Promise<Record<string, unknown>[][]> {
    const { broker } = this.#options;
    const reader = createValueReader(createFolderRegistry(this.#registry), signal);
    const found: Record<string, unknown>[][] = [];
    for (const { partition, low, end } of await broker.admin.watermarks(topic, signal)) {
      const rows: Record<string, unknown>[] = [];
      found[partition] = rows;
      if (low === end) continue;
      for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal))
        for (const { value } of plainRecords(batch)) rows.push((await reader.read(value!)) as Record<string, unknown>);
    }
    return found;
  }

  get #file(): string {
    return join(this.#folder, "topologies/shop.yaml");
  }

  get #registry(): string {
    return join(this.#folder, "registry");
  }
}

type WindowCounted = ReturnType<typeof windowCounted>;

/** Without offsets of the input, which the outputs do not tell. */
function windowCounted(
  of: Pick<PartialRecord, "monitor" | "partition" | "fromMs" | "rows" | "late" | "streamTimeMs"> & {
    readonly counts: readonly ArrayLike<number>[];
  },
) {
  const { monitor, partition, fromMs, rows, late, streamTimeMs, counts } = of;
  return { monitor, partition, fromMs, rows, late, streamTimeMs, counts: counts.map((own) => Array.from(own)) };
}

function paymentOf(row: Record<string, unknown>): OraclePayment {
  return {
    id: String(row["id"]),
    customer: String(row["customer"]),
    paidAtMs: new Date(row["paid_at"] as string | number).getTime(),
    amount: row["amount"] as number | null,
  };
}
