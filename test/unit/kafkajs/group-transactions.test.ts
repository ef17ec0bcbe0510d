import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import type { MemberIdentity } from "../../../src/adapters/kafkajs/group-member.ts";
import { GroupTransactions } from "../../../src/adapters/kafkajs/group-transactions.ts";
import type { OffsetToCommit } from "../../../src/adapters/kafkajs/offset-commit-request.ts";
import type { Announced, TransactionCoordinator } from "../../../src/adapters/kafkajs/transaction-coordinator.ts";
import { TransactionalProducer } from "../../../src/adapters/kafkajs/transactional-producer.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { TaskLostError, TaskReopenError } from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import type { Outgoing } from "../../../src/wire/index.ts";
import { type Deferred, deferred } from "../../support/deadline.ts";
import { listenersOf } from "../../support/listeners.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";

const clock = new FakeClock(1_700_000_000_000);
/** Lets a little time pass: enough to ask again, too little to be late. */
const turns = async (count = 5): Promise<void> => {
  for (let turn = 0; turn < count; turn++) {
    await new Promise(setImmediate);
    clock.advance(5);
  }
};
/** As much as is too long for a transaction. */
const tooLong = async (): Promise<void> => {
  await turns();
  clock.advance(1_000);
  await turns();
};
const answered = (code: number): KafkaAnswerError => new KafkaAnswerError("asking", code);
const batch = (partition: number, stem = "r"): Outgoing => outgoingOf(textRecords("out", partition, 1, stem));

type Answer = Error | undefined;

/**
 * Transactions of a member whose brokers answer when the test says so. What is asked is in `asked`, in order:
 * `take n.0`, `write 0 as n.0/1`, `offsets 0,1 as n.0/1 in 1`, `commit n.0/1`, `abort n.0/1`.
 */
async function transactionsOf(tasks: readonly number[], { isSecondVersion = true } = {}) {
  const asked: string[] = [];
  const taken = new Map<string, number>();
  /** Answers to what is asked, by its words; everything else is answered well at once. */
  const answers = new Map<string, Deferred<Answer>[]>();
  const hold = (words: string): Deferred<Answer> => {
    const answer = deferred<Answer>();
    answers.set(words, [...(answers.get(words) ?? []), answer]);
    return answer;
  };
  const ask = async (words: string): Promise<void> => {
    asked.push(words);
    const error = await answers.get(words)?.shift()?.promise;
    if (error !== undefined) throw error;
  };
  const named = (producer: { transactionalId: string; producerEpoch: number }): string =>
    `${producer.transactionalId}/${producer.producerEpoch}`;
  const coordinator = {
    take: async (id: string, isSecond: boolean) => {
      await ask(`take ${id}`);
      const producerEpoch = (taken.get(id) ?? 0) + 1;
      taken.set(id, producerEpoch);
      return new TransactionalProducer(id, { producerId: 1, producerEpoch }, isSecond);
    },
    announce: async (producer: TransactionalProducer, { partitions, group }: Announced) => {
      const which = partitions.map(({ partition }) => partition).join(",");
      await ask(`announce ${which} ${group ?? "nobody"} as ${named(producer)}`);
      return refusedPartitions;
    },
    end: async (producer: TransactionalProducer, isCommitted: boolean) => {
      await ask(`${isCommitted ? "commit" : "abort"} ${named(producer)}`);
      if (!isSecondVersion) return;
      const producerEpoch = producer.producerEpoch + 1;
      taken.set(producer.transactionalId, producerEpoch);
      producer.renew({ producerId: 1, producerEpoch });
    },
  };
  const refusedPartitions = new Map<string, Error>();
  const refusedOffsets = new Map<string, Error>();
  const member = {
    identity: { memberId: "m", generation: 1 },
    commitIn: async (producer: TransactionalProducer, as: MemberIdentity, offsets: readonly OffsetToCommit[]) => {
      const which = offsets.map(({ partition }) => partition).join(",");
      await ask(`offsets ${which} as ${named(producer)} in ${as.generation}`);
      return new Map(refusedOffsets);
    },
  };
  const joining: { until: () => Promise<void> } = { until: () => Promise.resolve() };
  const end = new AbortController();
  /** What ends the question whether this is a member, by question. */
  const confirming: AbortSignal[] = [];
  const transactions = new GroupTransactions({
    group: "g",
    name: "n",
    member,
    coordinator: coordinator as unknown as TransactionCoordinator,
    isSecondVersion,
    clock,
    answerMsMax: 1_000,
    logger: silentLogger,
    forgetCoordinator: () => asked.push("forget"),
    unknownTopicMs: 30_000,
    settled: () => joining.until(),
    confirmMember: (signal) => {
      confirming.push(signal);
      return ask("confirm");
    },
    signal: end.signal,
  });
  const fates: Record<string, unknown> = {};
  const signal = new AbortController().signal;
  const lost = new Set<number>();
  const commit = (name: string, task: number, batches: readonly Outgoing[], cut: AbortSignal = signal): void => {
    const offset = { topic: "in", partition: task, offset: 5, leaderEpoch: -1, metadata: "" };
    const claim = (): OffsetToCommit[] => {
      if (lost.has(task)) throw new TaskLostError("lost");
      return [offset];
    };
    const send = async (outgoing: Outgoing, producer: TransactionalProducer): Promise<void> =>
      ask(`write ${outgoing.partition} as ${named(producer)}`);
    transactions.commit({ task, batches, claim, send }, cut).then(
      () => {
        fates[name] = "committed";
      },
      (error: unknown) => {
        fates[name] = error;
      },
    );
  };
  const open = (task: number): Promise<void> => transactions.open(task, () => !lost.has(task), signal);
  for (const task of tasks) await open(task);
  asked.length = 0;
  return {
    transactions,
    asked,
    hold,
    member,
    refusedOffsets,
    refusedPartitions,
    joining,
    end,
    commit,
    confirming,
    fates,
    lost,
    open,
  };
}

