import { expect, test } from "vitest";
import { topicPartitionKey } from "../../src/kernel/index.ts";
import { textOf, textRecords } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** Topics that gain partitions while a group reads them. */
export function growth(bench: () => Bench): void {
  test("partitions that an input gains are assigned by themselves, and the tasks held before are not disturbed", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    const handle = await member.openAndStart(0);
    const epoch = member.sink.epochOf(0);
    await bench().grow(topic, 3);
    await member.sink.until("all three tasks", () => member.sink.owned.size === 3);
    expect(member.sink.epochOf(0)).toBe(epoch);
    expect(member.sink.calls.filter((call) => call.startsWith("lost"))).toEqual([]);
    await bench().append([...textRecords(topic, 0, 1, "old"), ...textRecords(topic, 2, 2, "new")]);
    await member.openAndStart(2);
    await member.sink.until("the records of both", () => member.sink.records.length === 3);
    expect(member.sink.recordsOf(2).map((record) => textOf(record))).toEqual(["new0", "new1"]);
    await handle.commit(new Map([[topicPartitionKey(topic, 0), 1]]));
  });

  test("a partition gained while the group reads is read from its first record, also by a group that starts at the latest", async () => {
    const topic = await bench().topic(1);
    const group = bench().name("group");
    await bench().append(textRecords(topic, 0, 2, "history"));
    const start = { kind: "latest" } as const;
    const member = await bench().joinAlone([topic], 1, { group, start });
    await member.openAndStart(0);
    await bench().grow(topic, 2);
    // Before anybody has noticed the partition, or after: that makes no difference to what is read.
    await bench().append(textRecords(topic, 1, 2, "early"));
    await member.sink.until("the new task", () => member.sink.owned.size === 2);
    await member.openAndStart(1);
    await member.sink.until("its records", () => member.sink.records.length === 2);
    expect(member.sink.records.map((record) => textOf(record))).toEqual(["early0", "early1"]);
  });

  // Its members were all that knew with how many partitions it had begun: the records were skipped without a line.
  test("a partition gained while nobody is in the group is read from its first record", async () => {
    const topic = await bench().topic(1);
    const spec = { group: bench().name("group"), start: { kind: "latest" } } as const;
    const first = await bench().joinAlone([topic], 1, spec);
    await first.openAndStart(0);
    await first.membership.leave();
    await bench().grow(topic, 3);
    await bench().append([...textRecords(topic, 0, 1, "old"), ...textRecords(topic, 2, 2, "early")]);
    const second = await bench().joinAlone([topic], 3, { ...spec, broker: await bench().secondBroker() });
    // What the others commit of themselves says nothing else.
    for (const task of [0, 1, 2]) await second.openAndStart(task);
    await second.sink.until("their records", () => second.sink.records.length === 3);
    expect(second.sink.recordsOf(2).map((record) => textOf(record))).toEqual(["early0", "early1"]);
  });

  test("every rebalance counts the partitions anew, and the one who joins in it reads a new one from its first record", async () => {
    const topic = await bench().topic(1);
    const spec = { group: bench().name("group"), start: { kind: "latest" } } as const;
    const first = await bench().joinAlone([topic], 1, spec);
    await first.openAndStart(0);
    await bench().grow(topic, 2);
    await bench().append(textRecords(topic, 1, 2, "early"));
    const second = await bench().join([topic], { ...spec, broker: await bench().secondBroker() });
    await second.sink.until("a task", () => second.sink.owned.size === 1);
    await first.sink.until("one task each", () => first.sink.owned.size === 1);
    const owner = second.sink.owned.has(1) ? second : first;
    await owner.openAndStart(1);
    await owner.sink.until("its records", () => owner.sink.recordsOf(1).length === 2);
    expect(owner.sink.recordsOf(1).map((record) => textOf(record))).toEqual(["early0", "early1"]);
  });
}
