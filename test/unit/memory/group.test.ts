import { expect, test } from "vitest";
import { type RecordOut, silentLogger, topicPartitionKey } from "../../../src/kernel/index.ts";
import { type Broker, type GroupSpec, TaskLostError } from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { deferred } from "../../support/deadline.ts";
import { RecordingSink } from "../../support/recording-sink.ts";
import { textRecords, writtenAtMs } from "../../support/records.ts";
import { brokerOf, deadlineMs, keepingLogger, never, topicOf } from "./bench.ts";

const spec: GroupSpec = { group: "stage", topics: ["raw"], start: { kind: "earliest" }, logger: silentLogger };

async function joinAlone(broker: Broker, taskCount: number, more: Partial<GroupSpec> = {}) {
  const sink = new RecordingSink({ deadlineMs });
  const membership = await broker.join({ ...spec, ...more }, sink);
  await sink.until("the tasks", () => sink.owned.size === taskCount);
  return { sink, membership };
}

test("a member that takes too long to revoke is cut short, and the group goes on without its answer", async () => {
  const clock = new FakeClock(1_700_000_000_000);
  const { logger, warnings } = keepingLogger();
  const broker = brokerOf({ clock, logger, topics: [topicOf("raw", 2)] });
  const stuck = deferred();
  let cut: AbortSignal | undefined;
  const onRevoking = (_: readonly number[], signal: AbortSignal): Promise<void> => {
    cut = signal;
    return stuck.promise;
  };
  const first = new RecordingSink({ deadlineMs, onRevoking });
  const membership = await broker.join(spec, first);
  await first.until("both tasks", () => first.owned.size === 2);
  const handle = await membership.openTask(1, first.epochOf(1), never);
  const second = new RecordingSink({ deadlineMs });
  await broker.join(spec, second);
  await first.until("the call to revoke", () => cut !== undefined);
  expect(cut?.aborted).toBe(false);
  clock.advance(60_000);
  await second.until("a task", () => second.owned.size === 1);
  expect(cut?.aborted).toBe(true);
  expect(warnings.map(({ message }) => message)).toEqual(["A member took too long to revoke its tasks."]);
  await expect(handle.commit(new Map([[topicPartitionKey("raw", 1), 0]]))).rejects.toThrow(TaskLostError);
  expect(clock.sleeping).toBe(0);
  stuck.resolve();
});

test("nothing is delivered while a member revokes, and everything afterwards", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 2)] });
  const answer = deferred();
  const first = new RecordingSink({ deadlineMs, onRevoking: () => answer.promise });
  const membership = await broker.join(spec, first);
  await first.until("both tasks", () => first.owned.size === 2);
  for (const task of [0, 1]) membership.start(task, new Map([[topicPartitionKey("raw", task), 0]]));
  const observer = await joinAlone(broker, 2, { group: "observer" });
  for (const task of [0, 1]) observer.membership.start(task, new Map([[topicPartitionKey("raw", task), 0]]));
  const second = new RecordingSink({ deadlineMs });
  await broker.join(spec, second);
  await first.until("the call to revoke", () => first.calls.includes("revoking 0,1"));
  await broker.append([...textRecords("raw", 0, 2), ...textRecords("raw", 1, 2)], never);
  await observer.sink.until("the records in another group", () => observer.sink.records.length === 4);
  expect(first.records).toEqual([]);
  answer.resolve();
  await first.until("the records of the task that stays", () => first.records.length === 2);
  expect([...first.owned.keys()]).toEqual([first.records[0]?.partition]);
});

test("a member that leaves while another revokes does not hold the group up", async () => {
  const clock = new FakeClock(1_700_000_000_000);
  const broker = brokerOf({ clock, topics: [topicOf("raw", 2)] });
  const stuck = deferred();
  const first = new RecordingSink({ deadlineMs, onRevoking: () => stuck.promise });
  const membership = await broker.join(spec, first);
  await first.until("both tasks", () => first.owned.size === 2);
  const second = new RecordingSink({ deadlineMs });
  await broker.join(spec, second);
  await first.until("the call to revoke", () => first.calls.includes("revoking 0,1"));
  await membership.leave();
  await second.until("both tasks", () => second.owned.size === 2);
  expect(first.calls).toEqual(["assigned 0,1", "revoking 0,1"]);
  expect(clock.sleeping).toBe(0);
  stuck.resolve();
});

test("a member that throws while it revokes is logged and the rebalance goes on", async () => {
  const { logger, warnings } = keepingLogger();
  const broker = brokerOf({ logger, topics: [topicOf("raw", 2)] });
  const first = new RecordingSink({ deadlineMs, onRevoking: () => Promise.reject(new Error("no room")) });
  await broker.join(spec, first);
  await first.until("both tasks", () => first.owned.size === 2);
  const second = new RecordingSink({ deadlineMs });
  await broker.join(spec, second);
  await second.until("a task", () => second.owned.size === 1);
  expect(warnings).toEqual([
    {
      fields: { code: "MR_GROUP", group: "stage", reason: "no room" },
      message: "A member threw while it revoked its tasks.",
    },
  ]);
});

