import { expect, test } from "vitest";
import { KafkaBroker, type KafkaBrokerOptions } from "../../../src/adapters/kafkajs/broker.ts";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import type { ProducedPartition } from "../../../src/adapters/kafkajs/produce-request.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import type { GroupSink } from "../../../src/runtime/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { type Deferred, deferred } from "../../support/deadline.ts";
import { textRecord, textRecords } from "../../support/records.ts";
import { AutoClock, nextTurn } from "../runtime/fixture.ts";

const { signal } = new AbortController();
const sink = {} as GroupSink;

/** A cluster with these topics, whose one broker answers a produce request as the test says. */
function clusterOf(
  partitions: Readonly<Record<string, number>>,
  produced: (
    topic: string,
    asked: number,
  ) => Partial<ProducedPartition> | Promise<Partial<ProducedPartition>> = () => ({}),
  options: Partial<KafkaBrokerOptions> = {},
  features?: ReadonlyMap<string, number>,
) {
  const log: string[] = [];
  let produceCount = 0;
  const link = (timeoutMs: number) => ({
    describe: async (topics: readonly string[]) => ({
      brokers: [{ node: 1, address: "a:1" }],
      controller: 1,
      topics: topics.map((topic) => ({
        topic,
        id: "",
        errorCode: topic in partitions ? kafkaCode.none : kafkaCode.unknownTopicOrPartition,
        partitions: Array.from({ length: partitions[topic] ?? 0 }, (_, partition) => ({ partition, replicas: 1 })),
      })),
    }),
    ask: async (_node: number, _name: string, { resources }: { resources: readonly { name?: string }[] }) => ({
      resources: resources.map(() => ({ resourceName: "", errorCode: 0, errorMessage: null, configEntries: [] })),
    }),
    features: async () => {
      if (features !== undefined) return features;
      throw Object.assign(new Error("not allowed"), {
        name: "KafkaJSProtocolError",
        type: "CLUSTER_AUTHORIZATION_FAILED",
        code: 31,
      });
    },
    leaderOf: async () => 1,
    doubt: () => undefined,
    heldBackUntilMs: () => Number.NEGATIVE_INFINITY,
    coordinatorOf: async () => 1,
    forgetCoordinator: () => undefined,
    send: async (_node: number, _lane: string, make: (broker: never) => ProtocolRequest) => {
      const { request } = make(undefined as never);
      log.push(`${request.apiName} within ${timeoutMs}`);
      if (request.apiName !== "Produce") return kafkaCode.none;
      const bytes = Buffer.concat([(await request.encode()).buffer, ...(request.body ?? [])]).toString("latin1");
      const topic = Object.keys(partitions).find((name) => bytes.includes(name)) ?? "";
      const answer = await produced(topic, produceCount++);
      return [{ topic, partition: 0, errorCode: kafkaCode.none, refused: [], message: null, ...answer }];
    },
    close: async () => void log.push(`closed ${timeoutMs}`),
  });
  const given = { brokers: ["a:1"], clientId: "c", codecs: noCodecs, logger: silentLogger, clock: new AutoClock() };
  const broker = new KafkaBroker({ ...given, ...options }, (timeoutMs) => link(timeoutMs) as unknown as ClusterLink);
  return { broker, log };
}

/** As many turns as a request takes to be made and more. */
async function turns(): Promise<void> {
  for (let i = 0; i < 30; i++) await nextTurn();
}

const groupOf = (topics: readonly string[]) =>
  ({ group: "shop.clean", topics, start: { kind: "earliest" }, logger: silentLogger }) as const;

test("a group whose topic is not there is not joined, and neither is one of topics that cannot be read side by side", async () => {
  const { broker } = clusterOf({ orders: 4, labels: 3 });
  await expect(broker.join(groupOf(["orders", "gone"]), sink, signal)).rejects.toMatchObject({
    code: "MR_TOPIC_MISSING",
    message: "joining group shop.clean: topic gone does not exist on the cluster",
  });
  await expect(broker.join(groupOf(["orders", "labels"]), sink, signal)).rejects.toMatchObject({
    code: "MR_TOPIC_MISMATCH",
    message: "joining group shop.clean: topics orders, labels must have the same number of partitions",
  });
});

test.each([{ delivery: "exactly-once" } as const, { hasChangelogs: true }])(
  "a group of %o asks what transactions the cluster has, and says when it may not",
  async (wants) => {
    const { broker } = clusterOf({ orders: 4 });
    await expect(broker.join({ ...groupOf(["orders"]), ...wants }, sink, signal)).rejects.toThrow(
      "joining group shop.clean: asking for the features of the cluster",
    );
  },
);