test("what all tasks commit in a turn is one transaction, and what comes meanwhile is the next, under another id", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0, 1, 2]);
  const ended = hold("commit n.0/1");
  commit("a", 0, [batch(3)]);
  commit("b", 1, [batch(4)]);
  await turns();
  commit("c", 2, []);
  await turns();
  expect(asked).toEqual(["offsets 0,1 as n.0/1 in 1", "write 3 as n.0/1", "write 4 as n.0/1", "commit n.0/1"]);
  expect(fates).toEqual({});
  asked.length = 0;
  ended.resolve(undefined);
  await turns();
  expect(asked).toEqual(["offsets 2 as n.1/1 in 1", "commit n.1/1"]);
  expect(fates).toEqual({ a: "committed", b: "committed", c: "committed" });
});

test("two ids take turns, each under its next epoch, so that nobody writes while markers of the same id are on their way", async () => {
  const { commit, asked, fates } = await transactionsOf([0, 1, 2]);
  for (const name of ["a", "b", "c", "d"]) {
    commit(name, 2, []);
    await turns();
  }
  const ends = asked.filter((words) => words.startsWith("commit"));
  expect(ends).toEqual(["commit n.0/1", "commit n.1/1", "commit n.0/2", "commit n.1/2"]);
  expect(Object.values(fates)).toEqual(["committed", "committed", "committed", "committed"]);
});

test("a member with one id writes one transaction after the other under it", async () => {
  const { commit, asked } = await transactionsOf([0]);
  for (const name of ["a", "b"]) {
    commit(name, 0, []);
    await turns();
  }
  expect(asked.filter((words) => words.startsWith("commit"))).toEqual(["commit n.0/1", "commit n.0/2"]);
});

test("brokers that add to a transaction by themselves are asked for offsets and batches one after the other", async () => {
  const { commit, asked, hold } = await transactionsOf([0, 1]);
  const offsets = hold("offsets 0,1 as n.0/1 in 1");
  commit("a", 0, [batch(3)]);
  commit("b", 1, [batch(4)]);
  await turns();
  expect(asked).toEqual(["offsets 0,1 as n.0/1 in 1"]);
  offsets.resolve(undefined);
  await turns();
  expect(asked.slice(1)).toEqual(["write 3 as n.0/1", "write 4 as n.0/1", "commit n.0/1"]);
});

test("where offsets are refused nothing is written in their transaction", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0]);
  hold("offsets 0 as n.0/1 in 1").resolve(answered(kafkaCode.illegalGeneration));
  commit("a", 0, [batch(3)]);
  await turns();
  expect(asked).toEqual(["offsets 0 as n.0/1 in 1", "abort n.0/1"]);
  expect(fates["a"]).toBeInstanceOf(KafkaAnswerError);
});

