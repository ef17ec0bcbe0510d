import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { BrokerConnection, KafkajsParts, ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import type { ClusterMetadata } from "../../../src/adapters/kafkajs/metadata.ts";
import { Outage } from "../../../src/adapters/kafkajs/outage.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { deferred } from "../../support/deadline.ts";

const never = new Promise<never>(() => undefined);

/** Says what a broker answers, by its address and the name of the request. */
type Script = (address: string, apiName: string) => unknown;

/** A link to brokers that answer as the test says; `asked` is who was asked for what, in order. */
function linkTo(brokers: readonly string[], script: Script) {
  const asked: string[] = [];
  const clock = new FakeClock(0);
  let said = 0;
  const broker = { lookupRequest: () => () => ({ request: { apiName: "FindCoordinator" }, response: {} }) };
  const connections = {
    send: async (address: string, _: string, request: (broker: BrokerConnection) => ProtocolRequest) => {
      const { apiName } = request(broker as unknown as BrokerConnection).request;
      asked.push(`${address} ${apiName}`);
      const answer = await script(address, apiName);
      if (answer instanceof Error) throw answer;
      return answer as never;
    },
    close: async () => undefined,
    heldBackUntilMs: (address: string) => (address === "b:1" ? 7_000 : 0),
  };
  const parts = { requests: { GroupCoordinator: {} } } as unknown as KafkajsParts;
  const outage = new Outage(clock, () => said++);
  const options = { brokers, clientId: "c", logger: silentLogger, clock, outage, requestTimeoutMs: 10_000 };
  const link = new ClusterLink(parts, options, connections);
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turns();
  };
  return { link, asked, pass, outagesSaid: () => said };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await nextTurn();
}

const cut = () => Object.assign(new Error("Closed connection"), { name: "KafkaJSConnectionClosedError" });

/** A cluster of brokers a:1, b:1 ... whose topic `t` has one partition per leader given. */
function cluster(brokerCount: number, leaders: readonly number[], leaderEpoch = 0): ClusterMetadata {
  const partitions = leaders.map((leader, partition) => ({ partition, leader, leaderEpoch, replicas: 1 }));
  return {
    brokers: Array.from({ length: brokerCount }, (_, i) => ({ node: i + 1, address: `${"abcdef"[i]}:1` })),
    clusterId: null,
    controller: 1,
    topics: [{ topic: "t", id: "id", errorCode: 0, partitions }],
  };
}

test("a frozen broker holds up a question for half a second, and the next questions not at all", async () => {
  const { link, asked, pass } = linkTo(["a:1", "b:1"], (address) => (address === "a:1" ? never : cluster(2, [2])));
  const first = link.leaderOf("t", 0);
  await turns();
  expect(asked).toEqual(["a:1 Metadata"]);
  await pass(500);
  expect(await first).toBe(2);
  await link.describe(["t"]);
  await link.describe(["t"]);
  expect(asked).toEqual(["a:1 Metadata", "b:1 Metadata", "b:1 Metadata", "b:1 Metadata"]);
});

test("brokers that the metadata names are asked too, those that it names no more are not, bootstrap ones go last", async () => {
  let named = cluster(2, [1]);
  const { link, asked } = linkTo(["seed:1"], () => named);
  await link.describe([]);
  named = { ...cluster(3, [1]), brokers: [{ node: 3, address: "c:1" }] };
  await link.describe([]);
  await link.describe([]);
  expect(asked).toEqual(["seed:1 Metadata", "a:1 Metadata", "c:1 Metadata"]);
});

test("an address that refuses goes last until it answers", async () => {
  let isDown = true;
  const script: Script = (address) => (address === "a:1" && isDown ? cut() : cluster(2, [1]));
  const { link, asked } = linkTo(["a:1", "b:1"], script);
  await link.describe([]);
  await link.describe([]);
  isDown = false;
  await link.send(1, "fetch", () => ({ request: { apiName: "Fetch" } }) as unknown as ProtocolRequest);
  await link.describe([]);
  expect(asked).toEqual(["a:1 Metadata", "b:1 Metadata", "b:1 Metadata", "a:1 Fetch", "a:1 Metadata"]);
});

test("an error on one partition asks for its leader again, and for no other's", async () => {
  let epoch = 0;
  const { link, asked } = linkTo(["a:1"], () => cluster(2, epoch === 0 ? [1, 2] : [2, 2], epoch));
  expect(await link.leaderOf("t", 0)).toBe(1);
  link.doubt({ topic: "t", partition: 0 });
  epoch = 1;
  expect(link.leader({ topic: "t", partition: 1 })).toBe(2);
  expect(await link.leaderOf("t", 1)).toBe(2);
  expect(asked).toHaveLength(1);
  expect(await link.leaderOf("t", 0)).toBe(2);
  expect(asked).toHaveLength(2);
});

test("a doubt is not laid to rest by the answer to a question that was under way already", async () => {
  const answers = [cluster(2, [1, 2]), cluster(2, [1, 2]), cluster(2, [2, 2], 1)];
  const { link, asked } = linkTo(["a:1"], async () => {
    await nextTurn();
    return answers.shift();
  });
  await link.leaderOf("t", 0);
  const under = link.describe(["t"]);
  link.doubt({ topic: "t", partition: 0 });
  await under;
  expect(await link.leaderOf("t", 0)).toBe(2);
  expect(asked).toHaveLength(3);
});

