import fc from "fast-check";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { nodeHasher } from "../../../src/adapters/node/index.ts";
import { type LogFields, type Logger, silentLogger } from "../../../src/kernel/index.ts";
import {
  type Adoption,
  type ArtefactFiles,
  adoptionSchema,
  decodeAdoption,
  fitLogistic,
  openVersion,
  type Scorer,
  versionFiles,
} from "../../../src/model/index.ts";
import { aliasRecord, writeAlias } from "../../../src/runtime/control/aliases.ts";
import { writeControl } from "../../../src/runtime/control/control-topic.ts";
import {
  type AliasModelSource,
  type Broker,
  BufferBudget,
  createAliasModelSource,
  createStageRunner,
  type StageRunner,
} from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import type { DeliveryMode, Plan, PlannedStage } from "../../../src/topology/index.ts";
import { type DeathPlan, type Mortal, mortalBroker } from "../../fakes/mortal-broker.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { manifestOf } from "../../support/manifest.ts";
import { plainRecords } from "../../support/records.ts";
import {
  AutoClock,
  avro,
  FakeRegistry,
  nextTurn,
  order,
  planOf,
  predictionSchema,
  rowOf,
  scoreStage,
  totalSchema,
} from "./fixture.ts";

const never = new AbortController().signal;
const partitions = 2;

export interface ScoringProcess extends Mortal {
  readonly runner: StageRunner;
  readonly models: AliasModelSource;
}

/** What is slow for one process. */
interface Slowness {
  /** It is told of no move of an alias until this resolves; what it asks for itself it finds. */
  readonly told?: Promise<unknown>;
  /** It can open no version beyond the first until this resolves. */
  readonly opened?: Promise<unknown>;
}

/** One prediction as it stands on the topic. */
interface Prediction {
  readonly partition: number;
  readonly offset: number;
  readonly version: number;
  readonly score: number;
  readonly text: string;
}

/** What comes to a shop from outside, whichever processes live; `challenge` is of versions that score beside. */
export type ShopAct =
  | { readonly kind: "feed"; readonly counts: readonly [number, number] }
  | { readonly kind: "promote"; readonly version: number }
  | { readonly kind: "challenge"; readonly version: number }
  | { readonly kind: "turns"; readonly count: number };

const version = fc.integer({ min: 1, max: 5 });

/** Acts of the kinds that are named. */
export function shopActs(...kinds: readonly ShopAct["kind"][]): fc.Arbitrary<ShopAct> {
  const all: Readonly<Record<ShopAct["kind"], fc.Arbitrary<ShopAct>>> = {
    feed: fc.record({ kind: fc.constant("feed"), counts: fc.tuple(fc.nat(9), fc.nat(9)) }),
    promote: fc.record({ kind: fc.constant("promote"), version }),
    challenge: fc.record({ kind: fc.constant("challenge"), version }),
    turns: fc.record({ kind: fc.constant("turns"), count: fc.nat(40) }),
  };
  return fc.oneof(...kinds.map((kind) => all[kind]));
}

/** A stage that follows `fraud@champion`, on the in-process broker: fed, promoted, run by processes that die. */
export class AdoptingShop {
  readonly broker: Broker;
  readonly plan: Plan;
  readonly clock = new AutoClock();
  readonly logged: { readonly message: string; readonly fields: LogFields }[] = [];
  /** Versions that the models directory does not have. */
  readonly missing = new Set<number>();
  /** Versions that were trained on something else. */
  readonly foreign = new Set<number>();
  /** Versions that the alias pointed at, in their order. */
  readonly promoted: number[] = [];
  readonly fed = [0, 0];
  /** What a version does in place of scoring. */
  readonly failing = new Map<number, (rows: Float64Array) => Promise<void> | undefined>();
  readonly #stage: PlannedStage;
  readonly #registry = new FakeRegistry();
  readonly #processes: ScoringProcess[] = [];
  readonly #scorers = new Map<number, Scorer>();

