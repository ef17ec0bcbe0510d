import { expect, test } from "vitest";
import { topicPartitionKey } from "../../src/kernel/index.ts";
import { type TaskHandle, type TaskId, TaskLostError } from "../../src/runtime/index.ts";
import { deferred } from "../support/deadline.ts";
import { textOf, textRecords } from "../support/records.ts";
import type { Bench, Member } from "./bench.ts";

/** A second member comes and goes: who is asked, what moves, what stays. */
export function rebalance(bench: () => Bench): void {
  test("a second member gets tasks only after the first has answered the call to revoke them", async () => {
    const topic = await bench().topic(4);
    const group = bench().name("group");
    const answer = deferred();
    const first = await bench().joinAlone([topic], 4, { group, onRevoking: () => answer.promise });
    const second = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await first.sink.until("the call to revoke", () => first.sink.calls.some((call) => call.startsWith("revoking")));
    expect(second.sink.owned.size).toBe(0);
    expect(first.sink.calls.some((call) => call.startsWith("lost"))).toBe(false);
    answer.resolve();
    await untilShared(first, second, 2, 2);
    const [revoked, lost] = ["revoked", "lost"].map((kind) =>
      first.sink.calls.findIndex((call) => call.startsWith(kind)),
    );
    expect(lost).toBeGreaterThan(revoked ?? Number.NaN);
    expect([...first.sink.owned.keys(), ...second.sink.owned.keys()].sort()).toEqual([0, 1, 2, 3]);
  });

  test("a join moves no more tasks than it needs", async () => {
    const topic = await bench().topic(6);
    const group = bench().name("group");
    const first = await bench().joinAlone([topic], 6, { group });
    const second = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await untilShared(first, second, 3, 3);
    const before = [new Map(first.sink.owned), new Map(second.sink.owned)];
    const third = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await untilShared(first, second, 2, 2);
    await third.sink.until("two tasks", () => third.sink.owned.size === 2);
    for (const [index, { sink }] of [first, second].entries()) {
      for (const [task, epoch] of sink.owned) expect(before[index]?.get(task)).toBe(epoch);
    }
  });

  test("a member that is left without any task is told so", async () => {
    const topic = await bench().topic(1);
    const group = bench().name("group");
    const first = await bench().joinAlone([topic], 1, { group });
    const second = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await second.sink.until("word that it has no task", () => second.sink.calls.includes("assigned "));
    expect(second.sink.owned.size).toBe(0);
    expect([...first.sink.owned.keys()]).toEqual([0]);
  });

  // The rebalance went uncounted by whoever counts the calls.
  test("a member from which tasks are only taken away is told of its generation after that", async () => {
    const topic = await bench().topic(2);
    const group = bench().name("group");
    const first = await bench().joinAlone([topic], 2, { group });
    const second = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await untilShared(first, second, 1, 1);
    const [moved] = second.sink.owned.keys();
    await first.sink.until("word of the generation", () => first.sink.calls.at(-1) === "assigned ");
    expect(first.sink.calls.slice(-2)).toEqual([`lost ${moved}`, "assigned "]);
  });

  test("a task that stays keeps its epoch and its handle and is not assigned again", async () => {
    const topic = await bench().topic(2);
    const group = bench().name("group");
    const first = await bench().joinAlone([topic], 2, { group });
    const epochs = new Map(first.sink.owned);
    const handles = await openAll(first, [0, 1]);
    const second = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await untilShared(first, second, 1, 1);
    const kept = onlyTask(first);
    expect(first.sink.epochOf(kept)).toBe(epochs.get(kept));
    expect(assignedCount(first, kept)).toBe(1);
    await bench().within("a commit", handles.get(kept)!.commit(new Map([[topicPartitionKey(topic, kept), 0]])));
    await bench().untilCommitted(group, topic, kept, 0);
  });

  test("delivery to a task that stays goes on after the rebalance without another start", async () => {
    const topic = await bench().topic(2);
    const group = bench().name("group");
    await bench().append([...textRecords(topic, 0, 3, "a"), ...textRecords(topic, 1, 3, "a")]);
    const first = await bench().joinAlone([topic], 2, { group });
    await first.openAndStart(0);
    await first.openAndStart(1);
    await first.sink.until("the records before", () => first.sink.records.length === 6);
    const second = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await untilShared(first, second, 1, 1);
    const kept = onlyTask(first);
    await bench().append(textRecords(topic, kept, 3, "b"));
    await first.sink.until("the records after", () => first.sink.recordsOf(kept).length >= 6);
    expect(first.sink.recordsOf(kept).map((record) => record.offset)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("the handle of a task that moved rejects a write and a commit as lost", async () => {
    const topic = await bench().topic(2);
    const group = bench().name("group");
    const first = await bench().joinAlone([topic], 2, { group });
    const handles = await openAll(first, [0, 1]);
    const second = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await untilShared(first, second, 1, 1);
    const moved = onlyTask(second);
    const handle = handles.get(moved)!;
    await expect(handle.commit(new Map([[topicPartitionKey(topic, moved), 0]]))).rejects.toThrow(TaskLostError);
    await expect(handle.write([])).rejects.toThrow(TaskLostError);
    await expect(first.membership.openTask(moved, 1, bench().signal)).rejects.toThrow(TaskLostError);
  });

  test("what a member commits while it revokes is where the next owner opens", async () => {
    const topic = await bench().topic(2);
    const group = bench().name("group");
    await bench().append([...textRecords(topic, 0, 5), ...textRecords(topic, 1, 5)]);
    const handles = new Map<TaskId, TaskHandle>();
    const first = await bench().joinAlone([topic], 2, {
      group,
      onRevoking: async (tasks) => {
        for (const task of tasks)
          await handles.get(task)?.commit(new Map([[topicPartitionKey(topic, task), task + 2]]));
      },
    });
    for (const [task, handle] of await openAll(first, [0, 1])) handles.set(task, handle);
    const second = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await untilShared(first, second, 1, 1);
    const moved = onlyTask(second);
    const handle = await second.openAndStart(moved);
    expect(handle.offsetsNext.get(topicPartitionKey(topic, moved))).toBe(moved + 2);
    await second.sink.until("the rest", () => second.sink.records.length === 3 - moved);
    expect(second.sink.records[0]?.offset).toBe(moved + 2);
  });

  test("tasks of a member that leaves come back under another epoch", async () => {
    const topic = await bench().topic(2);
    const group = bench().name("group");
    const first = await bench().joinAlone([topic], 2, { group });
    const epochs = new Map(first.sink.owned);
    const second = await bench().join([topic], { group, broker: await bench().secondBroker() });
    await untilShared(first, second, 1, 1);
    const [kept, moved] = [onlyTask(first), onlyTask(second)];
    await bench().within("a leave", second.membership.leave());
    await first.sink.until("both tasks", () => first.sink.owned.size === 2);
    expect(first.sink.epochOf(kept)).toBe(epochs.get(kept));
    expect(first.sink.epochOf(moved)).not.toBe(epochs.get(moved));
    expect(assignedCount(first, moved)).toBe(2);
  });

  test("nothing reaches the sink of a member that has left", async () => {
    const topic = await bench().topic(1);
    await bench().append(textRecords(topic, 0, 2));
    const gone = await bench().joinAlone([topic], 1);
    await gone.openAndStart(0);
    await gone.sink.until("the records", () => gone.sink.records.length === 2);
    await bench().within("a leave", gone.membership.leave());
    const calls = gone.sink.calls.length;
    await bench().append(textRecords(topic, 0, 3));
    const other = await bench().joinAlone([topic], 1);
    await other.openAndStart(0);
    await other.sink.until("all records in another group", () => other.sink.records.length === 5);
    expect(gone.sink.records).toHaveLength(2);
    expect(gone.sink.calls).toHaveLength(calls);
  });

  test("two groups each get every record", async () => {
    const topic = await bench().topic(1);
    const members = await Promise.all([bench().joinAlone([topic], 1), bench().joinAlone([topic], 1)]);
    for (const member of members) await member.openAndStart(0);
    await bench().append(textRecords(topic, 0, 4));
    for (const { sink } of members) {
      await sink.until("four records", () => sink.records.length === 4);
      expect(sink.records.map((record) => textOf(record))).toEqual(["r0", "r1", "r2", "r3"]);
    }
  });
}

async function untilShared(first: Member, second: Member, firstTasks: number, secondTasks: number): Promise<void> {
  await first.sink.until(`${firstTasks} tasks to stay`, () => first.sink.owned.size === firstTasks);
  await second.sink.until(`${secondTasks} tasks to move`, () => second.sink.owned.size === secondTasks);
}

async function openAll(member: Member, tasks: readonly TaskId[]): Promise<Map<TaskId, TaskHandle>> {
  const handles = new Map<TaskId, TaskHandle>();
  for (const task of tasks) handles.set(task, await member.open(task));
  return handles;
}

function onlyTask({ sink }: Member): TaskId {
  expect(sink.owned.size).toBe(1);
  return [...sink.owned.keys()][0]!;
}

/** How often the task was named by `assigned`. */
function assignedCount({ sink }: Member, task: TaskId): number {
  const named = sink.calls.filter((call) => call.startsWith("assigned ")).map((call) => call.slice(9).split(","));
  return named.filter((tasks) => tasks.includes(String(task))).length;
}
