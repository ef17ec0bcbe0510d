import { afterEach, expect, test } from "vitest";
import type { KafkaBrokerOptions } from "../../src/adapters/kafkajs/index.ts";
import { silentLogger, topicPartitionKey } from "../../src/kernel/index.ts";
import { type Broker, type GroupSpec, type TaskId, TaskLostError } from "../../src/runtime/index.ts";
import { deferred } from "../support/deadline.ts";
import { RecordingSink, type SinkOptions } from "../support/recording-sink.ts";
import { textRecords } from "../support/records.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect, stockKafka } from "./harness/client.ts";

const { signal } = new AbortController();
const sessionMs = 6_000;

describeKafka("members of a group", () => {
  const open: Broker[] = [];
  afterEach(async () => {
    for (const broker of open.splice(0)) await broker.close();
  });

  interface JoinOptions {
    readonly instanceId?: string;
    readonly client?: Partial<KafkaBrokerOptions>;
    readonly onRevoking?: SinkOptions["onRevoking"];
  }

  /** A process of its own, as far as the group can tell. */
  async function process(spec: Pick<GroupSpec, "group" | "topics">, options: JoinOptions = {}) {
    const broker = await connect(testBroker().bootstrap, options.client);
    open.push(broker);
    const { instanceId, onRevoking } = options;
    const sink = new RecordingSink({ deadlineMs: 30_000, ...(onRevoking === undefined ? {} : { onRevoking }) });
    const group: GroupSpec = {
      ...spec,
      start: { kind: "earliest" },
      logger: silentLogger,
      ...(instanceId === undefined ? {} : { instanceId }),
    };
    const membership = await broker.join(group, sink);
    const openTask = (task: TaskId) => membership.openTask(task, sink.epochOf(task), signal);
    return { broker, sink, membership, openTask, crash: () => broker.close() };
  }

  async function group(partitions: number) {
    const namespace = uniqueNamespace();
    const topic = `${namespace}.in`;
    const broker = await connect(testBroker().bootstrap);
    open.push(broker);
    await broker.admin.createTopics([{ topic, partitions, replication: 1, configs: { "retention.ms": "-1" } }], signal);
    return { group: `${namespace}.stage`, topics: [topic], topic, broker };
  }

  test("a static member that crashes and comes back finds its tasks, and the other is not disturbed", async () => {
    const at = await group(4);
    const first = await process(at, { instanceId: "one" });
    await first.sink.until("four tasks", () => first.sink.owned.size === 4);
    const second = await process(at, { instanceId: "two" });
    await second.sink.until("two tasks", () => second.sink.owned.size === 2);
    await first.sink.until("two tasks left", () => first.sink.owned.size === 2);
    const tasks = [...second.sink.owned.keys()];
    const handle = await second.openTask(tasks[0]!);
    await handle.commit(new Map([[topicPartitionKey(at.topic, tasks[0]!), 0]]));
    const callsBefore = first.sink.calls.length;
    await second.crash();

    const startedMs = performance.now();
    const again = await process(at, { instanceId: "two" });
    await again.sink.until("its two tasks", () => again.sink.owned.size === 2);
    expect(performance.now() - startedMs).toBeLessThan(sessionMs / 2);
    expect([...again.sink.owned.keys()]).toEqual(tasks);
    expect((await again.openTask(tasks[0]!)).offsetsNext.get(topicPartitionKey(at.topic, tasks[0]!))).toBe(0);
    expect(first.sink.calls.length).toBe(callsBefore);
  });

  test("the tasks of a member that crashes go to the other when its session ends, and the other's own stay", async () => {
    const at = await group(4);
    const first = await process(at);
    await first.sink.until("four tasks", () => first.sink.owned.size === 4);
    const second = await process(at);
    await second.sink.until("two tasks", () => second.sink.owned.size === 2);
    await first.sink.until("two tasks left", () => first.sink.owned.size === 2);
    const kept = new Map(first.sink.owned);
    await second.crash();
    await first.sink.until("all tasks", () => first.sink.owned.size === 4);
    for (const [task, epoch] of kept) expect(first.sink.epochOf(task)).toBe(epoch);
    expect(second.sink.failures).toEqual([]);
  });

  test("a process that joins under the instance id of another takes its place, and the other ends with an error", async () => {
    const at = await group(2);
    const first = await process(at, { instanceId: "same" });
    await first.sink.until("both tasks", () => first.sink.owned.size === 2);
    const second = await process(at, { instanceId: "same" });
    await second.sink.until("both tasks", () => second.sink.owned.size === 2);
    await first.sink.until("the end", () => first.sink.failures.length > 0);
    expect(first.sink.failures[0]).toMatchObject({ code: "MR_INSTANCE", message: expect.stringContaining("same") });
    expect(first.sink.owned.size).toBe(0);
  });

  test("of two processes that each took a group from the other, the last to join the deciding group has both", async () => {
    const topic = (await group(1)).topic;
    const [deciding, other] = [`${topic}.a`, `${topic}.b`];
    // Both hear of their loss only when all four joins are done.
    const timings = { sessionMs, heartbeatMs: 1_500 };
    const join = async (broker: Broker, name: string) => {
      const sink = new RecordingSink({ deadlineMs: 10_000 });
      const start = { kind: "earliest" } as const;
      const named = { instanceId: "slot", decidingGroup: deciding, logger: silentLogger };
      await broker.join({ group: name, topics: [topic], start, ...named }, sink);
      await sink.until(`${name} to be joined`, () => sink.owned.size === 1);
      return sink;
    };
    const [first, second] = await Promise.all([1, 2].map(() => connect(testBroker().bootstrap, { timings })));
    open.push(first!, second!);
    const losing = [await join(first!, deciding)];
    const winning = [await join(second!, deciding), await join(second!, other)];
    losing.push(await join(first!, other));
    for (const sink of losing) await sink.until("the end", () => sink.failures.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 2 * timings.heartbeatMs));
    expect(losing.map(({ owned }) => owned.size)).toEqual([0, 0]);
    expect(winning.map(({ failures, owned }) => [failures.length, owned.size])).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test("a member that does not give its tasks back in time is told so, and the group goes on", async () => {
    const at = await group(2);
    const never = deferred();
    const told = deferred();
    const first = await process(at, {
      client: { timings: { heartbeatMs: 200, sessionMs, rebalanceMs: 20_000, revokeMsMax: 1_000 } },
      onRevoking: async (_, late) => {
        late.addEventListener("abort", () => told.resolve());
        await never.promise;
      },
    });
    await first.sink.until("both tasks", () => first.sink.owned.size === 2);
    const second = await process(at);
    await told.promise;
    await second.sink.until("a task", () => second.sink.owned.size === 1);
    await first.sink.until("a task left", () => first.sink.owned.size === 1);
    never.resolve();
  });

  test("a member that slept through its session commits nothing for a task that moved", async () => {
    const at = await group(1);
    await at.broker.append(textRecords(at.topic, 0, 5), signal);
    const asleep = await process(at, { client: { timings: { sessionMs, heartbeatMs: 300_000 } } });
    await asleep.sink.until("the task", () => asleep.sink.owned.size === 1);
    const handle = await asleep.openTask(0);
    const awake = await process(at);
    await awake.sink.until("the task", () => awake.sink.owned.size === 1);
    const key = topicPartitionKey(at.topic, 0);
    await (await awake.openTask(0)).commit(new Map([[key, 4]]));
    await expect(handle.commit(new Map([[key, 2]]))).rejects.toThrow(TaskLostError);
    expect(await at.broker.admin.committed(at.group, at.topic, signal)).toEqual([{ partition: 0, offset: 4 }]);
  });

  // With an instance id it asks first whether somebody else has come under it.
  test.for([["none"], ["slot"]])(
    "a member that slept through its session keeps a task that nobody else took, instance %j",
    async ([instanceId]) => {
      const at = await group(1);
      await at.broker.append(textRecords(at.topic, 0, 5), signal);
      const asleep = await process(at, {
        client: { timings: { sessionMs, heartbeatMs: 300_000 } },
        ...(instanceId === "none" ? {} : { instanceId: String(instanceId) }),
      });
      await asleep.sink.until("the task", () => asleep.sink.owned.size === 1);
      const handle = await asleep.openTask(0);
      const key = topicPartitionKey(at.topic, 0);
      await handle.commit(new Map([[key, 2]]));
      await new Promise((resolve) => setTimeout(resolve, sessionMs + 1_500));
      await handle.commit(new Map([[key, 3]]));
      expect(await at.broker.admin.committed(at.group, at.topic, signal)).toEqual([{ partition: 0, offset: 3 }]);
      expect(asleep.sink.calls).toEqual(["assigned 0"]);
    },
  );

  test("a member whose committed offset lies behind an open transaction waits there, and reads on when it is over", async () => {
    const at = await group(1);
    await at.broker.append(textRecords(at.topic, 0, 3, "before"), signal);
    const producer = stockKafka(testBroker().bootstrap).producer({ transactionalId: at.topic, maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    const messages = [1, 2].map((n) => ({ partition: 0, value: `open ${n}` }));
    await transaction.send({ topic: at.topic, messages });
    await at.broker.append(textRecords(at.topic, 0, 2, "behind"), signal);
    const [marks] = await at.broker.admin.watermarks(at.topic, signal);
    expect(marks?.end).toBe(3);
    const key = topicPartitionKey(at.topic, 0);
    const first = await process(at);
    await first.sink.until("the task", () => first.sink.owned.size === 1);
    // As somebody does who reads uncommitted records: the end of the log is 7.
    await (await first.openTask(0)).commit(new Map([[key, 6]]));
    await first.membership.leave();
    const member = await process(at);
    await member.sink.until("the task", () => member.sink.owned.size === 1);
    const handle = await member.openTask(0);
    expect(handle.offsetsNext).toEqual(new Map([[key, 6]]));
    member.membership.start(0, handle.offsetsNext);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([member.sink.failures, member.sink.records.length]).toEqual([[], 0]);
    await transaction.abort();
    await member.sink.until("what lies behind", () => member.sink.records.length === 1);
    expect(member.sink.records[0]?.offset).toBe(6);
    await producer.disconnect();
  });

  test("a position beyond the end of the log ends the membership and is named", async () => {
    const at = await group(1);
    const member = await process(at);
    await member.sink.until("the task", () => member.sink.owned.size === 1);
    await member.openTask(0);
    member.membership.start(0, new Map([[topicPartitionKey(at.topic, 0), 77]]));
    await member.sink.until("the end", () => member.sink.failures.length > 0);
    expect(member.sink.failures[0]).toMatchObject({
      code: "MR_OFFSET_RANGE",
      message: expect.stringMatching(new RegExp(`${at.topic}-0.*77`)),
    });
  });

  test("a topic that is deleted under a member ends the membership and is named", async () => {
    const at = await group(1);
    const member = await process(at);
    await member.sink.until("the task", () => member.sink.owned.size === 1);
    const handle = await member.openTask(0);
    member.membership.start(0, handle.offsetsNext);
    await at.broker.admin.deleteTopics([at.topic], signal);
    await member.sink.until("the end", () => member.sink.failures.length > 0);
    expect(member.sink.failures[0]).toMatchObject({
      code: "MR_TOPIC_MISSING",
      message: expect.stringContaining(at.topic),
    });
  });
});
