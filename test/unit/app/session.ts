import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nodeHasher, systemClock } from "../../../src/adapters/node/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { feedSample } from "../../../src/app/feed-sample.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { createWorker, type WorkerSetup } from "../../../src/app/start-worker.ts";
import { type PrintedRecord, tailTopic } from "../../../src/app/tail.ts";
import { trainModel } from "../../../src/app/train-model.ts";
import { openArtefacts, openMemoryBroker, openModels, openTrainer } from "../../../src/app/wire.ts";
import type { Worker } from "../../../src/app/worker.ts";
import { type LogFields, type Logger, silentLogger } from "../../../src/kernel/index.ts";
import type { ArtefactStore } from "../../../src/model/index.ts";
import { writeAlias } from "../../../src/runtime/control/aliases.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import type { DeliveryMode, Plan } from "../../../src/topology/index.ts";
import type { TrainingOutcome } from "../../../src/training/index.ts";
import { within } from "../../support/deadline.ts";

const cardFraud = join(import.meta.dirname, "../../../topologies/card-fraud.yaml");
const deadlineMs = 15_000;
const never = new AbortController().signal;

/** Counts of a stage as the worker logs them. */
export interface LoggedCounts {
  readonly status: string;
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly late: number;
  readonly deadLetters: number;
  readonly lag: number | null;
}

/** A worker that runs, and how it ends. */
export interface Running {
  readonly worker: Worker;
  readonly ended: Promise<number>;
  /** Stops it and answers its exit code. */
  stop(): Promise<number>;
}

/** The card-fraud topology on an in-process broker, with everything that surrounds a worker. */
export class CardFraud {
  readonly plan: Plan;
  readonly registry = new MemoryRegistry();
  readonly broker: Broker;
  readonly artefacts: ArtefactStore;
  readonly logged: { readonly level: string; readonly message: string; readonly fields: LogFields }[] = [];
  readonly logger: Logger;
  readonly #folder: string;
  readonly #stops: (() => Promise<unknown>)[] = [];

  private constructor(plan: Plan, broker: Broker, folder: string) {
    this.plan = plan;
    this.broker = broker;
    this.#folder = folder;
    this.artefacts = openArtefacts(folder);
    const at = (level: string) => (fields: LogFields, message: string) => {
      this.logged.push({ level, message, fields });
    };
    this.logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }

  /**
   * The external topics exist, and everything else has been applied but the topics in `without`.
   * @param more of the file, behind what it says
   */
  static async open(delivery: DeliveryMode, without: readonly string[] = [], more = ""): Promise<CardFraud> {
    const broker = await openMemoryBroker(256 * 1024 * 1024, silentLogger);
    const folder = mkdtempSync(join(tmpdir(), "millrace-card-"));
    const file = join(folder, "card-fraud.yaml");
    writeFileSync(file, readFileSync(cardFraud, "utf8") + more);
    symlinkSync(join(dirname(cardFraud), "../schemas"), join(folder, "schemas"));
    const scene = new CardFraud({ ...loadPlan(file, {}, undefined), delivery }, broker, folder);
    const external = ["payments.inbox", "payments.reports"];
    await broker.admin.createTopics(
      external.map((topic) => ({ topic, partitions: 4, replication: undefined, configs: {} })),
      never,
    );
    const changes = await compareWithCluster(scene.plan, broker, scene.registry, never);
    await applyChanges(changes, broker, scene.registry, never);
    if (without.length > 0) await broker.admin.deleteTopics(without, never);
    return scene;
  }

  /** Starts a worker on all stages. */
  async run(setup: Partial<WorkerSetup> = {}): Promise<Running> {
    const models = openModels(this.plan, this.broker, this.artefacts, this.logger);
    const { plan, broker, registry, logger } = this;
    const worker = await createWorker({
      plan,
      stages: plan.stages,
      broker,
      registry,
      models,
      logger,
      drainTimeoutMs: 5_000,
      untilCaughtUp: false,
      ...setup,
    });
    const stopping = new AbortController();
    const run = async (): Promise<number> => {
      try {
        return await worker.run(stopping.signal);
      } finally {
        await models.close();
      }
    };
    const ended = run();
    const stop = (): Promise<number> => {
      stopping.abort();
      return within(deadlineMs, "the worker to stop", ended);
    };
    this.#stops.push(stop);
    return { worker, ended: within(deadlineMs, "the worker to end", ended), stop };
  }

  /** Sends sample events as fast as they are taken. */
  feed(count: number): Promise<number> {
    return feedSample({ plan: this.plan, broker: this.broker, clock: systemClock, isPaced: false, max: count }, never);
  }

  async train(): Promise<TrainingOutcome> {
    const [model] = this.plan.models;
    if (model === undefined) throw new Error("card-fraud has a model");
    const { plan, broker, registry, artefacts } = this;
    const progress = (): void => undefined;
    return trainModel(
      {
        plan,
        model,
        seed: 0,
        broker,
        registry,
        artefacts,
        openTrainer,
        clock: systemClock,
        hasher: nodeHasher,
        // A second version is to serve too.
        isForced: true,
        progress,
      },
      never,
    );
  }

  /** Points the model's alias at a version, whether there is one or not. */
  async point(version: number): Promise<void> {
    const alias = { model: "card-fraud", alias: "champion", version };
    await writeAlias(this.broker, this.plan.control.clusterName, alias, systemClock.now(), never);
  }

  /** Records in a topic. */
  async count(topic: string): Promise<number> {
    let count = 0;
    for (const { partition, low, end } of await this.broker.admin.watermarks(topic, never)) {
      if (low === end) continue;
      for await (const batch of this.broker.read({ topic, partition, from: low, to: end }, never)) count += batch.count;
    }
    return count;
  }

  /** Offsets in a topic: its records, and a marker for every commit that is exactly-once. */
  async offsets(topic: string): Promise<number> {
    const watermarks = await this.broker.admin.watermarks(topic, never);
    return watermarks.reduce((sum, { low, end }) => sum + end - low, 0);
  }

  /** Every record of a topic, as `tail` prints it. */
  async records(topic: string): Promise<readonly PrintedRecord[]> {
    const lines: PrintedRecord[] = [];
    const max = await this.count(topic);
    if (max === 0) return [];
    const fail = (sentence: string): never => {
      throw new Error(sentence);
    };
    const print = (line: string): void => void lines.push(JSON.parse(line) as PrintedRecord);
    const options = {
      broker: this.broker,
      registry: this.registry,
      topic,
      from: "earliest",
      max,
      print,
      warn: fail,
    } as const;
    await within(deadlineMs, `the records of ${topic}`, tailTopic(options, never));
    return lines;
  }

  /** The counts that each stage has logged last. */
  counts(): Readonly<Record<string, LoggedCounts>> {
    const lines = this.logged.filter(({ message }) => message === "Stage counts.");
    return Object.fromEntries(lines.map(({ fields }) => [fields["stage"], fields as unknown as LoggedCounts]));
  }

  /** Fields of the lines with this message. */
  lines(message: string): readonly LogFields[] {
    return this.logged.filter((line) => line.message === message).map(({ fields }) => fields);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#stops.map((stop) => stop()));
    await this.broker.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