  /** @param shadow has challengers score; with the largest message that the topic of their scores takes */
  constructor(delivery: DeliveryMode, chunkRecords = 5, shadow?: { readonly messageBytesMax?: number }) {
    const infer = scoreStage.infer && {
      ...scoreStage.infer,
      shadow: shadow === undefined ? undefined : { clusterName: "shop.score.shadow" },
    };
    this.#stage = { ...scoreStage, infer };
    const adoptions = { clusterName: "shop.adoptions" };
    const commit = { everyMs: 100, records: chunkRecords, lingerMs: 5 };
    this.plan = { ...planOf([this.#stage]), delivery, adoptions, commit };
    const topic = (name: string, count: number, policy?: string) => ({
      topic: name,
      partitions: count,
      replication: undefined,
      configs: policy === undefined ? {} : { "cleanup.policy": policy },
    });
    this.broker = createMemoryBroker({
      codecs: noCodecs,
      clock: new FakeClock(1_700_000_000_000),
      logger: silentLogger,
      bytesMax: 100_000_000,
      topics: [
        ...["totals", "predictions", "shop.dead-letters"].map((name) => topic(name, partitions)),
        topic("shop.accounts", partitions, "compact"),
        topic("shop.control", 1, "compact"),
        topic("shop.adoptions", 1),
        ...(shadow === undefined
          ? []
          : [
              {
                ...topic("shop.score.shadow", partitions),
                configs: { "max.message.bytes": String(shadow.messageBytesMax ?? 1_048_588) },
              },
            ]),
      ],
    });
    this.#registry.schemas.set(7, totalSchema);
    for (const [id, subject, schema] of [
      [9, scoreStage.to.subject ?? "", predictionSchema],
      [13, "shop.adoptions-value", adoptionSchema],
    ] as const) {
      this.#registry.schemas.set(id, schema);
      this.#registry.latestBySubject.set(subject, id);
    }
  }

  /** Feeds so many records into each partition. */
  async feed(counts: readonly number[]): Promise<void> {
    const records = counts.flatMap((count, partition) =>
      Array.from({ length: count }, () => {
        const offset = this.fed[partition]!++;
        const row = { ...order(`${partition}-${offset}`, { amount: offset % 10 }), orders: partition };
        const value = avro(totalSchema, { ...row, event_id: `${partition}-${offset}` });
        return { topic: "totals", partition, timestampMs: 1, key: Buffer.from(`k${offset}`), value };
      }),
    );
    await this.broker.append(records, never);
  }

  async promote(version: number): Promise<void> {
    await writeAlias(this.broker, "shop.control", { model: "fraud", alias: "champion", version }, 0, never);
    this.promoted.push(version);
  }

  /** Points `challenger` at a version; at none when left out. */
  async challenge(version?: number): Promise<void> {
    const alias = { model: "fraud", alias: "challenger", version: version ?? 0 };
    const { key, value } = aliasRecord(alias);
    await writeControl(this.broker, "shop.control", [{ key, value: version === undefined ? null : value }], 0, never);
  }

  async start(plan?: DeathPlan, { told, opened }: Slowness = {}): Promise<ScoringProcess> {
    const mortal = mortalBroker(this.broker, plan);
    const broker = told === undefined ? mortal.broker : toldLate(mortal.broker, told);
    const models = createAliasModelSource({
      broker,
      controlTopic: "shop.control",
      artefacts: {
        read: async (_model, version) => {
          if (version > 1) await opened;
          return this.missing.has(version) ? undefined : this.#files(version);
        },
        versions: async () => [],
        prepare: async () => undefined,
        write: async () => 1,
        remove: async () => undefined,
      },
      openTfjs: () => Promise.reject(new Error("no model here is of that kind")),
      hasher: nodeHasher,
      clock: this.clock,
      logger: this.logger,
    });
    const runner = createStageRunner({
      plan: this.plan,
      stage: this.#stage,
      broker,
      registry: this.#registry,
      models: this.#failingAmong(models),
      clock: this.clock,
      logger: this.logger,
      budget: new BufferBudget({ bytesMax: 1_000_000, reservedBytesPerTask: 100_000 }),
      yieldToLoop: nextTurn,
      deflateGzip: undefined,
    });
    const process: ScoringProcess = {
      runner,
      models,
      broker: mortal.broker,
      died: mortal.died,
      get isDead() {
        return mortal.isDead;
      },
      kill: mortal.kill,
    };
    this.#processes.push(process);
    await Promise.race([runner.start(), mortal.died]);
    return process;
  }

  #failingAmong(models: AliasModelSource): AliasModelSource {
    const open: AliasModelSource["followed"]["open"] = async (model, version, signal, listener) => {
      const served = await models.followed.open(model, version, signal, listener);
      const score: Scorer["score"] = (rows, count, into, at) =>
        this.failing.get(version)?.(rows.subarray(0, 2 * count)) ?? served.scorer.score(rows, count, into, at);
      return {
        version,
        scorer: { ...served.scorer, signature: served.scorer.signature, code: served.scorer.code, score } as Scorer,
      };
    };
    return { ...models, followed: { ...models.followed, open } };
  }

  get logger(): Logger {
    const log = (fields: LogFields, message: string): void => void this.logged.push({ fields, message });
    return { debug: log, info: log, warn: log, error: log };
  }

  said(message: string): readonly LogFields[] {
    return this.logged.filter((line) => line.message === message).map(({ fields }) => fields);
  }

  async perform(act: ShopAct): Promise<void> {
    if (act.kind === "feed") return this.feed(act.counts);
    if (act.kind === "promote") return this.promote(act.version);
    if (act.kind === "challenge") return this.challenge(act.version);
    let left = act.count;
    await this.until(() => left-- <= 0);
  }

  /** Lets the living processes work until it holds, and expects of none that it halts. */
  async until(holds: () => boolean | Promise<boolean>, mayHalt = false): Promise<void> {
    for (let turn = 0; turn < 20_000; turn++) {
      for (const { isDead, runner } of this.#processes)
        if (!mayHalt && runner.haltReason !== undefined && !isDead) throw runner.haltReason;
      if (await holds()) return;
      await nextTurn();
      this.clock.nowMs += 10;
      for (const { isDead, runner } of this.#processes) if (!isDead) runner.tick(this.clock.nowMs);
    }
    throw new Error(`gave up: ${JSON.stringify(this.logged.slice(-8))}`);
  }

  async isCaughtUp(): Promise<boolean> {
    const committed = await this.broker.admin.committed(scoreStage.group, "totals", never);
    return committed.every(({ partition, offset }) => offset === this.fed[partition]);
  }

  /** Moves the group's offsets, as an operator does; nobody may be in it. */
  async setOffsets(offset: number): Promise<void> {
    const assigned = new Map<number, number>();
    const membership = await this.broker.join(
      {
        group: scoreStage.group,
        topics: ["totals"],
        start: { kind: "earliest" },
        logger: silentLogger,
      },
      {
        assigned: (tasks) => {
          for (const { task, epoch } of tasks) assigned.set(task, epoch);
        },
        revoking: async () => undefined,
        lost: () => undefined,
        batch: async () => undefined,
        failed: () => undefined,
      },
    );
    await this.until(() => assigned.size === partitions);
    for (const [task, epoch] of assigned) {
      const handle = await membership.openTask(task, epoch, never);
      await handle.commit(new Map([[`totals-${task}`, offset]]));
    }
    await membership.leave();
  }

  async adoptions(): Promise<Adoption[]> {
    return (await this.#values("shop.adoptions")).map((value) => decodeAdoption(value));
  }

  /** Version and offset of each adoption of a partition, in their order. */
  async switches(partition: number): Promise<string[]> {
    const own = (await this.adoptions()).filter((one) => one.partition === partition && one.alias === "champion");
    return own.map(({ version, fromOffset }) => `${version}@${fromOffset}`);
  }

  /** The same of challengers; `-` is where one ends. */
  async challenged(partition: number): Promise<string[]> {
    const own = (await this.adoptions()).filter((one) => one.partition === partition && one.alias === "challenger");
    return own.map(({ version, share, fromOffset }) => `${share === 0 ? "-" : ""}${version}@${fromOffset}`);
  }

  async predictions(): Promise<Prediction[]> {
    return this.#scores("predictions");
  }

  /** What challengers have made. */
  async shadows(): Promise<Prediction[]> {
    return this.#scores("shop.score.shadow");
  }

  /**
   * What contradicts the adoptions of challengers: within one each record has its score, of that version, as often as its
   * prediction is there; outside none. Empty when all is well.
   */
  async shadowFaults(): Promise<string[]> {
    const adoptions = (await this.adoptions()).filter(({ alias }) => alias === "challenger");
    const count = (all: readonly Prediction[]): Map<string, number> => {
      const counts = new Map<string, number>();
      for (const { partition, offset } of all)
        counts.set(`${partition}-${offset}`, (counts.get(`${partition}-${offset}`) ?? 0) + 1);
      return counts;
    };
    const shadows = await this.shadows();
    const [found, predicted] = [count(shadows), count(await this.predictions())];
    const faults: string[] = [];
    for (const [at, times] of predicted) {
      const [partition, offset] = at.split("-").map(Number);
      const last = adoptions.filter((one) => one.partition === partition && one.fromOffset <= offset!).at(-1);
      const expected = last === undefined || last.share === 0 ? 0 : times;
      if ((found.get(at) ?? 0) !== expected)
        faults.push(`${at} has ${found.get(at) ?? 0} scores beside, not ${expected}`);
    }
    for (const shadow of shadows) faults.push(...(await this.#faultsOf(shadow, adoptions)));
    return faults;
  }

  async #scores(topic: string): Promise<Prediction[]> {
    return (await this.#values(topic)).map((value) => {
      const row = rowOf(predictionSchema, value);
      const [partition, offset] = String(row["event_id"]).split("-").map(Number);
      const [version, score] = [Number(row["model_version"]), Number(row["score"])];
      return { partition: partition!, offset: offset!, version, score, text: JSON.stringify(row) };
    });
  }

  /** What contradicts R6, or is missing; empty when all is well. Everything fed has to be scored. */
  async faults(): Promise<string[]> {
    const adoptions = (await this.adoptions()).filter(({ alias }) => alias === "champion");
    const texts = new Map<string, Set<string>>();
    const faults: string[] = [];
    for (const prediction of await this.predictions()) {
      const at = `${prediction.partition}-${prediction.offset}`;
      texts.set(at, (texts.get(at) ?? new Set()).add(prediction.text));
      faults.push(...(await this.#faultsOf(prediction, adoptions)));
    }
    for (const [at, { size }] of texts) if (size > 1) faults.push(`${at} stands there in ${size} ways`);
    for (const [partition, fed] of this.fed.entries()) {
      for (let offset = 0; offset < fed; offset++)
        if (!texts.has(`${partition}-${offset}`)) faults.push(`${partition}-${offset} was not scored`);
      const own = adoptions.filter((one) => one.partition === partition);
      if (own.some(({ fromOffset }, i) => fromOffset < (own[i - 1]?.fromOffset ?? 0)))
        faults.push(`partition ${partition}: an adoption goes back`);
      faults.push(...this.#stepsBack(own));
    }
    return faults;
  }

  async #faultsOf(
    { partition, offset, version, score }: Prediction,
    adoptions: readonly Adoption[],
  ): Promise<string[]> {
    const at = `${partition}-${offset}`;
    const last = adoptions.filter((one) => one.partition === partition && one.fromOffset <= offset).at(-1);
    const into = new Float64Array(1);
    const scorer = this.#scorers.get(version) ?? (await this.#scorer(version));
    this.#scorers.set(version, scorer);
    await scorer.score(Float64Array.of(offset % 10, partition), 1, into, 0);
    return [
      ...(last?.version === version ? [] : [`${at} has version ${version}, and ${last?.version} was adopted`]),
      ...(into[0] === score ? [] : [`${at} has the score of another version than ${version}`]),
    ];
  }

  /** Of adoptions that are no part, in this order, of what the alias pointed at. */
  #stepsBack(adoptions: readonly Adoption[]): string[] {
    let at = 0;
    return adoptions.flatMap(({ partition, version }) => {
      const found = this.promoted.indexOf(version, at);
      if (found === -1) return [`partition ${partition} goes back to version ${version}`];
      at = found;
      return [];
    });
  }

  /** Odd versions score large amounts high, even ones low, and each in its own way. */
  #files(version: number): ArtefactFiles {
    const inputs = ["amount", "orders"].map((name) => ({ name, kind: "number" as const }));
    const signature = { task: "binary", inputs: this.foreign.has(version) ? inputs.slice(1) : inputs } as const;
    const width = signature.inputs.length;
    const rows = [0, version, 5, 0, 9, 1, 3, 2];
    const labels = Float64Array.from({ length: rows.length / width }, (_, i) => Number(i % 2 === version % 2));
    const model = fitLogistic({ inputs: Float64Array.from(rows), labels, width });
    return versionFiles({ learner: "logistic", signature, model, metrics: null, manifest: manifestOf() }, nodeHasher);
  }

  #scorer(version: number): Promise<Scorer> {
    const refuse = (): Promise<never> => Promise.reject(new Error("no model here is of that kind"));
    return openVersion(this.#files(version), `fraud/${version}`, nodeHasher, refuse);
  }

  async #values(topic: string): Promise<Buffer[]> {
    const found: Buffer[] = [];
    for (const { partition, low, end } of await this.broker.admin.watermarks(topic, never)) {
      if (low === end) continue;
      for await (const batch of this.broker.read({ topic, partition, from: "earliest", to: end }, never))
        found.push(...plainRecords(batch).map(({ value }) => value!));
    }
    return found;
  }

  async close(): Promise<void> {
    const living = this.#processes.filter(({ isDead }) => !isDead);
    await Promise.all(living.map(({ runner }) => runner.drain()));
    await Promise.all(living.map(({ models }) => models.close()));
    await this.broker.close();
  }
}

/** A broker whose followers of the control topic are told of what comes in once that resolves. */
function toldLate(broker: Broker, told: Promise<unknown>): Broker {
  return {
    ...broker,
    async *read(range, signal) {
      const isFollowed = range.topic === "shop.control" && range.to === undefined;
      for await (const batch of broker.read(range, signal)) {
        if (isFollowed) await told;
        yield batch;
      }
    },
  };
}
