import { loadKafkajs } from "../../../src/adapters/kafkajs/client.ts";
import { type FetchAnswer, fetchRequest } from "../../../src/adapters/kafkajs/fetch-request.ts";
import { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { systemClock } from "../../../src/adapters/node/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { readBatchHeader } from "../../../src/wire/index.ts";

type StoredBatch = ReturnType<typeof readBatchHeader>;

/** The headers of the batches of a partition as the broker stores them, from its first offset on (at most 50 MB). */
export async function storedBatches(bootstrap: string, topic: string, partition: number): Promise<StoredBatch[]> {
  const parts = loadKafkajs();
  const link = new ClusterLink(parts, {
    brokers: bootstrap.split(","),
    clientId: "millrace-tests",
    logger: silentLogger,
    clock: systemClock,
    requestTimeoutMs: 10_000,
  });
  const bytesMax = 50_000_000;
  try {
    const node = await link.leaderOf(topic, partition);
    const { id: topicId } = await link.topic(topic);
    const target = { topic, topicId, partition, offset: 0, leaderEpoch: -1, lastEpoch: -1, bytesMax };
    const answer = await link.send<FetchAnswer>(node, "fetch", (broker) =>
      fetchRequest(broker, [target], { waitMsMax: 200, bytesMax }),
    );
    const records = answer.partitions[0]?.records ?? Buffer.alloc(0);
    const headers: StoredBatch[] = [];
    for (let at = 0; at < records.length; ) {
      const header = readBatchHeader(records, at);
      headers.push(header);
      at += header.byteLength;
    }
    return headers;
  } finally {
    await link.close();
  }
}
