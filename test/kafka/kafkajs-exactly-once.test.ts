import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRng, silentLogger, topicPartitionKey } from "../../src/kernel/index.ts";
import type { Broker, TaskHandle, TaskId } from "../../src/runtime/index.ts";
import { brokerContract } from "../contract/broker.ts";
import { eventually, within } from "../support/deadline.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { outgoingOf, plainRecords, textOf, textRecords } from "../support/records.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { apiKey } from "./harness/gated-proxy.ts";
import { ProxiedNode } from "./harness/proxied-node.ts";
import { CopyingMember } from "./support/copying-member.ts";

const { signal } = new AbortController();
const deadlineMs = 60_000;

/** By the level of the feature `transaction.version`: 2 is that of a fresh cluster, 0 of one that was upgraded (KIP-890). */
for (const level of [2, 0]) exactlyOnce(level);

/** A broker of their own, behind a proxy that holds requests and answers. */
function exactlyOnce(level: number): void {
  describeFaults(`exactly once with transaction.version ${level}, when members and answers are lost`, () =>
    tests(level),
  );
}

function tests(level: number): void {
  let node: ProxiedNode;
  let reader: Broker;
  beforeAll(async () => {
    node = await ProxiedNode.start({ format: ["--feature", `transaction.version=${level}`] });
    reader = await connect(node.bootstrap);
  });
  afterAll(async () => {
    await reader?.close();
    await node?.remove();
  });

  async function topics(inputPartitions: number, outputPartitions: number) {
    const namespace = uniqueNamespace();
    const [input, output] = [`${namespace}.in`, `${namespace}.out`];
    // Test records are old.
    const configs = { "retention.ms": "-1" };
    const create = (topic: string, partitions: number) => ({ topic, partitions, replication: 1, configs });
    await reader.admin.createTopics([create(input, inputPartitions), create(output, outputPartitions)], signal);
    return { group: `${namespace}.g`, input, output };
  }

  /** A member that takes the place of whoever was there under the same instance id. */
  async function member({ group, input }: { group: string; input: string }, tasks: readonly TaskId[]) {
    const broker = await connect(node.bootstrap);
    const sink = new RecordingSink({ deadlineMs });
    const start = { kind: "earliest" } as const;
    const membership = await broker.join(
      { group, topics: [input], start, delivery: "exactly-once", instanceId: "slot", logger: silentLogger },
      sink,
    );
    await sink.until("the tasks", () => sink.owned.size === tasks.length);
    const open = (task: TaskId): Promise<TaskHandle> =>
      within(deadlineMs, `task ${task} to open`, membership.openTask(task, sink.epochOf(task), signal));
    const commit = async (handle: TaskHandle, task: TaskId, output: string, text: string): Promise<void> => {
      await handle.write([outgoingOf(textRecords(output, 0, 1, text))]);
      await handle.commit(new Map([[topicPartitionKey(input, task), 0]]));
    };
    return { broker, sink, open, commit };
  }

  async function seen(topic: string, partition = 0): Promise<string[]> {
    const marks = await reader.admin.watermarks(topic, signal);
    const end = marks.find((mark) => mark.partition === partition)?.end ?? 0;
    const texts: string[] = [];
    if (end === 0) return texts;
    for await (const batch of reader.read({ topic, partition, from: 0, to: end }, signal))
      texts.push(...plainRecords(batch).map((record) => textOf(record) ?? ""));
    return texts;
  }

  const settled = (promise: Promise<void>): Promise<unknown> =>
    promise.then(
      () => "committed",
      (error: unknown) => error,
    );

  test("what a dead member had under way is ended by whoever opens its tasks, and is never seen", async () => {
    const chain = await topics(3, 1);
    const tasks = [0, 1, 2];
    const dead = await member(chain, tasks);
    const handles = await Promise.all(tasks.map(dead.open));
    const end = node.proxy.gate(apiKey.endTransaction, "request");
    const outcomes = handles.map((handle, task) => settled(dead.commit(handle, task, chain.output, `dead${task}.`)));
    await within(deadlineMs, "the end of a transaction", end.reached);
    await dead.broker.close();
    end.cut();
    expect(await Promise.all(outcomes)).toEqual(tasks.map(() => expect.any(Error)));

    const next = await member(chain, tasks);
    // One transaction had a part of each, under the id of one of them. The others wait until that one is opened.
    const [last, ...others] = [...tasks].reverse();
    const opening = [last!, ...others].map(next.open);
    const opened = await Promise.all(opening);
    for (const handle of opened) expect([...handle.offsetsNext.values()]).toEqual([0]);
    await Promise.all(opened.map((handle, i) => next.commit(handle, 2 - i, chain.output, `next${2 - i}.`)));
    const all = await eventually(deadlineMs, "three records", async () => {
      const texts = await seen(chain.output);
      return texts.length >= 3 ? texts : undefined;
    });
    expect([...all].sort()).toEqual(["next0.0", "next1.0", "next2.0"]);
    await next.broker.close();
  });

  test.each(["endTransaction", "transactionOffsets", "produce"] as const)(
    "R3: a member that was put out of its place without knowing commits nothing (%s)",
    async (request) => {
      const chain = await topics(1, 1);
      const zombie = await member(chain, [0]);
      const handle = await zombie.open(0);
      const held = node.proxy.gate(apiKey[request], "request");
      const outcome = settled(zombie.commit(handle, 0, chain.output, "zombie"));
      await within(deadlineMs, "the request", held.reached);
      const owner = await member(chain, [0]);
      const own = await owner.open(0);
      await owner.commit(own, 0, chain.output, "owner");
      held.open();
      expect(await within(deadlineMs, "the zombie's commit", outcome)).toBeInstanceOf(Error);
      await owner.commit(own, 0, chain.output, "again");
      await eventually(deadlineMs, "two records", async () => (await seen(chain.output)).length >= 2 || undefined);
      expect(await seen(chain.output)).toEqual(["owner0", "again0"]);
      await Promise.all([zombie, owner].map(({ broker }) => broker.close()));
    },
  );

  test("a commit whose answer is lost is asked for again, and is done once", async () => {
    const chain = await topics(1, 1);
    const alone = await member(chain, [0]);
    const handle = await alone.open(0);
    const lost = node.proxy.gate(apiKey.endTransaction, "answer");
    const outcome = settled(alone.commit(handle, 0, chain.output, "a"));
    await within(deadlineMs, "the answer", lost.reached);
    lost.cut();
    expect(await within(deadlineMs, "the commit", outcome)).toBe("committed");
    await alone.commit(handle, 0, chain.output, "b");
    // What brokers of each kind want to hear: whether partitions are added in words, and how a transaction ends.
    const { versions } = node.proxy;
    // Brokers ask one another for the same in later versions, through the same address.
    expect(versions.get(apiKey.addPartitions)?.has(3) ?? false).toBe(level === 0);
    expect([...(versions.get(apiKey.endTransaction) ?? [])]).toEqual([level === 0 ? 3 : 5]);
    await eventually(deadlineMs, "two records", async () => (await seen(chain.output)).length >= 2 || undefined);
    expect(await seen(chain.output)).toEqual(["a0", "b0"]);
    await alone.broker.close();
  });

  test("a batch whose answer is lost is sent again, and is in the log once", async () => {
    const chain = await topics(1, 1);
    const alone = await member(chain, [0]);
    const handle = await alone.open(0);
    const lost = node.proxy.gate(apiKey.produce, "answer");
    const outcome = settled(alone.commit(handle, 0, chain.output, "a"));
    await within(deadlineMs, "the answer", lost.reached);
    lost.cut();
    expect(await within(deadlineMs, "the commit", outcome)).toBe("committed");
    await eventually(deadlineMs, "a record", async () => (await seen(chain.output)).length >= 1 || undefined);
    expect(await seen(chain.output)).toEqual(["a0"]);
    await alone.broker.close();
  });

  test("members that are killed again and again copy every record once", async () => {
    const [partitions, outputPartitions] = [4, 3];
    const kills = Number(process.env["MILLRACE_TEST_KILLS"] ?? 6);
    const records = 40 * kills;
    const chain = await topics(partitions, outputPartitions);
    const ids = Array.from({ length: partitions }, (_, p) => textRecords(chain.input, p, records, `${p}.`));
    await reader.append(ids.flat(), signal);
    const rng = seededRng(1);
    const start = async (slot: number): Promise<CopyingMember> => {
      const broker = await connect(node.bootstrap);
      return CopyingMember.start(broker, { ...chain, outputPartitions, instanceId: `slot-${slot}`, chunkRecords: 4 });
    };
    const members = [await start(0), await start(1)];
    for (let kill = 0; kill < kills; kill++) {
      await delay(50 + rng.below(300));
      const slot = rng.below(2);
      await members[slot]!.kill();
      members[slot] = await start(slot);
    }
    const ends = ids.map((own) => own.length);
    await eventually(deadlineMs, "every record to be committed", async () => {
      const committed = await reader.admin.committed(chain.group, chain.input, signal);
      return committed.every(({ partition, offset }) => offset === ends[partition]) || undefined;
    });
    const expected = ids.map((own) => own.map(({ value }) => String(value)));
    const total = partitions * records;
    const copied = await eventually(deadlineMs, "every record to be seen", async () => {
      const texts = await Promise.all(Array.from({ length: outputPartitions }, (_, p) => seen(chain.output, p)));
      return texts.flat().length >= total ? texts : undefined;
    });
    // By output partition and input partition: each once, in the order of its input.
    for (const [to, texts] of copied.entries())
      for (const [from, all] of expected.entries())
        expect(texts.filter((text) => text.startsWith(`${from}.`))).toEqual(
          all.filter((_, i) => i % outputPartitions === to),
        );
    expect(members.flatMap(({ failures }) => failures)).toEqual([]);
    await Promise.all(members.map((one) => one.kill()));
  });

  // A fresh cluster runs all of the contract elsewhere.
  if (level === 0)
    brokerContract({
      name: "kafkajs",
      delivery: "exactly-once",
      isOnlyTransactions: true,
      create: async () => {
        const broker = await connect(node.bootstrap);
        return {
          broker,
          createTopic: (topic, partitions, configs = {}) =>
            broker.admin.createTopics([{ topic, partitions, replication: 1, configs }], signal),
          dispose: () => broker.close(),
        };
      },
    });
}
