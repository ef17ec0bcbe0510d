import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { defaultTimings, type GroupMember } from "../../../src/adapters/kafkajs/group-member.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { KafkaMembership } from "../../../src/adapters/kafkajs/membership.ts";
import { type Logger, silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { RecordingSink } from "../../support/recording-sink.ts";

const key = "in-0";
const at = (offset: number) => new Map([[key, offset]]);
const { signal } = new AbortController();

/** A member of one task in a group whose coordinator answers as the test says. */
async function memberOf(answers: { committed(): number; commit?(offset: number): Promise<void> }) {
  const clock = new FakeClock(1_700_000_000_000);
  const logged: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (_, message) => void logged.push(message) };
  const sink = new RecordingSink({ deadlineMs: 1_000 });
  const asked: string[] = [];
  const member = {
    generation: 1,
    isGained: () => false,
    hasGrown: async () => false,
    join: async () => [0],
    heartbeat: async () => undefined,
    leave: async () => undefined,
    forgetIdentity: () => undefined,
    commit: async (offsets: ReadonlyMap<string, number>) => {
      await answers.commit?.(offsets.get(key) ?? -1);
      asked.push(`commit ${offsets.get(key)}`);
    },
  };
  const link = {
    coordinatorOf: async () => 1,
    leaderOf: async () => 1,
    forgetCoordinator: () => undefined,
    forget: () => undefined,
    ask: async () => ({ responses: [{ topic: "in", partitions: [{ partition: 0, errorCode: 0, offset: "100" }] }] }),
    send: async () => {
      asked.push("offsets");
      return { errorCode: 0, partitions: [{ topic: "in", partition: 0, offset: answers.committed(), errorCode: 0 }] };
    },
    close: async () => undefined,
  };
  const membership = new KafkaMembership({
    spec: { group: "g", topics: ["in"], start: { kind: "earliest" }, logger },
    sink,
    link: link as unknown as ClusterLink,
    member: member as unknown as GroupMember,
    send: async () => undefined,
    codecs: noCodecs,
    clock,
    timings: defaultTimings,
    isLeaveForGood: false,
    ended: () => undefined,
  });
  membership.begin();
  await sink.until("the task", () => sink.owned.size === 1);
  /** Lets time pass until the promise settles. */
  const passing = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = promise.finally(() => {
      isOver = true;
    });
    over.catch(() => undefined);
    for (let step = 0; step < 200 && !isOver; step++) {
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
      clock.advance(250);
    }
    return over;
  };
  const open = () => passing(membership.openTask(0, sink.epochOf(0), signal));
  return { membership, sink, clock, logged, asked, open, passing };
}

test("a living task that is told less than it committed asks again, and believes what comes then", async () => {
  const told = [5, 2, 2, -1, 7];
  const { open, membership, asked, logged } = await memberOf({ committed: () => told.shift() ?? 7 });
  const handle = await open();
  expect(handle.offsetsNext).toEqual(at(5));
  await handle.commit(at(7));
  asked.length = 0;
  // Opened again by the task that committed 7.
  expect((await open()).offsetsNext).toEqual(at(7));
  expect(asked).toEqual(["offsets", "offsets", "offsets", "offsets"]);
  expect(logged).toEqual([]);
  await membership.leave();
});

test("a group that goes on answering less is believed in the end, with a warning", async () => {
  let told = 5;
  const { open, membership, logged } = await memberOf({ committed: () => told });
  await (await open()).commit(at(9));
  told = 5;
  expect((await open()).offsetsNext).toEqual(at(5));
  expect(logged).toEqual(["The group has lost offsets that were committed; it goes on from older ones."]);
  await membership.leave();
});

test("a commit that asks for another join is followed by one, and then lands", async () => {
  let refusals = 1;
  const { open, membership, asked, passing } = await memberOf({
    committed: () => 5,
    commit: async () => {
      if (refusals-- > 0) throw new KafkaAnswerError("committing", kafkaCode.illegalGeneration);
    },
  });
  const handle = await open();
  await passing(handle.commit(at(6)));
  expect(asked.filter((call) => call.startsWith("commit"))).toEqual(["commit 6"]);
  await membership.leave();
});
