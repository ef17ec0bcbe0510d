import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import type { Plan } from "../../../src/topology/index.ts";
import { eventually } from "../../support/deadline.ts";
import { plainRecords } from "../../support/records.ts";
import { type BuiltMillrace, WorkerProcess } from "./worker-process.ts";

const { signal } = new AbortController();
const stages = ["one", "two", "three", "four"] as const;

const schema = {
  type: "record",
  name: "Item",
  fields: ["event_id", "id"].map((name) => ({ name, type: "string" })),
};

export interface RelayOptions {
  readonly bootstrap: string;
  readonly broker: Broker;
  readonly millrace: BuiltMillrace;
  readonly namespace: string;
  /** Of every topic. */
  readonly partitions: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** Where the workers connect; like everybody else when not given. */
  readonly worksAt?: string;
  /** How many of the four stages there are; all when not given. */
  readonly stageCount?: number;
  /** What stands behind `from` of the first stage. */
  readonly inbox?: string;
  /** Of the inbox; 1 when not given. The other topics have what the cluster gives. */
  readonly replication?: number;
}

/** Four stages that hand on what they read, from JSON to the last topic. They need no model and do next to nothing. */
export class RelayChain {
  readonly inbox: string;
  readonly plan: Plan;
  readonly #options: RelayOptions;
  readonly #folder: string;
  #sent = 0;
  #partitions: number;

  private constructor(options: RelayOptions, folder: string, inbox: string) {
    this.#options = options;
    this.#partitions = options.partitions;
    this.#folder = folder;
    this.inbox = inbox;
    this.plan = loadPlan(this.file, {}, options.namespace);
  }

  /** Makes the topics, and everything that `apply` makes. */
  static async open(options: RelayOptions): Promise<RelayChain> {
    const { namespace, partitions, broker, replication = 1 } = options;
    const folder = await mkdtemp(join(tmpdir(), "millrace-relay-"));
    const inbox = `${namespace}.inbox`;
    await mkdir(join(folder, "schemas"));
    await mkdir(join(folder, "topologies"));
    await writeFile(join(folder, "schemas/item.avsc"), JSON.stringify(schema));
    await writeFile(join(folder, "topologies/relay.yaml"), textOf(inbox, options));
    await broker.admin.createTopics([{ topic: inbox, partitions, replication, configs: {} }], signal);
    const chain = new RelayChain(options, folder, inbox);
    await chain.apply();
    return chain;
  }