test("in the first version, where both are announced, offsets and batches are under way at once", async () => {
  const { commit, asked, hold } = await transactionsOf([0], { isSecondVersion: false });
  hold("offsets 0 as n.0/1 in 1");
  commit("a", 0, [batch(3)]);
  await turns();
  expect(asked).toEqual(["announce 3 g as n.0/1", "offsets 0 as n.0/1 in 1", "write 3 as n.0/1"]);
});

test("a transaction is committed only when every batch and the offsets are there", async () => {
  for (const last of ["write 3 as n.0/1", "write 4 as n.0/1", "offsets 0 as n.0/1 in 1"]) {
    const { commit, asked, hold, fates } = await transactionsOf([0]);
    const answer = hold(last);
    commit("a", 0, [batch(3), batch(4)]);
    await turns();
    expect(asked).not.toContain("commit n.0/1");
    answer.resolve(undefined);
    await turns();
    expect(fates).toEqual({ a: "committed" });
  }
});

test("batches of one topic-partition go one after the other, whichever tasks they are of", async () => {
  const { commit, asked, hold } = await transactionsOf([0, 1]);
  const first = hold("write 3 as n.0/1");
  commit("a", 0, [batch(3, "first")]);
  commit("b", 1, [batch(3, "second")]);
  await turns();
  expect(asked.filter((words) => words.startsWith("write"))).toEqual(["write 3 as n.0/1"]);
  first.resolve(undefined);
  await turns();
  expect(asked.filter((words) => words.startsWith("write"))).toEqual(["write 3 as n.0/1", "write 3 as n.0/1"]);
});

test("a part that is refused is told to its task alone; the others go into the next transaction, which another id has", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0, 1, 2]);
  const refused = new Error("refused");
  hold("write 4 as n.0/1").resolve(refused);
  const aborted = hold("abort n.0/1");
  commit("a", 0, [batch(3)]);
  commit("b", 1, [batch(4)]);
  await turns();
  expect(fates).toEqual({ a: "committed", b: refused });
  // The aborted one is being ended beside it.
  expect(asked.slice(-4)).toEqual(["abort n.0/1", "offsets 0 as n.1/1 in 1", "write 3 as n.1/1", "commit n.1/1"]);
  aborted.resolve(undefined);
  await turns();
  commit("c", 2, []);
  await turns();
  expect(asked.slice(-2)).toEqual(["offsets 2 as n.0/2 in 1", "commit n.0/2"]);
});

test("nobody waits for what is under way when a part was refused", async () => {
  const { commit, hold, fates, asked } = await transactionsOf([0, 1]);
  const late = hold("write 3 as n.0/1");
  hold("write 4 as n.0/1").resolve(new Error("refused"));
  commit("a", 0, [batch(3), batch(3)]);
  commit("b", 1, [batch(4)]);
  await turns();
  expect(fates["a"]).toBe("committed");
  late.resolve(undefined);
  await turns();
  expect(asked.filter((words) => words.startsWith("write 3"))).toEqual([
    "write 3 as n.0/1",
    "write 3 as n.1/1",
    "write 3 as n.1/1",
  ]);
});

test("offsets that are refused are told to their tasks, all at once", async () => {
  const { commit, refusedOffsets, fates, asked } = await transactionsOf([0, 1, 2]);
  const [one, two] = [answered(kafkaCode.illegalGeneration), answered(kafkaCode.illegalGeneration)];
  refusedOffsets.set("in-0", one).set("in-1", two);
  commit("a", 0, []);
  commit("b", 1, []);
  commit("c", 2, []);
  await turns();
  expect(fates).toEqual({ a: one, b: two, c: "committed" });
  expect(asked.filter((words) => words.startsWith("offsets"))).toEqual([
    "offsets 0,1,2 as n.0/1 in 1",
    "offsets 2 as n.1/1 in 1",
  ]);
});

test("offsets are asked for again in the same transaction while their coordinator is away", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0]);
  hold("offsets 0 as n.0/1 in 1").resolve(answered(kafkaCode.notCoordinator));
  commit("a", 0, []);
  await turns(10);
  expect(asked).toEqual(["offsets 0 as n.0/1 in 1", "forget", "offsets 0 as n.0/1 in 1", "commit n.0/1"]);
  expect(fates).toEqual({ a: "committed" });
});

