import { BackOff, type Clock, codeOf, type Facts, messageOf, type Offset, OperationError } from "../../kernel/index.ts";
import {
  type BaselineFieldRecord,
  type BaselineHeadRecord,
  BaselineSet,
  decodeBaseline,
  type HeldBaseline,
} from "../../monitor/index.ts";
import type { SchemaRegistry } from "../../schema/index.ts";
import type { RawBatch } from "../../wire/index.ts";
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
/** The topic has one partition: its records have one order. */
const partition = 0;

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
    const { broker, topic, signal } = this.#options;
    const [extent] = await broker.admin.watermarks(topic, signal);
    if (extent === undefined)
      throw new OperationError(
        "MR_TOPIC_MISSING",
        `reading baselines: topic ${topic} does not exist; run millrace apply`,
      );
    const { low, end } = extent;
    if (low < end)
      for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal)) await this.#take(batch);
    void this.#follow(end);
  }

  /** What has been read is read again after an outage: the last record of a key counts, whatever came in between. */
  async #follow(from: Offset): Promise<void> {
    const { broker, topic, clock, facts, signal } = this.#options;
    const backOff = new BackOff(pauses);
    let offsetNext: Offset | "earliest" = from;
    while (!signal.aborted) {
      try {
        for await (const batch of broker.read({ topic, partition, from: offsetNext }, signal)) {
          await this.#take(batch);
          offsetNext = batch.offsetNext;
          backOff.reset();
        }
      } catch (thrown) {
        if (signal.aborted) return;
        facts.emit("ownTopicReadAgain", { code: codeOf(thrown, "MR_BROKER"), topic, reason: messageOf(thrown) });
        // The topic was made anew, or what it began with is gone: what it has now is what counts.
        if (thrown instanceof OperationError && thrown.code === "MR_OFFSET_RANGE") offsetNext = "earliest";
        await clock.sleep(backOff.next(), signal).catch(() => undefined);
      }
    }
  }

  async #take(batch: RawBatch): Promise<void> {
    for await (const [, record] of this.#values.in(batch, 0, this.#options.signal)) {
      this.#set.take(record);
      this.generation++;
    }
  }
}
