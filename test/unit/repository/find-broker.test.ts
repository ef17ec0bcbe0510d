import { expect, test } from "vitest";
import { type BrokerRoads, findBroker } from "../../kafka/harness/find-broker.ts";

/** Roads that all lead to a broker, and what was done on them. */
function roads(changes: Partial<BrokerRoads> = {}): { readonly taken: string[]; readonly roads: BrokerRoads } {
  const taken: string[] = [];
  const start = (name: string) => async () => {
    taken.push(`start ${name}`);
    return { bootstrap: `${name}:9092`, stop: async () => void taken.push(`stop ${name}`) };
  };
  return {
    taken,
    roads: {
      named: undefined,
      answers: async (bootstrap) => void taken.push(`ask ${bootstrap}`),
      startContainer: start("container"),
      javaMissing: () => undefined,
      startJars: start("jars"),
      ...changes,
    },
  };
}

test("takes the broker that is named, and starts none", async () => {
  const { taken, roads: all } = roads({ named: "there:9092" });
  expect((await findBroker(all)).kafka).toEqual({ bootstrap: "there:9092", from: "environment", reason: "" });
  expect(taken).toEqual(["ask there:9092"]);
});

test("fails when the broker that is named does not answer, instead of taking another", async () => {
  const { taken, roads: all } = roads({ named: "gone:9092", answers: () => Promise.reject(new Error("no answer")) });
  await expect(findBroker(all)).rejects.toThrow("no answer");
  expect(taken).toEqual([]);
});

test("starts a container where an engine answers", async () => {
  const { taken, roads: all } = roads({ named: "" });
  const found = await findBroker(all);
  expect(found.kafka.from).toBe("container");
  await found.stop();
  expect(taken).toEqual(["start container", "ask container:9092", "stop container"]);
});

test("starts Kafka's jars where no engine answers", async () => {
  const { taken, roads: all } = roads({ startContainer: async () => undefined });
  expect((await findBroker(all)).kafka).toEqual({ bootstrap: "jars:9092", from: "jars", reason: "" });
  expect(taken).toEqual(["start jars", "ask jars:9092"]);
});

test("says why there is none where nothing can be started", async () => {
  const { roads: all } = roads({ startContainer: async () => undefined, javaMissing: () => "no java" });
  expect((await findBroker(all)).kafka).toEqual({
    bootstrap: "",
    from: "nothing",
    reason: "no container engine and no java",
  });
});

test("stops what it started when that does not answer", async () => {
  const { taken, roads: all } = roads({ answers: () => Promise.reject(new Error("no answer")) });
  await expect(findBroker(all)).rejects.toThrow("no answer");
  expect(taken).toEqual(["start container", "stop container"]);
});