test("offsets of which one cannot be committed yet are asked for again in the same transaction", async () => {
  const { commit, asked, fates, refusedOffsets } = await transactionsOf([0, 1]);
  refusedOffsets.set("in-1", answered(kafkaCode.coordinatorLoadInProgress));
  commit("a", 0, []);
  commit("b", 1, []);
  await turns(2);
  refusedOffsets.clear();
  await turns(10);
  expect(asked.at(-1)).toBe("commit n.0/1");
  expect(fates).toEqual({ a: "committed", b: "committed" });
});

test("a commit whose answer never comes is told to every task of it, and the id is ended before it is used again", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0]);
  hold("commit n.0/1").resolve(answered(kafkaCode.requestTimedOut));
  const aborted = hold("abort n.0/1");
  commit("a", 0, [batch(3)]);
  await turns();
  expect(fates["a"]).toBeInstanceOf(TaskReopenError);
  commit("b", 0, []);
  await turns();
  expect(asked.at(-1)).toBe("abort n.0/1");
  aborted.resolve(undefined);
  await turns();
  expect(asked.slice(-2)).toEqual(["offsets 0 as n.0/2 in 1", "commit n.0/2"]);
});

test("an abort that is not answered is asked for again, until it is", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0]);
  hold("write 3 as n.0/1").resolve(new Error("refused"));
  hold("abort n.0/1").resolve(answered(kafkaCode.requestTimedOut));
  commit("a", 0, [batch(3)]);
  commit("b", 0, []);
  await turns();
  expect(asked.filter((words) => words === "abort n.0/1")).toHaveLength(2);
  expect(fates["b"]).toBe("committed");
});

test.each([
  kafkaCode.invalidProducerEpoch,
  kafkaCode.producerFenced,
  kafkaCode.invalidTxnState,
  kafkaCode.invalidProducerIdMapping,
])(
  "a producer that was replaced (%s) ends the part of every task; its id is taken anew beside what comes next",
  async (code) => {
    const { commit, asked, hold, fates } = await transactionsOf([0, 1, 2]);
    hold("write 4 as n.0/1").resolve(answered(code));
    const taken = hold("take n.0");
    // Task 0, after which the transaction is named, has no part in it: nobody opens it again.
    commit("a", 1, [batch(3)]);
    commit("b", 2, [batch(4)]);
    await turns();
    expect(fates).toEqual({ a: answered(code), b: answered(code) });
    expect(asked.slice(-2)).toEqual(["confirm", "take n.0"]);
    expect(asked.filter((words) => words.startsWith("abort"))).toEqual([]);
    commit("c", 0, []);
    await turns();
    expect(asked.slice(-2)).toEqual(["offsets 0 as n.1/1 in 1", "commit n.1/1"]);
    taken.resolve(undefined);
    await turns();
    commit("d", 0, []);
    await turns();
    expect(asked.slice(-2)).toEqual(["offsets 0 as n.0/2 in 1", "commit n.0/2"]);
  },
);

test("an id that was taken away is waited for when a task has no other", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0]);
  hold("write 3 as n.0/1").resolve(answered(kafkaCode.producerFenced));
  const taken = hold("take n.0");
  commit("a", 0, [batch(3)]);
  await turns();
  commit("b", 0, []);
  await turns();
  expect(fates["b"]).toBeUndefined();
  taken.resolve(undefined);
  await turns();
  expect(asked.slice(-4)).toEqual(["confirm", "take n.0", "offsets 0 as n.0/2 in 1", "commit n.0/2"]);
  expect(fates["b"]).toBe("committed");
});

test("nobody waits for one id when another is there first, be it of a task that is only opened then", async () => {
  for (const first of [1, 2]) {
    const { commit, asked, hold, fates, open } = await transactionsOf([0, 1]);
    hold("write 3 as n.0/1").resolve(new Error("refused"));
    hold("abort n.0/1");
    const aborted = hold("abort n.1/1");
    hold("write 3 as n.1/1").resolve(new Error("refused"));
    commit("a", 0, [batch(3)]);
    await turns();
    commit("b", 0, [batch(3)]);
    await turns();
    commit("c", 0, []);
    await turns();
    expect(fates["c"]).toBeUndefined();
    if (first === 1) aborted.resolve(undefined);
    else await open(2);
    await turns();
    expect(fates["c"]).toBe("committed");
    expect(asked.at(-1)).toBe(first === 1 ? "commit n.1/2" : "commit n.2/1");
  }
});

