import type { Clock, Facts, Offset } from "../kernel/index.ts";
import { follow } from "../runtime/control/index.ts";
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
    const { signal } = this.#over;
    const take = async (batch: RawBatch): Promise<void> => {
      this.#waiting.push(batch);
      while (this.#waiting.length >= waitingMax) await this.#options.clock.sleep(waitMs, signal);
    };
    this.#reading ??= follow({ ...this.#options, from, pauses }, take, signal);
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
}
