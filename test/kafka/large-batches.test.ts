import { gzipSync } from "node:zlib";
import zstd from "@bokuweb/zstd-wasm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCodecs } from "../../src/adapters/codecs/index.ts";
import { loadKafkajs } from "../../src/adapters/kafkajs/client.ts";
import { ClusterLink } from "../../src/adapters/kafkajs/link.ts";
import { BatchProducer } from "../../src/adapters/kafkajs/producer.ts";
import { systemClock } from "../../src/adapters/node/index.ts";
import { silentLogger } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { plainBatch, plainRecord } from "../unit/wire/plain-batch.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";

const { signal } = new AbortController();
const mebibyte = 1024 * 1024;
const gzip = 1;
const zstandard = 4;

/** One batch of `count` records, whose values begin with their number. */
function batchOf(count: number, valueBytes: number, codec: number, deflate: (records: Buffer) => Uint8Array): Buffer {
  const records = Buffer.concat(
    Array.from({ length: count }, (_, n) => plainRecord({ value: numbered(n, valueBytes) }, n)),
  );
  const now = BigInt(Date.now());
  const times = { baseTimestamp: now, maxTimestamp: now };
  return plainBatch({
    recordCount: count,
    lastOffsetDelta: count - 1,
    attributes: codec,
    ...times,
    body: deflate(records),
  });
}

function numbered(n: number, valueBytes: number): Buffer {
  const value = Buffer.alloc(valueBytes, "a field of text ");
  value.writeUInt32BE(n, 0);
  return value;
}

describeKafka("a single batch that is larger than what is decoded in one go", () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await connect(testBroker().bootstrap);
    await zstd.init();
  });
  afterAll(() => broker.close());

  /** Writes the batch to a topic of its own and reads it back; answers the sizes of the pieces, in records and bytes. */
  async function readBack(
    bytes: Buffer,
    count: number,
    valueBytes: number,
  ): Promise<[records: number, bytes: number][]> {
    const topic = `${uniqueNamespace()}.large`;
    const configs = { "max.message.bytes": String(64 * mebibyte) };
    await broker.admin.createTopics([{ topic, partitions: 1, replication: 1, configs }], signal);
    const options = { brokers: testBroker().brokers, clientId: "fill", logger: silentLogger, requestTimeoutMs: 60_000 };
    const link = new ClusterLink(loadKafkajs(), { ...options, clock: systemClock });
    const nowMs = Date.now();
    const outgoing = { topic, partition: 0, role: "output", recordCount: count, bytes } as const;
    const producer = new BatchProducer(link, await createCodecs(), systemClock);
    await producer.send({ ...outgoing, timestampMinMs: nowMs, timestampMaxMs: nowMs });
    await link.close();
    const pieces: [number, number][] = [];
    let next = 0;
    for await (const piece of broker.read({ topic, partition: 0, from: 0, to: count }, signal)) {
      expect(piece.damage).toBeUndefined();
      for (let i = 0; i < piece.count; i++, next++) {
        const from = piece.valueFrom[i]!;
        if (
          piece.offsets[i] !== next ||
          piece.bytes.readUInt32BE(from) !== next ||
          piece.valueTo[i]! - from !== valueBytes
        )
          throw new Error(`record ${piece.offsets[i]} came where ${next} was due`);
      }
      pieces.push([piece.count, piece.bytes.length]);
    }
    expect(next).toBe(count);
    await broker.admin.deleteTopics([topic], signal);
    return pieces;
  }

  test("200,000 small records in one zstd batch are read to the last", { timeout: 120_000 }, async () => {
    const bytes = batchOf(200_000, 8, zstandard, (records) => zstd.compress(records, 3));
    const pieces = await readBack(bytes, 200_000, 8);
    expect(pieces.reduce((sum, [records]) => sum + records, 0)).toBe(200_000);
  });

  test("a batch that inflates to 100 MiB is read in pieces of a few", { timeout: 120_000 }, async () => {
    const valueBytes = 10_000;
    const count = Math.ceil((100 * mebibyte) / valueBytes);
    const bytes = batchOf(count, valueBytes, gzip, gzipSync);
    expect(bytes.length).toBeLessThan(4 * mebibyte);
    const pieces = await readBack(bytes, count, valueBytes);
    expect(Math.max(...pieces.map(([, size]) => size))).toBeLessThanOrEqual(8 * mebibyte);
  });
});