test("partitions without a leader share their questions, and none asks more often than every 100 ms", async () => {
  const { link, asked, pass } = linkTo(["a:1"], () => cluster(1, [-1, -1]));
  const ask = () => Promise.allSettled([link.leaderOf("t", 0), link.leaderOf("t", 1)]);
  const [first] = await ask();
  expect(first.status === "rejected" && first.reason.message).toContain("leaderNotAvailable");
  await ask();
  expect(asked).toHaveLength(1);
  await pass(101);
  await ask();
  expect(asked).toHaveLength(2);
});

test("a partition that the topic does not have is unknown", async () => {
  const { link } = linkTo(["a:1"], () => cluster(1, [1]));
  await expect(link.leaderOf("t", 7)).rejects.toThrow("unknownTopicOrPartition");
});

test("a topic that is doubted is asked for at once, and its leaders are in use until the answer", async () => {
  const answer = deferred<ClusterMetadata>();
  const answers = [cluster(1, [1]), answer.promise];
  const { link, asked } = linkTo(["a:1"], () => answers.shift());
  await link.topic("t");
  link.doubtTopic("t");
  await turns();
  expect(asked).toHaveLength(2);
  expect(await link.leaderOf("t", 0)).toBe(1);
  const topic = link.topic("t");
  answer.resolve({ ...cluster(1, [1]), topics: [{ ...cluster(1, [1]).topics[0]!, id: "another" }] });
  expect((await topic).id).toBe("another");
  expect((await link.topic("t")).id).toBe("another");
  expect(asked).toHaveLength(2);
});

test("a group's coordinator is asked of the next broker when one is frozen", async () => {
  const coordinator = { errorCode: 0, coordinator: { nodeId: 2, host: "b", port: 1 } };
  const { link, asked, pass } = linkTo(["a:1", "b:1"], (address) => (address === "a:1" ? never : coordinator));
  const found = link.coordinatorOf("g");
  await pass(500);
  expect(await found).toBe(2);
  expect(await link.coordinatorOf("g")).toBe(2);
  expect(asked).toEqual(["a:1 FindCoordinator", "b:1 FindCoordinator"]);
  // Where it is was part of the answer.
  await link.send(2, "control", () => ({ request: { apiName: "Heartbeat" } }) as unknown as ProtocolRequest);
  expect(asked.at(-1)).toBe("b:1 Heartbeat");
});

test("a broker that does not know the coordinator leaves the question to the next", async () => {
  const unknown = { errorCode: 15, coordinator: { nodeId: -1, host: "", port: -1 } };
  const { link } = linkTo(["a:1", "b:1"], (address) =>
    address === "a:1" ? unknown : { errorCode: 0, coordinator: { nodeId: 2, host: "b", port: 1 } },
  );
  expect(await link.coordinatorOf("g")).toBe(2);
});

test("that the cluster does not answer is said when nobody does, and not before the last was asked", async () => {
  const addresses = ["a:1", "b:1", "c:1", "d:1", "e:1", "f:1"];
  const { link, pass, outagesSaid } = linkTo(addresses, (address) => (address === "f:1" ? cluster(1, [1]) : never));
  const asked = link.describe([]);
  for (let ms = 0; ms < 2_500; ms += 500) await pass(500);
  await asked;
  await pass(10_000);
  expect(outagesSaid()).toBe(0);

  const dead = linkTo(addresses, () => never);
  void dead.link.describe([]);
  for (let ms = 0; ms < 4_000; ms += 500) await dead.pass(500);
  expect(dead.outagesSaid()).toBe(0);
  await dead.pass(500);
  expect(dead.outagesSaid()).toBe(1);
});

test("an answer to anything shows that the cluster answers", async () => {
  let isSilent = false;
  const script: Script = (_, apiName) => (isSilent && apiName === "Metadata" ? never : cluster(1, [1]));
  const { link, pass, outagesSaid } = linkTo(["a:1"], script);
  await link.describe([]);
  isSilent = true;
  void link.describe([]);
  await pass(1_500);
  await link.send(1, "fetch", () => ({ request: { apiName: "Fetch" } }) as unknown as ProtocolRequest);
  await pass(1_500);
  expect(outagesSaid()).toBe(0);
});

test("a link that is closed asks nobody", async () => {
  const { link, asked } = linkTo(["a:1", "b:1"], () => cluster(1, [1]));
  await link.close();
  await expect(link.describe([])).rejects.toThrow("closed");
  expect(asked).toEqual([]);
});

test("how long a node holds this client back is asked of its address, and nothing of a node that nobody knows", async () => {
  const { link } = linkTo(["a:1"], () => cluster(2, [1]));
  expect(link.heldBackUntilMs(2)).toBe(Number.NEGATIVE_INFINITY);
  await link.describe([]);
  expect(link.heldBackUntilMs(2)).toBe(7_000);
});