  async apply(): Promise<void> {
    const { broker } = this.#options;
    const registry = createFolderRegistry(join(this.#folder, "registry"));
    await applyChanges(await compareWithCluster(this.plan, broker, registry, signal), broker, registry, signal);
  }

  start(flags: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): WorkerProcess {
    const { bootstrap, worksAt, millrace, namespace } = this.#options;
    const where = [
      "--brokers",
      worksAt ?? bootstrap,
      "--registry",
      join(this.#folder, "registry"),
      "--namespace",
      namespace,
    ];
    return new WorkerProcess(millrace.entry, ["run", this.file, ...where, ...flags], {
      ...this.#options.environment,
      ...environment,
    });
  }

  /** Sends so many records, evenly over the partitions. */
  async send(count: number): Promise<void> {
    const { broker } = this.#options;
    const records = Array.from({ length: count }, () => {
      const id = `i${this.#sent}`;
      const partition = this.#sent++ % this.#partitions;
      const value = Buffer.from(JSON.stringify({ id }));
      return { topic: this.inbox, partition, timestampMs: Date.now(), key: Buffer.from(id), value };
    });
    await broker.append(records, signal);
  }

  /** Gives the inbox more partitions; what is sent from then on goes to them too. */
  async grow(partitions: number): Promise<void> {
    await this.#options.broker.admin.growTopic(this.inbox, partitions, signal);
    this.#partitions = partitions;
  }

  /** What `apply` has made. */
  get ownTopics(): readonly string[] {
    const made = this.plan.topics.filter(({ external }) => !external);
    const kept = [this.plan.deadLetters, this.plan.control, this.plan.accounts];
    return [...made, ...kept].map(({ clusterName }) => clusterName);
  }

  get sent(): number {
    return this.#sent;
  }

  group(stage: (typeof stages)[number]): string {
    return this.plan.stages.find(({ name }) => name === stage)?.group ?? "";
  }

  /** Waits until a stage has committed all that its input holds. */
  async committed(stage: string, ms: number): Promise<void> {
    const { admin } = this.#options.broker;
    const { group, from } = this.plan.stages.find(({ name }) => name === stage)!;
    await eventually(ms, `${stage} to be done`, async () => {
      const marks = await admin.watermarks(from.clusterName, signal);
      const committed = await admin.committed(group, from.clusterName, signal);
      // Not more either: that would be offsets of a topic of before.
      return marks.every(({ partition, end }) => committed[partition]?.offset === end) || undefined;
    });
  }

  /** Waits until every stage has done so, in their order. */
  async workedOff(ms: number): Promise<void> {
    for (const { name } of this.plan.stages) await this.committed(name, ms);
  }

  /** Records of the last topic, and how many different ones. */
  async arrived(): Promise<{ readonly records: number; readonly ids: number }> {
    const ids = (await this.idsOut()).flat();
    return { records: ids.length, ids: new Set(ids).size };
  }

  /** How often each id stands in the last topic. */
  async timesArrived(): Promise<Map<string, number>> {
    const times = new Map<string, number>();
    for (const id of (await this.idsOut()).flat()) times.set(id, (times.get(id) ?? 0) + 1);
    return times;
  }

  /** Ids of the inbox, by partition, as often as each stands there. */
  idsIn(): Promise<string[][]> {
    return this.#idsOf(this.inbox);
  }

  /** The same of the last topic. */
  idsOut(): Promise<string[][]> {
    return this.#idsOf(this.plan.stages.at(-1)?.to.clusterName ?? "");
  }

  async #idsOf(topic: string): Promise<string[][]> {
    const { broker } = this.#options;
    const ids: string[][] = [];
    for (const { partition, low, end } of await broker.admin.watermarks(topic, signal)) {
      const own: string[] = [];
      ids[partition] = own;
      if (low === end) continue;
      for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal))
        own.push(...plainRecords(batch).map(({ key }) => String(key)));
    }
    return ids;
  }

  async remove(): Promise<void> {
    const { admin } = this.#options.broker;
    const own = this.plan.topics.map(({ clusterName }) => clusterName);
    const { deadLetters, control, accounts } = this.plan;
    const kept = [deadLetters, control, accounts].map(({ clusterName }) => clusterName);
    await admin.deleteTopics([...own, ...kept], signal);
    const groups = this.plan.stages.map(({ group }) => group);
    // Sessions of workers that were killed expire by themselves.
    await admin.deleteGroups(groups, signal).catch(() => undefined);
    await rm(this.#folder, { recursive: true, force: true });
  }

  get namespace(): string {
    return this.#options.namespace;
  }

  get file(): string {
    return join(this.#folder, "topologies/relay.yaml");
  }
}

function textOf(inbox: string, { partitions, inbox: more = "", stageCount = stages.length }: RelayOptions): string {
  const topics = ["a", "b", "c", "d"]
    .slice(0, stageCount)
    .map((name) => `  ${name}: { schema: item, key: id, partitions: ${partitions} }`);
  const [first, ...rest] = stages.slice(0, stageCount);
  const later = rest.map(
    (name, i) => `  - { name: ${name}, from: ${"abc"[i]}, to: ${"bcd"[i]}, steps: [filter: id != ''] }`,
  );
  return `apiVersion: millrace/v1
kind: Topology
name: relay
delivery: at-least-once
commit: { everyMs: 100, records: 500 }
topics:
  inbox: { name: ${inbox}, format: json, external: true }
${topics.join("\n")}
stages:
  - name: ${first}
    from: { topic: inbox, format: json, start: earliest${more} }
    to: a
    steps: [filter: id != '']
${later.join("\n")}
`;
}
