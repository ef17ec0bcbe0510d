import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { type ClaimOffsets, GroupCommits } from "../../../src/adapters/kafkajs/group-commits.ts";
import type { MemberIdentity } from "../../../src/adapters/kafkajs/group-member.ts";
import type { OffsetToCommit } from "../../../src/adapters/kafkajs/offset-commit-request.ts";
import { type Deferred, deferred } from "../../support/deadline.ts";

const offsetOf = (partition: number): OffsetToCommit => ({
  topic: "in",
  partition,
  offset: 5,
  leaderEpoch: -1,
  metadata: "",
});
const claimOf =
  (...partitions: number[]): ClaimOffsets =>
  () =>
    partitions.map(offsetOf);
const turns = async (count = 3): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

/** Commits of a member whose coordinator answers when the test says so. */
function commitsOf() {
  const requests: { as: MemberIdentity; partitions: number[]; answer: Deferred<ReadonlyMap<string, Error>> }[] = [];
  const member = {
    identity: { memberId: "m", generation: 1 },
    commit: (as: MemberIdentity, offsets: readonly OffsetToCommit[]) => {
      const answer = deferred<ReadonlyMap<string, Error>>();
      requests.push({ as, partitions: offsets.map(({ partition }) => partition), answer });
      return answer.promise;
    },
  };
  const joining: { until: () => Promise<void> } = { until: () => Promise.resolve() };
  const commits = new GroupCommits(member, () => joining.until());
  /** What became of each commit, by name. */
  const fates: Record<string, unknown> = {};
  const commit = (name: string, claim: ClaimOffsets, signal = new AbortController().signal): void => {
    commits.commit(claim, signal).then(
      () => {
        fates[name] = "committed";
      },
      (error: unknown) => {
        fates[name] = error;
      },
    );
  };
  return { requests, member, joining, commit, fates };
}

test("one request carries what all tasks commit in a turn, and the next one what came while it was on its way", async () => {
  const { commit, requests, fates } = commitsOf();
  commit("a", claimOf(0));
  commit("b", claimOf(1, 2));
  await turns();
  commit("c", claimOf(3));
  commit("d", claimOf(4));
  await turns();
  expect(requests.map(({ partitions }) => partitions)).toEqual([[0, 1, 2]]);
  expect(fates).toEqual({});
  requests[0]!.answer.resolve(new Map());
  await turns();
  expect(fates).toEqual({ a: "committed", b: "committed" });
  expect(requests.map(({ partitions }) => partitions)).toEqual([
    [0, 1, 2],
    [3, 4],
  ]);
});

test("each task is told of its own partitions alone", async () => {
  const { commit, requests, fates } = commitsOf();
  commit("a", claimOf(0));
  commit("b", claimOf(1, 2));
  commit("c", claimOf(3));
  await turns();
  const refused = new KafkaAnswerError("committing", kafkaCode.unknownTopicOrPartition);
  requests[0]!.answer.resolve(new Map([["in-2", refused]]));
  await turns();
  expect(fates).toEqual({ a: "committed", b: refused, c: "committed" });
});

test("R3: who lost its partition is not in the request, and does not hold up the others", async () => {
  const { commit, requests, fates } = commitsOf();
  const lost = new Error("lost");
  commit("a", () => {
    throw lost;
  });
  commit("b", claimOf(1));
  await turns();
  expect(fates).toEqual({ a: lost });
  expect(requests.map(({ partitions }) => partitions)).toEqual([[1]]);
});

test("nothing is asked when every claim is withdrawn, and a later commit is made", async () => {
  const { commit, requests } = commitsOf();
  commit("a", () => {
    throw new Error("lost");
  });
  await turns();
  expect(requests).toEqual([]);
  commit("b", claimOf(1));
  await turns();
  expect(requests.map(({ partitions }) => partitions)).toEqual([[1]]);
});

