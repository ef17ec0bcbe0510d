import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { type RecordOut, type Rng, seededRng } from "../../../src/kernel/index.ts";
import { type AlertEvent, decodeVerdict, readAlertEvent, type VerdictRecord } from "../../../src/monitor/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import type { Plan, PlannedMonitoring } from "../../../src/topology/index.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";
import { type BuiltMillrace, WorkerProcess } from "./worker-process.ts";

const { signal } = new AbortController();
const minuteMs = 60_000;
/** Windows of the baseline: as many as a reference needs. */
export const baselineWindows = 30;
const partitions = 4;

/** What the sensors send in one window. */
export interface Minute {
  /** Added to every value. */
  readonly shift?: number;
  /** Share of values that are null. */
  readonly nulls?: number;
  readonly rows?: number;
}

const schema = {
  type: "record",
  name: "Reading",
  fields: [
    { name: "event_id", type: "string" },
    { name: "sensor", type: "string" },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "value", type: ["null", "double"], default: null },
    { name: "kind", type: "string" },
  ],
};

export interface SensorsOptions {
  readonly bootstrap: string;
  readonly broker: Broker;
  readonly millrace: BuiltMillrace;
  readonly namespace: string;
  /** Lines under `alerts:`, each of two spaces and a key. */
  readonly alerts?: string;
  /** Lines of further monitors. */
  readonly monitors?: string;
}

/**
 * One ingest stage whose output is watched, in windows of a minute. Readings are sent minute by minute of event time; the
 * first thirty are the baseline.
 */
export class WatchedSensors {
  readonly plan: Plan;
  readonly file: string;
  /** Begin of the first window. */
  readonly beginMs: number;
  readonly #options: SensorsOptions;
  readonly #folder: string;
  readonly #rng: Rng = seededRng(29);
  /** Rows per window that were sent. */
  readonly sent = new Map<number, number>();
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
    const { broker, namespace } = options;
    const folder = await mkdtemp(join(tmpdir(), "millrace-sensors-"));
    // Old enough for all windows of a test to lie behind, young enough to be told of.
    const beginMs = (Math.floor(Date.now() / minuteMs) - 120) * minuteMs;
    await mkdir(join(folder, "schemas"));
    await mkdir(join(folder, "topologies"));
    await writeFile(join(folder, "schemas/reading.avsc"), JSON.stringify(schema));
    await writeFile(join(folder, "topologies/sensors.yaml"), textOf(options, beginMs));
    const inbox = `${namespace}.inbox`;
    await broker.admin.createTopics([{ topic: inbox, partitions, replication: 1, configs: {} }], signal);
    const sensors = new WatchedSensors(options, folder, beginMs);
    const registry = createFolderRegistry(join(folder, "registry"));
    await applyChanges(await compareWithCluster(sensors.plan, broker, registry, signal), broker, registry, signal);
    return sensors;
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

  /** @param stages those that it runs, roles among them; all when left out */
  start(environment: Readonly<Record<string, string>> = {}, stages: readonly string[] = []): WorkerProcess {
    const chosen = stages.flatMap((stage) => ["--stage", stage]);
    return new WorkerProcess(this.#options.millrace.entry, ["run", this.file, ...this.flags, ...chosen], environment);
  }

  /** Sends the readings of the next minute, evenly over the partitions and over the minute. Answers its begin. */
  async minute({ shift = 0, nulls = 0, rows = 800 }: Minute = {}): Promise<number> {
    const fromMs = this.beginMs + this.#minutes++ * minuteMs;
    const records = Array.from({ length: rows }, (_, i): RecordOut => {
      const sensor = `s${this.#rows % 97}`;
      const reading = {
        sensor,
        at: fromMs + Math.floor((i * minuteMs) / rows),
        value: this.#rng.uniform() < nulls ? null : shift + normal(this.#rng),
        kind: this.#rng.uniform() < 0.7 ? "indoor" : "outdoor",
      };
      const value = Buffer.from(JSON.stringify(reading));
      const partition = this.#rows++ % partitions;
      return { topic: `${this.#options.namespace}.inbox`, partition, timestampMs: Date.now(), key: null, value };
    });
    await this.#options.broker.append(records, signal);
    this.sent.set(fromMs, rows);
    return fromMs;
  }

  /** Whether a baseline was put into service. */
  async hasBaseline(): Promise<boolean> {
    const records = await this.#read(this.monitoring.topics.baselines.clusterName);
    return records.some(({ key }) => String(key) === "inputs");
  }

  /** All verdicts that a read-committed reader sees, in order. */
  async verdicts(): Promise<VerdictRecord[]> {
    const records = await this.#read(this.monitoring.topics.verdicts.clusterName);
    return records.flatMap(({ value }) => (value === null ? [] : [decodeVerdict(value)]));
  }

  async alerts(): Promise<AlertEvent[]> {
    const records = await this.#read(this.monitoring.topics.alerts.clusterName);
    return records.flatMap(({ value }) => readAlertEvent(String(value)) ?? []);
  }

  async #read(topic: string): Promise<PlainRecord[]> {
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
}

/** A standard normal number, by Box and Muller. */
function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
}

function textOf({ namespace, alerts = "", monitors = "" }: SensorsOptions, beginMs: number): string {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return `apiVersion: millrace/v1
kind: Topology
name: sensors
delivery: exactly-once
commit: { everyMs: 50, records: 2000 }
topics:
  inbox: { name: ${namespace}.inbox, format: json, external: true }
  readings: { schema: reading, key: sensor, time: at, partitions: ${partitions} }
stages:
  - name: ingest
    from: { topic: inbox, format: json, start: earliest }
    to: readings
    steps: [cast: { at: timestamp-millis }]
monitors:
  - name: inputs
    on: readings
    fields: [value, kind]
    window: 1min
    late: 1min
    baseline: { from: ${iso(beginMs)}, to: ${iso(beginMs + baselineWindows * minuteMs)} }
${monitors}alerts:
  budget: { pages: 1, per: 1d }
${alerts}`;
}
