import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { Fetcher } from "../../../src/adapters/kafkajs/fetcher.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { PartitionTroubles } from "../../../src/adapters/kafkajs/partition-troubles.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import type { RawBatch } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { outgoingOf, textRecord } from "../../support/records.ts";

const first = { topic: "t", partition: 0 };
const second = { topic: "u", partition: 0 };

/** A node that leads everything and answers each fetch with one record per topic, whatever the offset. */
function fetcherOf(deliver: (batch: RawBatch) => Promise<void>): Fetcher {
  const fetched = ["t", "u"].map((topic) => ({
    topic,
    partition: 0,
    errorCode: 0,
    lastStableOffset: 100,
    logStartOffset: 0,
    abortedTransactions: [],
    records: outgoingOf([textRecord(topic, 0, "a")], "output").bytes,
  }));
  // An answer takes a turn, as a real one does: without it the fetching would never let the test go on.
  const send = async () => nextTurn({ errorCode: 0, partitions: fetched });
  const link = { leader: () => 1, partition: () => undefined, known: () => undefined, send } as unknown as ClusterLink;
  const troubles = new PartitionTroubles(new FakeClock(0), silentLogger);
  return new Fetcher({
    link,
    codecs: noCodecs,
    clock: new FakeClock(0),
    logger: silentLogger,
    unknownTopicMs: 30_000,
    troubles,
    deliver,
    changed: () => expect.fail("the log has not changed"),
    failed: (error) => expect.fail(error.message),
  });
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

// The successor of a feed that was moved while its batch waited for its turn stayed busy, and was never fetched again.
test("a partition that is moved while a batch of it waits for its turn is read on", async () => {
  const delivered: string[] = [];
  let release = (): void => undefined;
  const fetcher = fetcherOf(async ({ topic }) => {
    delivered.push(topic);
    // The first input's batch stays with the task, so that the second's waits behind it.
    if (delivered.length === 1) await new Promise<void>((resolve) => (release = resolve));
  });
  fetcher.start(first, 0);
  fetcher.start(second, 0);
  await turns(5);
  expect(delivered).toEqual(["t"]);
  fetcher.setPaused(first, true);
  fetcher.start(second, 0);
  release();
  await turns(10);
  fetcher.close();
  expect(delivered).toContain("u");
});

/** Two nodes of which the test says who leads what and what a fetch brings; time does not pass by itself. */
function scripted(answers: (node: number, partition: number) => number) {
  const clock = new FakeClock(0);
  const delivered: number[] = [];
  const asked: string[] = [];
  const leaders = new Map([
    [0, 1],
    [1, 1],
    [2, 2],
  ]);
  const doubted = new Set<number>();
  const link = {
    leader: ({ partition }: { partition: number }) => (doubted.has(partition) ? undefined : leaders.get(partition)),
    leaderOf: async (_: string, partition: number) => {
      asked.push(`leader of ${partition}`);
      const leader = leaders.get(partition);
      if (leader === undefined) throw new KafkaAnswerError("looking", kafkaCode.leaderNotAvailable);
      doubted.delete(partition);
      return leader;
    },
    doubt: ({ partition }: { partition: number }) => void doubted.add(partition),
    partition: ({ partition }: { partition: number }) => {
      return { partition, leader: leaders.get(partition) ?? -1, leaderEpoch: -1, replicas: 1 };
    },
    known: () => undefined,
    send: async (node: number, _: string, request: (broker: object) => ProtocolRequest) => {
      const sent = await request({ versions: null }).request.encode();
      const named = [0, 1, 2].filter((partition) => sent.buf.includes(partitionBytes(partition)));
      asked.push(`fetch ${named.join()} from ${node}`);
      await nextTurn();
      const partitions = named.map((partition) => ({
        topic: "t",
        partition,
        errorCode: answers(node, partition),
        lastStableOffset: 100,
        logStartOffset: 0,
        abortedTransactions: [],
        records: outgoingOf([textRecord("t", partition, "a")], "output").bytes,
      }));
      return { errorCode: 0, partitions };
    },
    ask: () => new Promise(() => undefined),
  };
  const troubles = new PartitionTroubles(clock, silentLogger);
  const fetcher = new Fetcher({
    link: link as unknown as ClusterLink,
    codecs: noCodecs,
    clock,
    logger: silentLogger,
    unknownTopicMs: 30_000,
    troubles,
    // Taken for good, so that each partition is delivered once.
    deliver: async ({ partition }) => {
      delivered.push(partition);
      await new Promise(() => undefined);
    },
    changed: () => expect.fail("the log has not changed"),
    failed: (error) => expect.fail(error.message),
  });
  const start = (partition: number) => fetcher.start({ topic: "t", partition }, 0);
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turns(10);
  };
  const ill = () => troubles.lasting.map(({ partition, node, reason }) => `${partition} on ${node}: ${reason}`);
  return { fetcher, ill, leaders, asked, delivered, start, pass };
}

