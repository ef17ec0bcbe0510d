import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { InstanceHold } from "../../../src/adapters/kafkajs/instance-hold.ts";
import { TaskLostError, TaskReopenError } from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { deferred } from "../../support/deadline.ts";
import { at, memberOf } from "./membership-fixture.ts";

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

test("what a task leaves with its offset goes out with the topic's id, and is answered to who opens it at that offset", async () => {
  const metadata = "note=before";
  const { open, membership, left } = await memberOf({ committed: () => 5, metadata });
  const handle = await open();
  expect(handle.notes).toEqual(new Map([["in-0", "before"]]));
  await handle.commit(at(7), "after");
  await handle.commit(at(8));
  expect(left).toEqual(["topic=now note=after", "topic=now"]);
  await membership.leave();
});

test("the note of an offset that is not begun at is nobody's", async () => {
  // Nothing is committed, so that the task begins at the start of the log.
  const { open, membership } = await memberOf({ committed: () => -1, metadata: "note=before" });
  expect((await open()).notes).toEqual(new Map());
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
  const { open, membership, asked, passing } = await memberOf({
    committed: () => 5,
    commit: async (generation) => {
      if (generation === 1) throw new KafkaAnswerError("committing", kafkaCode.illegalGeneration);
    },
  });
  await passing((await open()).commit(at(6)));
  expect(asked.filter((call) => call.startsWith("commit"))).toEqual(["commit 6 in 1", "commit 6 in 2"]);
  await membership.leave();
});

test("R3: a commit that is tried again after the task has moved is lost, and not made in the generation that moved it", async () => {
  const { open, membership, asked, passing } = await memberOf({
    committed: () => 5,
    tasks: [[0], []],
    commit: () => Promise.reject(new KafkaAnswerError("committing", kafkaCode.coordinatorNotAvailable)),
    heartbeat: (generation) =>
      generation === 1 ? new KafkaAnswerError("staying", kafkaCode.rebalanceInProgress) : undefined,
  });
  await expect(passing((await open()).commit(at(6)))).rejects.toThrow(TaskLostError);
  expect(asked.filter((call) => call.startsWith("commit")).every((call) => call === "commit 6 in 1")).toBe(true);
  await membership.leave();
});

test("R3: a start position is not committed for a task that moved while it was being opened", async () => {
  const { open, membership, asked } = await memberOf({
    committed: () => -1,
    tasks: [[0], []],
    commit: () => Promise.reject(new KafkaAnswerError("committing", kafkaCode.coordinatorNotAvailable)),
    heartbeat: (generation) =>
      generation === 1 ? new KafkaAnswerError("staying", kafkaCode.rebalanceInProgress) : undefined,
  });
  await expect(open()).rejects.toThrow(TaskLostError);
  const commits = asked.filter((call) => call.startsWith("commit"));
  expect(commits.length).toBeGreaterThan(0);
  expect(commits.every((call) => call === "commit 100 in 1")).toBe(true);
  await membership.leave();
});

test("R3: a commit that was on its way over a rebalance says the generation in which it was owned, and is repeated in the one that kept the task", async () => {
  const { open, membership, sink, asked, passing } = await memberOf({
    committed: () => 5,
    commit: async (generation) => {
      if (generation > 1) return;
      // The coordinator hears of it only when the member has long rejoined.
      await sink.until("the rejoin", () => sink.calls.includes("revoked 0"));
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      throw new KafkaAnswerError("committing", kafkaCode.illegalGeneration);
    },
    heartbeat: (generation) =>
      generation === 1 ? new KafkaAnswerError("staying", kafkaCode.rebalanceInProgress) : undefined,
  });
  await passing((await open()).commit(at(6)));
  expect(asked.filter((call) => call.startsWith("commit"))).toEqual(["commit 6 in 1", "commit 6 in 2"]);
  // One join for the rebalance, none for the refusal.
  expect(sink.calls).toEqual(["assigned 0", "revoking 0", "revoked 0"]);
  await membership.leave();
});

test("a generation that only takes tasks away ends with word of it", async () => {
  const { membership, sink, passing } = await memberOf({
    committed: () => 5,
    tasks: [[0, 1], [1]],
    heartbeat: (generation) =>
      generation === 1 ? new KafkaAnswerError("staying", kafkaCode.rebalanceInProgress) : undefined,
  });
  await passing(sink.until("the loss", () => sink.calls.some((call) => call.startsWith("lost"))));
  expect(sink.calls).toEqual(["assigned 0,1", "revoking 0,1", "revoked 0,1", "lost 0", "assigned "]);
  await membership.leave();
});

test("a handle that is closed while its commit waits for another join commits nothing afterwards", async () => {
  const joining = deferred();
  const { open, membership, asked, passing } = await memberOf({
    committed: () => 5,
    commit: () => Promise.reject(new KafkaAnswerError("committing", kafkaCode.illegalGeneration)),
    join: (generation) => (generation === 1 ? Promise.resolve() : joining.promise),
  });
  const handle = await open();
  const commit = handle.commit(at(6)).catch((error: unknown) => error);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  await handle.close();
  joining.resolve();
  expect(await passing(commit)).toBeInstanceOf(TaskLostError);
  expect(asked.filter((call) => call.startsWith("commit"))).toEqual(["commit 6 in 1"]);
  await membership.leave();
});

