import { BackOff, type Clock, codeOf, type Facts, messageOf, type Offset, OperationError } from "../kernel/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { RawBatch } from "../wire/index.ts";

const pauses = { firstMs: 100, lastMs: 10_000 };
/** Batches that nobody has taken yet; reading waits while there are as many. */
const waitingMax = 16;
const waitMs = 50;

export interface TopicTailOptions {
  readonly broker: Pick<Broker, "read">;
  /** Topic of one partition. */
  readonly topic: string;
  readonly clock: Clock;
  readonly facts: Facts;
}

/**
 * What comes to a topic of one partition, beside the work of whoever takes it: never waited for, and read again from where
 * it was when the reading fails.
 */
export class TopicTail {
  readonly #options: TopicTailOptions;
  readonly #over = new AbortController();
  #waiting: RawBatch[] = [];
  #reading: Promise<void> | undefined;

  constructor(options: TopicTailOptions) {
    this.#options = options;
  }

  /** Begins to read. To be called once. */
  begin(from: Offset): void {
    this.#reading ??= this.#follow(from);
  }

  /** What has come since the last call, in order. */
  take(): readonly RawBatch[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  /** Resolves when the reading has ended. */
  async end(): Promise<void> {
    this.#over.abort(new Error(`following ${this.#options.topic} is over`));
    await this.#reading;
  }

  async #follow(from: Offset): Promise<void> {
    const { broker, topic, clock, facts } = this.#options;
    const { signal } = this.#over;
    const backOff = new BackOff(pauses);
    let at: Offset | "earliest" = from;
    while (!signal.aborted) {
      try {
        for await (const batch of broker.read({ topic, partition: 0, from: at }, signal)) {
          this.#waiting.push(batch);
          at = batch.offsetNext;
          backOff.reset();
          while (this.#waiting.length >= waitingMax) await clock.sleep(waitMs, signal);
        }
      } catch (thrown) {
        if (signal.aborted) return;
        facts.emit("ownTopicReadAgain", { topic, code: codeOf(thrown, "MR_BROKER"), reason: messageOf(thrown) });
        // What retention took is gone: whoever follows goes on with what is there.
        if (thrown instanceof OperationError && thrown.code === "MR_OFFSET_RANGE") at = "earliest";
        await clock.sleep(backOff.next(), signal).catch(() => undefined);
      }
    }
  }
}

/**
 * Hands every batch of a topic of one partition to `take`, up to an offset.
 * @throws what the reading throws, the signal's reason
 */
export async function readUpTo(
  broker: Pick<Broker, "read">,
  range: { readonly topic: string; readonly from: Offset; readonly to: Offset },
  take: (batch: RawBatch) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { topic, from, to } = range;
  if (from >= to) return;
  for await (const batch of broker.read({ topic, partition: 0, from, to }, signal)) await take(batch);
}
