import { expect, test } from "vitest";
import { KafkaAdmin } from "../../../src/adapters/kafkajs/admin.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { AutoClock } from "../runtime/fixture.ts";

/** A cluster that is asked and never answers. */
const silent = { describe: () => new Promise(() => undefined) } as unknown as ClusterLink;
/** A cluster whose port is closed. */
const closed = {
  describe: () => Promise.reject(Object.assign(new Error("refused"), { name: "KafkaJSConnectionError" })),
} as unknown as ClusterLink;

// The reason of the signal came out as MR_BROKER, and not before the attempt was over.
test.each([
  ["hangs", silent],
  ["is refused", closed],
])("a question that %s ends with the reason of the signal, at once", async (_name, link) => {
  const admin = new KafkaAdmin(link, new FakeClock(1_700_000_000_000));
  const stop = new AbortController();
  const asked = [
    admin.watermarks("t", stop.signal),
    admin.describe(["t"], stop.signal),
    admin.committed("g", "t", stop.signal),
  ];
  const reason = new Error("stopped by SIGINT");
  setImmediate(() => stop.abort(reason));
  for (const each of asked) await expect(each).rejects.toBe(reason);
  await expect(admin.describe(["t"], stop.signal)).rejects.toBe(reason);
});

/** A cluster of two topics, of which one is not there, whose controller answers for configs as the test says. */
function clusterOf(configs: object) {
  const asked: unknown[] = [];
  const topic = {
    topic: "t",
    id: "",
    errorCode: 0,
    partitions: [1, 0].map((partition) => ({ partition, replicas: 3 })),
  };
  const absent = { topic: "no", id: "", errorCode: 3, partitions: [] };
  const link = {
    describe: async () => ({ brokers: [{ node: 7, address: "b:1" }], controller: 7, topics: [topic, absent] }),
    ask: async (node: number, name: string, body: object) => {
      asked.push({ node, name, ...body });
      const configEntries = [
        { configName: "cleanup.policy", configValue: "compact" },
        { configName: "x", configValue: null },
      ];
      return { resources: [{ resourceName: "t", errorCode: 0, errorMessage: null, configEntries, ...configs }] };
    },
  };
  return { admin: new KafkaAdmin(link as unknown as ClusterLink, new FakeClock(0)), asked };
}
const { signal } = new AbortController();

test("topics are described with their configs, of which only those that are there are asked for", async () => {
  const { admin, asked } = clusterOf({});
  const { topics } = await admin.describe(["t", "no"], signal);
  expect(topics).toEqual([
    expect.objectContaining({ topic: "t", partitions: 2, configs: { "cleanup.policy": "compact", x: "" } }),
  ]);
  expect(asked).toEqual([{ node: 7, name: "DescribeConfigs", resources: [{ type: 2, name: "t" }] }]);
});

test("configs that may not be read are an error that names the topic, and no topic without configs", async () => {
  const { admin } = clusterOf({ errorCode: 29, errorMessage: "not allowed" });
  await expect(admin.describe(["t"], signal)).rejects.toThrow(
    "reading the configs of topic t: Kafka answers error 29 (topicAuthorizationFailed)",
  );
});

test("members are named by their instances, else by their ids, and a group that is not there has none", async () => {
  const membersOf = (...answers: readonly unknown[]) => {
    const left = [...answers];
    const link = {
      coordinatorOf: async () => 7,
      forgetCoordinator: () => undefined,
      send: async () => left.shift(),
    };
    return new KafkaAdmin(link as unknown as ClusterLink, new AutoClock()).members("g", signal);
  };
  const members = [
    { memberId: "m1", instanceId: null },
    { memberId: "m2", instanceId: "i2" },
  ];
  expect(await membersOf({ errorCode: 0, members })).toEqual(["m1", "i2"]);
  expect(await membersOf({ errorCode: 69, members: [] })).toEqual([]);
  // An answer that leaves the group out says nothing of its members: it is asked again.
  expect(await membersOf(undefined, { errorCode: 0, members })).toEqual(["m1", "i2"]);
  await expect(membersOf({ errorCode: 30, members: [] })).rejects.toThrow("reading the members of group g");
});
