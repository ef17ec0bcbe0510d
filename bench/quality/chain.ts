/** The product as the benchmark uses it: apply, run, train. A topology of one partition per topic, on a cluster of its own. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { hasStart, isSettled, lagOf, type Reader } from "../../demo/cluster.ts";
import { nodeHasher, systemClock } from "../../src/adapters/node/index.ts";
import { awaitAdoption } from "../../src/app/adoptions.ts";
import { applyChanges, compareWithCluster } from "../../src/app/apply-plan.ts";
import { loadPlan } from "../../src/app/load-topology.ts";
import { chosenStages, createWorker, type WorkerSetup } from "../../src/app/start-worker.ts";
import {
  openArtefacts,
  openBroker,
  openMemoryBroker,
  openModels,
  openRegistry,
  openTrainer,
} from "../../src/app/wire.ts";
import { type Logger, silentLogger } from "../../src/kernel/index.ts";
import type { ArtefactStore } from "../../src/model/index.ts";
import { createModelTopics, readPolicy, readRetrainings, trainedModels } from "../../src/retraining/index.ts";
import { type Alias, changeAliases, promotionRecords } from "../../src/runtime/control/index.ts";
import { type Broker, readTopicRows } from "../../src/runtime/index.ts";
import type { SchemaRegistry } from "../../src/schema/index.ts";
import type { Plan, PlannedModel } from "../../src/topology/index.ts";
import { type ChallengerRequest, type RetrainingEvent, trainChallenger } from "../../src/training/index.ts";
import { firstRows, rowAtTime } from "./readings.ts";
import type { Served } from "./result.ts";

const drainTimeoutMs = 25_000;
const pollMs = 2;
const appendRecords = 2_000;
/** More than all that a pass writes, of which nothing may be dropped. */
const memoryBytesMax = 1_024 * 1024 * 1024;

/** Where a chain runs, and which of its stages. */
export interface ChainOptions {
  /** Undefined for the broker in the process. */
  readonly bootstrap: string | undefined;
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

/** A worker, and how far it is: who reads what, in the order in which one reads what another writes. */
interface Running {
  readonly readers: readonly Reader[];
  stop(): Promise<void>;
}

/** What has become of a model that the topology keeps fresh. */
export interface Retrained {
  readonly requested: number;
  readonly promoted: number;
  /** In service; undefined while it is the first one. */
  readonly version: number | undefined;
}

/** The name under which the roles run; no stage is called so. */
const rolesName = "monitor";

export class QualityChain {
  readonly plan: Plan;
  readonly #broker: Broker;
  readonly #registry: SchemaRegistry;
  readonly #artefacts: ArtefactStore;
  readonly #logger: Logger;
  readonly #signal = new AbortController().signal;
  readonly #failure = new AbortController();
  readonly #running = new Map<string, Running>();

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
    const broker =
      bootstrap === undefined
        ? await openMemoryBroker(memoryBytesMax, logger)
        : await openBroker({ tls: undefined, sasl: undefined }, [bootstrap], logger);
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
    const stages = chosenStages(this.plan, [name]);
    await this.#run(name, { stages, hasRoles: false }, stages);
    await this.#until(async () => {
      for (const stage of stages) if (!(await hasStart(this.#broker, stage, this.#signal))) return false;
      return true;
    });
  }

  /** Runs what the topology's monitors and its trainer need, as `millrace run` does beside the stages. */
  async startRoles(): Promise<void> {
    const { monitoring } = this.plan;
    if (monitoring?.labelled === undefined)
      throw new Error("starting the roles: the topology has no monitor of labels");
    const { clusterName, group } = monitoring.labelled;
    const stages = this.plan.stages.filter(({ to }) => to.clusterName === clusterName);
    await this.#run(rolesName, { stages, hasRoles: true, hasTrainer: true }, [
      ...stages,
      { from: { clusterName }, group },
      { from: monitoring.topics.partials, group: monitoring.judgeGroup },
    ]);
  }

  async #run(
    name: string,
    parts: Pick<WorkerSetup, "stages" | "hasRoles" | "hasTrainer">,
    readers: readonly Reader[],
  ): Promise<void> {
    const { plan } = this;
    const models = openModels(plan, this.#broker, this.#artefacts, this.#logger);
    const stop = new AbortController();
    const worker = await createWorker({
      plan,
      ...parts,
      broker: this.#broker,
      registry: this.#registry,
      models,
      artefacts: this.#artefacts,
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
      readers,
      stop: async () => {
        stop.abort();
        await ended;
        await models.close();
      },
    });
    await this.#until(async () => worker.isReady);
  }

  /** Waits until the stage of a model scores with a version: it adopts where it stands, without a record. */
  async untilAdopted(model: string, version: number): Promise<void> {
    const reach = { broker: this.#broker, registry: this.#registry };
    await this.#until(async () => {
      const { adopted, behind } = await awaitAdoption(model, version, { plan: this.plan, reach }, this.#signal);
      return adopted.length > 0 && behind.length === 0;
    });
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
    for (const { readers } of this.#running.values())
      for (const reader of readers)
        await this.#until(async () => (await lagOf(this.#broker, reader, this.#signal)) === 0);
  }

  /**
   * Waits until the trainer has answered all that was alerted and has nothing left to do: by the topics, its policy would
   * decide nothing more. @throws Error when a training went wrong
   */
  async untilTrained(name: string): Promise<Retrained> {
    const { plan } = this;
    const { retraining, monitoring } = plan;
    if (retraining === undefined || monitoring === undefined) throw new Error("the topology trains nothing");
    const topics = { retraining: retraining.clusterName, alerts: monitoring.topics.alerts.clusterName };
    await this.#until(async () => {
      // What the judge has committed is in the log, and may not be visible yet.
      for (const topic of Object.values(topics))
        if (!(await isSettled(this.#broker, topic, this.#signal))) return false;
      const lookAt = createModelTopics(plan, this.#broker, this.#registry, systemClock);
      const policy = await readPolicy(this.#broker, topics, trainedModels(plan), lookAt, this.#signal);
      return policy.openRequest(name) === undefined && policy.decide(systemClock.now()).length === 0;
    });
    const events = await readRetrainings(this.#broker, topics.retraining, this.#signal);
    const of = (type: RetrainingEvent["type"]) => events.filter((event) => event.model === name && event.type === type);
    const [failed] = of("failed");
    if (failed !== undefined) throw new Error(`training ${name}: ${failed.reason}`);
    const promoted = of("promoted");
    return { requested: of("requested").length, promoted: promoted.length, version: promoted.at(-1)?.version };
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
      rows: (topic, reader, visitor, stop, newest) =>
        readTopicRows(
          this.#broker,
          this.#registry,
          topic,
          reader,
          visitor,
          stop,
          newest === undefined ? undefined : { newest },
        ),
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

  /** What a stage has said about each row. @throws Error for a row that it has said two things about */
  async served(stage: string, rows: number): Promise<Served> {
    const topic = this.plan.topics.find(({ name }) => name === `predictions.${stage}`);
    if (topic?.schema === undefined) throw new Error(`reading predictions.${stage}: there is no such topic`);
    const scores = new Float64Array(rows).fill(Number.NaN);
    const versions = new Int32Array(rows);
    const row = (read: Readonly<Record<string, unknown>>): void => {
      const at = rowAtTime(Number(read["event_time"]));
      if (at < firstRows || versions[at] !== 0)
        throw new Error(`${stage}: row ${at} was not to be scored, or only once`);
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
