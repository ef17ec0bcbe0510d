import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { createValueReader } from "../../../src/app/record-values.ts";
import { BaselinesReader } from "../../../src/monitoring/baselines-topic.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import type { SchemaRegistry } from "../../../src/schema/index.ts";
import type { DeliveryMode, Plan, PlannedStage } from "../../../src/topology/index.ts";
import { partitionOf } from "../../../src/wire/index.ts";
import { eventually } from "../../support/deadline.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";
import { mustRun } from "./command.ts";
import { type BuiltMillrace, WorkerProcess } from "./worker-process.ts";

const { signal } = new AbortController();
export const partitions = 2;
export const model = "items";
/** Of its own stages; those that the planner adds for labels come behind them. */
export const ownStages = ["ingest", "outcomes", "score"] as const;

const recordOf = (name: string, own: readonly object[]): string =>
  JSON.stringify({
    type: "record",
    name,
    fields: [
      { name: "event_id", type: "string" },
      { name: "id", type: "string" },
      { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
      ...own,
    ],
  });

/** An item that is looked at, and what became of it. */
export interface ItemRow {
  readonly id: string;
  readonly atMs: number;
  readonly size: number;
  readonly weight: number;
  readonly isBad: boolean;
}

export interface ModelLoopOptions {
  readonly bootstrap: string;
  readonly broker: Broker;
  readonly millrace: BuiltMillrace;
  readonly namespace: string;
  readonly delivery: DeliveryMode;
  /** How long after its item a label is dated. */
  readonly labelAfterMs?: number;
  /** Whether alerts of others are a reason to train too. */
  readonly isHooked?: boolean;
}

/**
 * A model that scores items, monitors of what it reads and of how good it is, and what trains it again. What is there
 * before the stage that scores is ready for the first time is learned from and never scored.
 */
export class ModelLoop {
  readonly plan: Plan;
  readonly registry: SchemaRegistry;
  readonly folder: string;
  readonly #options: ModelLoopOptions;

  private constructor(options: ModelLoopOptions, folder: string) {
    this.#options = options;
    this.folder = folder;
    this.registry = createFolderRegistry(join(folder, "registry"));
    this.plan = loadPlan(this.#file, {}, options.namespace);
  }

  /** Makes the topics, and everything that `apply` makes. */
  static async open(options: ModelLoopOptions): Promise<ModelLoop> {
    const { broker, namespace } = options;
    const folder = await mkdtemp(join(tmpdir(), "millrace-model-loop-"));
    await mkdir(join(folder, "schemas"));
    await mkdir(join(folder, "topologies"));
    const numbers = ["size", "weight"].map((name) => ({ name, type: "double" }));
    await writeFile(join(folder, "schemas/item.avsc"), recordOf("Item", numbers));
    await writeFile(join(folder, "schemas/outcome.avsc"), recordOf("Outcome", [{ name: "bad", type: "boolean" }]));
    await writeFile(join(folder, "topologies/loop.yaml"), textOf(options));
    const made = [`${namespace}.inbox`, `${namespace}.reports`];
    const external = made.map((topic) => ({ topic, partitions, replication: 1, configs: {} }));
    await broker.admin.createTopics(external, signal);
    const loop = new ModelLoop(options, folder);
    await applyChanges(
      await compareWithCluster(loop.plan, broker, loop.registry, signal),
      broker,
      loop.registry,
      signal,
    );
    return loop;
  }

  get modelsFolder(): string {
    return join(this.folder, "models");
  }

  /** Stages by their names in the plan, those for labels among them. */
  get stages(): readonly string[] {
    return this.plan.stages.map(({ name }) => name);
  }

  start(flags: readonly string[], environment: Readonly<Record<string, string>> = {}): WorkerProcess {
    const { millrace } = this.#options;
    return new WorkerProcess(millrace.entry, ["run", this.#file, ...this.#where, ...flags], environment);
  }

  /** Runs stages of the topology to the end of what they are given now. */
  async runThrough(...names: readonly string[]): Promise<void> {
    await this.#command("run", this.#file, ...this.#where, "--stage", ...names, "--until-caught-up");
  }

  /** Trains the first version, which serves at once, on what is known at a moment of event time. */
  async trainFirst(toMs: number): Promise<void> {
    await this.#command("train", this.#file, ...this.#where, "--model", model, "--to", new Date(toMs).toISOString());
  }

  /** Trains as is typed. @returns what it says */
  async train(...flags: readonly string[]): Promise<readonly string[]> {
    const said = await this.#command("train", this.#file, ...this.#where, "--model", model, ...flags);
    return said.trimEnd().split("\n");
  }

  /** Sends items and what became of them. */
  async send(rows: readonly ItemRow[]): Promise<void> {
    const { broker, namespace, labelAfterMs = 60_000 } = this.#options;
    const records = rows.flatMap(({ id, atMs, size, weight, isBad }) => {
      const key = Buffer.from(id);
      const partition = partitionOf(key, 0, key.length, partitions);
      const record = (topic: string, value: object) => ({
        topic: `${namespace}.${topic}`,
        partition,
        timestampMs: Date.now(),
        key,
        value: Buffer.from(JSON.stringify(value)),
      });
      return [
        record("inbox", { id, at: atMs, size, weight }),
        record("reports", { id, at: atMs + labelAfterMs, bad: isBad }),
      ];
    });
    await broker.append(records, signal);
  }

  /** Whether stages have committed all that their inputs hold now, in the order of the chain. */
  async isWorkedOff(names: readonly string[] = this.stages): Promise<boolean> {
    for (const name of names) {
      const { group, from } = this.stage(name);
      if (!(await this.hasReadAll(group, from.clusterName))) return false;
    }
    return true;
  }

  /** Whether a group has committed the ends of a topic as they are now. */
  async hasReadAll(group: string, topic: string): Promise<boolean> {
    const { admin } = this.#options.broker;
    // In this order: a commit that writes to the topic itself must not be held against the end before it.
    const committed = await admin.committed(group, topic, signal);
    const marks = await admin.watermarks(topic, signal);
    return marks.every(
      ({ partition, low, end }) => (committed.find((at) => at.partition === partition)?.offset ?? low) === end,
    );
  }

  /** Ends of a topic's partitions as they are now. */
  async ends(topic: string): Promise<number[]> {
    const marks = await this.#options.broker.admin.watermarks(topic, signal);
    return marks.toSorted((a, b) => a.partition - b.partition).map(({ end }) => end);
  }

  /** The version that each monitor of the features is compared with; null where nothing is in service. */
  async baselines(): Promise<{ readonly monitor: string; readonly version: number | null }[]> {
    const { monitors, topics } = this.plan.monitoring ?? { monitors: [], topics: undefined };
    if (topics === undefined) return [];
    const reader = new BaselinesReader(this.#options.broker, this.registry, topics.baselines.clusterName);
    const { baselines } = await reader.read(signal);
    return monitors.map(({ name }) => {
      const version = /^[^/]+\/(\d+)-/.exec(baselines.current(name)?.id ?? "")?.[1];
      return { monitor: name, version: version === undefined ? null : Number(version) };
    });
  }

  async workedOff(ms: number, names: readonly string[] = this.stages): Promise<void> {
    await eventually(ms, `${names.join()} to be done`, async () => (await this.isWorkedOff(names)) || undefined);
  }

  stage(name: string): PlannedStage {
    const found = this.plan.stages.find((stage) => stage.name === name);
    if (found === undefined) throw new Error(`the topology has no stage ${name}`);
    return found;
  }

  /** All records that a read-committed reader sees, partition by partition. */
  async read(topic: string): Promise<PlainRecord[]> {
    const { broker } = this.#options;
    const records: PlainRecord[] = [];
    for (const { partition, low, end } of await broker.admin.watermarks(topic, signal)) {
      if (low === end) continue;
      for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal))
        records.push(...plainRecords(batch));
    }
    return records;
  }

  /** The same of a topic with Avro records, decoded. */
  async readRows(topic: string): Promise<(PlainRecord & { readonly row: Readonly<Record<string, unknown>> })[]> {
    const reader = createValueReader(this.registry, signal);
    const rows: (PlainRecord & { readonly row: Readonly<Record<string, unknown>> })[] = [];
    for (const record of await this.read(topic)) {
      const row = (await reader.read(record.value ?? Buffer.alloc(0))) as unknown as Record<string, unknown>;
      rows.push({ ...record, row });
    }
    return rows;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.folder, "topologies/loop.yaml");
  }

  get #where(): readonly string[] {
    const { bootstrap, namespace } = this.#options;
    const registry = ["--registry", join(this.folder, "registry"), "--models-dir", this.modelsFolder];
    return ["--brokers", bootstrap, "--namespace", namespace, ...registry];
  }

  #command(...args: readonly string[]): Promise<string> {
    return mustRun(process.execPath, [this.#options.millrace.entry, ...args], { cwd: this.folder });
  }
}

function textOf({ delivery, namespace, isHooked }: ModelLoopOptions): string {
  return `apiVersion: millrace/v1
kind: Topology
name: loop
delivery: ${delivery}
commit: { everyMs: 20, records: 200 }
topics:
  inbox: { name: ${namespace}.inbox, format: json, external: true }
  reports: { name: ${namespace}.reports, format: json, external: true }
  features: { schema: item, key: id, time: at, partitions: ${partitions} }
  labels: { schema: outcome, key: id, time: at, partitions: 1 }
  predictions: { schema: inferred }
stages:
  - name: ingest
    from: { topic: inbox, format: json, start: earliest, ahead: none }
    to: features
    steps: [cast: { at: timestamp-millis }]
  - name: outcomes
    from: { topic: reports, format: json, start: earliest, ahead: none }
    to: labels
    steps: [cast: { at: timestamp-millis }]
  - name: score
    from: { topic: features, start: latest }
    to: predictions
    steps: [infer: { model: ${model}@champion, keep: [id] }]
models:
  ${model}:
    task: binary
    features: { from: features, only: [size, weight] }
    label: { topic: labels, on: id, field: bad }
    candidates: [logistic]
    retrain: { on: [drift, performance${isHooked === true ? ", webhook" : ""}], rows: 600, cooldown: 2d, labelsMin: 0 }
    gate:
      recent: { rowsMax: 300 }
      before: false                      # what was true before the change is over
      latencyP99Ms: false                # the same end on a machine of any speed
monitors:
  - { name: inputs, on: features, fields: [size, weight], window: 10min, late: 1min }
  - { name: truth, on: { predictions: predictions, labels: labels }, window: 10min, late: 1min, metrics: [accuracy, auc] }
alerts:
  budget: { pages: 1, per: 365d }
  fire: { windows: 2, of: 3 }
  clear: { below: 0.8, windows: 2 }
  ageMax: none                           # event time is not the clock's
`;
}
