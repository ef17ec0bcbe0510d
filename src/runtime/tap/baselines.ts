import { type Clock, type Facts, OperationError } from "../../kernel/index.ts";
import {
  type BaselineFieldRecord,
  type BaselineHeadRecord,
  BaselineSet,
  decodeBaseline,
  type HeldBaseline,
} from "../../monitor/index.ts";
import type { SchemaRegistry } from "../../schema/index.ts";
import type { RawBatch } from "../../wire/index.ts";
import { follow, readUpTo } from "../control/one-partition.ts";
import { OwnValues } from "../own-values.ts";
import type { Broker } from "../port.ts";

/** Which baseline of a monitor is in service. */
export interface BaselineSource {
  /** Another number after anything has changed. */
  readonly generation: number;
  current(monitor: string): HeldBaseline | undefined;
}

/** Reading that failed is tried again after a second, and later more rarely. */
const pauses = { firstMs: 1_000, lastMs: 60_000 };

export interface FollowedBaselinesOptions {
  readonly broker: Pick<Broker, "read" | "admin">;
  readonly topic: string;
  readonly registry: Pick<SchemaRegistry, "byId">;
  readonly clock: Clock;
  readonly facts: Facts;
  /** Ends the following. */
  readonly signal: AbortSignal;
}

/** The baselines in service, as their topic tells them, now and as it goes on. */
export class FollowedBaselines implements BaselineSource {
  generation = 0;
  readonly #options: FollowedBaselinesOptions;
  readonly #set = new BaselineSet();
  readonly #values: OwnValues<BaselineFieldRecord | BaselineHeadRecord>;

  constructor(options: FollowedBaselinesOptions) {
    this.#options = options;
    this.#values = new OwnValues({ ...options, decode: decodeBaseline });
  }

  current(monitor: string): HeldBaseline | undefined {
    return this.#set.current(monitor);
  }

  /**
   * Reads all that is there, and follows from then on. What a task counts before is counted without cells, so nobody should
   * count before this resolves.
   *
   * @throws OperationError MR_TOPIC_MISSING; what the cluster answers; the signal's reason
   */
  async begin(): Promise<void> {
    const { broker, topic, clock, facts, signal } = this.#options;
    const [extent] = await broker.admin.watermarks(topic, signal);
    if (extent === undefined)
      throw new OperationError(
        "MR_TOPIC_MISSING",
        `reading baselines: topic ${topic} does not exist; run millrace apply`,
      );
    const { low, end } = extent;
    const take = (batch: RawBatch): Promise<void> => this.#take(batch);
    await readUpTo(broker, { topic, from: low, to: end }, take, signal);
    // What has been read is read again after an outage: the last record of a key counts, whatever came in between.
    void follow({ broker, topic, from: end, pauses, clock, facts }, take, signal);
  }

  async #take(batch: RawBatch): Promise<void> {
    for await (const [, record] of this.#values.in(batch, 0, this.#options.signal)) {
      this.#set.take(record);
      this.generation++;
    }
  }
}
