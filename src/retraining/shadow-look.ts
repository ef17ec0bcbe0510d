import { type Offset, parseIsoTimeMs, topicPartitionKey } from "../kernel/index.ts";
import type { Adoption } from "../model/index.ts";
import { AdoptionLog, type AdoptionLogOptions } from "../runtime/adoption/index.ts";
import { challengerAlias } from "../runtime/control/index.ts";
import { type Broker, RowReader } from "../runtime/index.ts";
import type { Row, SchemaRegistry } from "../schema/index.ts";
import type { Plan, PlannedStage } from "../topology/index.ts";
import type { RawBatch } from "../wire/index.ts";
import type { Challenger, ShadowSeen } from "./trained-model.ts";

/** By how much the clock of who pointed at a challenger may be behind those of who scores with it. */
const clocksApartMs = 3_600_000;
/** Records from the end of a partition among which the latest event time is looked for, once enough are counted. */
const latestRecords = 20;

/** A stage that scores, and where its challenger does. */
interface ShadowedStage {
  readonly stage: PlannedStage;
  readonly topic: string;
}

/**
 * Follows what one challenger has done, from look to look: counts its scores until there are enough, and reads no more than
 * the ends of the partitions from then on.
 */
export class ShadowLook {
  readonly challenger: Challenger;
  readonly #broker: Broker;
  readonly #registry: SchemaRegistry;
  readonly #stages: readonly ShadowedStage[];
  readonly #adoptions: AdoptionLog | undefined;
  readonly #offsets = new Map<string, Offset>();
  readonly #rows = new Map<string, RowReader>();
  #records = 0;
  #firstMs = Number.POSITIVE_INFINITY;
  #latestMs = Number.NEGATIVE_INFINITY;

  constructor(
    challenger: Challenger,
    plan: Plan,
    by: Omit<AdoptionLogOptions, "topic"> & {
      readonly broker: Broker;
      readonly registry: SchemaRegistry;
    },
  ) {
    this.challenger = challenger;
    this.#broker = by.broker;
    this.#registry = by.registry;
    this.#stages = plan.stages.flatMap((stage) => {
      const { infer } = stage;
      if (infer?.model !== challenger.model || infer.shadow === undefined) return [];
      return [{ stage, topic: infer.shadow.clusterName }];
    });
    const topic = plan.adoptions?.clusterName;
    this.#adoptions = topic === undefined ? undefined : new AdoptionLog({ ...by, topic });
  }

  async look(signal: AbortSignal): Promise<ShadowSeen> {
    for (const shadowed of this.#stages) await this.#read(shadowed, signal);
    const spanMs = Math.max(0, this.#latestMs - this.#firstMs);
    return { records: this.#records, spanMs: this.#records === 0 ? 0 : spanMs, givenUp: await this.#givenUp(signal) };
  }

  /**
   * While its alias stands, a task ends with a challenger only because it has failed: one is enough. That it cannot be
   * opened has to be said by every task that lives: a folder may be missing on one machine.
   */
  async #givenUp(signal: AbortSignal): Promise<string | undefined> {
    await this.#adoptions?.catchUp(signal);
    const { model, version } = this.challenger;
    const own = (this.#adoptions?.all ?? []).filter(
      (one) => one.model === model && one.version === version && one.alias === challengerAlias && one.share === 0,
    );
    const over = own.find(({ reason }) => reason === undefined);
    if (over === undefined) return own.length === 0 ? undefined : this.#unopened(own, signal);
    const { stage, topic, partition, fromOffset } = over;
    return `stage ${stage} gave version ${version} up at offset ${fromOffset} of ${topicPartitionKey(topic, partition)}; the log of its worker says why`;
  }

  /** In words where no task that lives can open it; undefined while one has not said so, or none lives. */
  async #unopened(refusals: readonly Adoption[], signal: AbortSignal): Promise<string | undefined> {
    const { admin } = this.#broker;
    const said = new Set(
      refusals.map(({ stage, topic, partition }) => `${stage} ${topicPartitionKey(topic, partition)}`),
    );
    let first: Adoption | undefined;
    for (const { stage } of this.#stages) {
      const { name, group, from } = stage;
      if ((await admin.members(group, signal)).length === 0) continue;
      for (const { partition } of await admin.watermarks(from.clusterName, signal))
        if (!said.has(`${name} ${topicPartitionKey(from.clusterName, partition)}`)) return undefined;
      first ??= refusals.find((one) => one.stage === name);
    }
    if (first === undefined) return undefined;
    return `no task that runs can open version ${this.challenger.version}, in stage ${first.stage}: ${first.reason}`;
  }

  async #read({ stage, topic }: ShadowedStage, signal: AbortSignal): Promise<void> {
    const { recordsMax, sinceMs } = this.challenger;
    for (const { partition, low, end } of await this.#broker.admin.watermarks(topic, signal)) {
      const key = topicPartitionKey(topic, partition);
      const known = this.#offsets.get(key);
      if (low === end || known === end) continue;
      const isEnough = this.#records >= recordsMax;
      const from = isEnough ? Math.max(low, known ?? low, end - latestRecords) : known;
      const range = { topic, partition, from: from ?? { timeMs: sinceMs - clocksApartMs }, to: end };
      for await (const batch of this.#broker.read(range, signal)) {
        await this.#take(stage, topic, batch, signal);
        // A read that ends midway is gone on with behind what it has counted.
        this.#offsets.set(key, batch.offsetNext);
        if (!isEnough && this.#records >= recordsMax) break;
      }
      this.#offsets.set(key, end);
    }
  }

  async #take(stage: PlannedStage, topic: string, batch: RawBatch, signal: AbortSignal): Promise<void> {
    for (let i = 0; batch.damage === undefined && i < batch.count; i++) {
      const row = await this.#rowAt(stage, topic, batch, i, signal);
      if (row?.["model_version"] !== this.challenger.version) continue;
      const time = row["event_time"];
      const timeMs = typeof time === "string" ? parseIsoTimeMs(time) : time;
      if (typeof timeMs !== "number") continue;
      this.#records++;
      this.#firstMs = Math.min(this.#firstMs, timeMs);
      this.#latestMs = Math.max(this.#latestMs, timeMs);
    }
  }

  #rowAt(
    { to, toFormat }: PlannedStage,
    topic: string,
    batch: RawBatch,
    i: number,
    signal: AbortSignal,
  ): Row | undefined | Promise<Row | undefined> {
    if (toFormat === "json") return jsonAt(batch, i);
    if (to.schema === undefined) return undefined;
    const rows = this.#rows.get(topic) ?? new RowReader(this.#registry, to.schema);
    this.#rows.set(topic, rows);
    return rows.valueAt(batch, i, signal);
  }
}

function jsonAt({ bytes, valueFrom, valueTo }: RawBatch, i: number): Row | undefined {
  const from = valueFrom[i] ?? -1;
  if (from < 0) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8", from, valueTo[i]));
    return typeof value === "object" && value !== null ? (value as Row) : undefined;
  } catch {
    return undefined;
  }
}