// A drain that cuts the opening waited for the join, for as long as a rebalance takes.
test("an opening that is called off while its start position waits for a join does not wait for the join", async () => {
  const joining = deferred();
  const { membership, sink, asked } = await memberOf({
    committed: () => -1,
    commit: () => Promise.reject(new KafkaAnswerError("committing", kafkaCode.illegalGeneration)),
    join: (generation) => (generation === 1 ? Promise.resolve() : joining.promise),
  });
  const cut = new AbortController();
  const opening = membership.openTask(0, sink.epochOf(0), cut.signal).catch((error: unknown) => error);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(asked).toEqual(["offsets", "commit 100 in 1"]);
  // Also where the reason reads like a refusal that asks for another join.
  const cause = new KafkaAnswerError("committing", kafkaCode.illegalGeneration);
  cut.abort(new Error("the drain has no time left", { cause }));
  let answered: unknown;
  void opening.then((error) => {
    answered = error;
  });
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  expect(answered).toBeInstanceOf(TaskLostError);
  expect(answered).toMatchObject({ message: expect.stringContaining("the drain has no time left") });
  joining.resolve();
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(asked.filter((call) => call.startsWith("commit"))).toEqual(["commit 100 in 1"]);
  await membership.leave();
});

test("a commit that is refused while its task is given back is not waited for: the rejoin waits for it", async () => {
  let commit: () => Promise<unknown> = async () => undefined;
  const answered: unknown[] = [];
  const { open, membership, sink, passing } = await memberOf({
    committed: () => 5,
    commit: () => Promise.reject(new KafkaAnswerError("committing", kafkaCode.illegalGeneration)),
    heartbeat: (generation) =>
      generation === 1 ? new KafkaAnswerError("staying", kafkaCode.rebalanceInProgress) : undefined,
    onRevoking: async () => void answered.push(await commit()),
  });
  const handle = await open();
  commit = () => handle.commit(at(6)).catch((error: unknown) => error);
  await passing(sink.until("the rejoin", () => sink.calls.includes("revoked 0")));
  expect(answered).toEqual([expect.any(TaskReopenError)]);
  await membership.leave();
});

const fenced = new KafkaAnswerError("committing", kafkaCode.fencedInstanceId);

test("a commit that is refused because another has the place ends the membership, and is not made again", async () => {
  const hold = new InstanceHold("slot", new FakeClock(0));
  const { open, asked, sink, passing } = await memberOf({
    committed: () => 5,
    hold,
    commit: () => Promise.reject(fenced),
  });
  await expect(passing((await open()).commit(at(6)))).rejects.toThrow(TaskLostError);
  expect(asked.filter((call) => call.startsWith("commit"))).toEqual(["commit 6 in 1"]);
  expect(sink.failures).toEqual([expect.objectContaining({ code: "MR_INSTANCE" })]);
  expect(sink.owned.size).toBe(0);
  // Every later membership under the id, too.
  expect(() => hold.enter("h", () => undefined)).toThrow("another process has joined as instance slot");
});

test("a commit that was refused while the place was disputed is made again by the member that took it back", async () => {
  const hold = new InstanceHold("slot", new FakeClock(0));
  let memberId = "m-1";
  const { open, asked, membership, passing } = await memberOf({
    committed: () => 5,
    hold,
    decidingGroup: "another",
    memberId: () => memberId,
    tasks: [[0], [0], [0]],
    join: async (generation) => {
      if (generation === 2) memberId = "m-2";
    },
    commit: (_, by) => (by === "m-1" ? Promise.reject(fenced) : Promise.resolve()),
  });
  await passing((await open()).commit(at(6)));
  expect(asked.filter((call) => call !== "offsets")).toEqual(["commit 6 in 1", "take back", "commit 6 in 2"]);
  await membership.leave();
});

test("a commit whose refusal comes when the place was taken back already asks for no other join", async () => {
  const hold = new InstanceHold("slot", new FakeClock(0));
  let memberId = "m-1";
  const { open, asked, membership, passing } = await memberOf({
    committed: () => 5,
    hold,
    decidingGroup: "another",
    memberId: () => memberId,
    staysInGeneration: true,
    join: async (generation) => {
      if (generation === 2) memberId = "m-2";
    },
    heartbeat: () => (memberId === "m-1" ? fenced : undefined),
    commit: async (_, by) => {
      if (by === "m-2") return;
      while (memberId === "m-1") await new Promise(setImmediate);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      throw fenced;
    },
  });
  await passing((await open()).commit(at(6)));
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(asked.filter((call) => call !== "offsets")).toEqual(["commit 6 in 1", "take back", "commit 6 in 1"]);
  await membership.leave();
});