test("a member with the instance id of another takes its tasks over, and the other is told that it is fenced", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 4)] });
  const old = await joinAlone(broker, 4, { instanceId: "worker-0" });
  const other = new RecordingSink({ deadlineMs });
  await broker.join({ ...spec, instanceId: "worker-1" }, other);
  await other.until("its half", () => other.owned.size === 2);
  const [kept] = [...old.sink.owned.keys()];
  const handle = await old.membership.openTask(kept ?? -1, old.sink.epochOf(kept ?? -1), never);
  const tasks = [...old.sink.owned.keys()];
  const anew = new RecordingSink({ deadlineMs });
  await broker.join({ ...spec, instanceId: "worker-0" }, anew);
  await anew.until("the tasks of the one before", () => anew.owned.size === 2);
  expect([...anew.owned.keys()]).toEqual(tasks);
  expect(old.sink.failures.map(({ message }) => message)).toEqual([
    "group stage: another member joined as instance worker-0",
  ]);
  await expect(handle.commit(handle.offsetsNext)).rejects.toThrow(TaskLostError);
  expect(other.calls.some((call) => call.startsWith("lost"))).toBe(false);
});

test("members of a group whose topic is deleted are told, and readers too", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 1)] });
  const { sink } = await joinAlone(broker, 1);
  const reading = (async () => {
    for await (const _ of broker.read({ topic: "raw", partition: 0, from: "earliest" }, never)) break;
  })();
  const refused = expect(reading).rejects.toMatchObject({ code: "MR_TOPIC_MISSING" });
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  await broker.admin.deleteTopics(["raw"], never);
  await refused;
  expect(sink.failures).toMatchObject([{ code: "MR_TOPIC_MISSING", message: "topic raw was deleted" }]);
});

test("offsets committed for a deleted topic do not count for a new one of its name", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 1)] });
  await broker.append(textRecords("raw", 0, 3), never);
  const { sink, membership } = await joinAlone(broker, 1, { start: { kind: "latest" } });
  await membership.openTask(0, sink.epochOf(0), never);
  expect(await broker.admin.committed("stage", "raw", never)).toEqual([{ partition: 0, offset: 3 }]);
  await broker.admin.deleteTopics(["raw"], never);
  await broker.admin.createTopics([topicOf("raw", 1)], never);
  expect(await broker.admin.committed("stage", "raw", never)).toEqual([{ partition: 0, offset: -1 }]);
});

test("a sink that throws at a batch ends its membership and no other", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 1)] });
  const other = await joinAlone(broker, 1, { group: "other" });
  const sink = new RecordingSink({ deadlineMs, onBatch: () => Promise.reject(new Error("out of room")) });
  const membership = await broker.join(spec, sink);
  await sink.until("the task", () => sink.owned.size === 1);
  for (const one of [membership, other.membership]) one.start(0, new Map([[topicPartitionKey("raw", 0), 0]]));
  await broker.append(textRecords("raw", 0, 1), never);
  await sink.until("the failure", () => sink.failures.length > 0);
  expect(sink.failures.map(({ message }) => message)).toEqual(["out of room"]);
  expect(sink.calls).toEqual(["assigned 0", "lost 0"]);
  await broker.append(textRecords("raw", 0, 1), never);
  await other.sink.until("both records", () => other.sink.records.length === 2);
  expect(sink.records).toHaveLength(1);
});

test("several tasks with a backlog take turns, and timers run between their deliveries", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 2)] });
  const big = (partition: number): RecordOut[] =>
    Array.from({ length: 12 }, () => ({
      topic: "raw",
      partition,
      timestampMs: writtenAtMs,
      key: null,
      value: Buffer.alloc(100_000),
    }));
  await broker.append([...big(0), ...big(1)], never);
  const { sink, membership } = await joinAlone(broker, 2);
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  membership.start(0, new Map([[topicPartitionKey("raw", 0), 0]]));
  membership.start(1, new Map([[topicPartitionKey("raw", 1), 0]]));
  await sink.until("all records", () => sink.records.length === 24);
  isOver = true;
  const order = sink.batches.map(({ task }) => task);
  expect(order.length).toBeGreaterThan(8);
  expect(order).toEqual(order.map((_, index) => index % 2));
  expect(turns).toBeGreaterThanOrEqual(order.length - 1);
});

test("the input topics of a task take turns", async () => {
  const broker = brokerOf({ topics: [topicOf("left", 1), topicOf("right", 1)] });
  const big = (topic: string): RecordOut[] =>
    Array.from({ length: 9 }, () => ({
      topic,
      partition: 0,
      timestampMs: writtenAtMs,
      key: null,
      value: Buffer.alloc(100_000),
    }));
  await broker.append([...big("left"), ...big("right")], never);
  const { sink, membership } = await joinAlone(broker, 1, { topics: ["left", "right"] });
  const { offsetsNext } = await membership.openTask(0, sink.epochOf(0), never);
  membership.start(0, offsetsNext);
  await sink.until("all records", () => sink.records.length === 18);
  const order = sink.batches.map(({ batch }) => batch.topic);
  expect(order.length).toBeGreaterThan(6);
  expect(order).toEqual(order.map((_, index) => (index % 2 === 0 ? "left" : "right")));
});

test("after a close nothing is delivered and everything asked of the broker is refused", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 1)] });
  const { sink, membership } = await joinAlone(broker, 1);
  const handle = await membership.openTask(0, sink.epochOf(0), never);
  await broker.close();
  await expect(handle.commit(handle.offsetsNext)).rejects.toThrow(TaskLostError);
  await expect(broker.append(textRecords("raw", 0, 1), never)).rejects.toMatchObject({ code: "MR_BROKER" });
  await expect(broker.join(spec, sink)).rejects.toMatchObject({ code: "MR_BROKER" });
});
