import { expect, test } from "vitest";
import { RecordRefusedError } from "../../src/runtime/index.ts";
import { outgoingOf, textOf, textRecord, textRecords, writtenAtMs } from "../support/records.ts";
import type { Bench } from "./bench.ts";
import { refusalOf } from "./writing.ts";

/** `append` and writers without a group, behind which no delivery stands: order, durability, refusals. */
export function appending(bench: () => Bench): void {
  test("appends from several callers keep the order of each", async () => {
    const topic = await bench().topic(1);
    const appends = Array.from({ length: 20 }, (_, i) => bench().append(textRecords(topic, 0, 5, `${i}.`)));
    await Promise.all(appends);
    const texts = (await bench().read({ topic, partition: 0, from: 0, to: 100 })).map((record) => textOf(record) ?? "");
    for (let i = 0; i < 20; i++) {
      const own = texts.filter((text) => text.startsWith(`${i}.`));
      expect(own).toEqual([0, 1, 2, 3, 4].map((n) => `${i}.${n}`));
    }
  });

  test("records of a topic of arrival times have the time at which they came, whatever their writer says", async () => {
    const topic = await bench().topic(1, { "message.timestamp.type": "LogAppendTime" });
    const old = 1_000_000_000_000;
    await bench().append([{ ...textRecord(topic, 0, "a"), timestampMs: old }]);
    await bench().append([{ ...textRecord(topic, 0, "b"), timestampMs: 4_000_000_000_000 }]);
    const writer = bench().broker.writer();
    await writer.write([outgoingOf([{ ...textRecord(topic, 0, "c"), timestampMs: old }])]);
    await bench().within("a flush", writer.flush());
    await bench().within("a close", writer.close());
    const read = await bench().read({ topic, partition: 0, from: 0, to: 3 });
    expect(read.map((record) => textOf(record))).toEqual(["a", "b", "c"]);
    for (const { timestampMs } of read) {
      expect(timestampMs).toBeGreaterThan(old);
      expect(timestampMs).toBeLessThan(4_000_000_000_000);
    }
    const times = read.map(({ timestampMs }) => timestampMs);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    const later = await bench().read({ topic, partition: 0, from: { timeMs: old + 1 }, to: 3 });
    expect(later.map((record) => textOf(record))).toEqual(["a", "b", "c"]);
  });

  test("a record larger than the topic allows is refused by name when it is appended", async () => {
    const topic = await bench().topic(1, { "max.message.bytes": "2000" });
    const large = { topic, partition: 0, timestampMs: writtenAtMs, key: null, value: Buffer.alloc(3_000, "x") };
    const refusal = await refusalOf(() => bench().append([large]));
    expect(refusal).toMatchObject({ topic, partition: 0, message: expect.stringContaining(topic) });
    expect(await bench().broker.admin.watermarks(topic, bench().signal)).toEqual([{ partition: 0, low: 0, end: 0 }]);
  });

  test("a writer without a group keeps the order per partition, and a flush means that all of it is there", async () => {
    const topic = await bench().topic(2);
    const writer = bench().broker.writer();
    const expected: string[][] = [[], []];
    for (let write = 0; write < 30; write++) {
      const batches = expected.map((texts, partition) => {
        const records = textRecords(topic, partition, 1 + (write % 3), `${write}.`);
        texts.push(...records.map(({ value }) => String(value)));
        return outgoingOf(records);
      });
      await bench().within("room", writer.write(batches));
    }
    await bench().within("a flush", writer.flush());
    for (const [partition, texts] of expected.entries()) {
      const read = await bench().read({ topic, partition, from: 0, to: texts.length });
      expect(read.map((record) => textOf(record))).toEqual(texts);
    }
    await bench().within("a close", writer.close());
  });

  test("a writer is dead after a refusal and after its close", async () => {
    const topic = await bench().topic(1, { "max.message.bytes": "2000" });
    const writer = bench().broker.writer();
    const large = { ...textRecord(topic, 0, "large"), value: Buffer.alloc(3_000, "x") };
    const refusal = await refusalOf(async () => {
      await writer.write([outgoingOf([large])]);
      await writer.flush();
    });
    expect(refusal).toMatchObject({ topic, partition: 0, index: 0 });
    await expect(writer.write([outgoingOf(textRecords(topic, 0, 1))])).rejects.toThrow(RecordRefusedError);
    await bench().within("a close", writer.close());
    const closed = bench().broker.writer();
    await bench().within("a close", closed.close());
    await expect(closed.write([outgoingOf(textRecords(topic, 0, 1))])).rejects.toMatchObject({ code: "MR_BROKER" });
    await expect(closed.flush()).rejects.toMatchObject({ code: "MR_BROKER" });
    expect(await bench().broker.admin.watermarks(topic, bench().signal)).toEqual([{ partition: 0, low: 0, end: 0 }]);
  });

  test("appending to a topic or a partition that does not exist names it and creates nothing", async () => {
    const topic = await bench().topic(1);
    const missing = bench().name("missing");
    await expect(bench().append(textRecords(missing, 0, 1))).rejects.toMatchObject({
      code: "MR_TOPIC_MISSING",
      message: expect.stringContaining(missing),
    });
    await expect(bench().append(textRecords(topic, 1, 1))).rejects.toMatchObject({ code: "MR_TOPIC_MISSING" });
    expect((await bench().broker.admin.describe([missing], bench().signal)).topics).toEqual([]);
  });
}