test("who is not in the group takes no id anew before it is in it again, nor when its task is another's by then", async () => {
  for (const isLost of [false, true]) {
    const { transactions, commit, asked, hold, fates } = await transactionsOf([0, 1]);
    hold("write 3 as n.0/1").resolve(answered(kafkaCode.producerFenced));
    hold("confirm").resolve(answered(kafkaCode.unknownMemberId));
    const joined = hold("confirm");
    commit("a", 0, [batch(3)]);
    await turns(10);
    expect(asked.slice(-2)).toEqual(["confirm", "confirm"]);
    if (isLost) transactions.drop(0);
    joined.resolve(isLost ? answered(kafkaCode.unknownMemberId) : undefined);
    await turns(20);
    expect(asked.filter((words) => words.startsWith("take"))).toEqual(isLost ? [] : ["take n.0"]);
    commit("b", 1, []);
    await turns();
    expect(fates["b"]).toBe("committed");
  }
});

test("who waits for an id of tasks that have all moved meanwhile is told so", async () => {
  const { transactions, commit, hold, fates } = await transactionsOf([0]);
  hold("write 3 as n.0/1").resolve(answered(kafkaCode.producerFenced));
  hold("take n.0");
  commit("a", 0, [batch(3)]);
  await turns();
  commit("b", 0, []);
  await turns();
  expect(fates["b"]).toBeUndefined();
  transactions.drop(0);
  await turns();
  expect(fates["b"]).toBeInstanceOf(TaskLostError);
});

test("nobody waits for the group on behalf of an opening that was called off, or of a task that has moved", async () => {
  const { transactions, commit, hold, confirming } = await transactionsOf([0, 1]);
  hold("write 3 as n.0/1").resolve(answered(kafkaCode.producerFenced));
  hold("confirm");
  commit("a", 0, [batch(3)]);
  await turns();
  expect(confirming.at(-1)?.aborted).toBe(false);
  transactions.drop(0);
  expect(confirming.at(-1)?.aborted).toBe(true);
  hold("confirm");
  const opening = new AbortController();
  void transactions.open(1, () => true, opening.signal);
  await turns();
  expect(confirming.at(-1)).toBe(opening.signal);
});

test("a member that may not have any id any more tells why to who commits", async () => {
  const { commit, hold, fates } = await transactionsOf([0]);
  const denied = answered(kafkaCode.transactionalIdAuthorizationFailed);
  hold("write 3 as n.0/1").resolve(answered(kafkaCode.producerFenced));
  hold("take n.0").resolve(denied);
  commit("a", 0, [batch(3)]);
  await turns();
  commit("b", 0, []);
  await turns();
  expect(fates["b"]).toBe(denied);
});

test("a task that has moved gives its id to its owner: the others write under another", async () => {
  const { transactions, commit, asked } = await transactionsOf([0, 1]);
  transactions.drop(0);
  commit("b", 1, [batch(4)]);
  await turns();
  expect(asked).toEqual(["offsets 1 as n.1/1 in 1", "write 4 as n.1/1", "commit n.1/1"]);
});

test("R3: who has lost its task is not in the transaction, and a transaction of nobody is none", async () => {
  const { commit, asked, fates, lost } = await transactionsOf([0, 1]);
  lost.add(0);
  commit("a", 0, [batch(3)]);
  await turns();
  expect(asked).toEqual([]);
  commit("a", 0, [batch(3)]);
  commit("b", 1, [batch(4)]);
  await turns();
  expect(fates).toEqual({ a: expect.any(TaskLostError), b: "committed" });
  expect(asked).not.toContain("write 3 as n.0/1");
});

test("R3: what waits for a join is committed in the generation that came of it", async () => {
  const { commit, asked, joining, member } = await transactionsOf([0]);
  const joined = deferred();
  joining.until = () => joined.promise;
  commit("a", 0, []);
  await turns();
  expect(asked).toEqual([]);
  member.identity = { memberId: "m", generation: 2 };
  joined.resolve();
  await turns();
  expect(asked[0]).toBe("offsets 0 as n.0/1 in 2");
});

