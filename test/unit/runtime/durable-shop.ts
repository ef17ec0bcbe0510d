import { createHash } from "node:crypto";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { createMemoryShelf } from "../../../src/adapters/state-memory/index.ts";
import { type LogFields, type Logger, silentLogger } from "../../../src/kernel/index.ts";
import { baselineSchema, partialSchema } from "../../../src/monitor/index.ts";
import {
  type Broker,
  BufferBudget,
  createStageRunner,
  type SnapshotShelf,
  SnapshotTurns,
  type StageRunner,
} from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import {
  changelogsOf,
  type DeliveryMode,
  type Plan,
  type PlannedStage,
  planTopology,
} from "../../../src/topology/index.ts";
import { partitionOf } from "../../../src/wire/index.ts";
import { type DeathPlan, type Mortal, mortalBroker } from "../../fakes/mortal-broker.ts";
import { mortalShelf } from "../../fakes/mortal-shelf.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import {
  differences,
  featuresOracle,
  type OracleFate,
  type OraclePayment,
  type OracleRules,
} from "../../oracle/features-oracle.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";
import { AutoClock, avro, FakeRegistry, nextTurn, noModels, rowOf } from "./fixture.ts";

/** Ids of Millrace's own schemas in the registry. */
export const partialSchemaId = 11;
export const baselineSchemaId = 12;

const never = new AbortController().signal;
/** As in the file. */
const minute = 60_000;
const rules = {
  repeatWithinMs: 20 * minute,
  lateWithinMs: 5 * minute,
  windowsMs: [10 * minute, 60 * minute],
  windows: ["10min", "60min"],
};

const fileOf = (delivery: DeliveryMode, monitors: string, ttlMin: number | undefined): string => `
apiVersion: millrace/v1
kind: Topology
name: shop
delivery: ${delivery}
commit: { everyMs: 100, records: 10 }
topics:
  inbox: { format: json, external: true, partitions: 2 }
  payments: { schema: payment, key: customer, time: paid_at, partitions: 2 }
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
${ttlMin === undefined ? "" : `    state: { ttl: ${ttlMin}min }`}
    steps:
      - require: [amount]
      - dedupe: { by: id, within: 20min }
      - filter: amount >= 0
      - rolling: { by: customer, over: [10min, 60min], features: { n: count(), mean: mean(amount) } }
${monitors}`;

const paymentSchema = JSON.stringify({
  type: "record",
  name: "Payment",
  fields: [
    { name: "event_id", type: "string" },
    { name: "id", type: "string" },
    { name: "customer", type: "string" },
    { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "amount", type: ["null", "double"], default: null },
  ],
});

function planOf(delivery: DeliveryMode, monitors: string, ttlMin: number | undefined): Plan {
  const { plan, problems } = planTopology({
    text: fileOf(delivery, monitors, ttlMin).replace("delivery: exactly-once", "delivery: at-least-once"),
    file: "shop.yaml",
    environment: {},
    schemas: new Map([["payment", paymentSchema]]),
    hasher: { sha256: (input) => createHash("sha256").update(input).digest("hex") },
  });
  if (plan === undefined) throw new Error(JSON.stringify(problems));
  return { ...plan, delivery };
}

/** One process of the shop. */
export interface Process extends Mortal {
  readonly runner: StageRunner;
}

/**
 * A topology with a `dedupe` and a `rolling`, whose stores are written down, on the in-process broker: fed with payments,
 * run by processes that die or leave, and compared with an oracle that shares no code with it.
 */
export class DurableShop {
  readonly broker: Broker;
  readonly plan: Plan;
  readonly stage: PlannedStage;
  readonly clock = new AutoClock();
  readonly logged: { readonly message: string; readonly fields: LogFields }[] = [];
  /** Where snapshots lie, if anywhere: of the machine, which outlives its processes. */
  shelf: SnapshotShelf | undefined;
  readonly #registry = new FakeRegistry();
  readonly #processes: Process[] = [];
  /** By partition, in the order of their offsets. */
  readonly #fed: OraclePayment[][] = [[], []];

  readonly #ttlMin: number | undefined;

  /**
   * @param monitors what the file ends with: `monitors:` and `alerts:`
   * @param ttlMin time to live of the stores, in minutes; undefined for none
   */
  constructor(
    delivery: DeliveryMode,
    bytesMax = 100_000_000,
    monitors = "",
    adapt: (plan: Plan) => Plan = (plan) => plan,
    ttlMin?: number,
  ) {
    this.#ttlMin = ttlMin;
    this.plan = adapt(planOf(delivery, monitors, ttlMin));
    const stage = this.plan.stages.find(({ name }) => name === "features");
    if (stage === undefined) throw new Error("the plan has no such stage");
    this.stage = stage;
    const plain = [...this.plan.topics, this.plan.deadLetters].map(({ clusterName }) => clusterName);
    const changelogs = [
      ...changelogsOf(this.plan).map(({ changelog }) => changelog),
      ...stage.taps.map(({ changelog }) => changelog),
    ];
    const { partials, baselines } = this.plan.monitoring?.topics ?? {};
    const single = [partials, baselines].flatMap((topic) => topic?.clusterName ?? []);
    const compacted = [...changelogs, this.plan.accounts].map(({ clusterName }) => clusterName);
    this.broker = createMemoryBroker({
      codecs: noCodecs,
      clock: new FakeClock(1_700_000_000_000),
      logger: silentLogger,
      bytesMax,
      topics: [
        ...plain.map((topic) => ({ topic, partitions: 2, replication: undefined, configs: {} })),
        ...[...compacted, ...single].map((topic) => ({
          topic,
          partitions: single.includes(topic) ? 1 : 2,
          replication: undefined,
          configs: { "cleanup.policy": "compact" },
        })),
      ],
    });
    this.#registry.schemas.set(7, stage.reader);
    this.#registry.schemas.set(9, stage.to.schema!);
    this.#registry.latestBySubject.set(stage.to.subject!, 9);
    for (const [id, topic, schema] of [
      [partialSchemaId, partials, partialSchema],
      [baselineSchemaId, baselines, baselineSchema],
    ] as const) {
      this.#registry.schemas.set(id, schema);
      this.#registry.latestBySubject.set(`${topic?.clusterName}-value`, id);
    }
  }

