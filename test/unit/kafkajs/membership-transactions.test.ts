import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { TaskLostError, TaskReopenError } from "../../../src/runtime/index.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";
import { at, memberOf } from "./membership-fixture.ts";

const exactlyOnce = { delivery: "exactly-once", name: "shop.clean" } as const;
const output = outgoingOf(textRecords("out", 0, 1));
const change = outgoingOf(textRecords("changes", 0, 1), "changelog");
const refused = (code: number): KafkaAnswerError => new KafkaAnswerError("asking", code);

test("a task opens after the group has said that it is a member, and after its id is taken, with what is committed then", async () => {
  const heartbeats: number[] = [];
  const { open, membership, asked } = await memberOf({
    committed: () => 5,
    heartbeat: (generation) => {
      heartbeats.push(generation);
      return undefined;
    },
    spec: exactlyOnce,
  });
  expect((await open()).offsetsNext).toEqual(at(5));
  expect(asked).toEqual(["take shop.clean.0", "offsets"]);
  expect(heartbeats.length).toBeGreaterThan(0);
  await membership.leave();
});

test("who has been put out of the group takes no id away from the owner, and joins again", async () => {
  let isKnown = false;
  const { open, membership, asked, sink } = await memberOf({
    committed: () => 5,
    heartbeat: (generation) => (generation === 1 && !isKnown ? refused(kafkaCode.unknownMemberId) : undefined),
    spec: exactlyOnce,
  });
  await expect(open()).rejects.toThrow(TaskReopenError);
  expect(asked).toEqual([]);
  isKnown = true;
  await open();
  expect(asked).toEqual(["take shop.clean.0", "offsets"]);
  expect(sink.failures).toEqual([]);
  await membership.leave();
});

test("a rebalance keeps nobody from opening a task", async () => {
  let isFirst = true;
  const { open, membership, asked } = await memberOf({
    committed: () => 5,
    heartbeat: () => {
      const error = isFirst ? refused(kafkaCode.rebalanceInProgress) : undefined;
      isFirst = false;
      return error;
    },
    spec: exactlyOnce,
  });
  await open();
  expect(asked).toEqual(["take shop.clean.0", "offsets"]);
  await membership.leave();
});

test("what is written goes out with the commit, in the transaction of the offsets and their note", async () => {
  const { open, membership, asked, left, passing } = await memberOf({ committed: () => 5, spec: exactlyOnce });
  const handle = await open();
  asked.length = 0;
  await handle.write([output, change]);
  expect(asked).toEqual([]);
  await passing(handle.commit(at(7), "note"));
  expect(asked).toEqual([
    "offset 7 in 1 as shop.clean.0",
    "write output as shop.clean.0",
    "write changelog as shop.clean.0",
    "end shop.clean.0",
  ]);
  expect(left).toEqual(["topic=now note=note"]);
  await membership.leave();
});

test("at least once with changelogs, outputs go out at once and changes with the offsets", async () => {
  const { open, membership, asked, passing } = await memberOf({ committed: () => 5, spec: { hasChangelogs: true } });
  const handle = await open();
  expect(asked).toEqual(["take g.0", "offsets"]);
  asked.length = 0;
  await handle.write([change, output]);
  expect(asked).toEqual(["write output"]);
  await passing(handle.commit(at(7)));
  expect(asked).toEqual(["write output", "offset 7 in 1 as g.0", "write changelog as g.0", "end g.0"]);
  await membership.leave();
});

test("at least once without changelogs, nothing is taken and nothing held", async () => {
  const { open, membership, asked, passing } = await memberOf({ committed: () => 5 });
  const handle = await open();
  await handle.write([change, output]);
  await passing(handle.commit(at(7)));
  expect(asked).toEqual(["offsets", "write changelog", "write output", "commit 7 in 1"]);
  await membership.leave();
});

test("R3: a member that the group has left behind joins again, and commits what it holds in the generation that came of it", async () => {
  const { open, membership, asked, passing } = await memberOf({
    committed: () => 5,
    commit: async (generation) => {
      if (generation === 1) throw refused(kafkaCode.illegalGeneration);
    },
    spec: exactlyOnce,
  });
  const handle = await open();
  asked.length = 0;
  await handle.write([output]);
  await passing(handle.commit(at(7)));
  expect(asked.filter((words) => !words.startsWith("offsets"))).toEqual([
    "offset 7 in 1 as shop.clean.0",
    "abort shop.clean.0",
    "offset 7 in 2 as shop.clean.0",
    "write output as shop.clean.0",
    "end shop.clean.0",
  ]);
  await membership.leave();
});

test("a start that is committed first is committed in a transaction, as what follows it", async () => {
  const { open, membership, asked } = await memberOf({ committed: () => -1, spec: exactlyOnce });
  await open();
  expect(asked).toEqual(["take shop.clean.0", "offsets", "offset 100 in 1 as shop.clean.0", "end shop.clean.0"]);
  await membership.leave();
});

test("offsets that a transaction holds are asked for every 20 ms until they are stable, and others less and less often", async () => {
  const askedAtMs: number[] = [];
  const codes = [
    ...Array.from({ length: 10 }, () => kafkaCode.unstableOffsetCommit),
    kafkaCode.coordinatorLoadInProgress,
    kafkaCode.coordinatorLoadInProgress,
  ];
  const { open, membership, clock } = await memberOf({
    committed: () => 5,
    offsetCode: () => {
      askedAtMs.push(clock.monotonicMs());
      return codes.shift() ?? 0;
    },
    spec: exactlyOnce,
    stepMs: 10,
  });
  expect((await open()).offsetsNext).toEqual(at(5));
  const pauses = askedAtMs.slice(1).map((ms, i) => ms - (askedAtMs[i] ?? 0));
  expect(pauses).toEqual([...Array.from({ length: 10 }, () => 20), 100, 200]);
  await membership.leave();
});

test("the id of a task that has moved is its owner's: the tasks that stayed write under their own", async () => {
  const rebalances = [refused(kafkaCode.rebalanceInProgress)];
  let isOpen = false;
  const { open, membership, asked, sink, passing } = await memberOf({
    committed: () => 5,
    tasks: [[0, 1], [1]],
    heartbeat: () => (isOpen ? rebalances.shift() : undefined),
    spec: exactlyOnce,
  });
  await open(0);
  const stayed = await open(1);
  isOpen = true;
  const moved = sink.until("the task to move", () => sink.calls.includes("lost 0"));
  await passing(moved);
  expect(rebalances).toEqual([]);
  asked.length = 0;
  await passing(stayed.commit(new Map([["in-1", 7]])));
  expect(asked).toEqual(["offset 7 in 2 as shop.clean.1", "end shop.clean.1"]);
  await membership.leave();
});

test("a member that leaves aborts what it has under way", async () => {
  const { open, membership, asked } = await memberOf({
    committed: () => 5,
    commit: () => new Promise(() => undefined),
    spec: exactlyOnce,
  });
  const handle = await open();
  const outcome = handle.commit(at(7)).catch((error: unknown) => error);
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  await membership.leave();
  expect(await outcome).toBeInstanceOf(TaskLostError);
  expect(asked.at(-1)).toBe("abort shop.clean.0");
});
