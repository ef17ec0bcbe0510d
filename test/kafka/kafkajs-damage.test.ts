import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Broker } from "../../src/runtime/index.ts";
import { readBatchHeader } from "../../src/wire/index.ts";
import { plainRecords } from "../support/records.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { KafkaNode } from "./harness/node.ts";
import { partitions, ShopChain, sales } from "./support/shop-chain.ts";

const { signal } = new AbortController();
const batchesPerPartition = 10;
const salesPerBatch = 60;

/** Which batch of which partition is damaged, and how. */
const damages = [
  { partition: 0, batch: 3, damage: (bytes: Buffer, at: number) => (bytes[at + 100]! ^= 4) },
  // The header then says that it holds offsets which lie in other batches.
  { partition: 1, batch: 5, damage: (bytes: Buffer, at: number) => bytes.writeInt32BE(70, at + 23) },
  { partition: 2, batch: batchesPerPartition - 1, damage: (bytes: Buffer, at: number) => (bytes[at + 90]! ^= 1) },
];

/** A broker of their own, whose disk fails. */
describeFaults("record batches that are damaged on the broker's disk", () => {
  let node: KafkaNode;
  let broker: Broker;
  let folder: string;
  beforeAll(async () => {
    node = await KafkaNode.start();
    broker = await connect(node.bootstrap);
    folder = await mkdtemp(join(tmpdir(), "millrace-damage-"));
  });
  afterAll(async () => {
    await broker?.close();
    await node?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test("each is one dead letter with its offsets and first bytes, all other records are read, and the balance holds", async () => {
    const inbox = `${uniqueNamespace()}.inbox`;
    await broker.admin.createTopics([{ topic: inbox, partitions, replication: 1, configs: {} }], signal);
    for (let i = 0; i < batchesPerPartition; i++)
      await broker.append(sales(inbox, i * salesPerBatch, (i + 1) * salesPerBatch), signal);
    const chain = await ShopChain.open(broker, uniqueNamespace(), inbox, folder);
    await node.stop();
    const expected: { offsets: string; value: Buffer; partition: number; lost: number }[] = [];
    for (const { partition, batch, damage } of damages) {
      await node.rewriteLog(inbox, partition, (bytes) => {
        let at = 0;
        for (let n = 0; n < batch; n++) at += readBatchHeader(bytes, at).byteLength;
        const { baseOffset, lastOffset, byteLength } = readBatchHeader(bytes, at);
        damage(bytes, at);
        const value = Buffer.from(bytes.subarray(at, at + byteLength));
        expected.push({ offsets: `${baseOffset}-${lastOffset}`, value, partition, lost: lastOffset - baseOffset + 1 });
      });
    }
    await node.restart();

    const counts = (await chain.run("ingest")).counts();
    const lost = expected.reduce((sum, batch) => sum + batch.lost, 0);
    const whole = batchesPerPartition * salesPerBatch - lost;
    expect(counts).toMatchObject({ in: whole + 3, out: whole, deadLetters: { MR_BATCH_CORRUPT: 3 } });

    const letters = await readAll(chain.plan.deadLetters.clusterName);
    const seen = letters.map(({ partition, value, headers }) => ({
      partition,
      value,
      offsets: headers.find(({ name }) => name === "millrace.batch.offsets")?.value?.toString(),
    }));
    expect(seen).toEqual(expected.map(({ partition, value, offsets }) => ({ partition, value, offsets })));
    expect(await readAll(chain.stage("ingest").to.clusterName)).toHaveLength(whole);

    // The bounded read goes on behind the damage too, and says what it stands for.
    const damaged: string[] = [];
    let count = 0;
    for (const { partition, end } of await broker.admin.watermarks(inbox, signal))
      for await (const batch of broker.read({ topic: inbox, partition, from: 0, to: end }, signal)) {
        if (batch.damage === undefined) count += batch.count;
        else damaged.push(`${batch.damage.first}-${batch.damage.last}`);
      }
    expect(count).toBe(whole);
    expect(damaged).toEqual(expected.map(({ offsets }) => offsets));
  });

  async function readAll(topic: string) {
    const records: ReturnType<typeof plainRecords>[number][] = [];
    for (const { partition, end } of await broker.admin.watermarks(topic, signal)) {
      if (end === 0) continue;
      for await (const batch of broker.read({ topic, partition, from: 0, to: end }, signal))
        records.push(...plainRecords(batch));
    }
    return records;
  }
});
