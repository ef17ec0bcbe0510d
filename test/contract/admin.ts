import { expect, test } from "vitest";
import { topicPartitionKey } from "../../src/kernel/index.ts";
import { eventually } from "../support/deadline.ts";
import { textRecords } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** Topics, watermarks, committed offsets. */
export function admin(bench: () => Bench): void {
  test("a topic is described with its partitions and configs as it was created, and unknown names are left out", async () => {
    const name = bench().name("topic");
    const configs = { "max.message.bytes": "123456", "cleanup.policy": "compact", "retention.ms": "86400000" };
    const { admin: cluster } = bench().broker;
    await cluster.createTopics([{ topic: name, partitions: 3, replication: undefined, configs }], bench().signal);
    const missing = bench().name("missing");
    const description = await bench().within("a description", cluster.describe([name, missing], bench().signal));
    expect(description.brokerCount).toBeGreaterThanOrEqual(1);
    expect(description.topics).toHaveLength(1);
    expect(description.topics[0]).toMatchObject({ topic: name, partitions: 3, configs });
    expect(description.topics[0]?.replication).toBeGreaterThanOrEqual(1);
  });

  test("a topic that was deleted and made anew has another id, and otherwise the same one", async () => {
    const topic = bench().name("topic");
    const { admin: cluster } = bench().broker;
    const make = async (): Promise<string | undefined> => {
      await cluster.createTopics([{ topic, partitions: 1, replication: undefined, configs: {} }], bench().signal);
      return (await cluster.describe([topic], bench().signal)).topics[0]?.id;
    };
    const first = await bench().within("a topic", make());
    expect(first).toBeDefined();
    expect(await make()).toBe(first);
    await bench().within("the topic to go", cluster.deleteTopics([topic], bench().signal));
    expect(await bench().within("the topic again", make())).not.toBe(first);
  });

  test("watermarks are the first and the end offset of each partition", async () => {
    const topic = await bench().topic(2);
    await bench().append(textRecords(topic, 1, 7));
    expect(await bench().broker.admin.watermarks(topic, bench().signal)).toEqual([
      { partition: 0, low: 0, end: 0 },
      { partition: 1, low: 0, end: 7 },
    ]);
  });

  test("the extent of a partition is its first offset and the end of its log", async () => {
    const topic = await bench().topic(2);
    await bench().append(textRecords(topic, 1, 7));
    const { admin: cluster } = bench().broker;
    expect(await cluster.extent({ topic, partition: 1 }, bench().signal)).toEqual({ low: 0, end: 7 });
    expect(await cluster.extent({ topic, partition: 0 }, bench().signal)).toEqual({ low: 0, end: 0 });
    await expect(
      cluster.extent({ topic: bench().name("missing"), partition: 0 }, bench().signal),
    ).rejects.toMatchObject({ code: "MR_TOPIC_MISSING" });
  });

  test("watermarks of a topic that does not exist name it", async () => {
    const missing = bench().name("missing");
    await expect(bench().broker.admin.watermarks(missing, bench().signal)).rejects.toMatchObject({
      code: "MR_TOPIC_MISSING",
    });
  });

  test("a group without commits has -1 for every partition", async () => {
    const topic = await bench().topic(2);
    const group = bench().name("group");
    expect(await bench().broker.admin.committed(group, topic, bench().signal)).toEqual([
      { partition: 0, offset: -1 },
      { partition: 1, offset: -1 },
    ]);
  });

  test("a group's members are those that are in it now, by their instance ids, and an unknown group has none", async () => {
    const topic = await bench().topic(2);
    const { admin: cluster } = bench().broker;
    const [group, instanceId] = [bench().name("group"), bench().name("instance")];
    const members = () => bench().within("the members", cluster.members(group, bench().signal));
    expect(await members()).toEqual([]);
    const dynamic = await bench().joinAlone([topic], 2, { group });
    const [only, ...others] = await members();
    expect(others).toEqual([]);
    expect(only).not.toBe("");
    const broker = await bench().secondBroker();
    const named = await bench().join([topic], { group, instanceId, broker });
    await named.sink.until("a task", () => named.sink.owned.size === 1);
    expect(await members()).toHaveLength(2);
    expect(await members()).toContain(instanceId);
    await bench().within("leaving", dynamic.membership.leave());
    await named.sink.until("both tasks", () => named.sink.owned.size === 2);
    expect(await members()).toEqual([instanceId]);
  });

  test("a deleted group has committed nothing, and names that do not exist are passed over", async () => {
    const topic = await bench().topic(1);
    const { admin: cluster } = bench().broker;
    const group = bench().name("group");
    const member = await bench().joinAlone([topic], 1, { group });
    const handle = await member.open(0);
    await handle.commit(new Map([[topicPartitionKey(topic, 0), 0]]));
    const committed = () => cluster.committed(group, topic, bench().signal);
    expect(await committed()).toEqual([{ partition: 0, offset: 0 }]);
    await expect(cluster.deleteGroups([group], bench().signal)).rejects.toMatchObject({ code: "MR_BROKER" });
    await bench().within("leaving", member.membership.leave());
    await bench().within("a deletion", cluster.deleteGroups([group, bench().name("missing")], bench().signal));
    expect(await committed()).toEqual([{ partition: 0, offset: -1 }]);
  });

  test("a deleted topic is gone, and names that do not exist are passed over", async () => {
    const topic = await bench().topic(1);
    const { admin: cluster } = bench().broker;
    await bench().within("a deletion", cluster.deleteTopics([topic, bench().name("missing")], bench().signal));
    await eventually(bench().deadlineMs, `${topic} to be gone`, async () => {
      const { topics } = await cluster.describe([topic], bench().signal);
      return topics.length === 0 ? true : undefined;
    });
  });
}
