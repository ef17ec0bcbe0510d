import { setTimeout as delay } from "node:timers/promises";
import { type Rng, seededRng } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { partitionOf } from "../../src/wire/index.ts";
import { type Encode, partitions } from "./contestant.ts";

/** Records of one call of `append` while the keys are made. */
const batchRecords = 6_000;
/** Between two sends of the steady load. */
const pauseMs = 10;
const { signal } = new AbortController();

/** Payments of a number of customers: first one of each, then a steady stream, evenly over the partitions. */
export class Load {
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #encode: Encode;
  readonly #rng: Rng = seededRng(1);
  /** Names of the customers of each partition. */
  readonly #customers: readonly Buffer[][];
  readonly #over = new AbortController();
  #sent = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(broker: Broker, topic: string, keys: number, encode: Encode) {
    this.#broker = broker;
    this.#topic = topic;
    this.#encode = encode;
    this.#customers = Array.from({ length: partitions }, () => []);
    for (let i = 0; i < keys; i++) {
      const key = Buffer.from(`c${i}`);
      this.#customers[partitionOf(key, 0, key.length, partitions)]?.push(key);
    }
  }

  /** One payment of each customer. */
  async touchAll(): Promise<void> {
    const all = this.#customers.flatMap((keys, partition) => keys.map((key) => ({ partition, key })));
    for (let i = 0; i < all.length; i += batchRecords) await this.#append(all.slice(i, i + batchRecords));
  }

  /** Begins to send so many a second. */
  begin(perSecond: number): void {
    this.#sending = this.#send(perSecond);
    // Whoever ends it is told.
    this.#sending.catch(() => undefined);
  }

  async end(): Promise<void> {
    this.#over.abort();
    await this.#sending;
  }

  async #send(perSecond: number): Promise<void> {
    const startMs = performance.now();
    for (let sent = 0; !this.#over.signal.aborted; ) {
      const due = Math.floor(((performance.now() - startMs) * perSecond) / 1_000) - sent;
      const records = Array.from({ length: Math.max(0, due) }, (_, i) => {
        const partition = (sent + i) % partitions;
        const keys = this.#customers[partition] ?? [];
        return { partition, key: keys[this.#rng.below(keys.length)] ?? Buffer.alloc(0) };
      });
      sent += records.length;
      await this.#append(records);
      await delay(pauseMs);
    }
  }

  async #append(records: readonly { readonly partition: number; readonly key: Buffer }[]): Promise<void> {
    const timestampMs = Date.now();
    const topic = this.#topic;
    await this.#broker.append(
      records.map(({ partition, key }) => {
        const payment = { id: `p${this.#sent++}`, customer: key.toString(), paidAtMs: timestampMs, amount: 1 };
        return { topic, partition, timestampMs, key, value: this.#encode(payment) };
      }),
      signal,
    );
  }
}
