/** The product as the demos use it: apply, run and train of a topology, and nothing else. */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeHasher, systemClock } from "../src/adapters/node/index.ts";
import { applyChanges, compareWithCluster } from "../src/app/apply-plan.ts";
import { loadPlan } from "../src/app/load-topology.ts";
import { chosenStages, createWorker } from "../src/app/start-worker.ts";
import { type TrainingOptions, trainModel } from "../src/app/train-model.ts";
import { trainsByItself } from "../src/app/trainer-role.ts";
import { openArtefacts, openModels, openRegistry, openTrainer } from "../src/app/wire.ts";
import type { Logger } from "../src/kernel/index.ts";
import type { ArtefactStore } from "../src/model/index.ts";
import type { Broker } from "../src/runtime/index.ts";
import type { SchemaRegistry } from "../src/schema/index.ts";
import type { DeliveryMode, Plan, PlannedStage } from "../src/topology/index.ts";
import type { TrainingOutcome } from "../src/training/index.ts";
import { closeBroker, connect, failingLogger, hasStart, lagOf, type Place } from "./cluster.ts";

const topologyFile = fileURLToPath(new URL("../topologies/flights.yaml", import.meta.url));

const drainTimeoutMs = 25_000;
const pollMs = 20;
/** A real cluster is asked less often: each look is a request per stage. */
const pollClusterMs = 200;

export interface ChainOptions extends Place {
  /** Topology file; `topologies/flights.yaml` when left out. */
  readonly file?: string;
  /** Folder for schemas, models and the log; those of an earlier run are removed. */
  readonly out: string;
  /** Undefined leaves it to the topology. */
  readonly delivery: DeliveryMode | undefined;
  readonly logger: Logger;
  /** Where warnings and errors are said besides. */
  readonly terminal: Logger;
}

/** A running topology. */
export class Chain {
  readonly plan: Plan;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly inbox: { readonly topic: string; readonly partitions: number };
  readonly #artefacts: ArtefactStore;
  readonly logger: Logger;
  readonly #pollMs: number;
  readonly #failure: AbortController;
  readonly #stop = new AbortController();
  readonly #running: Promise<number>[] = [];
  #stages: readonly PlannedStage[] = [];

  private constructor(
    plan: Plan,
    broker: Broker,
    registry: SchemaRegistry,
    options: ChainOptions,
    failure: AbortController,
    logger: Logger,
  ) {
    this.plan = plan;
    this.broker = broker;
    this.registry = registry;
    this.inbox = inboxOf(plan);
    this.#artefacts = openArtefacts(modelsFolder(options.out));
    this.logger = logger;
    this.#pollMs = options.brokers === undefined ? pollMs : pollClusterMs;
    this.#failure = failure;
  }

  /** Connects, makes the inbox and applies the topology; on a real cluster under a namespace that is new. */
  static async open(options: ChainOptions, signal: AbortSignal): Promise<Chain> {
    const { brokers, out, environment, file = topologyFile } = options;
    const failure = new AbortController();
    const logger = failingLogger(options.logger, options.terminal, failure);
    const namespace = brokers === undefined ? "" : `demo-${randomBytes(4).toString("hex")}`;
    const inbox = namespace === "" ? "flights.inbox" : `${namespace}.flights.inbox`;
    const planned = loadPlan(file, { ...environment, FLIGHTS_INBOX: inbox }, namespace);
    const plan = { ...planned, delivery: options.delivery ?? planned.delivery };
    for (const folder of [registryFolder(out), modelsFolder(out)]) await rm(folder, { recursive: true, force: true });
    const registry = await openRegistry(registryFolder(out), undefined, "write");
    const broker = await connect(options, logger);
    try {
      const topic = { ...inboxOf(plan), replication: undefined, configs: {} };
      await broker.admin.createTopics([topic], signal);
      await applyChanges(await compareWithCluster(plan, broker, registry, signal), broker, registry, signal);
      return new Chain(plan, broker, registry, options, failure, logger);
    } catch (thrown) {
      // Why it could not begin is worth more than why the rest could not be taken back.
      await closeBroker(broker, brokers === undefined ? undefined : plan).catch(() => undefined);
      throw thrown;
    }
  }