/** How a fetch names a partition: its number, then the unknown epoch of its leader, then the offset asked for. */
function partitionBytes(partition: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32BE(partition, 0);
  bytes.writeInt32BE(-1, 4);
  return bytes;
}

// They were looked for one after the other, with 100 ms between two: with ten of them the healthy ones waited a second.
test("partitions without a leader hold up nobody else", async () => {
  const { fetcher, leaders, delivered, start, pass } = scripted(() => 0);
  leaders.delete(0);
  leaders.delete(1);
  for (const partition of [0, 1, 2]) start(partition);
  await turns(10);
  expect(delivered).toEqual([2]);
  leaders.set(0, 2);
  await pass(100);
  expect(delivered).toEqual([2, 0]);
  fetcher.close();
});

test("a partition that answers with an error waits by itself, the others of its node are read on", async () => {
  let isIll = true;
  const { fetcher, asked, delivered, start, pass } = scripted((_, partition) =>
    partition === 0 && isIll ? kafkaCode.kafkaStorageError : 0,
  );
  start(0);
  await turns(10);
  expect(asked).toEqual(["fetch 0 from 1"]);
  start(1);
  await turns(10);
  expect(delivered).toEqual([1]);
  isIll = false;
  await pass(99);
  expect(delivered).toEqual([1]);
  await pass(1);
  expect(asked).toEqual(["fetch 0 from 1", "fetch 1 from 1", "leader of 0", "fetch 0 from 1"]);
  expect(delivered).toEqual([1, 0]);
  fetcher.close();
});

test("a partition that goes on failing is asked for ever more seldom, up to once a second", async () => {
  const { fetcher, asked, start, pass } = scripted(() => kafkaCode.kafkaStorageError);
  start(0);
  await turns(10);
  const fetches = () => asked.filter((call) => call.startsWith("fetch")).length;
  const counts: number[] = [];
  for (const ms of [100, 200, 400, 800, 1_000, 1_000]) {
    await pass(ms - 1);
    counts.push(fetches());
    await pass(1);
  }
  expect(counts).toEqual([1, 2, 3, 4, 5, 6]);
  fetcher.close();
});

test("a position that is out of range is looked at beside the reading of the others", async () => {
  const { fetcher, delivered, start } = scripted((_, partition) => (partition === 0 ? kafkaCode.offsetOutOfRange : 0));
  start(0);
  await turns(10);
  start(1);
  await turns(10);
  expect(delivered).toEqual([1]);
  fetcher.close();
});

test("a partition whose leader fails is read from the next one at once", async () => {
  const { fetcher, leaders, delivered, start } = scripted((node) => {
    if (node === 2) return 0;
    leaders.set(0, 2);
    throw Object.assign(new Error("Closed connection"), { name: "KafkaJSConnectionClosedError" });
  });
  start(0);
  await turns(10);
  expect(delivered).toEqual([0]);
  fetcher.close();
});

test("what cannot be read is known by its reason, until it is read or belongs to somebody else", async () => {
  const ailing = new Map([
    [0, kafkaCode.kafkaStorageError],
    [2, kafkaCode.kafkaStorageError],
  ]);
  const { fetcher, ill, leaders, start, pass } = scripted((_, partition) => ailing.get(partition) ?? 0);
  leaders.delete(1);
  for (const partition of [0, 1, 2]) start(partition);
  await turns(10);
  for (let ms = 0; ms < 10_000; ms += 100) await pass(100);
  expect(ill().sort()).toEqual([
    "0 on 1: kafkaStorageError",
    "1 on undefined: leaderNotAvailable",
    "2 on 2: kafkaStorageError",
  ]);
  fetcher.remove({ topic: "t", partition: 2 });
  ailing.clear();
  leaders.set(1, 1);
  for (let ms = 0; ms < 1_000; ms += 100) await pass(100);
  expect(ill()).toEqual([]);
  fetcher.close();
});

test("a node that does not answer is in trouble for as long as it was waited for", async () => {
  const { fetcher, ill, start, pass } = scripted((node) => {
    throw Object.assign(new Error(`no answer of ${node}`), { name: "KafkaJSRequestTimeoutError" });
  });
  start(0);
  await turns(10);
  await pass(9_999);
  expect(ill()).toEqual([]);
  await pass(1);
  expect(ill()).toEqual(["0 on 1: no answer of 1"]);
  fetcher.close();
});
