import kafkajs from "kafkajs";
import { afterAll, expect, test } from "vitest";
import { seededRng } from "../../src/kernel/index.ts";
import { plainRecords, textOf } from "../support/records.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect, stockKafka } from "./harness/client.ts";

const { signal } = new AbortController();

/** The three cases in which kafkajs itself shows aborted records, and a random interleaving of them. */
describeKafka("records of aborted transactions", () => {
  const producers: kafkajs.Producer[] = [];
  afterAll(async () => {
    await Promise.all(producers.map((producer) => producer.disconnect()));
  });

  async function transactional(id: string): Promise<kafkajs.Producer> {
    const kafka = stockKafka(testBroker().bootstrap);
    const retry = { initialRetryTime: 20, multiplier: 1.5, maxRetryTime: 500, retries: 30 };
    const producer = kafka.producer({
      transactionalId: id,
      maxInFlightRequests: 1,
      retry,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    producers.push(producer);
    return producer;
  }

  async function seen(topic: string, from: number | "earliest" = "earliest"): Promise<(string | undefined)[]> {
    const broker = await connect(testBroker().bootstrap);
    const [marks] = await broker.admin.watermarks(topic, signal);
    const texts: (string | undefined)[] = [];
    for await (const batch of broker.read({ topic, partition: 0, from, to: marks!.end }, signal)) {
      texts.push(...plainRecords(batch).map((record) => textOf(record)));
    }
    await broker.close();
    return texts;
  }

  async function newTopic(stem: string): Promise<string> {
    const topic = `${uniqueNamespace()}.${stem}`;
    const broker = await connect(testBroker().bootstrap);
    await broker.admin.createTopics([{ topic, partitions: 1, replication: 1, configs: {} }], signal);
    await broker.close();
    return topic;
  }

  const send = (tx: kafkajs.Transaction, topic: string, value: string, key: Buffer | null = null) =>
    tx.send({ topic, messages: [{ partition: 0, key, value }] });

  test("are not shown when two producers interleave and the later starter aborts first", async () => {
    const topic = await newTopic("interleaved");
    const [one, two] = [await transactional(`${topic}-1`), await transactional(`${topic}-2`)];
    for (let round = 0; round < 5; round++) {
      const [first, second] = [await one.transaction(), await two.transaction()];
      await send(first, topic, "aborted first");
      await send(second, topic, "aborted second");
      await second.abort();
      await send(first, topic, "aborted first again");
      await first.abort();
      const good = await one.transaction();
      await send(good, topic, `good ${round}`);
      await good.commit();
    }
    expect(await seen(topic)).toEqual(["good 0", "good 1", "good 2", "good 3", "good 4"]);
  });

  test("are not shown when the reading starts inside two of them", async () => {
    const topic = await newTopic("inside");
    const [one, two] = [await transactional(`${topic}-1`), await transactional(`${topic}-2`)];
    const [first, second] = [await one.transaction(), await two.transaction()];
    await send(first, topic, "first");
    await send(second, topic, "second");
    await send(first, topic, "first again");
    await send(second, topic, "second again");
    await first.abort();
    await second.abort();
    const good = await one.transaction();
    await send(good, topic, "good");
    await good.commit();
    for (const from of [0, 1, 2, 3, 4]) expect(await seen(topic, from)).toEqual(["good"]);
  });

  test("are not shown when a key looks like an abort marker", async () => {
    const topic = await newTopic("marker");
    const producer = await transactional(`${topic}-1`);
    const aborted = await producer.transaction();
    await send(aborted, topic, "a", Buffer.alloc(4));
    await send(aborted, topic, "b");
    await aborted.abort();
    const good = await producer.transaction();
    await send(good, topic, "good", Buffer.alloc(4));
    await good.commit();
    expect(await seen(topic)).toEqual(["good"]);
  });

  test("are not shown in a random interleaving of three producers", async () => {
    const topic = await newTopic("random");
    const rng = seededRng(11);
    const open = await Promise.all([1, 2, 3].map(async (n) => ({ producer: await transactional(`${topic}-${n}`), n })));
    const running = new Map<number, { tx: kafkajs.Transaction; good: boolean }>();
    const expected: string[] = [];
    let count = 0;
    for (let step = 0; step < 90 || running.size > 0; step++) {
      const { producer, n } = open[rng.below(3)]!;
      const current = running.get(n);
      if (current === undefined) {
        if (step < 90) running.set(n, { tx: await producer.transaction(), good: rng.below(2) === 0 });
        continue;
      }
      const value = `${n}-${count++}`;
      await send(current.tx, topic, value);
      if (current.good) expected.push(value);
      if (rng.below(3) !== 0) continue;
      await (current.good ? current.tx.commit() : current.tx.abort());
      running.delete(n);
    }
    expect(await seen(topic)).toEqual(expected);
    expect(expected.length).toBeLessThan(count);
  });
});