  /**
   * Runs stages in a worker; resolves when each has its tasks and its committed start.
   * @param hasRoles whether the judge of the monitors and the trainer run beside them, where the topology has them
   */
  async start(names: readonly string[], signal: AbortSignal, hasRoles = false): Promise<void> {
    const stages = chosenStages(this.plan, names);
    const { plan, broker, registry } = this;
    const ready = new AbortController();
    const models = openModels(plan, broker, this.#artefacts, this.logger);
    const worker = await createWorker({
      plan,
      stages,
      broker,
      registry,
      models,
      hasRoles,
      ...(hasRoles ? { artefacts: this.#artefacts, hasTrainer: trainsByItself(plan) } : {}),
      logger: this.logger,
      drainTimeoutMs,
      untilCaughtUp: false,
      onReady: () => ready.abort(),
    });
    const running = worker.run(this.#stop.signal).finally(() => models.close());
    this.#running.push(running);
    running.then(
      (code) => {
        if (code !== 0) this.#failure.abort(new Error(`running ${names.join(", ")}: the worker ended with ${code}`));
      },
      (thrown: unknown) => this.#failure.abort(thrown),
    );
    this.#stages = [...new Set([...this.#stages, ...stages])];
    // A stage whose model is still being loaded counts as ready; where it begins is known when it is committed.
    const atLatest = stages.filter((stage) => stage.start.kind === "latest");
    await this.until(async () => {
      if (!ready.signal.aborted) return false;
      for (const stage of atLatest) if (!(await hasStart(broker, stage, signal))) return false;
      return true;
    }, signal);
  }

  /** Waits until the judge of the monitors has seen all that was counted. */
  async untilJudged(signal: AbortSignal): Promise<void> {
    const { monitoring } = this.plan;
    if (monitoring === undefined) return;
    const judge = { from: monitoring.topics.partials, group: monitoring.judgeGroup };
    await this.until(async () => (await lagOf(this.broker, judge, signal)) === 0, signal);
  }

  /** Waits while the running stages together are further behind than this many records. */
  async untilLagAtMost(records: number, signal: AbortSignal): Promise<void> {
    await this.until(async () => {
      let lag = 0;
      for (const stage of this.#stages) lag += await lagOf(this.broker, stage, signal);
      return lag <= records;
    }, signal);
  }

  /** Waits until everything that is in the inbox now has come through the running stages, in their order. */
  async untilCaughtUp(signal: AbortSignal): Promise<void> {
    for (const stage of this.#stages) {
      await this.until(async () => (await lagOf(this.broker, stage, signal)) === 0, signal);
    }
  }

  /**
   * Trains a model on the feature rows before `toMs`, and puts the version in service. @throws Error when the broker no longer has all of them
   */
  async train(
    name: string,
    toMs: number,
    progress: TrainingOptions["progress"],
    signal: AbortSignal,
  ): Promise<TrainingOutcome> {
    const { plan, broker, registry } = this;
    const model = plan.models.find((planned) => planned.name === name);
    if (model === undefined) throw new Error(`training ${name}: the topology has no such model`);
    for (const topic of [model.featuresFrom, model.label?.topic]) await this.#checkWhole(topic, signal);
    const artefacts = this.#artefacts;
    const ports = { broker, registry, artefacts, openTrainer, clock: systemClock, hasher: nodeHasher };
    return trainModel({ plan, model, toMs, seed: 0, progress, isForced: true, by: "demo", ...ports }, signal);
  }

  /** Records in the inbox. */
  async eventCount(signal: AbortSignal): Promise<number> {
    const watermarks = await this.broker.admin.watermarks(this.inbox.topic, signal);
    return watermarks.reduce((sum, { end }) => sum + end, 0);
  }

  /** Stops the workers as SIGTERM does: what is in hand is committed. @throws Error also for what went wrong before */
  async drain(): Promise<void> {
    this.#stop.abort();
    const codes = await Promise.all(this.#running);
    const bad = codes.find((code) => code !== 0);
    if (bad !== undefined) throw new Error(`stopping the workers: one ended with ${bad}`);
    this.#failure.signal.throwIfAborted();
  }

  /** Ends everything, and with `deletes` takes the topics back from a cluster that goes on. */
  async close(deletes: boolean): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
    await closeBroker(this.broker, deletes ? this.plan : undefined);
  }

  async #checkWhole(topicName: string | undefined, signal: AbortSignal): Promise<void> {
    const topic = this.plan.topics.find((planned) => planned.name === topicName);
    if (topic === undefined) return;
    const watermarks = await this.broker.admin.watermarks(topic.clusterName, signal);
    if (watermarks.some(({ low }) => low > 0)) {
      throw new Error(
        `reading ${topic.clusterName}: its oldest records are gone; the demo is meant for fewer airports`,
      );
    }
  }

  /** Waits until something holds; ends with what went wrong in a worker before it does. */
  async until(holds: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#failure.signal]);
    for (;;) {
      either.throwIfAborted();
      if (await holds()) return;
      await systemClock.sleep(this.#pollMs, either).catch(() => either.throwIfAborted());
    }
  }
}

function inboxOf(plan: Plan): Chain["inbox"] {
  const inbox = plan.topics.find((topic) => topic.external);
  if (inbox?.partitions === undefined) throw new Error(`${plan.topology}: there is no external topic to feed`);
  return { topic: inbox.clusterName, partitions: inbox.partitions };
}

/** Names that only the demo uses: the folders are removed before each run. */
function registryFolder(out: string): string {
  return join(out, "flights-registry");
}

export function modelsFolder(out: string): string {
  return join(out, "flights-models");
}
