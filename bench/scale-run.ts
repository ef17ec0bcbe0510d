import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { applyChanges, compareWithCluster } from "../src/app/apply-plan.ts";
import { openBroker, openRegistry } from "../src/app/wire.ts";
import { silentLogger } from "../src/kernel/index.ts";
import type { Broker } from "../src/runtime/index.ts";
import type { Plan, PlannedStage } from "../src/topology/index.ts";
import { ScaleFeed } from "./scale-feed.ts";
import { type ScaleJob, scalePlan, scaleStages } from "./scale-job.ts";
import { ScaleProcess } from "./scale-process.ts";
import { ScaleReader } from "./scale-reader.ts";

/** How long what is on its way may take after the last record was written. */
const settleMsMax = 15_000;
const idleSettleMs = 2_000;

export interface ScaleTimes {
  readonly idleSeconds: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly perSecond: number;
}

/** What one run measured; latencies in ms, shares of one core. */
export interface ScaleResult {
  readonly idleShare: number;
  readonly busyShare: number;
  readonly rssBytes: number;
  /** Records of the window, and those that did not come out in time. */
  readonly records: number;
  readonly missing: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The same until a reader of what is committed has each record in hand. */
  readonly seen50: number;
  readonly seen99: number;
  /** Records that came out more than once. */
  readonly copies: number;
}

/** What the stages' process holds, so long after it began to work. */
export interface MemorySample {
  readonly seconds: number;
  readonly rssBytes: number;
  /** After a collection. */
  readonly heapBytes: number;
  /** Sockets, timers and whatever else keeps the process alive. */
  readonly handles: number;
}

/** Topics, registry and feeder for as many partitions and stages; they live for all rounds. */
export class ScaleRun {
  readonly #job: ScaleJob;
  readonly #broker: Broker;
  readonly #plan: Plan;
  readonly #first: PlannedStage;
  readonly #last: PlannedStage;
  readonly #signal = new AbortController().signal;

  private constructor(job: ScaleJob, broker: Broker) {
    this.#job = job;
    this.#broker = broker;
    this.#plan = scalePlan(job);
    const stages = scaleStages(this.#plan, job);
    const [first, last] = [stages[0], stages.at(-1)];
    if (first === undefined || last === undefined) throw new Error("scale.yaml has fewer stages");
    this.#first = first;
    this.#last = last;
  }

  static async make(bootstrap: string, shape: Omit<ScaleJob, "bootstrap" | "folder">): Promise<ScaleRun> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-scale-"));
    const broker = await openBroker({ tls: undefined, sasl: undefined }, [bootstrap], silentLogger);
    const run = new ScaleRun({ ...shape, bootstrap, folder }, broker);
    await run.#apply();
    return run;
  }