test("opening a task waits for the transaction that has a part of it, or that its id writes, and takes the id then", async () => {
  for (const task of [0, 1]) {
    const { commit, asked, hold, open } = await transactionsOf([0, 1, 2]);
    const ended = hold("commit n.0/1");
    commit("b", 1, [batch(4)]);
    await turns();
    const opened = open(task);
    await turns();
    expect(asked.at(-1)).toBe("commit n.0/1");
    ended.resolve(undefined);
    await opened;
    expect(asked.at(-1)).toBe(`take n.${task}`);
  }
});

test("a task that is lost while its id is taken does not open, and its id is not used", async () => {
  const { commit, asked, hold, open, lost } = await transactionsOf([1]);
  const taken = hold("take n.0");
  const opened = open(0);
  await turns();
  lost.add(0);
  taken.resolve(undefined);
  await expect(opened).rejects.toThrow(TaskLostError);
  asked.length = 0;
  commit("b", 1, []);
  await turns();
  expect(asked).toEqual(["offsets 1 as n.1/1 in 1", "commit n.1/1"]);
});

test("a commit that is called off while it waits is not made, and one that is under way is what becomes of it", async () => {
  const { commit, hold, fates, asked } = await transactionsOf([0, 1]);
  const ended = hold("commit n.0/1");
  const [cut, over] = [new AbortController(), new Error("over")];
  commit("a", 0, [], cut.signal);
  await turns();
  commit("b", 1, [batch(4)], cut.signal);
  await turns();
  cut.abort(over);
  await turns();
  expect(fates).toEqual({ b: over });
  ended.resolve(undefined);
  await turns();
  expect(fates).toEqual({ a: "committed", b: over });
  expect(asked).not.toContain("write 4 as n.0/2");
});

test("nobody listens for the end of a commit that was made or refused, nor a transaction that is over for that of its member", async () => {
  const { commit, hold, fates, end } = await transactionsOf([0, 1]);
  const { signal } = new AbortController();
  const before = listenersOf(end.signal);
  const refused = hold("write 4 as n.0/1");
  commit("a", 0, [batch(3)], signal);
  commit("b", 1, [batch(4)], signal);
  await turns();
  expect(listenersOf(signal)).toBeGreaterThan(0);
  refused.resolve(answered(kafkaCode.messageTooLarge));
  await turns(20);
  expect(fates).toEqual({ a: "committed", b: expect.any(Error) });
  expect([listenersOf(signal), listenersOf(end.signal)]).toEqual([0, before]);
});

test("a commit that was called off before it is made asks for nothing", async () => {
  const { commit, fates, asked } = await transactionsOf([0]);
  const over = new Error("over");
  commit("a", 0, [batch(3)], AbortSignal.abort(over));
  await turns();
  expect(fates).toEqual({ a: over });
  expect(asked).toEqual([]);
});

test("a part that goes into the next transaction can be called off before that", async () => {
  const { commit, hold, fates, asked, joining } = await transactionsOf([0, 1]);
  const refused = hold("write 4 as n.0/1");
  const [cut, over] = [new AbortController(), new Error("over")];
  commit("a", 0, [batch(3)], cut.signal);
  commit("b", 1, [batch(4)]);
  await turns();
  const joined = deferred();
  joining.until = () => joined.promise;
  refused.resolve(new Error("refused"));
  await turns();
  cut.abort(over);
  joined.resolve();
  await turns();
  expect(fates["a"]).toBe(over);
  expect(asked.at(-1)).toBe("abort n.0/1");
});

