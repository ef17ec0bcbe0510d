import { expect, test } from "vitest";
import type { TopicMetadata } from "../../../src/adapters/kafkajs/metadata.ts";
import { TopicMemory } from "../../../src/adapters/kafkajs/topic-memory.ts";

type Led = readonly [leader: number, leaderEpoch: number];

function described(led: readonly Led[], id = "one", errorCode = 0): TopicMetadata {
  const partitions = led.map(([leader, leaderEpoch], partition) => ({ partition, leader, leaderEpoch, replicas: 3 }));
  return { topic: "t", id, errorCode, partitions };
}

const at = (partition: number) => ({ topic: "t", partition });

function remembering(led: readonly Led[]) {
  const memory = new TopicMemory();
  const learn = (topic: TopicMetadata, question = memory.ask(), nowMs = 0): void =>
    memory.learn([topic], question, nowMs);
  learn(described(led));
  return { memory, learn };
}

test("a doubt about one partition leaves the leaders of the others in use", () => {
  const { memory } = remembering([
    [1, 5],
    [2, 5],
  ]);
  memory.doubt(at(0));
  expect(memory.leader(at(0))).toBeUndefined();
  expect(memory.isDoubted(at(0))).toBe(true);
  expect(memory.leader(at(1))).toBe(2);
  expect(memory.isDoubted(at(1))).toBe(false);
});

test("a doubt ends with the answer to a later question, not with that to an earlier one", () => {
  const { memory, learn } = remembering([[1, 5]]);
  const before = memory.ask();
  memory.doubt(at(0));
  learn(described([[1, 5]]), before);
  expect(memory.leader(at(0))).toBeUndefined();
  learn(described([[2, 6]]));
  expect(memory.leader(at(0))).toBe(2);
});

test("a doubt that is raised again while a question is under way outlives its answer", () => {
  const { memory, learn } = remembering([[1, 5]]);
  memory.doubt(at(0));
  const question = memory.ask();
  memory.doubt(at(0));
  learn(described([[1, 5]]), question);
  expect(memory.isDoubted(at(0))).toBe(true);
});

test("an answer that holds an error changes nothing", () => {
  const { memory, learn } = remembering([[1, 5]]);
  learn(described([], "", 3));
  expect(memory.leader(at(0))).toBe(1);
  expect(memory.find("t")?.id).toBe("one");
});

test("a broker that lags behind does not bring back a leader that has been replaced, nor take partitions away", () => {
  const { memory, learn } = remembering([
    [2, 6],
    [3, 1],
  ]);
  learn(described([[1, 5]]));
  expect(memory.leader(at(0))).toBe(2);
  expect(memory.leader(at(1))).toBe(3);
  expect(memory.find("t")?.partitions).toHaveLength(2);
});

test("an answer of the same epoch counts: the leader of a partition may be away and come back under it", () => {
  const { memory, learn } = remembering([[2, 6]]);
  learn(described([[-1, 6]]));
  expect(memory.leader(at(0))).toBeUndefined();
  learn(described([[2, 6]]));
  expect(memory.leader(at(0))).toBe(2);
});

test("a topic that was made anew is another one: its epochs begin anew, and its partitions are its own", () => {
  const { memory, learn } = remembering([
    [1, 50],
    [2, 50],
  ]);
  learn(described([[3, 0]], "two"));
  expect(memory.find("t")?.id).toBe("two");
  expect(memory.leader(at(0))).toBe(3);
  expect(memory.partition(at(1))).toBeUndefined();
});

test("that nobody leads a partition is believed for a moment, and a doubt cannot be raised about nobody", () => {
  const { memory, learn } = remembering([[1, 1]]);
  learn(described([[-1, 2]]), memory.ask(), 1_000);
  memory.doubt(at(0));
  expect(memory.isDoubted(at(0))).toBe(false);
  expect(memory.isLeaderless(at(0), 1_000)).toBe(true);
  expect(memory.isLeaderless(at(0), 1_001)).toBe(false);
  expect(memory.isLeaderless(at(7), 0)).toBe(false);
  learn(described([[1, 3]]), memory.ask(), 2_000);
  expect(memory.isLeaderless(at(0), 0)).toBe(false);
});

test("a doubt about a topic leaves its leaders in use, and ends like any other", () => {
  const { memory, learn } = remembering([[1, 1]]);
  const before = memory.ask();
  memory.doubtTopic("t");
  expect(memory.isTopicDoubted("t")).toBe(true);
  expect(memory.leader(at(0))).toBe(1);
  learn(described([[1, 1]]), before);
  expect(memory.isTopicDoubted("t")).toBe(true);
  learn(described([[1, 1]]));
  expect(memory.isTopicDoubted("t")).toBe(false);
});

test("nothing is known of a topic that was not described", () => {
  const memory = new TopicMemory();
  memory.doubt(at(0));
  memory.doubtTopic("t");
  expect(memory.find("t")).toBeUndefined();
  expect(memory.leader(at(0))).toBeUndefined();
  expect(memory.isDoubted(at(0))).toBe(false);
  expect(memory.isTopicDoubted("t")).toBe(false);
});
