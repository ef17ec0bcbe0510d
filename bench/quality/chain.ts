/** The product as the benchmark uses it: apply, run, train. A topology of one partition per topic, on a cluster of its own. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { hasStart, lagOf } from "../../demo/cluster.ts";
import { nodeHasher, systemClock } from "../../src/adapters/node/index.ts";
import { applyChanges, compareWithCluster } from "../../src/app/apply-plan.ts";
import { loadPlan } from "../../src/app/load-topology.ts";
import { chosenStages, createWorker } from "../../src/app/start-worker.ts";
import { openArtefacts, openBroker, openModels, openRegistry, openTrainer } from "../../src/app/wire.ts";
import { type Logger, silentLogger } from "../../src/kernel/index.ts";
import type { ArtefactStore } from "../../src/model/index.ts";
import { type Alias, changeAliases, promotionRecords } from "../../src/runtime/control/index.ts";
import { type Broker, readTopicRows } from "../../src/runtime/index.ts";
import type { SchemaRegistry } from "../../src/schema/index.ts";
import type { Plan, PlannedModel, PlannedStage } from "../../src/topology/index.ts";
import { type ChallengerRequest, trainChallenger } from "../../src/training/index.ts";
import { firstRows, rowAtTime } from "./readings.ts";
import type { Served } from "./result.ts";

const drainTimeoutMs = 25_000;
const pollMs = 2;
const appendRecords = 2_000;

/** Where a chain runs, and which of its stages. */
export interface ChainOptions {
  readonly bootstrap: string;
  /** Folder for schemas and models. */
  readonly folder: string;
  readonly file: string;
  readonly namespace: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly logger?: Logger;
}

/** What a training learns from, how, and what it has to pass. */
export type AskedTraining = Pick<
  ChallengerRequest,
  "toMs" | "newestRows" | "seed" | "mode" | "champion" | "gate" | "cause"
>;

interface RunningStage {
  readonly stage: PlannedStage;
  stop(): Promise<void>;
}

export class QualityChain {
  readonly plan: Plan;
  readonly #broker: Broker;
  readonly #registry: SchemaRegistry;
  readonly #artefacts: ArtefactStore;
  readonly #logger: Logger;
  readonly #signal = new AbortController().signal;
  readonly #failure = new AbortController();
  readonly #running = new Map<string, RunningStage>();

  private constructor(plan: Plan, broker: Broker, registry: SchemaRegistry, options: ChainOptions) {
    this.plan = plan;
    this.#broker = broker;
    this.#registry = registry;
    this.#artefacts = openArtefacts(join(options.folder, "models"));
    this.#logger = options.logger ?? silentLogger;
  }

  /** Connects, makes the inboxes and applies the topology. */
  static async open(options: ChainOptions): Promise<QualityChain> {
    const { bootstrap, folder, file, environment, namespace, logger = silentLogger } = options;
    const plan = loadPlan(file, environment, namespace);
    const signal = new AbortController().signal;
    await rm(folder, { recursive: true, force: true });
    const broker = await openBroker({ tls: undefined, sasl: undefined }, [bootstrap], logger);
    const registry = await openRegistry(join(folder, "registry"), undefined, "write");
    const inboxes = plan.topics.filter(({ external }) => external);
    await broker.admin.createTopics(
      inboxes.map(({ clusterName }) => ({ topic: clusterName, partitions: 1, replication: 1, configs: {} })),
      signal,
    );
    await applyChanges(await compareWithCluster(plan, broker, registry, signal), broker, registry, signal);
    return new QualityChain(plan, broker, registry, options);
  }

