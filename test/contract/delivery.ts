import { expect, test } from "vitest";
import { topicPartitionKey } from "../../src/kernel/index.ts";
import { outgoingOf, textOf, textRecords } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** What reaches `batch`, in which order, and when it must wait. */
export function delivery(bench: () => Bench): void {
  test("records arrive in offset order and every batch says where it was asked for and where the next begins", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    await member.openAndStart(0);
    for (let i = 0; i < 20; i++) await bench().append(textRecords(topic, 0, 10, `${i}.`));
    await member.sink.until("200 records", () => member.sink.records.length === 200);
    expect(member.sink.records.map((record) => record.offset)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    let asked = 0;
    for (const { task, epoch, batch } of member.sink.batches) {
      expect({ task, epoch }).toEqual({ task: 0, epoch: member.sink.epochOf(0) });
      expect(batch.offsetAsked).toBe(asked);
      expect(batch.endOffset).toBeGreaterThanOrEqual(batch.offsetNext);
      asked = batch.offsetNext;
    }
    expect(asked).toBe(200);
  });

  test("a start in the middle of a stored batch begins exactly there", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    const handle = await member.open(0);
    await bench().within("a write", handle.write([outgoingOf(textRecords(topic, 0, 10))]));
    await bench().within("a commit", handle.commit(handle.offsetsNext));
    member.membership.start(0, new Map([[topicPartitionKey(topic, 0), 4]]));
    await member.sink.until("six records", () => member.sink.records.length === 6);
    expect(member.sink.records.map((record) => record.offset)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(member.sink.batches[0]?.batch.offsetAsked).toBe(4);
  });

  test("a start moves a task that is running, back as well as forward", async () => {
    const topic = await bench().topic(1);
    await bench().append(textRecords(topic, 0, 6));
    const member = await bench().joinAlone([topic], 1);
    await member.openAndStart(0);
    await member.sink.until("all", () => member.sink.records.length === 6);
    member.membership.start(0, new Map([[topicPartitionKey(topic, 0), 4]]));
    await member.sink.until("the last two again", () => member.sink.records.length === 8);
    expect(member.sink.records.slice(6).map((record) => record.offset)).toEqual([4, 5]);
  });

  test("a task has one delivery in flight until its batch is taken", async () => {
    const topic = await bench().topic(2);
    const member = await bench().joinAlone([topic], 2);
    const release = member.sink.hold(0);
    await member.openAndStart(0);
    await member.openAndStart(1);
    await bench().append(textRecords(topic, 0, 3));
    await member.sink.until("the first delivery", () => member.sink.recordsOf(0).length > 0);
    for (let i = 0; i < 5; i++) await bench().append([...textRecords(topic, 0, 3), ...textRecords(topic, 1, 3)]);
    await member.sink.until("the other task's records", () => member.sink.recordsOf(1).length === 15);
    expect(member.sink.batches.filter(({ task }) => task === 0)).toHaveLength(1);
    release();
    await member.sink.until("all records", () => member.sink.recordsOf(0).length === 18);
    expect(member.sink.inFlightMax).toBe(1);
    expect(member.sink.recordsOf(0).map((record) => record.offset)).toEqual(Array.from({ length: 18 }, (_, i) => i));
  });

  test("a paused task gets nothing until it is resumed, and misses nothing", async () => {
    const topic = await bench().topic(2);
    await bench().append([...textRecords(topic, 0, 3), ...textRecords(topic, 1, 3)]);
    const member = await bench().joinAlone([topic], 2);
    await member.openAndStart(0);
    await member.openAndStart(1);
    await member.sink.until("the records before", () => member.sink.records.length === 6);
    member.membership.pause(0);
    await bench().append([...textRecords(topic, 0, 3), ...textRecords(topic, 1, 3)]);
    await member.sink.until("the other task's records", () => member.sink.recordsOf(1).length === 6);
    expect(member.sink.recordsOf(0)).toHaveLength(3);
    member.membership.resume(0);
    await member.sink.until("the records held back", () => member.sink.recordsOf(0).length === 6);
    expect(member.sink.recordsOf(0).map((record) => record.offset)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("a task that is moved while it is paused stays paused", async () => {
    const topic = await bench().topic(2);
    await bench().append([...textRecords(topic, 0, 3), ...textRecords(topic, 1, 3)]);
    const member = await bench().joinAlone([topic], 2);
    await member.openAndStart(0);
    await member.sink.until("the records before", () => member.sink.records.length === 3);
    member.membership.pause(0);
    member.membership.start(0, new Map([[topicPartitionKey(topic, 0), 1]]));
    await member.openAndStart(1);
    await member.sink.until("the other task's records", () => member.sink.recordsOf(1).length === 3);
    expect(member.sink.recordsOf(0)).toHaveLength(3);
    member.membership.resume(0);
    await member.sink.until("the records from the new place", () => member.sink.recordsOf(0).length === 5);
    expect(member.sink.recordsOf(0).map((record) => record.offset)).toEqual([0, 1, 2, 1, 2]);
  });

  test("a start beyond the end of the log ends the membership and says so", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    member.membership.start(0, new Map([[topicPartitionKey(topic, 0), 9]]));
    await member.sink.until("the failure", () => member.sink.failures.length > 0);
    expect(member.sink.failures).toMatchObject([
      { code: "MR_OFFSET_RANGE", message: expect.stringContaining(`${topic}-0`) },
    ]);
    expect([...member.sink.owned.keys()]).toEqual([]);
  });

  test("headers, null keys, tombstones, empty values and timestamps arrive byte for byte", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    await member.openAndStart(0);
    const bytes = Buffer.from([0, 255, 10, 195, 40]);
    const headers = [
      { name: "twice", value: bytes },
      { name: "twice", value: Buffer.alloc(0) },
      { name: "größe", value: null },
    ];
    const at = { topic, partition: 0 };
    const sent = [
      { ...at, timestampMs: 1_700_000_000_001, key: bytes, value: bytes, headers },
      { ...at, timestampMs: 1_600_000_000_000, key: null, value: bytes, headers: [] },
      { ...at, timestampMs: 1_700_000_000_002, key: bytes, value: null, headers: [] },
      { ...at, timestampMs: 1_700_000_000_003, key: Buffer.alloc(0), value: Buffer.alloc(0), headers: [] },
      { ...at, timestampMs: 1_700_000_000_004, key: null, value: null, headers: [{ name: "", value: null }] },
    ];
    await bench().append(sent);
    await member.sink.until("the records", () => member.sink.records.length === sent.length);
    expect(member.sink.records).toEqual(sent.map((record, offset) => ({ ...record, offset })));
  });

  test("a record of several hundred kilobytes arrives whole", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    await member.openAndStart(0);
    const value = Buffer.alloc(700_000, "millrace ");
    const record = { topic, partition: 0, timestampMs: 1_700_000_000_000, key: null, value };
    await bench().append([record, ...textRecords(topic, 0, 1, "after"), record]);
    await member.sink.until("three records", () => member.sink.records.length === 3);
    expect(member.sink.records.map((one) => one.value?.length)).toEqual([700_000, 6, 700_000]);
    expect(member.sink.records[2]?.value?.equals(value)).toBe(true);
    expect(textOf(member.sink.records[1]!)).toBe("after0");
  });

  test("records that retention dropped are skipped, and the batch shows that they are gone", async (context) => {
    const { dropOldest } = bench();
    if (dropOldest === undefined) return context.skip("this broker cannot be made to drop records");
    const topic = await bench().topic(1, { "retention.bytes": "1" });
    await bench().append(textRecords(topic, 0, 3));
    const member = await bench().joinAlone([topic], 1);
    const handle = await member.open(0);
    await dropOldest(topic, 0);
    const [marks] = await bench().broker.admin.watermarks(topic, bench().signal);
    expect(marks!.low).toBeGreaterThan(0);
    member.membership.start(0, handle.offsetsNext);
    await member.sink.until("the records left", () => member.sink.records.at(-1)?.offset === marks!.end - 1);
    expect(member.sink.records[0]?.offset).toBe(marks!.low);
    expect(member.sink.batches[0]?.batch).toMatchObject({ offsetAsked: 0, logStartOffset: marks!.low });
  });
}
