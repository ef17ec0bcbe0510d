import { setTimeout as delay } from "node:timers/promises";
import kafkajs from "kafkajs";
import { createEncoder, type RecordSchema, writeSchemaId } from "../src/schema/index.ts";
import { partitionOf } from "../src/wire/index.ts";

const stepMs = 5;
const framingBytes = 5;

export interface ScaleFeedOptions {
  readonly bootstrap: string;
  readonly topic: string;
  readonly partitions: number;
  readonly schema: RecordSchema;
  readonly schemaId: number;
  readonly perSecond: number;
}

/**
 * Writes records at a steady rate whatever becomes of them (open loop): each 5 ms what is due by the clock, over all
 * partitions by the key, which is another one in every record.
 */
export class ScaleFeed {
  readonly #options: ScaleFeedOptions;
  readonly #producer: kafkajs.Producer;
  readonly #encode: (row: Record<string, unknown>) => Buffer;
  /** Records sent so far. */
  sent = 0;

  private constructor(options: ScaleFeedOptions, producer: kafkajs.Producer) {
    this.#options = options;
    this.#producer = producer;
    const encoder = createEncoder(options.schema);
    const scratch = Buffer.alloc(256);
    writeSchemaId(scratch, 0, options.schemaId);
    this.#encode = (row) => Buffer.from(scratch.subarray(0, encoder.encode(row, scratch, framingBytes)));
  }

  static async open(options: ScaleFeedOptions): Promise<ScaleFeed> {
    const kafka = new kafkajs.Kafka({
      brokers: [options.bootstrap],
      clientId: "millrace-bench",
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    return new ScaleFeed(options, producer);
  }

  /** Feeds for so long; resolves when everything is written. */
  async run(seconds: number): Promise<void> {
    const { perSecond } = this.#options;
    const startedMs = performance.now();
    const total = seconds * perSecond;
    const before = this.sent;
    const sending: Promise<unknown>[] = [];
    while (this.sent - before < total) {
      const due = Math.min(total, Math.floor(((performance.now() - startedMs) * perSecond) / 1_000));
      if (due > this.sent - before) sending.push(this.#send(due - (this.sent - before)));
      await delay(stepMs);
    }
    await Promise.all(sending);
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
  }

  #send(count: number): Promise<unknown> {
    const { topic, partitions } = this.#options;
    const messages = Array.from({ length: count }, () => {
      const card = `c${this.sent}`;
      const row = { event_id: `e${this.sent}`, card, paid_at: Date.now(), amount: this.sent };
      this.sent++;
      const key = Buffer.from(card);
      return { key, value: this.#encode(row), partition: partitionOf(key, 0, key.length, partitions) };
    });
    return this.#producer.send({ topic, messages, acks: 1 });
  }
}