test("what is called off while it is under way is not in the next transaction, and its task is not opened before", async () => {
  const { commit, hold, fates, asked, open, joining } = await transactionsOf([0, 1]);
  const refused = hold("write 4 as n.0/1");
  const [cut, over] = [new AbortController(), new Error("over")];
  commit("a", 0, [batch(3)], cut.signal);
  commit("b", 1, [batch(4)]);
  await turns();
  cut.abort(over);
  const opened = open(0);
  await turns();
  expect(asked.filter((words) => words.startsWith("take"))).toEqual([]);
  refused.resolve(new Error("refused"));
  await opened;
  await turns();
  expect(fates["a"]).toBe(over);
  expect(asked.filter((words) => words.startsWith("offsets"))).toEqual(["offsets 0,1 as n.0/1 in 1"]);
  // Nor before what only waits is called off or decided.
  const joined = deferred();
  joining.until = () => joined.promise;
  const cutLater = new AbortController();
  commit("c", 0, [], cutLater.signal);
  await turns();
  asked.length = 0;
  const again = open(0);
  await turns();
  expect(asked).toEqual([]);
  cutLater.abort(over);
  await again;
  expect(asked).toEqual(["confirm", "take n.0"]);
  joined.resolve();
  await turns();
  expect(asked).toEqual(["confirm", "take n.0"]);
});

test("a member that ends aborts what is under way, and its leaving waits for that, but not for ever", async () => {
  for (const isAnswered of [true, false]) {
    const { transactions, commit, hold, fates, asked, end } = await transactionsOf([0]);
    hold("write 3 as n.0/1");
    const aborted = hold("abort n.0/1");
    commit("a", 0, [batch(3)]);
    await turns();
    const ended = new TaskLostError("ended");
    end.abort(ended);
    if (isAnswered) aborted.resolve(undefined);
    const left = transactions.leave();
    await turns();
    clock.advance(isAnswered ? 0 : 2_000);
    await left;
    expect(fates).toEqual({ a: ended });
    expect(asked.at(-1)).toBe("abort n.0/1");
  }
});

test("a task whose partition is not written in time goes on by itself, and makes nobody else late", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0, 1, 2]);
  hold("write 4 as n.0/1");
  const written = hold("write 4 as n.1/1");
  commit("a", 0, [batch(3)]);
  commit("b", 1, [batch(5), batch(4)]);
  await turns();
  expect(fates).toEqual({});
  await tooLong();
  expect(fates).toEqual({ a: "committed" });
  // In its own transaction nothing else is written before what was late: others write behind that.
  expect(asked.filter((words) => words.endsWith("n.1/1") && words.startsWith("write"))).toEqual(["write 4 as n.1/1"]);
  await tooLong();
  commit("c", 2, []);
  await turns();
  expect(fates).toEqual({ a: "committed", c: "committed" });
  asked.length = 0;
  written.resolve(undefined);
  await turns();
  expect(asked).toEqual(["offsets 1 as n.1/1 in 1", "write 5 as n.1/1", "commit n.1/1"]);
  expect(fates["b"]).toBe("committed");
  asked.length = 0;
  commit("a", 0, []);
  commit("b", 1, []);
  await turns();
  expect(asked.filter((words) => words.startsWith("offsets"))).toEqual([expect.stringMatching("offsets 0,1")]);
});

test("a partition that is not written in time holds up its task alone where the task has all the others' ids", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0]);
  hold("write 4 as n.0/1");
  const written = hold("write 4 as n.0/2");
  commit("b", 0, [batch(5), batch(4)]);
  await tooLong();
  expect(asked.slice(-2)).toEqual(["abort n.0/1", "write 4 as n.0/2"]);
  written.resolve(undefined);
  await turns();
  expect(asked.slice(-3)).toEqual(["offsets 0 as n.0/2 in 1", "write 5 as n.0/2", "commit n.0/2"]);
  commit("again", 0, []);
  await turns();
  expect(fates).toEqual({ b: "committed", again: "committed" });
});

test("while the offsets are not answered in time no transaction is open to anybody's harm: they come first", async () => {
  const { commit, asked, hold, fates, end } = await transactionsOf([0, 1]);
  hold("offsets 0,1 as n.0/1 in 1");
  const answer = hold("offsets 0,1 as n.1/1 in 1");
  commit("a", 0, [batch(3)]);
  commit("b", 1, [batch(4)]);
  await tooLong();
  await tooLong();
  expect(asked.slice(-2)).toEqual(["abort n.0/1", "offsets 0,1 as n.1/1 in 1"]);
  answer.resolve(undefined);
  await turns();
  expect(asked.slice(-3)).toEqual(["write 3 as n.1/1", "write 4 as n.1/1", "commit n.1/1"]);
  expect(fates).toEqual({ a: "committed", b: "committed" });
  // For as long as it takes, but not when the member ends.
  hold("offsets 0 as n.0/2 in 1");
  hold("offsets 0 as n.1/2 in 1");
  commit("c", 0, []);
  await tooLong();
  expect(asked.at(-1)).toBe("offsets 0 as n.1/2 in 1");
  end.abort(new TaskLostError("ended"));
  await turns();
  expect(fates["c"]).toBeInstanceOf(TaskLostError);
});

