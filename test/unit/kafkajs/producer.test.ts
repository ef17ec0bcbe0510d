import { expect, test } from "vitest";
import { kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { PartitionTroubles } from "../../../src/adapters/kafkajs/partition-troubles.ts";
import type { ProducedPartition } from "../../../src/adapters/kafkajs/produce-request.ts";
import { BatchProducer } from "../../../src/adapters/kafkajs/producer.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";
import { AutoClock, nextTurn } from "../runtime/fixture.ts";

/** A producer whose broker answers as the test says; answers how often it was asked. */
function producerOf(answers: readonly (readonly Partial<ProducedPartition>[])[]) {
  const left = [...answers];
  const asked: string[] = [];
  const link = {
    leaderOf: async () => 1,
    doubt: () => undefined,
    send: async () => {
      asked.push("produce");
      const answer = left.shift() ?? [{ topic: "out", partition: 0, errorCode: kafkaCode.none }];
      return answer.map((produced) => ({ refused: [], message: null, ...produced }));
    },
  };
  const clock = new AutoClock();
  const troubles = new PartitionTroubles(clock, silentLogger);
  return { troubles, producer: new BatchProducer(link as unknown as ClusterLink, noCodecs, clock), asked, clock };
}

test("an answer that names another partition, another topic or nothing confirms nothing: the batch is sent again", async () => {
  const { producer, asked } = producerOf([
    [{ topic: "out", partition: 1, errorCode: kafkaCode.none }],
    [{ topic: "other", partition: 0, errorCode: kafkaCode.none }],
    [],
  ]);
  await producer.send(outgoingOf(textRecords("out", 0, 3)));
  expect(asked).toHaveLength(4);
});

const unknown = [{ topic: "out", partition: 0, errorCode: kafkaCode.unknownTopicOrPartition }];
const moved = [{ topic: "out", partition: 0, errorCode: kafkaCode.notLeaderOrFollower }];

test("a topic that is unknown for 30 s on end is missing, and named", async () => {
  const { producer, clock } = producerOf(Array.from({ length: 1_000 }, () => unknown));
  const startedMs = clock.monotonicMs();
  await expect(producer.send(outgoingOf(textRecords("out", 0, 3)))).rejects.toMatchObject({
    code: "MR_TOPIC_MISSING",
    message: expect.stringContaining("topic out"),
  });
  expect(clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(30_000);
  expect(clock.monotonicMs() - startedMs).toBeLessThan(31_000);
});

test("the 30 s count from the first answer that the topic is unknown, and begin anew after any other answer", async () => {
  // Steps of half a second: 25 s of a moved leader, 20 s unknown, once more a moved leader, 10 s unknown.
  const { producer } = producerOf([
    ...Array.from({ length: 50 }, () => moved),
    ...Array.from({ length: 40 }, () => unknown),
    moved,
    ...Array.from({ length: 20 }, () => unknown),
  ]);
  await producer.send(outgoingOf(textRecords("out", 0, 3)));
});

const few = [{ topic: "out", partition: 0, errorCode: kafkaCode.notEnoughReplicas }];

test("a partition that cannot be written to is known by node and reason, and well again when it is written", async () => {
  const { producer, asked, troubles } = producerOf(Array.from({ length: 25 }, () => few));
  const lasting: unknown[] = [];
  const sent = producer.send(outgoingOf(textRecords("out", 0, 3)), undefined, troubles);
  const watched = { over: false };
  void sent.finally(() => (watched.over = true));
  while (!watched.over) {
    await nextTurn();
    lasting.push(...troubles.lasting);
  }
  expect(asked).toHaveLength(26);
  expect(lasting[0]).toMatchObject({
    topic: "out",
    partition: 0,
    access: "write",
    node: 1,
    reason: "notEnoughReplicas",
  });
  expect(troubles.lasting).toEqual([]);
});
