import { setMaxListeners } from "node:events";
import { topicPartitionKey } from "../../kernel/index.ts";
import type { Outgoing } from "../../wire/index.ts";

/** Sends one batch until it is confirmed. */
export type SendBatch = (outgoing: Outgoing, signal: AbortSignal) => Promise<void>;

interface Lane {
  readonly queue: Outgoing[];
  sending: Promise<void> | undefined;
}

interface Waiter {
  isMet(): boolean;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * The batches of one task on their way out: one queue per topic-partition, one send in flight in each, different
 * ones side by side. After the first failure nothing more is sent and every caller gets that failure.
 */
export class ProduceLanes {
  readonly #send: SendBatch;
  readonly #bytesMax: number;
  readonly #lanes = new Map<string, Lane>();
  readonly #stop = new AbortController();
  #waiters: Waiter[] = [];
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;

  /** @param bytesMax bytes queued or in flight above which `write` waits */
  constructor(send: SendBatch, bytesMax: number) {
    this.#send = send;
    this.#bytesMax = bytesMax;
    // One listener per topic-partition that waits to try again; there are as many as the output has.
    setMaxListeners(0, this.#stop.signal);
  }

  /** Takes the batches in their order; resolves when there is room for more. */
  write(outgoing: readonly Outgoing[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    for (const batch of outgoing) {
      const lane = this.#lane(batch);
      lane.queue.push(batch);
      this.#bytes += batch.bytes.length;
      lane.sending ??= this.#drain(lane);
    }
    return this.#until(() => this.#bytes <= this.#bytesMax);
  }

  /** Resolves when everything written is confirmed. */
  flush(): Promise<void> {
    return this.#until(() => this.#bytes === 0);
  }

  /** Nothing more is sent; every pending and later call rejects with `error`. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#stop.abort(error);
    for (const { queue } of this.#lanes.values()) queue.length = 0;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }

  /** Resolves when nothing is in flight any more, whatever came of it. */
  async settled(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map(({ sending }) => sending));
  }

  #lane({ topic, partition }: Outgoing): Lane {
    const key = topicPartitionKey(topic, partition);
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = { queue: [], sending: undefined };
    this.#lanes.set(key, lane);
    return lane;
  }

  async #drain(lane: Lane): Promise<void> {
    try {
      // The next is taken only when the one before is confirmed: two in flight are sometimes written swapped.
      for (let batch = lane.queue.shift(); batch !== undefined; batch = lane.queue.shift()) {
        await this.#send(batch, this.#stop.signal);
        this.#bytes -= batch.bytes.length;
        this.#wake();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      lane.sending = undefined;
    }
  }

  #until(isMet: () => boolean): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (isMet()) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ isMet, resolve, reject }));
  }

  #wake(): void {
    const met = this.#waiters.filter((waiter) => waiter.isMet());
    if (met.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter));
    for (const waiter of met) waiter.resolve();
  }
}
