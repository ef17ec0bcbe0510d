import { expect, test } from "vitest";
import { topicPartitionKey } from "../../src/kernel/index.ts";
import { TaskLostError } from "../../src/runtime/index.ts";
import { textOf, textRecords, writtenAtMs } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** Joining alone: which tasks come, where they open, when they begin. */
export function assignment(bench: () => Bench): void {
  test("a lone member is assigned every partition once", async () => {
    const topic = await bench().topic(3);
    const { sink } = await bench().joinAlone([topic], 3);
    expect([...sink.owned.keys()].sort()).toEqual([0, 1, 2]);
    expect(sink.calls.filter((call) => !call.startsWith("assigned"))).toEqual([]);
  });

  test("a task is paused until it is started", async () => {
    const topic = await bench().topic(2);
    await bench().append([...textRecords(topic, 0, 5), ...textRecords(topic, 1, 5)]);
    const member = await bench().joinAlone([topic], 2);
    await member.open(0);
    await member.openAndStart(1);
    await member.sink.until("the started task's records", () => member.sink.recordsOf(1).length === 5);
    expect(member.sink.recordsOf(0)).toEqual([]);
    await member.openAndStart(0);
    await member.sink.until("the other task's records", () => member.sink.recordsOf(0).length === 5);
  });

  test("partition n of all input topics is one task", async () => {
    const [left, right] = [await bench().topic(2), await bench().topic(2)];
    await bench().append([...textRecords(left, 1, 2, "left"), ...textRecords(right, 1, 3, "right")]);
    const member = await bench().joinAlone([left, right], 2);
    const handle = await member.openAndStart(1);
    expect(Object.fromEntries(handle.offsetsNext)).toEqual({
      [topicPartitionKey(left, 1)]: 0,
      [topicPartitionKey(right, 1)]: 0,
    });
    await member.sink.until("the records of both", () => member.sink.records.length === 5);
    const texts = member.sink.records.map((record) => textOf(record));
    expect(texts.filter((text) => text?.startsWith("left"))).toEqual(["left0", "left1"]);
    expect(texts.filter((text) => text?.startsWith("right"))).toEqual(["right0", "right1", "right2"]);
  });

  test("what must move goes to the member that has it on disk, and the rest stays", async () => {
    const topic = await bench().topic(4);
    const group = bench().name("group");
    const first = await bench().joinAlone([topic], 4, { group });
    const claims = () => new Map([1, 3].map((task) => [task, { offset: 1_000 }] as const));
    const second = await bench().join([topic], { group, claims, broker: await bench().secondBroker() });
    await second.sink.until("its share", () => second.sink.owned.size === 2);
    expect([...second.sink.owned.keys()].sort()).toEqual([1, 3]);
    await first.sink.until("the rest", () => first.sink.owned.size === 2);
    expect([...first.sink.owned.keys()].sort()).toEqual([0, 2]);
  });

  test("members of a group that read other topics have the tasks of their own", async () => {
    const [before, after] = [await bench().topic(2), await bench().topic(3)];
    await bench().append([...textRecords(before, 1, 1, "before"), ...textRecords(after, 1, 1, "after")]);
    const group = bench().name("group");
    const old = await bench().joinAlone([before], 2, { group });
    const new_ = await bench().joinAlone([after], 3, { group, broker: await bench().secondBroker() });
    for (const member of [old, new_]) {
      await member.openAndStart(1);
      await member.sink.until("a record", () => member.sink.records.length === 1);
    }
    expect([old, new_].flatMap(({ sink }) => sink.records.map((record) => textOf(record)))).toEqual(
      ["before", "after"].map((text) => `${text}0`),
    );
  });

  test("a group that starts at the earliest record opens at the first", async () => {
    const topic = await bench().topic(1);
    await bench().append(textRecords(topic, 0, 3));
    const member = await bench().joinAlone([topic], 1);
    const handle = await member.open(0);
    expect(handle.offsetsNext.get(topicPartitionKey(topic, 0))).toBe(0);
  });

  test("a group that starts at the latest record opens at the end, and that is committed at once", async () => {
    const topic = await bench().topic(1);
    const group = bench().name("group");
    await bench().append(textRecords(topic, 0, 3, "old"));
    const first = await bench().joinAlone([topic], 1, { group, start: { kind: "latest" } });
    const handle = await first.open(0);
    expect(handle.offsetsNext.get(topicPartitionKey(topic, 0))).toBe(3);
    expect(await bench().broker.admin.committed(group, topic, bench().signal)).toEqual([{ partition: 0, offset: 3 }]);
    await first.membership.leave();

    await bench().append(textRecords(topic, 0, 2, "new"));
    const again = await bench().joinAlone([topic], 1, { group, start: { kind: "latest" } });
    await again.openAndStart(0);
    await again.sink.until("the new records", () => again.sink.records.length === 2);
    expect(again.sink.records.map((record) => textOf(record))).toEqual(["new0", "new1"]);
  });

  test("a group that starts at a time opens at the first record of that time or later, committed at once", async () => {
    const topic = await bench().topic(2);
    const group = bench().name("group");
    await bench().append(textRecords(topic, 0, 5));
    const start = { kind: "time", timeMs: writtenAtMs + 1_500 } as const;
    const member = await bench().joinAlone([topic], 2, { group, start });
    const [handle, empty] = [await member.open(0), await member.open(1)];
    expect(handle.offsetsNext.get(topicPartitionKey(topic, 0))).toBe(2);
    expect(empty.offsetsNext.get(topicPartitionKey(topic, 1))).toBe(0);
    expect(await bench().broker.admin.committed(group, topic, bench().signal)).toEqual([
      { partition: 0, offset: 2 },
      { partition: 1, offset: 0 },
    ]);
  });

  test("opening a task under an epoch that does not own it rejects as lost", async () => {
    const topic = await bench().topic(1);
    const { membership, sink } = await bench().joinAlone([topic], 1);
    await expect(membership.openTask(0, sink.epochOf(0) + 1, bench().signal)).rejects.toThrow(TaskLostError);
    await expect(membership.openTask(7, sink.epochOf(0), bench().signal)).rejects.toThrow(TaskLostError);
  });

  test("joining a group on a topic that does not exist names the topic and creates nothing", async () => {
    const missing = bench().name("missing");
    await expect(bench().join([missing])).rejects.toMatchObject({
      code: "MR_TOPIC_MISSING",
      message: expect.stringContaining(missing),
    });
    expect((await bench().broker.admin.describe([missing], bench().signal)).topics).toEqual([]);
  });
}