  async feed(payments: readonly OraclePayment[]): Promise<void> {
    const records = payments.map((payment) => {
      const key = Buffer.from(payment.customer);
      const partition = partitionOf(key, 0, key.length, 2);
      const event_id = `payments-${partition}-${this.#fed[partition]!.push(payment) - 1}`;
      const row = {
        event_id,
        id: payment.id,
        customer: payment.customer,
        paid_at: payment.paidAtMs,
        amount: payment.amount,
      };
      return { topic: "payments", partition, timestampMs: payment.paidAtMs, key, value: avro(this.stage.reader, row) };
    });
    await this.broker.append(records, never);
  }

  async start(plan?: DeathPlan): Promise<Process> {
    const mortal = mortalBroker(this.broker, plan);
    const { shelf } = this;
    const runner = createStageRunner({
      plan: this.plan,
      stage: this.stage,
      broker: mortal.broker,
      registry: this.#registry,
      models: noModels,
      clock: this.clock,
      logger: this.logger,
      budget: new BufferBudget({ bytesMax: 1_000_000, reservedBytesPerTask: 100_000 }),
      yieldToLoop: nextTurn,
      deflateGzip: undefined,
      ...(shelf === undefined
        ? {}
        : {
            snapshots: {
              shelf: mortalShelf(shelf, () => mortal.isDead),
              turns: new SnapshotTurns(),
              // As often as can be: behind every chunk that has changed anything.
              pace: { everyMs: 0, atMostEveryMs: 0 },
            },
          }),
    });
    const process: Process = {
      runner,
      broker: mortal.broker,
      died: mortal.died,
      get isDead() {
        return mortal.isDead;
      },
      kill: mortal.kill,
    };
    this.#processes.push(process);
    // One that dies in its start, as when it reads the baselines, has no answer to it.
    await Promise.race([runner.start(), mortal.died]);
    return process;
  }

  get logger(): Logger {
    const log = (fields: LogFields, message: string): void => void this.logged.push({ fields, message });
    return { debug: log, info: log, warn: log, error: log };
  }

  /** Lets the living processes work until it holds, and expects of none that it halts. */
  until(holds: () => boolean | Promise<boolean>): Promise<void> {
    return this.turns(async () => {
      for (const { isDead, runner } of this.#processes)
        if (runner.haltReason !== undefined && !isDead) throw runner.haltReason;
      return holds();
    });
  }

  /** Lets the living processes work until it holds; gives up after far more turns than any test needs. */
  async turns(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let turn = 0; turn < 20_000; turn++) {
      if (await holds()) return;
      await nextTurn();
      this.clock.nowMs += 10;
      for (const { isDead, runner } of this.#processes) if (!isDead) runner.tick(this.clock.nowMs);
    }
    throw new Error(`gave up: ${JSON.stringify(this.logged.slice(-5))}`);
  }

  async isCaughtUp(): Promise<boolean> {
    const committed = await this.broker.admin.committed(this.stage.group, "payments", never);
    return committed.every(({ partition, offset }) => offset === this.#fed[partition]!.length);
  }

  /** Input offset that the group has committed. */
  async committed(partition: number): Promise<number> {
    const all = await this.broker.admin.committed(this.stage.group, "payments", never);
    return all[partition]?.offset ?? -1;
  }

  said(message: string): readonly LogFields[] {
    return this.logged.filter((line) => line.message === message).map(({ fields }) => fields);
  }

  async records(topic: string): Promise<PlainRecord[]> {
    const found: PlainRecord[] = [];
    for (const { partition, low, end } of await this.broker.admin.watermarks(topic, never)) {
      if (low === end) continue;
      for await (const batch of this.broker.read({ topic, partition, from: "earliest", to: end }, never))
        found.push(...plainRecords(batch));
    }
    return found;
  }

  /** What differs from the oracle; exactly once, outputs that stand there twice do too. */
  async differences(): Promise<string[]> {
    const { schema, clusterName } = this.stage.to;
    const outputs = (await this.records(clusterName)).map(({ value }) => {
      const row = rowOf(schema!, value);
      return [String(row["event_id"]), JSON.stringify(row)] as const;
    });
    const inputs = this.#fed.map((fed, partition) =>
      fed.map((payment, offset) => [`payments-${partition}-${offset}`, payment] as const),
    );
    return differences(inputs, outputs, { ...this.#rules, isOnce: this.plan.delivery === "exactly-once" });
  }

  /** What the oracle makes of all that was fed. */
  get fates(): readonly (readonly OracleFate[])[] {
    return this.#fed.map((payments) => featuresOracle(payments, this.#rules));
  }

  /** The same without a time to live. */
  get fatesForEver(): readonly (readonly OracleFate[])[] {
    return this.#fed.map((payments) => featuresOracle(payments, rules));
  }

  get #rules(): typeof rules & OracleRules {
    return { ...rules, ttlMs: this.#ttlMin === undefined ? undefined : this.#ttlMin * minute };
  }

  /** The machine is another one: nothing lies there. */
  newMachine(): void {
    this.shelf = createMemoryShelf();
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.filter(({ isDead }) => !isDead).map(({ runner }) => runner.drain()));
    await this.broker.close();
  }
}
