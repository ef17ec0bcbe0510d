import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { PartitionTroubles } from "../../../src/adapters/kafkajs/partition-troubles.ts";
import { type LogFields, type Logger, silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";

const leaderless = new KafkaAnswerError("reading", kafkaCode.leaderNotAvailable);
const few = new KafkaAnswerError("writing", kafkaCode.notEnoughReplicas);

function watched() {
  const clock = new FakeClock(0);
  const said: [string, LogFields, string][] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (fields, message) => void said.push(["warn", fields, message]),
    info: (fields, message) => void said.push(["info", fields, message]),
  };
  const troubles = new PartitionTroubles(clock, logger);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      clock.advance(Math.min(left, 500));
      await new Promise(setImmediate);
    }
  };
  const failed = (partition: number, error: unknown, node?: number, startedMs = clock.now()) =>
    troubles.failed({ topic: "t", partition }, "read", { error, node, startedMs });
  return { clock, troubles, said, pass, failed };
}

const at = (partition: number) => ({ topic: "t", partition });

test("a partition that fails for ten seconds on end is told once, with where and why, and when it is well again", async () => {
  const { troubles, said, pass, failed } = watched();
  failed(0, leaderless);
  await pass(9_000);
  failed(0, leaderless);
  expect([said, troubles.lasting]).toEqual([[], []]);
  await pass(1_000);
  const ill = { code: "MR_PARTITION", topic: "t", partitions: ["0"], node: undefined, reason: "leaderNotAvailable" };
  expect(said).toEqual([["warn", { ...ill, forMs: 10_000 }, "Partitions cannot be read; the others go on."]]);
  const lasting = { topic: "t", partition: 0, access: "read", node: undefined, reason: "leaderNotAvailable" };
  expect(troubles.lasting).toEqual([{ ...lasting, forMs: 10_000 }]);
  failed(0, leaderless);
  await pass(5_000);
  troubles.well(at(0), "read");
  expect(troubles.lasting).toEqual([]);
  await pass(1_000);
  expect(said.slice(1)).toEqual([
    ["info", { topic: "t", partitions: ["0"], forMs: 16_000 }, "Partitions are read again."],
  ]);
});

test("a partition that is read in between begins anew, and nothing is said of what passed within ten seconds", async () => {
  const { troubles, said, pass, failed } = watched();
  failed(0, leaderless);
  await pass(9_000);
  troubles.well(at(0), "read");
  failed(0, leaderless);
  await pass(9_000);
  troubles.well(at(0), "read");
  await pass(20_000);
  expect(said).toEqual([]);
});

test("what cannot be read and what cannot be written are two things", async () => {
  const { troubles, said, pass, failed } = watched();
  failed(0, leaderless);
  troubles.failed(at(0), "write", { error: few, node: 3, startedMs: 0 });
  await pass(10_000);
  expect(said.map(([, { node, reason }, message]) => [node, reason, message])).toEqual([
    [undefined, "leaderNotAvailable", "Partitions cannot be read; the others go on."],
    [3, "notEnoughReplicas", "Partitions cannot be written to; whoever writes to them waits."],
  ]);
  troubles.well(at(0), "read");
  expect(troubles.lasting.map(({ access }) => access)).toEqual(["write"]);
  troubles.well(at(0), "write");
  await pass(1_000);
  expect(said.slice(2).map(([, , message]) => message)).toEqual([
    "Partitions are read again.",
    "Partitions are written to again.",
  ]);
});

test("partitions in the same trouble share a line, and one with another reason has its own", async () => {
  const { troubles, said, pass, failed } = watched();
  for (const partition of [4, 7]) failed(partition, leaderless);
  failed(5, new KafkaAnswerError("reading", kafkaCode.kafkaStorageError), 2);
  failed(6, new KafkaAnswerError("reading", 999), 2);
  await pass(10_000);
  expect(said.map(([, { partitions, reason }]) => [partitions, reason])).toEqual([
    [["4", "7"], "leaderNotAvailable"],
    [["5"], "kafkaStorageError"],
    [["6"], "error 999"],
  ]);
  for (const partition of [4, 5, 7]) troubles.well(at(partition), "read");
  await pass(1_000);
  expect(said.slice(3).map(([, { partitions }]) => partitions)).toEqual([["4", "7"], ["5"]]);
});

