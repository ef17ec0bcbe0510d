import { expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { PartitionTroubles } from "../../../src/adapters/kafkajs/partition-troubles.ts";
import type { ProducedPartition } from "../../../src/adapters/kafkajs/produce-request.ts";
import { BatchProducer } from "../../../src/adapters/kafkajs/producer.ts";
import { TransactionalProducer } from "../../../src/adapters/kafkajs/transactional-producer.ts";
import { silentLogger, type TopicPartition } from "../../../src/kernel/index.ts";
import { RecordRefusedError } from "../../../src/runtime/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { deferred } from "../../support/deadline.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";
import { AutoClock, nextTurn } from "../runtime/fixture.ts";

/** A producer whose broker answers as the test says; answers how often it was asked. */
function producerOf(
  answers: readonly (readonly Partial<ProducedPartition>[])[],
  onSend = async (): Promise<void> => undefined,
) {
  const left = [...answers];
  const asked: string[] = [];
  const bytes: Promise<Buffer>[] = [];
  const doubted: string[] = [];
  const link = {
    leaderOf: async () => 1,
    doubt: ({ topic, partition }: TopicPartition) => doubted.push(`${topic}-${partition}`),
    heldBackUntilMs: () => Number.NEGATIVE_INFINITY,
    send: async (_node: number, _lane: string, make: (broker: never) => ProtocolRequest) => {
      asked.push("produce");
      const { request } = make(undefined as never);
      bytes.push(request.encode().then(({ buffer }) => Buffer.concat([buffer, ...(request.body ?? [])])));
      await onSend();
      const answer = left.shift() ?? [{ topic: "out", partition: 0, errorCode: kafkaCode.none }];
      return answer.map((produced) => ({ refused: [], message: null, ...produced }));
    },
  };
  const clock = new AutoClock();
  const troubles = new PartitionTroubles(clock, silentLogger);
  return {
    doubted,
    troubles,
    producer: new BatchProducer(link as unknown as ClusterLink, noCodecs, clock),
    asked,
    bytes,
    clock,
  };
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

const fine = [{ topic: "out", partition: 0, errorCode: kafkaCode.none }];
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
  const sent = producer.send(outgoingOf(textRecords("out", 0, 3)), { troubles });
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

const named = (errorCode: number, ...indices: number[]) => [
  { topic: "out", partition: 0, errorCode, refused: indices.map((index) => ({ index, message: `no ${index}` })) },
];
const refusalOf = async (sending: Promise<void>): Promise<RecordRefusedError> => {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RecordRefusedError) return error;
  throw new Error("nothing was refused", { cause: error });
};

test.each([
  ["a time stamp that is out of range", kafkaCode.invalidTimestamp],
  ["a record without a key in a compacted topic", kafkaCode.invalidRecord],
  ["a code that is not known and names records", 250],
])("%s is refused by the place that the broker names, and is not looked for", async (_, code) => {
  const { producer, asked } = producerOf([named(code, 4, 2)]);
  const outgoing = outgoingOf(textRecords("out", 0, 5));
  const error = await refusalOf(producer.send(outgoing));
  expect(error.index).toBe(2);
  expect(error.refusal).toMatchObject({ code: "MR_REFUSED", batch: outgoing, indices: [2, 4] });
  expect(error.refusal.reason).toContain(`error ${code}`);
  expect(error.refusal.reason).toContain("no 4");
  expect(asked).toHaveLength(1);
});

test("places outside the batch name nothing", async () => {
  const { producer } = producerOf([named(kafkaCode.invalidRecord, 5, -1)]);
  const error = await refusalOf(producer.send(outgoingOf(textRecords("out", 0, 1))));
  expect(error.refusal.indices).toEqual([0]);
});

test("a record that is too large is looked for by halves, and is named by its place in the whole batch", async () => {
  const tooLarge = named(kafkaCode.messageTooLarge);
  // The whole, its first half, its second half, and the two records of that.
  const { producer, asked } = producerOf([tooLarge, fine, tooLarge, fine, tooLarge]);
  const outgoing = outgoingOf(textRecords("out", 0, 4));
  const error = await refusalOf(producer.send(outgoing));
  expect(asked).toHaveLength(5);
  expect(error.refusal).toMatchObject({ code: "MR_TOO_LARGE", batch: outgoing, indices: [3] });
});

test("an error that may pass is tried again, though it names records, and is no refusal in the end", async () => {
  const moved = named(kafkaCode.notLeaderOrFollower, 0);
  const passing = producerOf([moved]);
  await passing.producer.send(outgoingOf(textRecords("out", 0, 3)));
  expect(passing.asked).toHaveLength(2);
  const lasting = producerOf(Array.from({ length: 1_000 }, () => moved));
  const error = await lasting.producer.send(outgoingOf(textRecords("out", 0, 3))).catch((thrown: unknown) => thrown);
  expect(error).not.toBeInstanceOf(RecordRefusedError);
  expect(error).toMatchObject({ code: kafkaCode.notLeaderOrFollower });
});

test("a partition whose leader keeps silent is in trouble before the time limit of the request is over", async () => {
  const answer = deferred<void>();
  const { producer, clock, troubles } = producerOf([], () => answer.promise);
  const sent = producer.send(outgoingOf(textRecords("out", 0, 3)), { troubles });
  await nextTurn();
  await nextTurn();
  await clock.sleep(10_000);
  expect(troubles.lasting).toMatchObject([{ partition: 0, access: "write", node: 1, reason: "no answer yet" }]);
  answer.resolve();
  await sent;
  await clock.sleep(60_000);
  expect(troubles.lasting).toEqual([]);
  troubles.close();
});

test("a leader that has moved is doubted, one that asks for patience is not", async () => {
  const { producer, doubted } = producerOf([moved, few]);
  await producer.send(outgoingOf(textRecords("out", 0, 3)));
  expect(doubted).toEqual(["out-0"]);
});

const transactional = () => new TransactionalProducer("n.0", { producerId: 7, producerEpoch: 3 }, true);
/** Base sequences that a producer has reached, by what it would give the next batch (at 53 in a batch v2). */
const next = (producer: TransactionalProducer): number =>
  producer.stamped(outgoingOf(textRecords("out", 0, 1))).bytes.readInt32BE(53);

test("in a transaction a batch is sent again as the same, and one that is there already is confirmed", async () => {
  const duplicate = [{ topic: "out", partition: 0, errorCode: kafkaCode.duplicateSequenceNumber }];
  const { producer, bytes } = producerOf([moved, duplicate]);
  const transaction = transactional();
  await producer.send(outgoingOf(textRecords("out", 0, 3)), { transaction });
  const [first, second] = await Promise.all(bytes);
  expect(second).toEqual(first);
  expect(next(transaction)).toBe(3);
  const plain = producerOf([duplicate]);
  await expect(plain.producer.send(outgoingOf(textRecords("out", 0, 3)))).rejects.toMatchObject({ code: 46 });
});

test("in a transaction what is refused takes no place, and what is written on the way to the record does", async () => {
  const tooLarge = named(kafkaCode.messageTooLarge);
  // The whole, its first half, its second half, and the two records of that.
  const { producer } = producerOf([tooLarge, fine, tooLarge, fine, tooLarge]);
  const transaction = transactional();
  const outgoing = outgoingOf(textRecords("out", 0, 4));
  const error = await refusalOf(producer.send(outgoing, { transaction }));
  expect(error.refusal).toMatchObject({ batch: outgoing, indices: [3] });
  expect(next(transaction)).toBe(3);
});

test("in a transaction a producer that is busy is waited for no longer than half a second", async () => {
  const busy = [{ topic: "out", partition: 0, errorCode: kafkaCode.concurrentTransactions }];
  const passing = producerOf([busy, busy]);
  await passing.producer.send(outgoingOf(textRecords("out", 0, 3)), { transaction: transactional() });
  expect(passing.asked).toHaveLength(3);
  const { producer, clock } = producerOf(Array.from({ length: 1_000 }, () => busy));
  const startedMs = clock.monotonicMs();
  const sent = producer.send(outgoingOf(textRecords("out", 0, 3)), { transaction: transactional() });
  await expect(sent).rejects.toMatchObject({ code: 51 });
  expect(clock.monotonicMs() - startedMs).toBeLessThan(1_100);
});
