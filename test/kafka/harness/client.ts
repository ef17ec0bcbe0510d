import kafkajs from "kafkajs";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import { createKafkaBroker, type KafkaBrokerOptions, type KafkaCluster } from "../../../src/adapters/kafkajs/index.ts";
import { systemClock } from "../../../src/adapters/node/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";

/** The adapter under test, quick to notice what happens in its group. */
export async function connect(bootstrap: string, options: Partial<KafkaBrokerOptions> = {}): Promise<KafkaCluster> {
  return createKafkaBroker({
    brokers: bootstrap.split(","),
    clientId: "millrace-tests",
    codecs: await createCodecs(),
    logger: silentLogger,
    clock: systemClock,
    // A machine that stands still for a second must not make a transaction be given up: tests count offsets.
    timings: { heartbeatMs: 200, sessionMs: 6_000, metadataMs: 500, answerMsMax: 20_000 },
    unknownTopicMs: 3_000,
    ...options,
  });
}

/** kafkajs as it is published, for what the port does not do; the adapter must not disturb it. */
export function stockKafka(bootstrap: string): kafkajs.Kafka {
  return new kafkajs.Kafka({
    brokers: bootstrap.split(","),
    clientId: "millrace-tests-stock",
    logLevel: kafkajs.logLevel.NOTHING,
  });
}

/** Makes a partition forget the records below `offset`, as retention does. */
export async function deleteRecords(bootstrap: string, topic: string, partition: number, offset: number) {
  const admin = stockKafka(bootstrap).admin();
  await admin.connect();
  try {
    // kafkajs knows the leaders of the topics that it has been asked about before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  } finally {
    await admin.disconnect();
  }
}