test("the reason that is told is the latest, counted from the first failure", async () => {
  const { said, pass, failed } = watched();
  failed(0, leaderless);
  await pass(5_000);
  failed(0, new KafkaAnswerError("reading", kafkaCode.kafkaStorageError), 2);
  await pass(5_000);
  expect(said[0]?.[1]).toMatchObject({ node: 2, reason: "kafkaStorageError", forMs: 10_000 });
});

test("who does not answer has been in trouble since it was asked, who answers with an error since then", async () => {
  const { clock, troubles, pass, failed } = watched();
  await pass(20_000);
  failed(0, new Error("Request Fetch timed out"), 1, clock.now() - 10_000);
  failed(1, leaderless, undefined, clock.now() - 10_000);
  expect(troubles.lasting.map(({ partition, reason }) => [partition, reason])).toEqual([
    [0, "Request Fetch timed out"],
  ]);
});

test("a partition that is somebody else's now, or that nobody asks for any more, is no trouble, without a word", async () => {
  const { clock, troubles, said, pass, failed } = watched();
  failed(0, leaderless);
  failed(1, leaderless);
  await pass(10_000);
  troubles.forget(at(0), "read");
  expect(troubles.lasting.map(({ partition }) => partition)).toEqual([1]);
  await pass(49_000);
  expect(troubles.lasting).toHaveLength(1);
  await pass(1_000);
  expect(troubles.lasting).toEqual([]);
  expect(said).toHaveLength(1);
  expect(clock.sleeping).toBe(0);
});

test("nothing is asleep while all is well, nor after the end", async () => {
  const { clock, troubles, said, pass, failed } = watched();
  expect(clock.sleeping).toBe(0);
  failed(0, leaderless);
  troubles.well(at(0), "read");
  await pass(1_000);
  expect(clock.sleeping).toBe(0);
  failed(0, leaderless);
  troubles.close();
  failed(1, leaderless);
  await pass(20_000);
  expect([clock.sleeping, said, troubles.lasting]).toEqual([0, [], []]);
});

test("a request that has no answer after ten seconds is trouble before its time limit is over, and told", async () => {
  const { clock, troubles, said, pass } = watched();
  const long = Number.NEGATIVE_INFINITY;
  troubles.asked(at(0), "write", 2, () => long);
  await pass(5_000);
  // A second task that waits for the same partition does not begin the count anew.
  troubles.asked(at(0), "write", 2, () => long);
  await pass(4_500);
  expect([said, troubles.lasting]).toEqual([[], []]);
  await pass(500);
  expect(said.map(([level, { node, reason, forMs }]) => [level, node, reason, forMs])).toEqual([
    ["warn", 2, "no answer yet", 10_000],
  ]);
  expect(troubles.lasting).toHaveLength(1);
  troubles.answered(at(0), "write");
  troubles.well(at(0), "write");
  await pass(1_000);
  expect(said).toHaveLength(2);
  expect([troubles.lasting, clock.sleeping]).toEqual([[], 0]);
});

test("an answer in time leaves nothing, and the next request has its own ten seconds", async () => {
  const { clock, troubles, said, pass } = watched();
  for (let i = 0; i < 3; i++) {
    troubles.asked(at(0), "write", 2, () => 0);
    await pass(9_000);
    troubles.answered(at(0), "write");
  }
  await pass(10_000);
  expect([said, troubles.lasting, clock.sleeping]).toEqual([[], [], 0]);
});

test("while a quota holds the client back nothing is in trouble, and the ten seconds begin when it ends", async () => {
  const { troubles, said, pass } = watched();
  troubles.asked(at(0), "write", 2, () => 60_000);
  await pass(69_000);
  expect([said, troubles.lasting]).toEqual([[], []]);
  await pass(1_000);
  expect(said[0]?.[1]).toMatchObject({ reason: "no answer yet", forMs: 10_000 });
});

test("nothing that was asked is in trouble after the end", async () => {
  const { clock, troubles, said, pass } = watched();
  troubles.asked(at(0), "write", 2, () => 0);
  troubles.close();
  troubles.asked(at(1), "write", 2, () => 0);
  await pass(20_000);
  expect([said, troubles.lasting, clock.sleeping]).toEqual([[], [], 0]);
});
