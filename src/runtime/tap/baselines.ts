import {
  BackOff,
  type Clock,
  codeOf,
  type Facts,
  messageOf,
  type Offset,
  OperationError,
  RecordError,
} from "../../kernel/index.ts";
import { BaselineSet, decodeBaseline, type HeldBaseline } from "../../monitor/index.ts";
import { type RawBatch, refuseDamage } from "../../wire/index.ts";
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

  constructor(options: FollowedBaselinesOptions) {
    this.#options = options;
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
      for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal)) this.#take(batch);
    void this.#follow(end);
  }

  /** What has been read is read again after an outage: the last record of a key counts, whatever came in between. */
  async #follow(from: Offset): Promise<void> {
    const { broker, topic, clock, facts, signal } = this.#options;
    const backOff = new BackOff(pauses);
    let offsetNext = from;
    while (!signal.aborted) {
      try {
        for await (const batch of broker.read({ topic, partition, from: offsetNext }, signal)) {
          this.#take(batch);
          offsetNext = batch.offsetNext;
          backOff.reset();
        }
      } catch (thrown) {
        if (signal.aborted) return;
        facts.emit("baselinesUnread", { code: codeOf(thrown), topic, reason: messageOf(thrown) });
        await clock.sleep(backOff.next(), signal).catch(() => undefined);
      }
    }
  }

  #take(batch: RawBatch): void {
    refuseDamage(batch);
    const { bytes } = batch;
    for (let i = 0; i < batch.count; i++) {
      const from = batch.valueFrom[i] ?? -1;
      if (from === -1) continue;
      try {
        this.#set.take(decodeBaseline(bytes.subarray(from, batch.valueTo[i])));
      } catch (thrown) {
        // One that nobody can read is in nobody's service; the one before stays.
        if (!(thrown instanceof RecordError)) throw thrown;
        const { topic, facts } = this.#options;
        facts.emit("baselinesUnread", { code: thrown.code, topic, reason: messageOf(thrown) });
      }
    }
    if (batch.count > 0) this.generation++;
  }
}
