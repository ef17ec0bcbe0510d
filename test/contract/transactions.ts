import { expect, test } from "vitest";
import { topicPartitionKey } from "../../src/kernel/index.ts";
import { RecordRefusedError, type TaskHandle, TaskLostError } from "../../src/runtime/index.ts";
import { outgoingOf, textOf, textRecord, textRecords } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** Exactly once: what a handle writes and the offsets of its commit are seen together or not at all. */
export function transactions(bench: () => Bench): void {
  const write = (handle: TaskHandle, topic: string, partition: number, stem: string, count = 2): Promise<void> =>
    bench().within("a write", handle.write([outgoingOf(textRecords(topic, partition, count, stem))]));
  const commit = (handle: TaskHandle, topic: string, offset: number): Promise<void> =>
    bench().within("a commit", handle.commit(new Map([[topicPartitionKey(topic, 0), offset]])));

  test("what is written is seen with the commit of its offsets, in every partition, and not before", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(2)];
    const group = bench().name("group");
    const handle = await (await bench().joinAlone([input], 1, { group })).open(0);
    await write(handle, output, 0, "a");
    await write(handle, output, 1, "b");
    await write(handle, output, 0, "c");
    expect([await bench().seenIn(output, 0), await bench().seenIn(output, 1)]).toEqual([[], []]);
    await commit(handle, input, 0);
    await bench().untilSeen(output, 0, ["a0", "a1", "c0", "c1"]);
    await bench().untilSeen(output, 1, ["b0", "b1"]);
    await bench().untilCommitted(group, input, 0, 0);
  });

  test("a reader that follows is given a chunk when it is committed, and the next one behind it", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(1)];
    const handle = await (await bench().joinAlone([input], 1)).open(0);
    const reader = await bench().joinAlone([output], 1);
    await reader.openAndStart(0);
    await write(handle, output, 0, "a");
    await commit(handle, input, 0);
    await reader.sink.until("the first chunk", () => reader.sink.records.length === 2);
    await write(handle, output, 0, "b");
    await commit(handle, input, 0);
    await reader.sink.until("the second chunk", () => reader.sink.records.length === 4);
    expect(reader.sink.records.map((record) => textOf(record))).toEqual(["a0", "a1", "b0", "b1"]);
    // Between the chunks lies the marker of the first, which is an offset and no record.
    expect(reader.sink.records.map((record) => record.offset)).toEqual([0, 1, 3, 4]);
    await bench().untilEnds(output, [6]);
    await reader.sink.until("the last marker", () => reader.sink.batches.at(-1)?.batch.offsetNext === 6);
  });

  test("what was written and not committed when a handle is closed is never seen, nor its offsets", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(1)];
    const member = await bench().joinAlone([input], 1);
    const first = await member.open(0);
    await write(first, output, 0, "lost");
    await bench().within("a close", first.close());
    const second = await member.open(0);
    expect(second.offsetsNext.get(topicPartitionKey(input, 0))).toBe(0);
    await write(second, output, 0, "kept");
    await commit(second, input, 0);
    await bench().untilSeen(output, 0, ["kept0", "kept1"]);
  });

  test("opening a task again ends what the handle before it had begun", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(1)];
    const member = await bench().joinAlone([input], 1);
    const before = await member.open(0);
    await write(before, output, 0, "zombie");
    const after = await member.open(0);
    await expect(before.commit(before.offsetsNext)).rejects.toThrow(TaskLostError);
    await write(after, output, 0, "owner");
    await commit(after, input, 0);
    await bench().untilSeen(output, 0, ["owner0", "owner1"]);
  });

  test("the chunk of a member that leaves is never seen, and the next member writes it once", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(1)];
    const group = bench().name("group");
    const first = await bench().joinAlone([input], 1, { group });
    await write(await first.open(0), output, 0, "a");
    await bench().within("a leave", first.membership.leave());
    const second = await (await bench().joinAlone([input], 1, { group })).open(0);
    await write(second, output, 0, "a");
    await commit(second, input, 0);
    await bench().untilSeen(output, 0, ["a0", "a1"]);
  });

  test("one refused record takes back the whole chunk, also what other partitions were given before", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(2, { "max.message.bytes": "2000" })];
    const member = await bench().joinAlone([input], 1);
    const handle = await member.open(0);
    const large = { ...textRecord(output, 1, "large"), value: Buffer.alloc(3_000, "x") };
    const chunk = async (): Promise<void> => {
      await write(handle, output, 0, "a");
      await handle.write([outgoingOf([large])]);
      await commit(handle, input, 0);
    };
    await expect(chunk()).rejects.toThrow(RecordRefusedError);
    const again = await member.open(0);
    await write(again, output, 1, "b");
    await commit(again, input, 0);
    await bench().untilSeen(output, 1, ["b0", "b1"]);
    expect(await bench().seenIn(output, 0)).toEqual([]);
  });

  test("a commit without anything written moves the offsets and leaves no marker", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(1)];
    const group = bench().name("group");
    await bench().append(textRecords(input, 0, 3));
    const handle = await (await bench().joinAlone([input], 1, { group })).open(0);
    await commit(handle, input, 3);
    await bench().untilCommitted(group, input, 0, 3);
    expect(await bench().broker.admin.watermarks(output, bench().signal)).toEqual([{ partition: 0, low: 0, end: 0 }]);
  });
}
