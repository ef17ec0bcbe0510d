import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { UnknownTopic } from "../../../src/adapters/kafkajs/unknown-topic.ts";
import { FakeClock } from "../../../src/testing/index.ts";

const unknown = new KafkaAnswerError("looking", kafkaCode.unknownTopicOrPartition);
const moved = new KafkaAnswerError("looking", kafkaCode.notLeaderOrFollower);

test("a topic is gone once it has been unknown on end for as long as was said, from the first answer on", () => {
  const clock = new FakeClock(0);
  const topic = new UnknownTopic(clock, 30_000);
  clock.advance(100_000);
  expect(topic.isGoneAfter(unknown)).toBe(false);
  clock.advance(29_999);
  expect(topic.isGoneAfter(unknown)).toBe(false);
  clock.advance(1);
  expect(topic.isGoneAfter(unknown)).toBe(true);
});

test.each([
  ["an answer", (topic: UnknownTopic) => topic.known()],
  ["a refusal for another reason", (topic: UnknownTopic) => expect(topic.isGoneAfter(moved)).toBe(false)],
])("%s begins the count anew", (_, happens) => {
  const clock = new FakeClock(0);
  const topic = new UnknownTopic(clock, 30_000);
  topic.isGoneAfter(unknown);
  clock.advance(20_000);
  happens(topic);
  clock.advance(20_000);
  expect(topic.isGoneAfter(unknown)).toBe(false);
  clock.advance(30_000);
  expect(topic.isGoneAfter(unknown)).toBe(true);
});

test("an error of the network neither counts nor begins anew", () => {
  const clock = new FakeClock(0);
  const topic = new UnknownTopic(clock, 30_000);
  topic.isGoneAfter(unknown);
  clock.advance(30_000);
  expect(topic.isGoneAfter(new Error("connection reset"))).toBe(false);
  expect(topic.isGoneAfter(unknown)).toBe(true);
});