test("R3: what waits for a join is claimed after it, in the generation that came of it", async () => {
  const { commit, requests, joining, member } = commitsOf();
  const joined = deferred();
  joining.until = () => joined.promise;
  const claimedIn: number[] = [];
  commit("a", (as) => {
    claimedIn.push(as.generation);
    return [offsetOf(0)];
  });
  await turns();
  expect(claimedIn).toEqual([]);
  member.identity = { memberId: "m", generation: 2 };
  joined.resolve();
  await turns();
  expect(claimedIn).toEqual([2]);
  expect(requests[0]!.as.generation).toBe(2);
});

test("an error of the request is every task's, and the next request is made all the same", async () => {
  const { commit, requests, fates } = commitsOf();
  commit("a", claimOf(0));
  commit("b", claimOf(1));
  await turns();
  const cut = new Error("the connection ended");
  requests[0]!.answer.reject(cut);
  await turns();
  expect(fates).toEqual({ a: cut, b: cut });
  commit("c", claimOf(2));
  await turns();
  expect(requests[1]!.partitions).toEqual([2]);
});

test("a member that has ended commits nothing, and says why", async () => {
  const { commit, requests, joining, fates } = commitsOf();
  const ended = new Error("ended");
  joining.until = () => Promise.reject(ended);
  commit("a", claimOf(0));
  await turns();
  expect(requests).toEqual([]);
  expect(fates).toEqual({ a: ended });
});

test("a commit that is called off while it waits for a join is not waited for, and the others are made after it", async () => {
  const { commit, requests, joining, fates } = commitsOf();
  const joined = deferred();
  joining.until = () => joined.promise;
  const cut = new AbortController();
  const reason = new Error("no time left");
  const claims: string[] = [];
  const claim = () => {
    claims.push("a");
    return [offsetOf(0)];
  };
  commit("a", claim, cut.signal);
  commit("b", claimOf(1));
  await turns();
  cut.abort(reason);
  await turns();
  expect(fates).toEqual({ a: reason });
  joined.resolve();
  await turns();
  expect(claims).toEqual([]);
  expect(requests.map(({ partitions }) => partitions)).toEqual([[1]]);
});

test("a join that nobody waits for any more is followed by no request, and by later commits", async () => {
  const { commit, requests, joining } = commitsOf();
  const joined = deferred();
  joining.until = () => joined.promise;
  const cut = new AbortController();
  commit("a", claimOf(0), cut.signal);
  await turns();
  cut.abort();
  joined.resolve();
  await turns();
  expect(requests).toEqual([]);
  commit("b", claimOf(1));
  await turns();
  expect(requests.map(({ partitions }) => partitions)).toEqual([[1]]);
});

test("a commit that was called off before is not made", async () => {
  const { commit, requests, fates } = commitsOf();
  const reason = new Error("over");
  commit("a", claimOf(0), AbortSignal.abort(reason));
  await turns();
  expect(fates).toEqual({ a: reason });
  expect(requests).toEqual([]);
});

test("what is on its way when it is called off is what the coordinator makes of it", async () => {
  const { commit, requests, fates } = commitsOf();
  const cut = new AbortController();
  commit("a", claimOf(0), cut.signal);
  await turns();
  cut.abort();
  await turns();
  expect(fates).toEqual({});
  requests[0]!.answer.resolve(new Map());
  await turns();
  expect(fates).toEqual({ a: "committed" });
});

test("nothing listens for a commit that is over, whatever became of it", async () => {
  const { commit, requests, joining } = commitsOf();
  const { signal } = new AbortController();
  const listening = () => getEventListeners(signal, "abort").length;
  const lost = () => {
    throw new Error("lost");
  };
  commit("committed", claimOf(0), signal);
  commit("refused", claimOf(1), signal);
  commit("lost", lost, signal);
  expect(listening()).toBe(3);
  await turns();
  expect(listening()).toBe(2);
  requests[0]!.answer.resolve(new Map([["in-1", new Error("refused")]]));
  await turns();
  expect(listening()).toBe(0);
  commit("cut off", claimOf(0), signal);
  await turns();
  requests[1]!.answer.reject(new Error("the connection ended"));
  await turns();
  expect(listening()).toBe(0);
  joining.until = () => Promise.reject(new Error("ended"));
  commit("ended", claimOf(0), signal);
  await turns();
  expect(listening()).toBe(0);
});
