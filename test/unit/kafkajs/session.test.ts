import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import type { GroupMember, GroupTimings } from "../../../src/adapters/kafkajs/group-member.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { Session } from "../../../src/adapters/kafkajs/session.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { type Deferred, deferred } from "../../support/deadline.ts";
import { listenersOf } from "../../support/listeners.ts";

const timings: GroupTimings = {
  sessionMs: 10_000,
  rebalanceMs: 60_000,
  heartbeatMs: 1_000,
  revokeMsMax: 20_000,
  metadataMs: 4_000,
  answerMsMax: 1_000,
};
const answer = (code: number) => new KafkaAnswerError("asking", code);

/** A session whose coordinator answers as the test says; `calls` is what happened, in order. */
function scripted(
  options: {
    readonly joins?: Error[];
    readonly heartbeats?: (Error | undefined)[];
    readonly hasGrown?: () => Promise<boolean>;
    readonly joined?: (over: AbortSignal) => Promise<void>;
    /** Whether the place of a member that was put out is taken back. */
    readonly isDisputed?: boolean;
  } = {},
) {
  const calls: string[] = [];
  const clock = new FakeClock(1_700_000_000_000);
  const end = new AbortController();
  const heartbeats = [...(options.heartbeats ?? [])];
  const joins = [...(options.joins ?? [])];
  const revoked: Deferred<void> = deferred();
  let lateReason: unknown;
  const member = {
    generation: 1,
    forgetIdentity: () => calls.push("forget"),
    takeBack: () => calls.push("take back"),
    join: async () => {
      const error = joins.shift();
      calls.push(error === undefined ? "join" : "join refused");
      if (error !== undefined) throw error;
      return [0, 1];
    },
    heartbeat: async () => {
      calls.push("heartbeat");
      const error = heartbeats.shift();
      if (error !== undefined) throw error;
    },
    hasGrown: async () => {
      calls.push("count");
      return (await options.hasGrown?.()) ?? false;
    },
    leave: async (isJoining: boolean) => {
      calls.push(isJoining ? "leave while joining" : "leave");
    },
  };
  const session = new Session({
    group: "g",
    member: member as unknown as GroupMember,
    link: { forgetCoordinator: () => calls.push("forget coordinator") } as unknown as ClusterLink,
    clock,
    timings,
    logger: silentLogger,
    signal: end.signal,
    ownedTasks: () => [0, 1],
    hold: () => undefined,
    revoke: async (_, late) => {
      calls.push("revoke");
      late.addEventListener("abort", () => {
        lateReason = late.reason;
      });
      await revoked.promise;
      calls.push("revoked");
    },
    joined: async (_, over) => {
      await options.joined?.(over);
      calls.push("joined");
    },
    isMember: () => undefined,
    isDisputed: (error) => {
      calls.push("fenced");
      if (options.isDisputed !== true) end.abort(error);
      return options.isDisputed === true;
    },
    failed: (error) => {
      calls.push(`failed ${error.message}`);
      end.abort(error);
    },
  });
  const run = session.run();
  return { calls, clock, end, heartbeats, joins, revoked, session, run, lateReason: () => lateReason };
}

