import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { type RecordOut, type Rng, seededRng } from "../../../src/kernel/index.ts";
import { type AlertEvent, decodeVerdict, readAlertEvent, type VerdictRecord } from "../../../src/monitor/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { createEncoder, parseRecordSchema, type RecordSchema, writeSchemaId } from "../../../src/schema/index.ts";
import type { Plan, PlannedMonitoring } from "../../../src/topology/index.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";
import { type BuiltMillrace, WorkerProcess } from "./worker-process.ts";

const { signal } = new AbortController();
const minuteMs = 60_000;
/** Windows of the baseline: as many as a reference needs. */
export const baselineWindows = 30;
const partitions = 4;
const valueBytesMax = 200;
/** Old enough for all windows of a test to lie behind, young enough to be told of. */
const agoMinutes = 180;

/** Writers before and after a change of their schema. */
const fields = [
  { name: "sensor", type: "string" },
  { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
  { name: "value", type: ["null", "double"], default: null },
  { name: "kind", type: "string" },
];
const unit = { name: "unit", type: ["null", "string"], default: null };
const schemas = {
  before: { type: "record", name: "Reading", fields },
  after: { type: "record", name: "Reading", fields: [...fields, unit] },
} as const;
type Writer = keyof typeof schemas;

/** What the sensors send in one minute of event time. */
export interface Minute {
  readonly writer?: Writer;
  /** Added to every value. */
  readonly shift?: number;
  /** Share of values that are null. */
  readonly nulls?: number;
  /** Share of records that nobody can read. */
  readonly poison?: number;
  readonly rows?: number;
}

export interface SensorsOptions {
  readonly bootstrap: string;
  readonly broker: Broker;
  readonly millrace: BuiltMillrace;
  readonly namespace: string;
  /** Lines of the monitor of the readings, each of four spaces and a key; its fields, when left out. */
  readonly inputs?: string;
  /** Lines of further monitors, made for when the baseline begins and ends. */
  readonly monitors?: (baseline: string) => string;
  /** Lines under `alerts:`, each of two spaces and a key. */
  readonly alerts?: string;
}

/**
 * Sensors that send Avro, and one stage that reads them and whose output is watched, in windows of a minute. Readings are
 * sent minute by minute of event time; the first thirty are the baseline.
 */
export class WatchedSensors {
  readonly plan: Plan;
  readonly file: string;
  /** Begin of the first window. */
  readonly beginMs: number;
  /** Rows per minute that were sent, by its begin. */
  readonly sent = new Map<number, number>();
  readonly #options: SensorsOptions;
  readonly #folder: string;
  readonly #rng: Rng = seededRng(29);
  readonly #schemaIds = new Map<Writer, number>();
  #minutes = 0;
  #rows = 0;

  private constructor(options: SensorsOptions, folder: string, beginMs: number) {
    this.#options = options;
    this.#folder = folder;
    this.beginMs = beginMs;
    this.file = join(folder, "topologies/sensors.yaml");
    this.plan = loadPlan(this.file, {}, options.namespace);
  }

  static async open(options: SensorsOptions): Promise<WatchedSensors> {
    const { broker } = options;
    const folder = await mkdtemp(join(tmpdir(), "millrace-sensors-"));
    const beginMs = (Math.floor(Date.now() / minuteMs) - agoMinutes) * minuteMs;
    for (const name of ["schemas", "topologies"]) await mkdir(join(folder, name));
    const reading = { ...schemas.before, fields: [{ name: "event_id", type: "string" }, ...fields] };
    await writeFile(join(folder, "schemas/raw.avsc"), JSON.stringify(schemas.before));
    await writeFile(join(folder, "schemas/reading.avsc"), JSON.stringify(reading));
    await writeFile(join(folder, "topologies/sensors.yaml"), textOf(options, beginMs));
    const sensors = new WatchedSensors(options, folder, beginMs);
    const inbox = sensors.#inbox;
    await broker.admin.createTopics([{ topic: inbox, partitions, replication: 1, configs: {} }], signal);
    const registry = createFolderRegistry(join(folder, "registry"));
    for (const writer of ["before", "after"] as const)
      sensors.#schemaIds.set(writer, (await registry.register(`${inbox}-value`, schemas[writer], signal)).id);
    await applyChanges(await compareWithCluster(sensors.plan, broker, registry, signal), broker, registry, signal);
    return sensors;
  }

  get broker(): Broker {
    return this.#options.broker;
  }

  get monitoring(): PlannedMonitoring {
    const { monitoring } = this.plan;
    if (monitoring === undefined) throw new Error("the plan has no monitors");
    return monitoring;
  }

  /** Where every command finds the cluster. */
  get flags(): readonly string[] {
    const { bootstrap, namespace } = this.#options;
    return ["--brokers", bootstrap, "--registry", join(this.#folder, "registry"), "--namespace", namespace];
  }

  get #inbox(): string {
    return `${this.#options.namespace}.inbox`;
  }

  /** @param stages those that it runs, roles among them; all when left out */
  start(environment: Readonly<Record<string, string>> = {}, stages: readonly string[] = []): WorkerProcess {
    const chosen = stages.flatMap((stage) => ["--stage", stage]);
    return new WorkerProcess(this.#options.millrace.entry, ["run", this.file, ...this.flags, ...chosen], environment);
  }

  /** Sends the readings of the next minute, evenly over the partitions and over the minute. Answers its begin. */
  async minute(minute: Minute = {}): Promise<number> {
    const { rows = 800 } = minute;
    const fromMs = this.#nextMs;
    const records = this.#records(rows, minute);
    this.#minutes++;
    await this.#options.broker.append(records, signal);
    this.sent.set(fromMs, rows);
    return fromMs;
  }

  /** A transaction of another producer that writes a few readings and then hangs. @returns how to end it */
  async openTransaction(): Promise<() => Promise<void>> {
    const { bootstrap } = this.#options;
    const client = new kafkajs.Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING });
    const transactionTimeout = 300_000;
    const producer = client.producer({ transactionalId: "hangs", maxInFlightRequests: 1, transactionTimeout });
    await producer.connect();
    const transaction = await producer.transaction();
    const messages = this.#records(8, {}).map(({ value }) => ({ value: Buffer.from(value ?? []), partition: 0 }));
    await transaction.send({ topic: this.#inbox, messages });
    return async () => {
      await transaction.abort();
      await producer.disconnect();
    };
  }

  /** Whether a baseline of a monitor was put into service. */
  async hasBaseline(monitor = "inputs"): Promise<boolean> {
    const records = await this.read(this.monitoring.topics.baselines.clusterName);
    return records.some(({ key }) => String(key) === monitor);
  }

  /** All verdicts that a read-committed reader sees, in order. */
  async verdicts(): Promise<VerdictRecord[]> {
    const records = await this.read(this.monitoring.topics.verdicts.clusterName);
    return records.flatMap(({ value }) => (value === null ? [] : [decodeVerdict(value)]));
  }

  async alerts(): Promise<AlertEvent[]> {
    const records = await this.read(this.monitoring.topics.alerts.clusterName);
    return records.flatMap(({ value }) => readAlertEvent(String(value)) ?? []);
  }

  /** All that a read-committed reader sees of a topic of one partition. */
  async read(topic: string): Promise<PlainRecord[]> {
    const { broker } = this.#options;
    const [mark] = await broker.admin.watermarks(topic, signal);
    const records: PlainRecord[] = [];
    if (mark === undefined || mark.low === mark.end) return records;
    for await (const batch of broker.read({ topic, partition: 0, from: mark.low, to: mark.end }, signal))
      records.push(...plainRecords(batch));
    return records;
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #nextMs(): number {
    return this.beginMs + this.#minutes * minuteMs;
  }

  /** Readings of the next minute. */
  #records(rows: number, { writer = "before", shift = 0, nulls = 0, poison = 0 }: Minute): RecordOut[] {
    const fromMs = this.#nextMs;
    const encoder = createEncoder(parsed(writer));
    const id = this.#schemaIds.get(writer) ?? -1;
    return Array.from({ length: rows }, (_, i): RecordOut => {
      const sensor = `s${this.#rows % 97}`;
      const value = this.#rng.uniform() < nulls ? null : shift + normal(this.#rng);
      const kind = this.#rng.uniform() < 0.7 ? "indoor" : "outdoor";
      const row = { sensor, at: fromMs + Math.floor((i * minuteMs) / rows), value, kind, unit: null };
      const bytes = Buffer.alloc(valueBytesMax);
      const end = encoder.encode(row, bytes, writeSchemaId(bytes, 0, id));
      if (this.#rng.uniform() < poison) bytes.fill(0xff);
      const to = { topic: this.#inbox, partition: this.#rows++ % partitions, timestampMs: Date.now() };
      return { ...to, key: Buffer.from(sensor), value: bytes.subarray(0, end) };
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

function textOf(options: SensorsOptions, beginMs: number): string {
  const { namespace, inputs = "    fields: [value, kind]\n", alerts = "", monitors = () => "" } = options;
  const iso = (ms: number): string => new Date(ms).toISOString();
  const baseline = `{ from: ${iso(beginMs)}, to: ${iso(beginMs + baselineWindows * minuteMs)} }`;
  return `apiVersion: millrace/v1
kind: Topology
name: sensors
delivery: exactly-once
commit: { everyMs: 50, records: 2000 }
topics:
  inbox: { name: ${namespace}.inbox, schema: raw, external: true }
  readings: { schema: reading, key: sensor, time: at, partitions: ${partitions} }
stages:
  - name: ingest
    from: { topic: inbox, start: earliest }
    to: readings
monitors:
  - name: inputs
    on: readings
${inputs}    window: 1min
    late: 1min
    baseline: ${baseline}
${monitors(baseline)}alerts:
  budget: { pages: 1, per: 1d }
${alerts}`;
}