  async remove(): Promise<void> {
    await this.#broker.close();
    await rm(this.#job.folder, { recursive: true, force: true });
  }

  /** Idle, then the warm-up, then the window. */
  async measure(times: ScaleTimes, flags: readonly string[] = []): Promise<ScaleResult> {
    const { from } = this.#first;
    const to = this.#last.to.clusterName;
    const { bootstrap } = this.#job;
    const feed = await this.#feed(times.perSecond);
    const stages = await ScaleProcess.start(this.#job, flags);
    const seen = await ScaleReader.open(bootstrap, to);
    try {
      await delay(idleSettleMs);
      await stages.window();
      await delay(times.idleSeconds * 1_000);
      const idle = await stages.window();
      await feed.run(times.warmUpSeconds);
      const starts = await Promise.all([this.#ends(from.clusterName), this.#ends(to)]);
      await stages.window();
      const written = feed.sent;
      await feed.run(times.seconds);
      const busy = await stages.window();
      const records = feed.sent - written;
      const before = await this.#appendTimes(from.clusterName, starts[0]);
      const after = await this.#arrived(to, starts[1], before.times);
      await stages.stop();
      const share = (window: { cpuMicros: number; wallMicros: number }): number => window.cpuMicros / window.wallMicros;
      const latencies = since(before.times, after.times);
      const sights = percentiles(since(before.times, seen.seenMs));
      return {
        idleShare: share(idle),
        busyShare: share(busy),
        rssBytes: busy.rssBytes,
        records,
        missing: records - latencies.length,
        copies: after.copies,
        ...percentiles(latencies),
        seen50: sights.p50,
        seen99: sights.p99,
      };
    } catch (error) {
      stages.kill();
      throw error;
    } finally {
      await feed.close();
      await seen.close();
    }
  }

  /** Feeds for so long, and asks after each step what the stages' process holds. */
  async *watch(perSecond: number, stepSeconds: number, seconds: number): AsyncGenerator<MemorySample> {
    const feed = await this.#feed(perSecond);
    const stages = await ScaleProcess.start(this.#job, ["--expose-gc"]);
    try {
      for (let passed = stepSeconds; passed <= seconds; passed += stepSeconds) {
        await feed.run(stepSeconds);
        const { rssBytes, heapBytes, handles } = await stages.window();
        yield { seconds: passed, rssBytes, heapBytes, handles };
      }
      await stages.stop();
    } finally {
      stages.kill();
      await feed.close();
    }
  }

  async #feed(perSecond: number): Promise<ScaleFeed> {
    const { reader, from } = this.#first;
    const { bootstrap, partitions, folder } = this.#job;
    const registry = await openRegistry(join(folder, "registry"), undefined, "read");
    const schema = await registry.latest(from.subject ?? "", this.#signal);
    const schemaId = schema?.id ?? 0;
    return ScaleFeed.open({ bootstrap, topic: from.clusterName, partitions, schema: reader, schemaId, perSecond });
  }

  /** Asks until every record is there, or for as long as is waited for the last. */
  async #arrived(topic: string, from: ReadonlyMap<number, number>, wanted: ReadonlyMap<string, number>) {
    const endMs = performance.now() + settleMsMax;
    for (;;) {
      const found = await this.#appendTimes(topic, from);
      if (performance.now() > endMs || [...wanted.keys()].every((key) => found.times.has(key))) return found;
      await delay(1_000);
    }
  }

  async #ends(topic: string): Promise<Map<number, number>> {
    const watermarks = await this.#broker.admin.watermarks(topic, this.#signal);
    return new Map(watermarks.map(({ partition, end }) => [partition, end]));
  }

  /** When the broker appended each record, by its key; of a record that is there twice, the first time. */
  async #appendTimes(topic: string, from: ReadonlyMap<number, number>) {
    const ends = await this.#ends(topic);
    const times = new Map<string, number>();
    let copies = 0;
    const readOne = async ([partition, end]: [number, number]): Promise<void> => {
      const start = from.get(partition) ?? 0;
      if (start >= end) return;
      for await (const batch of this.#broker.read({ topic, partition, from: start, to: end }, this.#signal)) {
        for (let i = 0; i < batch.count; i++) {
          const key = batch.bytes.toString("latin1", batch.keyFrom[i], batch.keyTo[i]);
          if (times.has(key)) copies++;
          else times.set(key, batch.timestampsMs[i] ?? 0);
        }
      }
    };
    const left = [...ends];
    // Each read has a connection of its own.
    const readers = Array.from({ length: 8 }, async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) await readOne(next);
    });
    await Promise.all(readers);
    return { times, copies };
  }

  async #apply(): Promise<void> {
    const { admin } = this.#broker;
    const inbox = this.#plan.topics.find(({ external }) => external)?.clusterName ?? "";
    const { topics } = await admin.describe([inbox], this.#signal);
    if (topics.length === 0)
      await admin.createTopics([{ topic: inbox, partitions: 1, replication: 1, configs: {} }], this.#signal);
    const configs = { "message.timestamp.type": "LogAppendTime" };
    // One at a time: a broker takes its time over hundreds of partitions.
    for (const topic of [this.#first.from.clusterName, this.#last.to.clusterName])
      await admin.createTopics([{ topic, partitions: this.#job.partitions, replication: 1, configs }], this.#signal);
    const registry = await openRegistry(join(this.#job.folder, "registry"), undefined, "write");
    const changes = await compareWithCluster(this.#plan, this.#broker, registry, this.#signal);
    await applyChanges(changes, this.#broker, registry, this.#signal);
  }
}

/** What lies between the two times of each key that has both. */
function since(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number[] {
  return [...before].flatMap(([key, ms]) => {
    const then = after.get(key);
    return then === undefined ? [] : [then - ms];
  });
}

function percentiles(latencies: readonly number[]): Pick<ScaleResult, "p50" | "p99" | "max"> {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? Number.NaN };
}