test("a producer that is busy with its transaction before is not waited for when there is another", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0, 1]);
  hold("write 3 as n.0/1").resolve(answered(kafkaCode.concurrentTransactions));
  commit("a", 0, [batch(3)]);
  await turns();
  expect(asked.slice(-3)).toEqual(["offsets 0 as n.1/1 in 1", "write 3 as n.1/1", "commit n.1/1"]);
  expect(fates).toEqual({ a: "committed" });
});

test("in the first version the id of an aborted transaction is taken anew before it is used again", async () => {
  const { commit, asked, hold, fates } = await transactionsOf([0], { isSecondVersion: false });
  hold("write 3 as n.0/1").resolve(new Error("refused"));
  commit("a", 0, [batch(3)]);
  commit("b", 0, []);
  await turns();
  expect(asked.slice(-6)).toEqual([
    "abort n.0/1",
    "confirm",
    "take n.0",
    "announce  g as n.0/2",
    "offsets 0 as n.0/2 in 1",
    "commit n.0/2",
  ]);
  expect(fates["b"]).toBe("committed");
});

test("in the first version nothing is written before it is announced, and a partition that may not be in is its task's", async () => {
  const { commit, asked, hold, fates, refusedPartitions } = await transactionsOf([0, 1], { isSecondVersion: false });
  const announced = hold("announce 3,4 g as n.0/1");
  commit("a", 0, [batch(3), batch(3)]);
  commit("b", 1, [batch(4)]);
  await turns();
  expect(asked).toEqual(["announce 3,4 g as n.0/1"]);
  const denied = answered(kafkaCode.topicAuthorizationFailed);
  refusedPartitions.set("out-4", denied);
  announced.resolve(undefined);
  await turns();
  expect(fates).toEqual({ a: "committed", b: denied });
  expect(asked.filter((words) => words.startsWith("write"))).toEqual(["write 3 as n.1/1", "write 3 as n.1/1"]);
});

test("in the first version a partition that is not known yet is asked for again, and not written before it is in", async () => {
  const { commit, asked, fates, refusedPartitions } = await transactionsOf([0], { isSecondVersion: false });
  refusedPartitions.set("out-4", answered(kafkaCode.unknownTopicOrPartition));
  commit("a", 0, [batch(3), batch(4)]);
  await turns();
  expect(asked).toEqual(["announce 3,4 g as n.0/1", "announce 4 nobody as n.0/1"]);
  refusedPartitions.clear();
  await turns(20);
  expect(asked.filter((words) => !words.startsWith("announce"))).toEqual([
    "offsets 0 as n.0/1 in 1",
    "write 3 as n.0/1",
    "write 4 as n.0/1",
    "commit n.0/1",
  ]);
  expect(fates).toEqual({ a: "committed" });
});

test("in the first version a partition that stays unknown holds up its task alone, and is missing after half a minute", async () => {
  const { commit, asked, fates, refusedPartitions } = await transactionsOf([0, 1], { isSecondVersion: false });
  refusedPartitions.set("out-4", answered(kafkaCode.unknownTopicOrPartition));
  commit("a", 0, [batch(3)]);
  commit("b", 1, [batch(5), batch(4)]);
  await turns();
  clock.advance(1_000);
  await turns();
  refusedPartitions.delete("out-3");
  await turns();
  expect(fates).toEqual({ a: "committed" });
  expect(asked.filter((words) => words.startsWith("write"))).toEqual(["write 3 as n.0/2"]);
  // It makes nobody wait any more, so that its transaction is not given up again.
  const aborted = asked.filter((words) => words.startsWith("abort")).length;
  await tooLong();
  await tooLong();
  expect(asked.filter((words) => words.startsWith("abort"))).toHaveLength(aborted);
  clock.advance(30_000);
  await turns();
  expect(fates["b"]).toMatchObject({ code: "MR_TOPIC_MISSING" });
  expect(asked.filter((words) => words.startsWith("write"))).toEqual(["write 3 as n.0/2"]);
});
