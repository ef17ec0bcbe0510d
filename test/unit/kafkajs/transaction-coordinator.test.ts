import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { TransactionCoordinator } from "../../../src/adapters/kafkajs/transaction-coordinator.ts";
import { TransactionalProducer } from "../../../src/adapters/kafkajs/transactional-producer.ts";
import { AutoClock } from "../runtime/fixture.ts";

const { signal } = new AbortController();
const made = (isSecondVersion = true): TransactionalProducer =>
  new TransactionalProducer("n.0", { producerId: 7, producerEpoch: 3 }, isSecondVersion);

/** A coordinator whose nodes answer in turn; each answer is a value, or what is thrown. */
function coordinatorOf(...answers: readonly unknown[]) {
  const left = [...answers];
  const said: string[] = [];
  const clock = new AutoClock();
  let node = 1;
  const link = {
    transactionCoordinatorOf: async () => node,
    forgetTransactionCoordinator: (id: string) => {
      said.push(`forget ${id}`);
      node++;
    },
    send: async (to: number, _: string, make: (broker: never) => { request: { apiName: string } }) => {
      said.push(`${make(undefined as never).request.apiName} to ${to}`);
      const answer = left.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { coordinator: new TransactionCoordinator(link as never, clock), said, clock };
}
const given = (errorCode: number, producerEpoch = 4) => ({ errorCode, producerId: 7, producerEpoch });
const codesOf = (...codes: readonly (readonly [partition: number, code: number])[]) =>
  codes.map(([partition, errorCode]) => ({ topic: "out", partition, errorCode }));
const partitions = [0, 1, 2].map((partition) => ({ topic: "out", partition }));

test("an id is asked for until what was begun under it has ended, at whoever coordinates it by then", async () => {
  const { coordinator, said } = coordinatorOf(
    given(kafkaCode.concurrentTransactions),
    given(kafkaCode.notCoordinator),
    given(kafkaCode.none),
  );
  const producer = await coordinator.take("n.0", true, signal);
  expect([producer.transactionalId, producer.producerId, producer.producerEpoch]).toEqual(["n.0", 7, 4]);
  expect(said).toEqual(["InitProducerId to 1", "InitProducerId to 1", "forget n.0", "InitProducerId to 2"]);
});

test("a transaction is waited for in steps of milliseconds that grow, for half a minute at most", async () => {
  const { coordinator, said, clock } = coordinatorOf(
    ...Array.from({ length: 1_000 }, () => given(kafkaCode.concurrentTransactions)),
  );
  const startedMs = clock.nowMs;
  await expect(coordinator.take("n.0", true, signal)).rejects.toMatchObject({ code: 51 });
  const tookMs = clock.nowMs - startedMs;
  expect(tookMs).toBeGreaterThan(29_000);
  expect(tookMs).toBeLessThanOrEqual(30_000);
  // 5, 7.5, 11 ... ms, and from 250 ms on always that: some 10 and then four a second.
  expect(said.length).toBeGreaterThan(110);
  expect(said.length).toBeLessThan(140);
});

test("a right that is missing is not asked for again", async () => {
  const { coordinator, said } = coordinatorOf(given(kafkaCode.transactionalIdAuthorizationFailed));
  await expect(coordinator.take("n.0", true, signal)).rejects.toThrow("WRITE on the transactional id");
  expect(said).toHaveLength(1);
});

test("the end of a transaction gives the next one its epoch, and leaves it in the first version", async () => {
  const second = made();
  const { coordinator } = coordinatorOf({ errorCode: 0, next: { producerId: 7, producerEpoch: 9 } });
  await coordinator.end(second, true, signal);
  expect(second.producerEpoch).toBe(9);
  const first = made(false);
  await coordinatorOf({ errorCode: 0, next: undefined }).coordinator.end(first, true, signal);
  expect(first.producerEpoch).toBe(3);
});

test("the end of a transaction is asked for again when its answer is lost, and not when it is refused", async () => {
  const cut = Object.assign(new Error("cut"), { name: "KafkaJSConnectionClosedError" });
  const lost = coordinatorOf(cut, { errorCode: 0, next: undefined });
  await lost.coordinator.end(made(), true, signal);
  expect(lost.said).toEqual(["EndTxn to 1", "forget n.0", "EndTxn to 2"]);
  const refused = coordinatorOf({ errorCode: kafkaCode.producerFenced, next: undefined });
  await expect(refused.coordinator.end(made(), true, signal)).rejects.toMatchObject({ code: 90 });
  expect(refused.said).toHaveLength(1);
});

test("partitions are announced before the offsets, and one that cannot be in keeps the others out only once", async () => {
  const { unknownTopicOrPartition, operationNotAttempted } = kafkaCode;
  const { coordinator, said } = coordinatorOf(
    codesOf([0, operationNotAttempted], [1, unknownTopicOrPartition], [2, operationNotAttempted]),
    codesOf([0, 0], [2, 0]),
    0,
  );
  const refused = await coordinator.announce(made(false), { partitions, group: "g" }, signal);
  expect([...refused.keys()]).toEqual(["out-1"]);
  expect(said).toEqual(["AddPartitionsToTxn to 1", "AddPartitionsToTxn to 1", "AddOffsetsToTxn to 1"]);
});

test("nothing is asked where there is nothing to announce", async () => {
  const { coordinator, said } = coordinatorOf();
  await coordinator.announce(made(false), { partitions: [], group: undefined }, signal);
  expect(said).toEqual([]);
});

test.each([
  [kafkaCode.concurrentTransactions, 500],
  [kafkaCode.coordinatorLoadInProgress, 30_000],
])("a producer that is busy (%s) is waited for no longer than %s ms before something is written", async (code, ms) => {
  const { coordinator, clock } = coordinatorOf(...Array.from({ length: 1_000 }, () => codesOf([0, code])));
  const startedMs = clock.nowMs;
  const asked = coordinator.announce(made(false), { partitions: partitions.slice(0, 1), group: undefined }, signal);
  await expect(asked).rejects.toBeInstanceOf(KafkaAnswerError);
  expect(clock.nowMs - startedMs).toBeGreaterThan(ms * 0.7);
  expect(clock.nowMs - startedMs).toBeLessThan(ms + 300);
});
