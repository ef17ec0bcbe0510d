import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { createFolderRegistry } from "../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../src/app/apply-plan.ts";
import { loadPlan } from "../../src/app/load-topology.ts";
import { type RecordOut, type Rng, seededRng } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { createEncoder, parseRecordSchema, type RecordSchema, writeSchemaId } from "../../src/schema/index.ts";
import type { Plan } from "../../src/topology/index.ts";
import { type BuiltMillrace, WorkerProcess } from "../kafka/support/worker-process.ts";

const { signal } = new AbortController();
const minuteMs = 60_000;
const partitions = 4;
const valueBytesMax = 200;
/** Windows of the baseline: as many as a reference needs. */
export const baselineMinutes = 30;
/** Age of the oldest record that waits, from which on somebody is woken; and how long a transaction may hold records back. */
const lagSeconds = 20;
const heldSeconds = 15;

/** Writers before and after a change of their schema. */
const fields = [
  { name: "sensor", type: "string" },
  { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
  { name: "value", type: ["null", "double"], default: null },
];
const schemas = {
  before: { type: "record", name: "Reading", fields },
  after: {
    type: "record",
    name: "Reading",
    fields: [...fields, { name: "unit", type: ["null", "string"], default: null }],
  },
} as const;
export type Writer = keyof typeof schemas;

/** What the sensors send in one minute of event time. */
export interface Minute {
  readonly writer?: Writer;
  /** Added to every value. */
  readonly shift?: number;
  /** Share of values that are null. */
  readonly nulls?: number;
  /** Share of records that nobody can read. */
  readonly poison?: number;
}

export interface DrilledOptions {
  readonly bootstrap: string;
  readonly broker: Broker;
  readonly millrace: BuiltMillrace;
  /** Lines under `notify:`. */
  readonly notify: readonly string[];
}

/** Sensors that send Avro, one stage that reads them and is watched, and who tells of it. */
export class DrilledSensors {
  readonly plan: Plan;
  readonly #options: DrilledOptions;
  readonly #folder: string;
  readonly #beginMs: number;
  readonly #rng: Rng = seededRng(31);
  readonly #schemaIds = new Map<Writer, number>();
  #minutes = 0;
  #rows = 0;

  private constructor(options: DrilledOptions, folder: string, beginMs: number) {
    this.#options = options;
    this.#folder = folder;
    this.#beginMs = beginMs;
    this.plan = loadPlan(this.#file, {}, undefined);
  }

  static async open(options: DrilledOptions): Promise<DrilledSensors> {
    const { broker } = options;
    const folder = await mkdtemp(join(tmpdir(), "millrace-drill-"));
    // All windows of the drill lie behind, and are young enough to be told of.
    const beginMs = (Math.floor(Date.now() / minuteMs) - 180) * minuteMs;
    for (const name of ["schemas", "topologies"]) await mkdir(join(folder, name));
    const cleaned = { ...schemas.before, fields: [{ name: "event_id", type: "string" }, ...fields] };
    await writeFile(join(folder, "schemas/raw.avsc"), JSON.stringify(schemas.before));
    await writeFile(join(folder, "schemas/reading.avsc"), JSON.stringify(cleaned));
    await writeFile(join(folder, "topologies/sensors.yaml"), textOf(options.notify, beginMs));
    await broker.admin.createTopics([{ topic: "inbox", partitions, replication: 1, configs: {} }], signal);
    const sensors = new DrilledSensors(options, folder, beginMs);
    const registry = createFolderRegistry(join(folder, "registry"));
    for (const writer of ["before", "after"] as const)
      sensors.#schemaIds.set(writer, (await registry.register("inbox-value", schemas[writer], signal)).id);
    await applyChanges(await compareWithCluster(sensors.plan, broker, registry, signal), broker, registry, signal);
    return sensors;
  }

  get #file(): string {
    return join(this.#folder, "topologies/sensors.yaml");
  }

  start(stage: string): WorkerProcess {
    const { millrace, bootstrap } = this.#options;
    const flags = ["--brokers", bootstrap, "--registry", join(this.#folder, "registry"), "--stage", stage];
    return new WorkerProcess(millrace.entry, ["run", this.#file, ...flags], {});
  }

  /** Sends the readings of the next minutes, evenly over the partitions and over each minute. */
  async minutes(count: number, minute: Minute = {}): Promise<void> {
    for (let i = 0; i < count; i++) await this.#options.broker.append(this.#records(800, minute), signal);
  }

  /** A transaction of another producer that writes a few readings and then hangs. @returns how to end it */
  async openTransaction(): Promise<() => Promise<void>> {
    const client = new kafkajs.Kafka({
      brokers: [this.#options.bootstrap],
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const transactionTimeout = 300_000;
    const producer = client.producer({ transactionalId: "drill", maxInFlightRequests: 1, transactionTimeout });
    await producer.connect();
    const transaction = await producer.transaction();
    const messages = this.#records(8, {}).map(({ value }) => ({ value: Buffer.from(value ?? []), partition: 0 }));
    this.#minutes--;
    await transaction.send({ topic: "inbox", messages });
    return async () => {
      await transaction.abort();
      await producer.disconnect();
    };
  }

  /** Whether a baseline was put into service. */
  async hasBaseline(): Promise<boolean> {
    const topic = this.plan.monitoring?.topics.baselines.clusterName ?? "";
    const [mark] = await this.#options.broker.admin.watermarks(topic, signal);
    return mark !== undefined && mark.end > mark.low;
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #records(rows: number, { writer = "before", shift = 0, nulls = 0, poison = 0 }: Minute): RecordOut[] {
    const fromMs = this.#beginMs + this.#minutes++ * minuteMs;
    const encoder = createEncoder(parsed(writer));
    const id = this.#schemaIds.get(writer) ?? -1;
    return Array.from({ length: rows }, (_, i): RecordOut => {
      const sensor = `s${this.#rows % 97}`;
      const value = this.#rng.uniform() < nulls ? null : shift + normal(this.#rng);
      const row = { sensor, at: fromMs + Math.floor((i * minuteMs) / rows), value, unit: null };
      const bytes = Buffer.alloc(valueBytesMax);
      const end = encoder.encode(row, bytes, writeSchemaId(bytes, 0, id));
      if (this.#rng.uniform() < poison) bytes.fill(0xff);
      const at = { topic: "inbox", partition: this.#rows++ % partitions, timestampMs: Date.now() };
      return { ...at, key: Buffer.from(sensor), value: bytes.subarray(0, end) };
    });
  }
}

function parsed(writer: Writer): RecordSchema {
  const found = parseRecordSchema(schemas[writer], writer);
  if ("problems" in found) throw new Error(`the schema of writer ${writer}: ${JSON.stringify(found.problems)}`);
  return found.schema;
}

/** A standard normal number, by Box and Muller. */
function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
}

function textOf(notify: readonly string[], beginMs: number): string {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return `apiVersion: millrace/v1
kind: Topology
name: sensors
delivery: exactly-once
commit: { everyMs: 50, records: 2000 }
topics:
  inbox: { schema: raw, external: true }
  readings: { schema: reading, key: sensor, time: at, partitions: ${partitions} }
stages:
  - name: clean
    from: { topic: inbox, start: earliest }
    to: readings
monitors:
  - name: inputs
    on: readings
    fields: [value]
    metrics: [missing, errors]
    window: 1min
    late: 1min
    baseline: { from: ${iso(beginMs)}, to: ${iso(beginMs + baselineMinutes * minuteMs)} }
  - { name: behind, on: lag, page: { seconds: ${lagSeconds} }, held: ${heldSeconds}s }
alerts:
  budget: { pages: 1, per: 1d }
  cooldown: 1min
  notify:
${notify.map((line) => `    - ${line}\n`).join("")}`;
}
