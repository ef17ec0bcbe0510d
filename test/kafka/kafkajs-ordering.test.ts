import { expect, test } from "vitest";
import { type RecordOut, seededRng, silentLogger, topicPartitionKey } from "../../src/kernel/index.ts";
import { RecordRefusedError, type TaskHandle } from "../../src/runtime/index.ts";
import { RecordBatchBuilder } from "../../src/wire/index.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { outgoingOf, plainRecords, textOf, textRecord } from "../support/records.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";

const { signal } = new AbortController();

describeKafka("what a task writes", () => {
  test("50,000 records in small batches on four partitions are in the log once each and in their order", async () => {
    const partitions = 4;
    const records = 50_000;
    const { broker, handle, output, close } = await openedTask(partitions);
    const rng = seededRng(7);
    const builders = Array.from(
      { length: partitions },
      (_, partition) => new RecordBatchBuilder({ topic: output, partition, role: "output", bytesMax: 100_000 }),
    );
    const written = new Array<number>(partitions).fill(0);
    const value = Buffer.alloc(8);
    for (let n = 0; n < records; n++) {
      const partition = rng.below(partitions);
      value.writeDoubleBE(written[partition]!++);
      builders[partition]!.append(1_700_000_000_000, null, 0, 0, value, 0, 8);
      if (rng.below(40) !== 0) continue;
      const batches = builders.filter(({ recordCount }) => recordCount > 0).map((builder) => builder.finish());
      // Not awaited: as many in flight as the handle lets through.
      if (rng.below(10) === 0) await handle.write(batches);
      else handle.write(batches).catch(() => undefined);
    }
    await handle.write(builders.filter(({ recordCount }) => recordCount > 0).map((builder) => builder.finish()));
    await handle.commit(handle.offsetsNext);
    for (const [partition, count] of written.entries()) {
      const numbers: number[] = [];
      for await (const batch of broker.read({ topic: output, partition, from: "earliest", to: count }, signal)) {
        for (let i = 0; i < batch.count; i++) numbers.push(batch.bytes.readDoubleBE(batch.valueFrom[i]));
      }
      expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i));
    }
    await close();
  });

  test("the one record of a batch that is too large is named by its place, and those before it are written once", async () => {
    const { broker, handle, output, close } = await openedTask(1, { "max.message.bytes": "20000" });
    const records = Array.from({ length: 60 }, (_, i) => textRecord(output, 0, `r${i}`));
    records[41] = { ...textRecord(output, 0, "large"), value: Buffer.alloc(21_000, "x") };
    const refusal = await handle
      .write([outgoingOf(records)])
      .then(() => handle.commit(handle.offsetsNext))
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RecordRefusedError);
    expect(refusal).toMatchObject({ topic: output, partition: 0, index: 41 });
    expect(await textsOf(broker, output, 41)).toEqual(records.slice(0, 41).map(({ value }) => String(value)));
    await close();
  });

  test.each([
    [
      "a time stamp that the topic does not take",
      { "message.timestamp.before.max.ms": "60000" },
      (record: RecordOut) => ({ ...record, timestampMs: Date.now() - 3_600_000 }),
      /error 32 \(invalidTimestamp\)/,
    ],
    [
      "a record without a key in a compacted topic",
      { "cleanup.policy": "compact" },
      (record: RecordOut) => ({ ...record, key: null }),
      /error 87 \(invalidRecord\)/,
    ],
  ])(
    "%s is named by its place and is no record that is too large; a batch beside it is written",
    async (_, configs, spoilt, reason) => {
      const { broker, handle, output, close } = await openedTask(2, configs);
      const fresh = (partition: number) =>
        Array.from({ length: 20 }, (_, i) => textRecord(output, partition, `r${i}`, Date.now()));
      const records = fresh(0).map((record, i) => (i === 7 || i === 12 ? spoilt(record) : record));
      const batch = outgoingOf(records);
      const refusal = await handle
        .write([batch, outgoingOf(fresh(1))])
        .then(() => handle.commit(handle.offsetsNext))
        .catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(RecordRefusedError);
      expect(refusal).toMatchObject({ topic: output, partition: 0, index: 7 });
      const { refusal: said } = refusal as RecordRefusedError;
      expect(said).toMatchObject({ code: "MR_REFUSED", indices: [7, 12] });
      expect(said.batch).toBe(batch);
      expect(said.reason).toMatch(reason);
      // Nothing of the batch is in the log, and all of the one that went beside it.
      const ends = await broker.admin.watermarks(output, signal);
      expect(new Map(ends.map(({ partition, end }) => [partition, end]))).toEqual(
        new Map([
          [0, 0],
          [1, 20],
        ]),
      );
      await close();
    },
  );

  test("a batch that is larger than the topic allows while its records are not is written in parts", async () => {
    const { broker, handle, output, close } = await openedTask(1, { "max.message.bytes": "2000" });
    const records = Array.from({ length: 200 }, (_, i) => textRecord(output, 0, `record number ${i}`));
    await handle.write([outgoingOf(records)]);
    await handle.commit(handle.offsetsNext);
    expect(await textsOf(broker, output, 200)).toEqual(records.map(({ value }) => String(value)));
    await close();
  });

  test("a write waits while more than its share is on the way, and goes on when that is confirmed", async () => {
    const { broker, handle, output, close } = await openedTask(1);
    const large = outgoingOf([{ ...textRecord(output, 0, "k"), value: Buffer.alloc(900_000, "v") }]);
    let resolved = 0;
    const writes = Array.from({ length: 12 }, () =>
      handle.write([large]).then(() => {
        resolved++;
      }),
    );
    await writes[0];
    expect(resolved).toBeLessThan(12);
    await Promise.all(writes);
    await handle.commit(handle.offsetsNext);
    expect((await broker.admin.watermarks(output, signal))[0]?.end).toBe(12);
    await close();
  });
});

async function openedTask(partitions: number, configs: Readonly<Record<string, string>> = {}) {
  const namespace = uniqueNamespace();
  const broker = await connect(testBroker().bootstrap);
  const [input, output] = [`${namespace}.in`, `${namespace}.out`];
  const topics = [
    { topic: input, partitions: 1, replication: 1, configs: {} },
    { topic: output, partitions, replication: 1, configs: { "retention.ms": "-1", ...configs } },
  ];
  await broker.admin.createTopics(topics, signal);
  const sink = new RecordingSink({ deadlineMs: 20_000 });
  const group = {
    group: `${namespace}.g`,
    topics: [input],
    start: { kind: "earliest" } as const,
    logger: silentLogger,
  };
  const membership = await broker.join(group, sink);
  await sink.until("the task", () => sink.owned.size === 1);
  const handle: TaskHandle = await membership.openTask(0, sink.epochOf(0), signal);
  expect(handle.offsetsNext.get(topicPartitionKey(input, 0))).toBe(0);
  const close = async (): Promise<void> => {
    await membership.leave();
    await broker.admin.deleteTopics([input, output], signal);
    await broker.close();
  };
  return { broker, handle, output, close };
}

async function textsOf(broker: Awaited<ReturnType<typeof connect>>, topic: string, to: number): Promise<unknown[]> {
  const texts: unknown[] = [];
  for await (const batch of broker.read({ topic, partition: 0, from: "earliest", to }, signal)) {
    texts.push(...plainRecords(batch).map((record) => textOf(record)));
  }
  return texts;
}