  /** Runs a stage in a worker of its own; resolves when it is known where the stage begins. */
  async start(name: string): Promise<void> {
    const { plan } = this;
    const [stage] = chosenStages(plan, [name]);
    if (stage === undefined) throw new Error(`starting ${name}: the topology has no such stage`);
    const models = openModels(plan, this.#broker, this.#artefacts, this.#logger);
    const stop = new AbortController();
    const worker = await createWorker({
      plan,
      stages: [stage],
      hasRoles: false,
      broker: this.#broker,
      registry: this.#registry,
      models,
      logger: this.#logger,
      drainTimeoutMs,
      untilCaughtUp: false,
    });
    const ended = worker.run(stop.signal);
    const fail = (why: unknown): void => this.#failure.abort(new Error(`running ${name}: ${String(why)}`));
    ended.then((code) => {
      if (code !== 0 || !stop.signal.aborted) fail(`the worker ended with ${code}`);
    }, fail);
    this.#running.set(name, {
      stage,
      stop: async () => {
        stop.abort();
        await ended;
        await models.close();
      },
    });
    await this.#until(async () => worker.isReady && (await hasStart(this.#broker, stage, this.#signal)));
  }

  /** Stops a stage as SIGTERM does, and runs it again with the version that its alias names now. */
  async restart(name: string): Promise<void> {
    await this.#running.get(name)?.stop();
    await this.start(name);
  }

  async send(topicName: string, texts: readonly string[]): Promise<void> {
    const topic = this.plan.topics.find(({ name }) => name === topicName)?.clusterName ?? topicName;
    for (let from = 0; from < texts.length; from += appendRecords) {
      const records = texts.slice(from, from + appendRecords).map((text) => ({
        topic,
        partition: 0,
        timestampMs: systemClock.now(),
        key: null,
        value: Buffer.from(text),
      }));
      await this.#broker.append(records, this.#signal);
    }
  }

  /** Waits until everything that was sent has come through the stages that run, in the order in which they were started. */
  async untilCaughtUp(): Promise<void> {
    for (const { stage } of this.#running.values())
      await this.#until(async () => (await lagOf(this.#broker, stage, this.#signal)) === 0);
  }

  /**
   * Trains a challenger on what is known before a moment, and puts it in service when it is accepted.
   * @returns its number; undefined when it was not accepted
   */
  async train(name: string, asked: AskedTraining): Promise<number | undefined> {
    const { plan } = this;
    const model = this.#modelOf(name);
    const request: ChallengerRequest = {
      ...model,
      ...asked,
      model: name,
      topics: plan.topics,
      topology: plan.topology,
      planHash: plan.hash,
      rows: (topic, reader, visitor, stop) => readTopicRows(this.#broker, this.#registry, topic, reader, visitor, stop),
      artefacts: this.#artefacts,
      openTrainer,
      clock: systemClock,
      hasher: nodeHasher,
      progress: () => undefined,
    };
    const { version } = await trainChallenger(request, this.#signal);
    if (version === undefined) return undefined;
    const at = systemClock.now();
    const promotion = { model: name, version, at, by: "bench:quality" };
    const promoted = (aliases: readonly Alias[]) => promotionRecords(aliases, promotion);
    await changeAliases(this.#broker, plan.control, promoted, at, this.#signal);
    return version;
  }

  /** What the stage of a mode has said about each row. @throws Error for a row that it has said two things about */
  async served(mode: string, rows: number): Promise<Served> {
    const topic = this.plan.topics.find(({ name }) => name === `predictions.${mode}`);
    if (topic?.schema === undefined) throw new Error(`reading predictions.${mode}: there is no such topic`);
    const scores = new Float64Array(rows).fill(Number.NaN);
    const versions = new Int32Array(rows);
    const row = (read: Readonly<Record<string, unknown>>): void => {
      const at = rowAtTime(Number(read["event_time"]));
      if (at < firstRows || versions[at] !== 0)
        throw new Error(`${mode}: row ${at} was not to be scored, or only once`);
      scores[at] = Number(read["score"]);
      versions[at] = Number(read["model_version"]);
    };
    await readTopicRows(this.#broker, this.#registry, topic.clusterName, topic.schema, { row }, this.#signal);
    return { scores, versions };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map((running) => running.stop()));
    await this.#broker.close();
  }

  #modelOf(name: string): PlannedModel {
    const model = this.plan.models.find((planned) => planned.name === name);
    if (model === undefined) throw new Error(`training ${name}: the topology has no such model`);
    return model;
  }

  async #until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) {
      this.#failure.signal.throwIfAborted();
      await systemClock.sleep(pollMs, this.#failure.signal).catch(() => this.#failure.signal.throwIfAborted());
    }
  }
}
