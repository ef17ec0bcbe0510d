import { expect, test } from "vitest";
import { RecordRefusedError, TaskFatalError } from "../../src/runtime/index.ts";
import { outgoingOf, textOf, textRecord, textRecords, writtenAtMs } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** `write` and `append`: order, durability, refusals. */
export function writing(bench: () => Bench): void {
  test("many writes keep their order per partition and are all there when the commit has answered", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(3)];
    const member = await bench().joinAlone([input], 1);
    const handle = await member.open(0);
    const pending: Promise<void>[] = [];
    const expected: string[][] = [[], [], []];
    for (let write = 0; write < 150; write++) {
      const batches = expected.map((texts, partition) => {
        const records = textRecords(output, partition, 1 + ((write + partition) % 4), `${write}.`);
        texts.push(...records.map(({ value }) => String(value)));
        return outgoingOf(records);
      });
      pending.push(handle.write(batches));
      if (write % 10 === 9) await bench().within("room", Promise.all(pending));
    }
    await bench().within("room for the writes", Promise.all(pending));
    await bench().within("a commit", handle.commit(handle.offsetsNext));
    const marks = await bench().broker.admin.watermarks(output, bench().signal);
    expect(marks.map(({ end }) => end)).toEqual(expected.map((texts) => texts.length + bench().markersPerCommit));
    for (const [partition, texts] of expected.entries()) {
      const read = await bench().read({ topic: output, partition, from: 0, to: texts.length });
      expect(read.map((record) => textOf(record))).toEqual(texts);
    }
  });

  test("one write may hold several batches of one partition, and their order is kept", async () => {
    const topic = await bench().topic(1);
    const handle = await (await bench().joinAlone([topic], 1)).open(0);
    const batches = ["a", "b", "c"].map((stem) => outgoingOf(textRecords(topic, 0, 2, stem)));
    await bench().within("a write", handle.write(batches));
    await bench().within("a commit", handle.commit(handle.offsetsNext));
    const read = await bench().read({ topic, partition: 0, from: 0, to: 6 });
    expect(read.map((record) => textOf(record))).toEqual(["a0", "a1", "b0", "b1", "c0", "c1"]);
  });

  test("a batch stays as it was after it has been written", async () => {
    const topic = await bench().topic(1);
    const handle = await (await bench().joinAlone([topic], 1)).open(0);
    const batch = outgoingOf(textRecords(topic, 0, 4));
    const before = Buffer.from(batch.bytes);
    await bench().within("two writes", Promise.all([handle.write([batch]), handle.write([batch])]));
    await bench().within("a commit", handle.commit(handle.offsetsNext));
    expect(batch.bytes.equals(before)).toBe(true);
    expect(await bench().read({ topic, partition: 0, from: 0, to: 8 })).toHaveLength(8);
  });

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

  test("a record larger than the topic allows is refused by name when it is written", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(2, { "max.message.bytes": "2000" })];
    const member = await bench().joinAlone([input], 1);
    const handle = await member.open(0);
    const large = { ...textRecord(output, 1, "large"), value: Buffer.alloc(3_000, "x") };
    const refusal = await refusalOf(async () => {
      await handle.write([outgoingOf(textRecords(output, 0, 2)), outgoingOf([large])]);
      await handle.commit(handle.offsetsNext);
    });
    expect(refusal).toMatchObject({ failure: "reopen", topic: output, partition: 1, index: 0 });
    const again = await member.open(0);
    await bench().within("a write after it", again.write([outgoingOf(textRecords(output, 1, 1, "small"))]));
    await bench().within("a commit after it", again.commit(again.offsetsNext));
    const read = await bench().read({ topic: output, partition: 1, from: 0, to: 1 });
    expect(read.map((record) => textOf(record))).toEqual(["small0"]);
  });

  test("a record larger than the topic allows is refused by name when it is appended", async () => {
    const topic = await bench().topic(1, { "max.message.bytes": "2000" });
    const large = { topic, partition: 0, timestampMs: writtenAtMs, key: null, value: Buffer.alloc(3_000, "x") };
    const refusal = await refusalOf(() => bench().append([large]));
    expect(refusal).toMatchObject({ topic, partition: 0, message: expect.stringContaining(topic) });
    expect(await bench().broker.admin.watermarks(topic, bench().signal)).toEqual([{ partition: 0, low: 0, end: 0 }]);
  });

  test("writing to a topic that does not exist halts and creates nothing", async () => {
    const topic = await bench().topic(1);
    const missing = bench().name("missing");
    const handle = await (await bench().joinAlone([topic], 1)).open(0);
    const write = async (): Promise<void> => {
      await handle.write([outgoingOf(textRecords(missing, 0, 1))]);
      await handle.commit(handle.offsetsNext);
    };
    await expect(bench().within("the refusal", write())).rejects.toThrow(TaskFatalError);
    expect((await bench().broker.admin.describe([missing], bench().signal)).topics).toEqual([]);
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

async function refusalOf(act: () => Promise<void>): Promise<RecordRefusedError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof RecordRefusedError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
