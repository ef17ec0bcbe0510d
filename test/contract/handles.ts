import { expect, test } from "vitest";
import { topicPartitionKey } from "../../src/kernel/index.ts";
import { TaskFatalError, TaskLostError } from "../../src/runtime/index.ts";
import { outgoingOf, textRecords } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** The life of a task's handle: opened, committed, closed, opened again. */
export function handles(bench: () => Bench): void {
  test("a task that is opened again answers the offsets that were committed", async () => {
    const topic = await bench().topic(1);
    const group = bench().name("group");
    await bench().append(textRecords(topic, 0, 5));
    const member = await bench().joinAlone([topic], 1, { group });
    const key = topicPartitionKey(topic, 0);
    const first = await member.open(0);
    await bench().within("a commit", first.commit(new Map([[key, 2]])));
    await bench().within("a commit", first.commit(new Map([[key, 3]])));
    await bench().within("a close", first.close());
    const second = await member.open(0);
    expect(second.offsetsNext.get(key)).toBe(3);
    await bench().untilCommitted(group, topic, 0, 3);
  });

  test("the note of the last commit is answered with its offset to whoever opens the task next, and to nobody else", async () => {
    const topic = await bench().topic(1);
    const group = bench().name("group");
    await bench().append(textRecords(topic, 0, 5));
    const key = topicPartitionKey(topic, 0);
    const before = await bench().joinAlone([topic], 1, { group });
    const first = await before.open(0);
    expect(first.notes).toEqual(new Map());
    await bench().within("a commit", first.commit(new Map([[key, 1]]), "first"));
    await bench().within("a commit", first.commit(new Map([[key, 2]]), "A-z_09".repeat(33)));
    await bench().within("a close", first.close());
    const second = await before.open(0);
    expect(second.notes).toEqual(new Map([[key, "A-z_09".repeat(33)]]));
    const committed = await bench().broker.admin.committed(group, topic, bench().signal);
    expect(committed).toEqual([{ partition: 0, offset: 2, note: "A-z_09".repeat(33) }]);
    await bench().within("a leave", before.membership.leave());
    const after = await bench().joinAlone([topic], 1, { group });
    const third = await after.open(0);
    expect([third.offsetsNext, third.notes]).toEqual([second.offsetsNext, second.notes]);
    await bench().within("a commit", third.commit(new Map([[key, 3]])));
    await bench().within("a close", third.close());
    expect((await after.open(0)).notes).toEqual(new Map());
  });

  test("the next member of the group opens at what was committed and is delivered the rest", async () => {
    const topic = await bench().topic(1);
    const group = bench().name("group");
    await bench().append(textRecords(topic, 0, 5));
    const before = await bench().joinAlone([topic], 1, { group });
    const handle = await before.open(0);
    await bench().within("a commit", handle.commit(new Map([[topicPartitionKey(topic, 0), 3]])));
    await bench().within("a leave", before.membership.leave());
    const after = await bench().joinAlone([topic], 1, { group });
    await after.openAndStart(0);
    await after.sink.until("the rest", () => after.sink.records.length === 2);
    expect(after.sink.records.map((record) => record.offset)).toEqual([3, 4]);
  });

  test("a commit that is pending rejects as lost when its handle closes", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    const handle = await member.open(0);
    const outcome = settled(handle.commit(handle.offsetsNext));
    await bench().within("a close", handle.close());
    expect(await bench().within("the commit to settle", outcome)).toBeInstanceOf(TaskLostError);
  });

  test("after a close every call rejects as lost, and the task can be opened again under its epoch", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    const handle = await member.open(0);
    await bench().within("a close", handle.close());
    await bench().within("a second close", handle.close());
    await expect(handle.write([outgoingOf(textRecords(topic, 0, 1))])).rejects.toThrow(TaskLostError);
    await expect(handle.commit(handle.offsetsNext)).rejects.toThrow(TaskLostError);
    const again = await member.open(0);
    await bench().within("a commit", again.commit(again.offsetsNext));
    const [marks] = await bench().broker.admin.watermarks(topic, bench().signal);
    expect(marks).toEqual({ partition: 0, low: 0, end: 0 });
  });

  test("opening a task again ends the handle it had", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    const before = await member.open(0);
    const after = await member.open(0);
    await expect(before.commit(before.offsetsNext)).rejects.toThrow(TaskLostError);
    await bench().within("a commit", after.commit(after.offsetsNext));
  });

  test("a handle is lost when its member leaves", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    const handle = await member.open(0);
    await bench().within("a leave", member.membership.leave());
    await expect(handle.commit(handle.offsetsNext)).rejects.toThrow(TaskLostError);
  });

  test("a task whose committed offset lies beyond the end of the log does not open and says so", async () => {
    const topic = await bench().topic(1);
    const member = await bench().joinAlone([topic], 1);
    const handle = await member.open(0);
    await bench().within("a commit", handle.commit(new Map([[topicPartitionKey(topic, 0), 1_000]])));
    await bench().within("a close", handle.close());
    const refusal = await settled(member.open(0));
    expect(refusal).toBeInstanceOf(TaskFatalError);
    expect(refusal).toMatchObject({
      message: expect.stringMatching(new RegExp(`${topic}-0.*1000|1000.*${topic}-0`)),
      cause: { code: "MR_OFFSET_RANGE" },
    });
  });
}

/** What the promise rejects with; undefined when it resolves. Never rejects itself. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
