import { expect, test } from "vitest";
import { type PlainRecord, plainRecords, textOf, textRecords, writtenAtMs } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** `read`: without a group, bounded or following. */
export function reading(bench: () => Bench): void {
  test("a bounded read gives exactly its range, across and inside stored batches", async () => {
    const topic = await bench().topic(2);
    for (let i = 0; i < 5; i++) await bench().append(textRecords(topic, 1, 4, `${i}.`));
    const records = await bench().read({ topic, partition: 1, from: 3, to: 14 });
    expect(records.map((record) => record.offset)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(records.map((record) => textOf(record)).slice(0, 2)).toEqual(["0.3", "1.0"]);
    expect(await bench().read({ topic, partition: 1, from: 14, to: 14 })).toEqual([]);
    expect(await bench().read({ topic, partition: 0, from: "earliest", to: 0 })).toEqual([]);
  });

  test("a read from a time begins at the first record of that time or later", async () => {
    const topic = await bench().topic(1);
    await bench().append(textRecords(topic, 0, 6));
    const from = { timeMs: writtenAtMs + 3_000 };
    const records = await bench().read({ topic, partition: 0, from, to: 6 });
    expect(records.map((record) => record.offset)).toEqual([3, 4, 5]);
    expect(await bench().read({ topic, partition: 0, from: { timeMs: writtenAtMs + 6_000 }, to: 6 })).toEqual([]);
  });

  test("a bounded read waits for records that are not there yet", async () => {
    const topic = await bench().topic(1);
    await bench().append(textRecords(topic, 0, 2));
    const [read] = await Promise.all([
      bench().read({ topic, partition: 0, from: "earliest", to: 5 }),
      bench().append(textRecords(topic, 0, 4, "later")),
    ]);
    expect(read.map((record) => textOf(record))).toEqual(["r0", "r1", "later0", "later1", "later2"]);
  });

  test("a read without an end follows the log until its signal aborts", async () => {
    const topic = await bench().topic(1);
    await bench().append(textRecords(topic, 0, 2, "old"));
    const stop = new AbortController();
    const seen: PlainRecord[] = [];
    const following = (async (): Promise<void> => {
      for await (const batch of bench().broker.read({ topic, partition: 0, from: "earliest" }, stop.signal)) {
        seen.push(...plainRecords(batch));
        if (seen.length === 2) await bench().append(textRecords(topic, 0, 3, "new"));
        if (seen.length === 5) stop.abort(new Error("seen enough"));
      }
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    await bench().within("the end of the read", following);
    expect(seen.map((record) => textOf(record))).toEqual(["old0", "old1", "new0", "new1", "new2"]);
  });

  test("a reader may stop in the middle", async () => {
    const topic = await bench().topic(1);
    await bench().append(textRecords(topic, 0, 3));
    const first = async (): Promise<number> => {
      for await (const batch of bench().broker.read({ topic, partition: 0, from: 1 }, bench().signal)) {
        return batch.offsets[0] ?? -1;
      }
      return -1;
    };
    expect(await bench().within("the first record", first())).toBe(1);
  });

  test("a read beyond the end of the log is out of range", async () => {
    const topic = await bench().topic(1);
    await bench().append(textRecords(topic, 0, 2));
    await expect(bench().read({ topic, partition: 0, from: 3, to: 9 })).rejects.toMatchObject({
      code: "MR_OFFSET_RANGE",
      message: expect.stringContaining(`${topic}-0`),
    });
  });

  test("a read of records that retention dropped is out of range", async (context) => {
    const { dropOldest } = bench();
    if (dropOldest === undefined) return context.skip("this broker cannot be made to drop records");
    const topic = await bench().topic(1, { "retention.bytes": "1" });
    await bench().append(textRecords(topic, 0, 2));
    await dropOldest(topic, 0);
    await expect(bench().read({ topic, partition: 0, from: 0, to: 1 })).rejects.toMatchObject({
      code: "MR_OFFSET_RANGE",
    });
  });

  test("a read of a topic that does not exist names it and creates nothing", async () => {
    const missing = bench().name("missing");
    await expect(bench().read({ topic: missing, partition: 0, from: 0, to: 1 })).rejects.toMatchObject({
      code: "MR_TOPIC_MISSING",
      message: expect.stringContaining(missing),
    });
    expect((await bench().broker.admin.describe([missing], bench().signal)).topics).toEqual([]);
  });
}