test("a broker that is closed refuses everything, with its reason, and has closed what it had open", async () => {
  const { broker, log } = clusterOf({ orders: 1 });
  await broker.close();
  expect(log.sort()).toEqual(["closed 10000", "closed 20000", "closed 20000"]);
  const why = "the client of the cluster is closed";
  await expect(broker.join(groupOf(["orders"]), sink, signal)).rejects.toThrow(why);
  await expect(broker.append([textRecord("orders", 0, "a")], signal)).rejects.toThrow(why);
  expect(() => broker.writer()).toThrow(why);
  expect(() => broker.read({ topic: "orders", partition: 0, from: 0 }, signal)).toThrow(why);
});

test.each([
  // What a broker has itself: one link that waits for 10 s, two that wait for 20 s. A member reads through one of 10 s.
  ["at-least-once" as const, ["closed 10000", "closed 10000", "closed 20000", "closed 20000"]],
  // And writes its transactions through one of 20 s and ends them through one of 10 s.
  [
    "exactly-once" as const,
    ["closed 10000", "closed 10000", "closed 10000", "closed 20000", "closed 20000", "closed 20000"],
  ],
])(
  "a member that delivers %s has connections of its own for its transactions, which end with it",
  async (delivery, closed) => {
    const { broker, log } = clusterOf({ orders: 1 }, undefined, {}, new Map([["transaction.version", 2]]));
    await broker.join({ ...groupOf(["orders"]), delivery }, sink, signal);
    await broker.close();
    expect(log.filter((words) => words.startsWith("closed")).sort()).toEqual(closed);
  },
);

test("a join that is called off ends with the reason, before anything is joined", async () => {
  const { broker, log } = clusterOf({ orders: 1 });
  const stop = new AbortController();
  stop.abort(new Error("stopped by SIGINT"));
  await expect(broker.join(groupOf(["orders"]), sink, stop.signal)).rejects.toThrow("stopped by SIGINT");
  expect(log).toEqual([]);
});

test("records are appended in the order of the calls, one call after the other, and one that fails holds up none", async () => {
  const order: string[] = [];
  const answers = new Map<string, Deferred<Partial<ProducedPartition>>>(
    ["first", "second", "third"].map((topic) => [topic, deferred()]),
  );
  const { broker } = clusterOf({ first: 1, second: 1, third: 1 }, (topic) => {
    order.push(topic);
    return answers.get(topic)!.promise;
  });
  const [first, second, third] = ["first", "second", "third"].map((topic) =>
    broker.append(textRecords(topic, 0, 2), signal),
  );
  const failed = expect(first).rejects.toMatchObject({ code: "MR_BROKER" });
  await turns();
  expect(order).toEqual(["first"]);
  answers.get("first")!.resolve({ errorCode: kafkaCode.topicAuthorizationFailed });
  await failed;
  await turns();
  expect(order).toEqual(["first", "second"]);
  answers.get("second")!.resolve({});
  answers.get("third")!.resolve({});
  await Promise.all([second, third]);
  expect(order).toEqual(["first", "second", "third"]);
});

test("an append that is called off before its turn writes nothing and ends with the reason", async () => {
  const held = deferred<Partial<ProducedPartition>>();
  const written: string[] = [];
  const { broker } = clusterOf({ first: 1, second: 1 }, (topic) => {
    written.push(topic);
    return held.promise;
  });
  const first = broker.append(textRecords("first", 0, 1), signal);
  const stop = new AbortController();
  const second = broker.append(textRecords("second", 0, 1), stop.signal);
  const refused = expect(second).rejects.toThrow("stopped");
  stop.abort(new Error("stopped"));
  held.resolve({});
  await first;
  await refused;
  expect(written).toEqual(["first"]);
});

test("a refused record is named by its place in the list that was to be appended", async () => {
  const { broker } = clusterOf({ first: 1, second: 1 }, (topic) =>
    topic === "second"
      ? { errorCode: kafkaCode.invalidRecord, refused: [{ index: 1, message: "no" }], message: "no" }
      : {},
  );
  // Of the batch for the second topic record 1 is the fourth of the list.
  const list = ["first", "second", "first", "second"].map((topic, i) => textRecord(topic, 0, `r${i}`));
  await expect(broker.append(list, signal)).rejects.toMatchObject({ index: 3 });
});

test("dead members are taken out of their groups through the connections that ask", async () => {
  const { broker, log } = clusterOf({});
  await broker.removeMembers([{ group: "g", memberId: "m", instanceId: "i" }], signal);
  expect(log).toEqual(["LeaveGroup within 20000"]);
});
