import { join } from "node:path";
import { createFolderArtefacts } from "../../../src/adapters/artefact-fs/index.ts";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { createValueReader, type ValueReader } from "../../../src/app/record-values.ts";
import { type LogisticModel, numbersEncoder, versionFiles } from "../../../src/model/index.ts";
import { writeAlias } from "../../../src/runtime/control/aliases.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import type { SchemaRegistry } from "../../../src/schema/index.ts";
import { clusterNamesOf, type Plan, type PlannedStage } from "../../../src/topology/index.ts";
import { eventually } from "../../support/deadline.ts";
import { manifestOf } from "../../support/manifest.ts";
import { nodeHasher } from "../../support/node-hasher.ts";
import { plainRecords } from "../../support/records.ts";
import { type BuiltMillrace, WorkerProcess } from "./worker-process.ts";

const { signal } = new AbortController();
const file = join(import.meta.dirname, "../../../topologies/card-fraud.yaml");
/** The chain from events to predictions; the reports that training needs are left out. */
const stageNames = ["ingest", "clean", "features", "score"] as const;

/** What all chains of a test file share. */
export interface Surroundings {
  readonly bootstrap: string;
  readonly broker: Broker;
  readonly millrace: BuiltMillrace;
  /** Holds the registry and the models; removed by the test file. */
  readonly folder: string;
  /** Topic that stands for `payments.reports`: it must exist, and stays empty. */
  readonly reports: string;
}

export interface Prediction {
  readonly eventId: string;
  /** Of the record. */
  readonly key: string | undefined;
  /** Of the value. */
  readonly customerId: string;
}

export interface DeadLetter {
  readonly eventId: string;
  readonly code: string;
  readonly stage: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** What came out of a chain, copies included, in the order of each partition. */
export interface Outcome {
  readonly predictions: readonly Prediction[];
  readonly deadLetters: readonly DeadLetter[];
}

/** card-fraud.yaml in a namespace of its own, reading an inbox that others may read too. */
export class CardFraudChain {
  readonly plan: Plan;
  readonly #around: Surroundings;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #registryFolder: string;
  readonly #registry: SchemaRegistry;

  private constructor(around: Surroundings, namespace: string, inbox: string) {
    this.#around = around;
    this.#environment = {
      PAYMENTS_INBOX: inbox,
      PAYMENTS_REPORTS: around.reports,
      MILLRACE_NAMESPACE: namespace,
    };
    this.plan = loadPlan(file, this.#environment, namespace);
    this.#registryFolder = join(around.folder, namespace);
    this.#registry = createFolderRegistry(this.#registryFolder);
  }

