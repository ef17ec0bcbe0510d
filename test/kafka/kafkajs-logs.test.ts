import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLogger, topicPartitionKey } from "../../src/kernel/index.ts";
import type { Broker, GroupSpec } from "../../src/runtime/index.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { textOf, textRecords } from "../support/records.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { connect, stockKafka } from "./harness/client.ts";
import { KafkaCluster } from "./harness/cluster.ts";

const { signal } = new AbortController();

/** A cluster of their own, whose brokers they end. */
describeFaults("a log that is no longer the one that was read", () => {
  let cluster: KafkaCluster;
  let broker: Broker;
  beforeAll(async () => {
    // A dead broker is given up after two seconds, so that the others take over soon.
    const configs = { "broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "500" };
    cluster = await KafkaCluster.start(3, { configs });
    broker = await connect(cluster.bootstrap);
  });
  afterAll(async () => {
    await broker?.close();
    await cluster?.remove();
  });

  /** Joins a group of one task, reads from where it opens, and commits what it has read. */
  async function reading(topic: string, onLogChange: NonNullable<GroupSpec["onLogChange"]>, count: number) {
    const sink = new RecordingSink({ deadlineMs: 60_000 });
    const spec = { group: `${topic}.${onLogChange}`, topics: [topic], start: { kind: "earliest" } as const };
    const membership = await broker.join({ ...spec, onLogChange, logger: silentLogger }, sink);
    const key = topicPartitionKey(topic, 0);
    const openAndStart = async () => {
      const handle = await membership.openTask(0, sink.epochOf(0), signal);
      membership.start(0, handle.offsetsNext);
      return handle;
    };
    await sink.until("the task", () => sink.owned.size === 1);
    const handle = await openAndStart();
    await sink.until("the records", () => sink.records.length === count);
    await handle.commit(new Map([[key, count]]));
    return { sink, membership, key, openAndStart };
  }

  const texts = (sink: RecordingSink) => sink.records.map((record) => textOf(record));

  test("a topic that is made anew under its readers halts one that is not told otherwise, and another begins with the new one", async () => {
    const topic = `${uniqueNamespace()}.remade`;
    const create = () => broker.admin.createTopics([{ topic, partitions: 1, replication: 1, configs: {} }], signal);
    await create();
    await broker.append(textRecords(topic, 0, 100, "old"), signal);
    const [halting, going] = [await reading(topic, "halt", 100), await reading(topic, "restart", 100)];
    await broker.admin.deleteTopics([topic], signal);
    await create();
    await broker.append(textRecords(topic, 0, 150, "new"), signal);
    await halting.sink.until("the end", () => halting.sink.failures.length > 0);
    expect(halting.sink.failures[0]).toMatchObject({
      code: "MR_LOG_CHANGED",
      message: expect.stringContaining(`${topic} was deleted and made anew`),
    });
    await going.sink.until("the task again", () => going.sink.calls.filter((c) => c === "assigned 0").length === 2);
    expect((await going.openAndStart()).offsetsNext.get(going.key)).toBe(0);
    await going.sink.until("the new records", () => going.sink.records.length === 250);
    expect(texts(going.sink).slice(100)).toEqual(Array.from({ length: 150 }, (_, i) => `new${i}`));
    expect(halting.sink.records).toHaveLength(100);
    await going.membership.leave();
  });

  test("records that a leader without them has replaced are not passed over: the reader halts, or begins where the log differs", async () => {
    const topic = `${uniqueNamespace()}.truncated`;
    const admin = stockKafka(cluster.bootstrap).admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic,
          replicaAssignment: [{ partition: 0, replicas: [1, 2] }],
          configEntries: [{ name: "unclean.leader.election.enable", value: "true" }],
        },
      ],
    });
    await admin.disconnect();
    await broker.append(textRecords(topic, 0, 30, "kept"), signal);
    await cluster.node(2).stop();
    await broker.append(textRecords(topic, 0, 50, "lost"), signal);
    const [halting, going] = [await reading(topic, "halt", 80), await reading(topic, "restart", 80)];
    await cluster.node(1).kill();
    await cluster.node(2).restart();
    await broker.append(textRecords(topic, 0, 70, "new"), signal);

    await halting.sink.until("the end", () => halting.sink.failures.length > 0);
    expect(halting.sink.failures[0]).toMatchObject({
      code: "MR_LOG_CHANGED",
      message: expect.stringContaining("was cut back to 30"),
    });
    expect(halting.sink.records).toHaveLength(80);
    await going.sink.until("the task again", () => going.sink.calls.filter((c) => c === "assigned 0").length === 2);
    expect((await going.openAndStart()).offsetsNext.get(going.key)).toBe(30);
    await going.sink.until("the new records", () => going.sink.records.length === 150);
    expect(texts(going.sink).slice(80)).toEqual(Array.from({ length: 70 }, (_, i) => `new${i}`));
    await going.membership.leave();

    // Whoever was away all the while is told when it opens the task: its committed offset has the epoch of the lost part.
    await cluster.node(1).restart();
    const away = new RecordingSink({ deadlineMs: 60_000 });
    const spec = { group: `${topic}.halt`, topics: [topic], start: { kind: "earliest" } as const };
    const membership = await broker.join({ ...spec, logger: silentLogger }, away);
    await away.until("the task", () => away.owned.size === 1);
    membership.start(0, (await membership.openTask(0, away.epochOf(0), signal)).offsetsNext);
    await away.until("the end", () => away.failures.length > 0);
    expect(away.failures[0]).toMatchObject({ code: "MR_LOG_CHANGED", message: expect.stringContaining("30") });
    expect(away.records).toEqual([]);
    // Brokers are stopped and started four times.
  }, 300_000);
});