/** Lets everything that can go on go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function advance(clock: FakeClock, ms: number): Promise<void> {
  clock.advance(ms);
  await settle();
}

test("a rebalance asks the tasks first, goes on with heartbeats meanwhile, and rejoins when they have answered", async () => {
  const { calls, clock, end, revoked, run } = scripted({
    heartbeats: [undefined, answer(kafkaCode.rebalanceInProgress)],
  });
  await settle();
  await advance(clock, 1_000);
  await advance(clock, 1_000);
  const before = calls.length;
  expect(calls.slice(0, 4)).toEqual(["join", "joined", "heartbeat", "heartbeat"]);
  expect(calls).toContain("revoke");
  await advance(clock, 1_000);
  await advance(clock, 1_000);
  expect(calls.slice(before)).toEqual(["heartbeat", "heartbeat"]);
  revoked.resolve();
  await settle();
  expect(calls.slice(-3)).toEqual(["revoked", "join", "joined"]);
  end.abort();
  await run;
});

test("tasks that do not answer in time are told, and the member rejoins without them", async () => {
  const { calls, clock, end, run, lateReason } = scripted({ heartbeats: [answer(kafkaCode.rebalanceInProgress)] });
  await settle();
  for (let i = 0; i < 20; i++) await advance(clock, 1_000);
  expect(lateReason()).toBeUndefined();
  await advance(clock, 1_000);
  expect(lateReason()).toBeInstanceOf(Error);
  expect(calls.slice(-2)).toEqual(["join", "joined"]);
  end.abort();
  await run;
});

test("a member that the coordinator has forgotten joins as a stranger, without asking the tasks", async () => {
  const { calls, clock, end, run } = scripted({ heartbeats: [answer(kafkaCode.unknownMemberId)] });
  await settle();
  await advance(clock, 1_000);
  expect(calls).toEqual(["join", "joined", "heartbeat", "forget", "join", "joined"]);
  end.abort();
  await run;
});

test("a coordinator that does not answer is asked again, and nothing else happens", async () => {
  const lost = Object.assign(new Error("closed"), { name: "KafkaJSConnectionClosedError" });
  const { calls, clock, end, run } = scripted({ heartbeats: [lost, lost, undefined] });
  await settle();
  for (let i = 0; i < 3; i++) await advance(clock, 1_000);
  const beats = ["heartbeat", "forget coordinator", "heartbeat", "forget coordinator", "heartbeat"];
  expect(calls).toEqual(["join", "joined", ...beats]);
  end.abort();
  await run;
});

test("a join that is refused for now is tried again after a while", async () => {
  const refusals = [answer(kafkaCode.coordinatorLoadInProgress), answer(kafkaCode.rebalanceInProgress)];
  const { calls, clock, end, run } = scripted({ joins: refusals });
  await settle();
  expect(calls).toEqual(["join refused", "forget coordinator"]);
  await advance(clock, 100);
  await advance(clock, 200);
  expect(calls.slice(2)).toEqual(["join refused", "join", "joined"]);
  end.abort();
  await run;
});

test("a member that is denied ends, and says why", async () => {
  const { calls, clock, run } = scripted({ heartbeats: [answer(30)] });
  await settle();
  await advance(clock, 1_000);
  await run;
  expect(calls.slice(0, 3)).toEqual(["join", "joined", "heartbeat"]);
  expect(calls[3]).toContain("failed being a member of group g");
  expect(calls).toHaveLength(4);
});

const fenced = answer(kafkaCode.fencedInstanceId);

test("a member whose place another has taken ends without another join, whether a heartbeat or a join says so", async () => {
  const beating = scripted({ heartbeats: [fenced] });
  await settle();
  await advance(beating.clock, 1_000);
  await beating.run;
  expect(beating.calls).toEqual(["join", "joined", "heartbeat", "fenced"]);
  const joining = scripted({ joins: [fenced] });
  await joining.run;
  expect(joining.calls).toEqual(["join refused", "fenced"]);
});

test("a member whose place another has taken hears of it while its tasks are given back, and does not wait for them", async () => {
  const { calls, clock, run } = scripted({ heartbeats: [answer(kafkaCode.rebalanceInProgress), undefined, fenced] });
  await settle();
  for (let second = 0; second < 2; second++) await advance(clock, 1_000);
  await run;
  expect(calls.slice(2)).toEqual(["heartbeat", "heartbeat", "revoke", "heartbeat", "fenced"]);
});

test("a place that is disputed is taken back", async () => {
  const { calls, clock, end, run } = scripted({ heartbeats: [fenced], isDisputed: true });
  await settle();
  await advance(clock, 1_000);
  expect(calls).toEqual(["join", "joined", "heartbeat", "fenced", "take back", "join", "joined"]);
  end.abort();
  await run;
});

// Beats without a name were refused again for the same loss, and ended the member that had the place.
test("a place that is taken back while the tasks are given back is not asked about again before the rejoin", async () => {
  const { calls, clock, end, heartbeats, revoked, run } = scripted({
    heartbeats: [answer(kafkaCode.rebalanceInProgress), undefined, fenced, fenced, fenced],
    isDisputed: true,
  });
  await settle();
  for (let second = 0; second < 5; second++) await advance(clock, 1_000);
  const upTo = ["join", "joined", "heartbeat", "heartbeat", "revoke", "heartbeat", "fenced", "take back"];
  expect(calls).toEqual(upTo);
  revoked.resolve();
  heartbeats.length = 0;
  await settle();
  expect(calls.slice(upTo.length)).toEqual(["revoked", "join", "joined"]);
  await advance(clock, 1_000);
  expect(calls.at(-1)).toBe("heartbeat");
  end.abort();
  await run;
});

test("a commit that was refused because the group rebalances is heard while the tasks are asked", async () => {
  const { calls, clock, end, revoked, session, run } = scripted();
  const { signal } = new AbortController();
  await session.settled(signal);
  session.rejoin(answer(kafkaCode.rebalanceInProgress));
  const waiting = session.settled(signal);
  await settle();
  expect(calls.at(-1)).toBe("revoke");
  await waiting;
  expect(session.isRevoking).toBe(true);
  revoked.resolve();
  await settle();
  expect(calls.slice(-2)).toEqual(["join", "joined"]);
  end.abort();
  await advance(clock, 1_000);
  await run;
});

test("whoever waits for a settled group waits through a join, and is let go when the session ends", async () => {
  const { clock, end, joins, session, run } = scripted({ heartbeats: [answer(kafkaCode.illegalGeneration)] });
  const { signal } = new AbortController();
  await session.settled(signal);
  joins.push(answer(kafkaCode.coordinatorNotAvailable));
  await settle();
  await advance(clock, 1_000);
  let isSettled = false;
  const waiting = session.settled(signal).then(() => {
    isSettled = true;
  });
  await settle();
  expect(isSettled).toBe(false);
  expect(listenersOf(signal)).toBe(1);
  await advance(clock, 100);
  await waiting;
  expect(listenersOf(signal)).toBe(0);
  end.abort(new Error("left"));
  await expect(session.settled(signal)).rejects.toThrow("left");
  await run;
});

test("the partitions of the inputs are counted every so often, and more of them are a rebalance that the tasks are asked for first", async () => {
  let hasGrown = false;
  const { calls, clock, revoked, end, run } = scripted({ hasGrown: async () => hasGrown });
  await settle();
  for (let second = 0; second < 5; second++) await advance(clock, 1_000);
  expect(calls.filter((call) => call === "count")).toHaveLength(1);
  expect(calls).not.toContain("revoke");
  hasGrown = true;
  for (let second = 0; second < 3; second++) await advance(clock, 1_000);
  expect(calls.at(-1)).toBe("revoke");
  revoked.resolve();
  hasGrown = false;
  await settle();
  expect(calls.slice(-3)).toEqual(["revoked", "join", "joined"]);
  for (let second = 0; second < 3; second++) await advance(clock, 1_000);
  expect(calls.filter((call) => call === "join")).toHaveLength(2);
  end.abort();
  await run;
});

test("heartbeats do not wait for the count of partitions, and a count that fails changes nothing", async () => {
  const asked: Deferred<boolean> = deferred();
  const { calls, clock, end, run } = scripted({ hasGrown: () => asked.promise });
  await settle();
  for (let second = 0; second < 5; second++) await advance(clock, 1_000);
  const before = calls.length;
  await advance(clock, 1_000);
  expect(calls.slice(before)).toEqual(["heartbeat"]);
  asked.reject(answer(kafkaCode.leaderNotAvailable));
  for (let second = 0; second < 2; second++) await advance(clock, 1_000);
  expect(calls.filter((call) => call === "join")).toHaveLength(1);
  end.abort();
  await run;
});

test("heartbeats go on while a new generation is settled, and end with it", async () => {
  const known: Deferred<void> = deferred();
  const { calls, clock, end, run } = scripted({ joined: () => known.promise });
  await settle();
  for (let second = 0; second < 3; second++) await advance(clock, 1_000);
  expect(calls).toEqual(["join", "heartbeat", "heartbeat", "heartbeat"]);
  known.resolve();
  await settle();
  expect(calls.at(-1)).toBe("joined");
  await advance(clock, 1_000);
  expect(calls.slice(4)).toEqual(["joined", "heartbeat"]);
  end.abort();
  await run;
});

test("a rebalance that begins while a generation is settled ends the settling, and the member joins again", async () => {
  let settlings = 0;
  const { calls, clock, end, run } = scripted({
    heartbeats: [answer(kafkaCode.rebalanceInProgress)],
    joined: (over) =>
      ++settlings > 1
        ? Promise.resolve()
        : new Promise((_, reject) => over.addEventListener("abort", () => reject(over.reason))),
  });
  await settle();
  await advance(clock, 1_000);
  await advance(clock, 1_000);
  expect(calls).toEqual(["join", "heartbeat", "join", "joined"]);
  end.abort();
  await run;
});

test("a member that leaves says whether a join is still under way, and one that is to come back says nothing", async () => {
  const stable = scripted();
  await settle();
  await stable.session.leave(false);
  expect(stable.calls).toEqual(["join", "joined"]);
  await stable.session.leave(true);
  expect(stable.calls.slice(2)).toEqual(["leave"]);
  const joining = scripted({ joins: [answer(kafkaCode.coordinatorLoadInProgress)] });
  await joining.session.leave(true);
  expect(joining.calls).toContain("leave while joining");
  for (const { end } of [stable, joining]) end.abort();
});
