import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";

/** How long a broker may hold a fetch that finds nothing; it answers as soon as there is something to see. */
const waitMsMax = 100;

/** Sees the last stage's records as any reader does that takes what is committed alone, and remembers when. */
export class ScaleReader {
  /** Milliseconds since 1970 at which each record was first seen, by its key. */
  readonly seenMs = new Map<string, number>();
  readonly #consumer: kafkajs.Consumer;

  private constructor(consumer: kafkajs.Consumer) {
    this.#consumer = consumer;
  }

  /** Resolves when it has partitions: what is written a moment later is seen. */
  static async open(bootstrap: string, topic: string): Promise<ScaleReader> {
    const kafka = new kafkajs.Kafka({
      brokers: [bootstrap],
      clientId: "millrace-bench-reader",
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const consumer = kafka.consumer({ groupId: `bench-reader-${randomUUID()}`, maxWaitTimeInMs: waitMsMax });
    const reader = new ScaleReader(consumer);
    const joined = new Promise<void>((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, () => resolve());
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: false });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const nowMs = Date.now();
        for (const { key } of batch.messages) {
          const text = key?.toString("latin1") ?? "";
          if (!reader.seenMs.has(text)) reader.seenMs.set(text, nowMs);
        }
      },
    });
    await joined;
    return reader;
  }

  async close(): Promise<void> {
    await this.#consumer.disconnect();
  }
}
