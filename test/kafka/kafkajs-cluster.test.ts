import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLogger, topicPartitionKey } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { outgoingOf, plainRecords, textOf, textRecords } from "../support/records.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { KafkaCluster } from "./harness/cluster.ts";
import { kafkaVersionBefore } from "./harness/java.ts";
import { KafkaNode } from "./harness/node.ts";

const { signal } = new AbortController();

/** Copies records from an input to an output as a task does, and reads them back. */
async function copies(broker: Broker, replication: number): Promise<(string | undefined)[]> {
  const namespace = uniqueNamespace();
  const [input, output] = [`${namespace}.in`, `${namespace}.out`];
  const topics = [input, output].map((topic) => ({ topic, partitions: 1, replication, configs: {} }));
  await broker.admin.createTopics(topics, signal);
  await broker.append(textRecords(input, 0, 3), signal);
  const sink = new RecordingSink({ deadlineMs: 60_000 });
  const membership = await broker.join(
    { group: `${namespace}.g`, topics: [input], start: { kind: "earliest" }, logger: silentLogger },
    sink,
  );
  await sink.until("the task", () => sink.owned.size === 1);
  const handle = await membership.openTask(0, sink.epochOf(0), signal);
  membership.start(0, handle.offsetsNext);
  await sink.until("the records", () => sink.records.length === 3);
  await handle.write([outgoingOf(textRecords(output, 0, 3, "copy"))]);
  await handle.commit(new Map([[topicPartitionKey(input, 0), 3]]));
  await membership.leave();
  const texts: (string | undefined)[] = [];
  for await (const batch of broker.read({ topic: output, partition: 0, from: 0, to: 3 }, signal))
    texts.push(...plainRecords(batch).map((record) => textOf(record)));
  return texts;
}

/** Any other release is tried by name: `MILLRACE_TEST_KAFKA=2.8.2`. */
const others = process.env["MILLRACE_TEST_KAFKA"]?.split(",") ?? [];

for (const version of [kafkaVersionBefore, ...others]) {
  describeFaults(`Kafka ${version}`, () => {
    let node: KafkaNode;
    beforeAll(async () => {
      node = await KafkaNode.start({ version });
    });
    afterAll(() => node?.remove());

    test("is read, written and committed to like the newest", async () => {
      const broker = await connect(node.bootstrap);
      expect(await copies(broker, 1)).toEqual(["copy0", "copy1", "copy2"]);
      await broker.close();
    });
  });
}

describeFaults("a cluster of three brokers", () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await KafkaCluster.start();
  });
  afterAll(() => cluster?.remove());

  test("is read, written and committed to with three replicas", async () => {
    const broker = await connect(cluster.bootstrap);
    expect(await copies(broker, 3)).toEqual(["copy0", "copy1", "copy2"]);
    expect((await broker.admin.describe([], signal)).brokerCount).toBe(3);
    await broker.close();
  });
});