  /** Applies the topology and points its model at a version. */
  static async open(around: Surroundings, namespace: string, inbox: string): Promise<CardFraudChain> {
    const chain = new CardFraudChain(around, namespace, inbox);
    const changes = await compareWithCluster(chain.plan, around.broker, chain.#registry, signal);
    await applyChanges(changes, around.broker, chain.#registry, signal);
    await chain.#serveModel();
    return chain;
  }

  /** Starts the four stages in a process. */
  start(flags: readonly string[] = []): WorkerProcess {
    const { bootstrap, millrace } = this.#around;
    const where = ["--brokers", bootstrap, "--registry", this.#registryFolder, "--models-dir", this.#modelsFolder];
    const args = ["run", file, "--stage", ...stageNames, ...where, "--drain-timeout", "25s", ...flags];
    return new WorkerProcess(millrace.entry, args, this.#environment);
  }

  /** Waits until so many predictions are out, copies included; answers how many there were then. */
  predictionsOut(count: number, ms: number): Promise<number> {
    return eventually(ms, `${count} predictions`, async () => {
      const out = await this.predictionCount();
      return out >= count ? out : undefined;
    });
  }

  async predictionCount(): Promise<number> {
    const marks = await this.#around.broker.admin.watermarks(this.#stage("score").to.clusterName, signal);
    return marks.reduce((sum, { end }) => sum + end, 0);
  }

  /** Waits until each stage has committed what its input holds now, in the order of the chain. */
  async workedOff(ms: number): Promise<void> {
    const { admin } = this.#around.broker;
    for (const name of stageNames) {
      const { group, from } = this.#stage(name);
      await eventually(ms, `${name} to be done`, async () => {
        const marks = await admin.watermarks(from.clusterName, signal);
        const committed = await admin.committed(group, from.clusterName, signal);
        const isDone = marks.every(
          ({ partition, end }) => committed.find((at) => at.partition === partition)?.offset === end,
        );
        return isDone || undefined;
      });
    }
  }

  async outcome(): Promise<Outcome> {
    const reader = createValueReader(this.#registry, signal);
    const predictions: Prediction[] = [];
    await this.#each(this.#stage("score").to.clusterName, async ({ key, value }) => {
      const read = (await this.#valueOf(reader, value)) as Record<string, unknown>;
      const [eventId, customerId] = [String(read["event_id"]), String(read["customer_id"])];
      predictions.push({ eventId, key: key?.toString(), customerId });
    });
    const deadLetters: DeadLetter[] = [];
    await this.#each(this.plan.deadLetters.clusterName, async ({ key, value, headers }) => {
      const header = (name: string): string =>
        headers.find((candidate) => candidate.name === name)?.value?.toString() ?? "";
      const [eventId, code, stage] = [header("millrace.event.id"), header("millrace.code"), header("millrace.stage")];
      deadLetters.push({ eventId, code, stage, key, value });
    });
    return { predictions, deadLetters };
  }

  /** Removes the chain's topics and groups; the inbox belongs to the test, whose workers have ended. */
  async remove(): Promise<void> {
    const foreign = new Set(this.plan.topics.filter(({ external }) => external).map(({ clusterName }) => clusterName));
    const own = clusterNamesOf(this.plan).filter((topic) => !foreign.has(topic));
    const { admin } = this.#around.broker;
    await admin.deleteTopics(own, signal);
    const groups = this.plan.stages.map(({ group }) => group);
    // After a test that failed, the session of a worker that was killed may still be there; it expires by itself.
    await admin.deleteGroups(groups, signal).catch(() => undefined);
  }

  get #modelsFolder(): string {
    return join(this.#around.folder, "models");
  }

  /** A version whose score grows with the amount; what it says is nothing to these tests. */
  async #serveModel(): Promise<void> {
    const [planned] = this.plan.models;
    const inputs = planned!.features;
    const all = (value: number): number[] => inputs.map(() => value);
    const model: LogisticModel = {
      intercept: -3,
      weights: inputs.map(({ name }) => (name === "amount" ? 1 : 0)),
      scaler: { mean: all(40), scale: all(100), low: all(0), high: all(10_000) },
      encoder: numbersEncoder(inputs.length),
    };
    const files = versionFiles(
      {
        learner: "logistic",
        signature: { task: planned!.task, inputs },
        model,
        metrics: null,
        manifest: manifestOf({ topology: this.plan.topology, planHash: this.plan.hash }),
      },
      nodeHasher,
    );
    const version = await createFolderArtefacts(this.#modelsFolder).write(
      planned!.name,
      files,
      async () => undefined,
      signal,
    );
    const alias = { model: planned!.name, alias: "champion", version };
    await writeAlias(this.#around.broker, this.plan.control.clusterName, alias, Date.now(), signal);
  }

  #stage(name: string): PlannedStage {
    return this.plan.stages.find((stage) => stage.name === name)!;
  }

  #valueOf(reader: ValueReader, value: Buffer | null): Promise<unknown> {
    return reader.read(value ?? Buffer.alloc(0));
  }

  async #each(topic: string, visit: (record: ReturnType<typeof plainRecords>[number]) => Promise<void>): Promise<void> {
    const { broker } = this.#around;
    for (const { partition, low, end } of await broker.admin.watermarks(topic, signal)) {
      if (low === end) continue;
      for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal))
        for (const record of plainRecords(batch)) await visit(record);
    }
  }
}
