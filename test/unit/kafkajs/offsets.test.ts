import { expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import type { CommittedPartition, OffsetFetchAnswer } from "../../../src/adapters/kafkajs/offset-fetch-request.ts";
import { committedPartitions, listOffset, resolveOffset } from "../../../src/adapters/kafkajs/offsets.ts";
import { groupPolicy } from "../../../src/adapters/kafkajs/retry.ts";
import { FakeClock } from "../../../src/testing/index.ts";

/** Time passes at once for whoever sleeps. */
class HastyClock extends FakeClock {
  override async sleep(ms: number): Promise<void> {
    this.advance(ms);
  }
}

const context = () => ({ clock: new HastyClock(0), policy: groupPolicy, signal: new AbortController().signal });
const at = { topic: "in", partition: 2 };

/** A leader that answers for an offset what the test says, by the timestamp that it is asked for. */
function leader(answers: (timestamp: number, call: number) => { errorCode?: number; offset?: number } | undefined) {
  const asked: object[] = [];
  const doubted: object[] = [];
  const link = {
    leaderOf: async () => 4,
    doubt: (which: object) => void doubted.push(which),
    ask: async (node: number, name: string, body: { topics: [{ partitions: [{ timestamp: number }] }] }) => {
      asked.push({ node, name, ...body });
      const answer = answers(body.topics[0].partitions[0].timestamp, asked.length);
      const { errorCode = 0, offset = -1 } = answer ?? {};
      const partitions = answer === undefined ? [] : [{ partition: 2, errorCode, offset: String(offset) }];
      return { responses: [{ topic: "in", partitions }] };
    },
  };
  return { link: link as unknown as ClusterLink, asked, doubted };
}

test.each([
  ["earliest", -2, 1],
  ["latest", -1, 1],
  ["logEnd", -1, 0],
  [{ timeMs: 1_700_000_000_000 }, 1_700_000_000_000, 1],
] as const)(
  "the offset %o is asked of the leader by timestamp %i at isolation level %i",
  async (position, timestamp, isolationLevel) => {
    const { link, asked } = leader(() => ({ offset: 9_007_199_254_740_991 }));
    expect(await listOffset(link, at, position, context())).toBe(9_007_199_254_740_991);
    const topics = [{ topic: "in", partitions: [{ partition: 2, timestamp }] }];
    expect(asked).toEqual([{ node: 4, name: "ListOffsets", isolationLevel, topics }]);
  },
);

test("a leader that is none any more is doubted, one that has trouble is not, and both are asked again", async () => {
  const codes = [kafkaCode.notLeaderOrFollower, kafkaCode.requestTimedOut, 0];
  const { link, doubted } = leader((_, call) => ({ errorCode: codes[call - 1] ?? 0, offset: 5 }));
  expect(await listOffset(link, at, "latest", context())).toBe(5);
  expect(doubted).toEqual([at]);
});

test("an answer without the partition is a topic that is not there, and says what was being done", async () => {
  const { link } = leader(() => undefined);
  const error = await listOffset(link, at, "latest", context()).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(KafkaAnswerError);
  expect(error).toMatchObject({ code: kafkaCode.unknownTopicOrPartition });
  expect((error as Error).message).toContain("looking for an offset of in-2");
});

test("a time after the last record is the end", async () => {
  const { link } = leader((timestamp) => ({ offset: timestamp === -1 ? 40 : -1 }));
  expect(await resolveOffset(link, at, { timeMs: 5 }, context())).toBe(40);
  const other = leader(() => ({ offset: 0 }));
  expect(await resolveOffset(other.link, at, { timeMs: 5 }, context())).toBe(0);
  // A record comes at 40 behind the question for the time, of which the end that was asked for before knows nothing.
  let end = 40;
  const growing = leader((timestamp) => {
    if (timestamp === -1) return { offset: end };
    end++;
    return { offset: -1 };
  });
  expect(await resolveOffset(growing.link, at, { timeMs: 5 }, context())).toBe(40);
});

/** A coordinator that answers with these, one after the other. */
function coordinator(answers: readonly OffsetFetchAnswer[]) {
  const left = [...answers];
  const forgotten: string[] = [];
  const sent: Buffer[] = [];
  const link = {
    coordinatorOf: async () => 6,
    forgetCoordinator: (group: string) => void forgotten.push(group),
    send: async (node: number, kind: string, request: () => ProtocolRequest) => {
      const { apiName, encode } = request().request;
      expect([node, kind, apiName]).toEqual([6, "control", "OffsetFetch"]);
      const { buffer } = await encode();
      sent.push(Buffer.from(buffer));
      return left.shift();
    },
  };
  return { link: link as unknown as ClusterLink, forgotten, left, sent };
}

const committed = (partition: number, offset: number, errorCode = 0): CommittedPartition => ({
  topic: "in",
  partition,
  offset,
  errorCode,
  leaderEpoch: 3,
  metadata: "note",
});
const both = [0, 1].map((partition) => ({ topic: "in", partition }));

test("committed offsets are told by partition, with what was committed beside them", async () => {
  const { link, forgotten } = coordinator([{ errorCode: 0, partitions: [committed(0, 7), committed(1, -1)] }]);
  expect(await committedPartitions(link, "g", both, context())).toEqual(
    new Map([
      ["in-0", committed(0, 7)],
      ["in-1", committed(1, -1)],
    ]),
  );
  expect(forgotten).toEqual([]);
});

test("an answer with an error, of the group or of a partition, or without one of the partitions, is asked for again", async () => {
  const { link, forgotten, left } = coordinator([
    { errorCode: kafkaCode.notCoordinator, partitions: [] },
    { errorCode: 0, partitions: [committed(0, 7), committed(1, 8, kafkaCode.unstableOffsetCommit)] },
    { errorCode: 0, partitions: [committed(0, 7)] },
    { errorCode: 0, partitions: [committed(0, 7), committed(1, 9)] },
  ]);
  expect((await committedPartitions(link, "g", both, context())).get("in-1")?.offset).toBe(9);
  expect(left).toEqual([]);
  // Who says that a transaction holds an offset is the coordinator.
  expect(forgotten).toEqual(["g", "g"]);
});

// Of a group whose members commit all the time there is no moment at which no transaction holds any of its offsets.
test("what a transaction holds is asked for again, and nothing beside it", async () => {
  const held = kafkaCode.unstableOffsetCommit;
  const { link, left, sent } = coordinator([
    { errorCode: 0, partitions: [committed(0, 7), committed(1, 8, held)] },
    { errorCode: 0, partitions: [committed(1, 9)] },
  ]);
  const found = await committedPartitions(link, "g", both, context());
  expect([...found.values()].map(({ offset }) => offset)).toEqual([7, 9]);
  expect(left).toEqual([]);
  // A partition is four bytes.
  expect(sent[0]!.length - sent[1]!.length).toBe(4);
  expect(sent.map((bytes) => bytes.at(-2))).toEqual([1, 1]);
});

test("offsets that need not be stable are asked for as they were before any transaction", async () => {
  const { link, sent } = coordinator([{ errorCode: 0, partitions: [committed(0, 7), committed(1, 8)] }]);
  await committedPartitions(link, "g", both, context(), false);
  expect(sent.map((bytes) => bytes.at(-2))).toEqual([0]);
});
