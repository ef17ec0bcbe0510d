import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { Fetcher } from "../../../src/adapters/kafkajs/fetcher.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { PartitionTroubles } from "../../../src/adapters/kafkajs/partition-troubles.ts";
import { type LogFields, silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { type RawBatch, writeBaseOffset } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { deferred } from "../../support/deadline.ts";
import { damagedBytes, outgoingOf, standInOf, textRecord, textRecords } from "../../support/records.ts";

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
    group: "g",
    roomFor: () => undefined,
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
function scripted(
  answers: (node: number, partition: number) => number,
  answered: () => Promise<void> = nextTurn,
  text = "a",
) {
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
      await answered();
      const partitions = named.map((partition) => ({
        topic: "t",
        partition,
        errorCode: answers(node, partition),
        lastStableOffset: 100,
        logStartOffset: 0,
        abortedTransactions: [],
        records: text === "" ? Buffer.alloc(0) : outgoingOf([textRecord("t", partition, text)], "output").bytes,
      }));
      return { errorCode: 0, partitions };
    },
    ask: () => new Promise(() => undefined),
  };
  const troubles = new PartitionTroubles(clock, silentLogger);
  const fetcher = new Fetcher({
    group: "g",
    roomFor: () => undefined,
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

test("a partition that was read in between waits 100 ms after its next error, as at first", async () => {
  let fetches = 0;
  // Fails three times, brings nothing once, and fails again.
  const { fetcher, asked, start, pass } = scripted(
    () => (++fetches === 4 ? 0 : kafkaCode.kafkaStorageError),
    nextTurn,
    "",
  );
  start(0);
  await turns(10);
  for (const ms of [100, 200, 400]) await pass(ms);
  expect(fetches).toBe(5);
  await pass(99);
  expect(fetches).toBe(5);
  await pass(1);
  expect(fetches).toBe(6);
  expect(asked.filter((call) => call.startsWith("fetch"))).toHaveLength(6);
  fetcher.close();
});

test("a position that is out of range is looked at beside the reading of the others, and is not fetched meanwhile", async () => {
  const { fetcher, asked, delivered, start, pass } = scripted((_, partition) =>
    partition === 0 ? kafkaCode.offsetOutOfRange : 0,
  );
  start(0);
  await turns(10);
  start(1);
  await turns(10);
  expect(delivered).toEqual([1]);
  await pass(5_000);
  expect(asked.filter((call) => call.startsWith("fetch"))).toEqual(["fetch 0 from 1", "fetch 1 from 1"]);
  fetcher.close();
});

test("a partition without a leader is looked for once at a time, however often it is given back", async () => {
  const { fetcher, leaders, asked, start } = scripted(() => 0);
  leaders.delete(0);
  start(0);
  for (let i = 0; i < 3; i++) {
    fetcher.setPaused({ topic: "t", partition: 0 }, false);
    await turns(3);
  }
  expect(asked).toEqual(["leader of 0"]);
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

test("a partition that is taken away while its leader is looked for is in nobody's trouble", async () => {
  const { fetcher, ill, asked, leaders, start, pass } = scripted(() => 0);
  leaders.delete(0);
  start(0);
  expect(asked).toEqual(["leader of 0"]);
  fetcher.remove({ topic: "t", partition: 0 });
  for (let ms = 0; ms < 11_000; ms += 100) await pass(100);
  expect(ill()).toEqual([]);
  fetcher.close();
});

test("a node that does not answer is in trouble for as long as it was waited for, with all that wait for it", async () => {
  const answer = deferred<void>();
  const { fetcher, ill, asked, leaders, start, pass } = scripted(
    () => 0,
    () => answer.promise,
  );
  start(0);
  await turns(10);
  // It is not part of the fetch that is under way.
  start(1);
  // And this one has another leader before the fetch fails.
  leaders.set(2, 1);
  start(2);
  leaders.set(2, 3);
  await pass(10_000);
  answer.reject(Object.assign(new Error("timed out"), { name: "KafkaJSRequestTimeoutError" }));
  await turns(10);
  expect(ill()).toEqual(["0 on 1: timed out", "1 on 1: timed out"]);
  expect(asked).toEqual(expect.arrayContaining(["leader of 0", "leader of 1"]));
  fetcher.close();
});

/** The answers of one node to fetches of `t-0`, one after the other, the last one again and again. */
function answering(answers: readonly Buffer[], lastStableOffset: number) {
  const clock = new FakeClock(0);
  const asked: { readonly offset: number; readonly bytesMax: number }[] = [];
  const delivered: RawBatch[] = [];
  const failures: Error[] = [];
  const logged: string[] = [];
  const send = async (_node: number, _api: string, request: (broker: object) => ProtocolRequest) => {
    asked.push(targetOf(await request({}).request.encode()));
    const records = answers[Math.min(asked.length, answers.length) - 1];
    const at = { topic: "t", partition: 0, errorCode: 0, lastStableOffset, logStartOffset: 0, abortedTransactions: [] };
    return nextTurn({ errorCode: 0, partitions: [{ ...at, records, divergesAt: undefined }] });
  };
  const log = ({ offsets }: LogFields, message: string): void => void logged.push(`${offsets ?? ""} ${message}`.trim());
  const fetcher = new Fetcher({
    group: "g",
    roomFor: () => undefined,
    link: { leader: () => 1, partition: () => undefined, known: () => undefined, send } as unknown as ClusterLink,
    codecs: noCodecs,
    clock,
    logger: { ...silentLogger, warn: log, error: log },
    unknownTopicMs: 30_000,
    troubles: new PartitionTroubles(clock, silentLogger),
    // The reading ends with the first records of a sound batch.
    deliver: async (batch) => {
      delivered.push(batch);
      if (batch.damage === undefined) fetcher.setPaused(first, true);
    },
    changed: () => expect.fail("the log has not changed"),
    failed: (error) => {
      failures.push(error);
      fetcher.close();
    },
  });
  const read = async (from: number): Promise<void> => {
    if (asked.length === 0) fetcher.start(first, from);
    for (let i = 0; i < 40; i++) {
      await nextTurn();
      if (clock.sleeping > 0) clock.advance(100);
    }
  };
  return { fetcher, asked, delivered, failures, logged, read };
}

/** Offset and limit of the one partition that a fetch by name asks for: its last bytes, behind them three ends. */
function targetOf({ buffer }: { readonly buffer: Buffer }) {
  const at = buffer.indexOf(Buffer.from([2, 0, 0, 0, 0])) + 9;
  return { offset: Number(buffer.readBigInt64BE(at)), bytesMax: buffer.readInt32BE(at + 20) };
}

function at(offset: number, text: string): Buffer {
  const { bytes } = outgoingOf([textRecord("t", 0, text)], "output");
  writeBaseOffset(bytes, 0, offset);
  return bytes;
}

test("damage on the way heals: the batch is asked for twice more, with what lies behind it, and comes as it is", async () => {
  const damaged = damagedBytes("t", 0, 40, 3);
  const { fetcher, asked, delivered, failures, logged, read } = answering([damaged, damaged, at(40, "a")], 100);
  await read(40);
  expect(failures).toEqual([]);
  expect(delivered.map(({ damage, offsetNext }) => [damage, offsetNext])).toEqual([[undefined, 41]]);
  const more = damaged.length + 1_048_576;
  expect(asked.slice(0, 3)).toEqual([
    { offset: 40, bytesMax: 1_048_576 },
    { offset: 40, bytesMax: more },
    { offset: 40, bytesMax: more },
  ]);
  expect(logged).toEqual(Array.from({ length: 2 }, () => "A fetched batch is damaged."));
  fetcher.close();
});

test("damage that stays is delivered as its stand-in, and the reading goes on behind it", async () => {
  const damaged = damagedBytes("t", 0, 40, 3);
  const next = damagedBytes("t", 0, 43, 2);
  const { fetcher, asked, delivered, failures, logged, read } = answering(
    [damaged, damaged, damaged, next, next, at(43, "a")],
    45,
  );
  fetcher.start(first, 40, { topicId: undefined, leaderEpoch: 7 });
  expect(fetcher.epochBefore(first, 40)).toBe(7);
  await read(40);
  expect(failures).toEqual([]);
  expect(delivered[0]).toEqual({ ...standInOf("t", 0, 40, 3), endOffset: 45 });
  expect(delivered[1]).toMatchObject({ count: 1, offsetAsked: 43, damage: undefined });
  expect(asked[3]).toEqual({ offset: 43, bytesMax: 1_048_576 });
  const again = "A fetched batch is damaged.";
  expect(logged).toEqual([again, again, "40-42 A damaged batch is passed over as one dead letter.", again, again]);
  // An epoch from before the damage would make the broker take the log for one that was cut back.
  expect([fetcher.epochBefore(first, 40), fetcher.epochBefore(first, 43)]).toEqual([7, -1]);
  fetcher.close();
});

test("a batch that begins before the end of the one before it is damaged, and is asked for again", async () => {
  const overlapping = outgoingOf(textRecords("t", 0, 9), "output").bytes;
  writeBaseOffset(overlapping, 0, 38);
  const { fetcher, delivered, logged, read } = answering([at(40, "a"), overlapping, at(41, "b")], 50);
  await read(40);
  expect(delivered).toHaveLength(1);
  fetcher.setPaused(first, false);
  await read(41);
  expect(delivered.map(({ offsets }) => [...offsets])).toEqual([[40], [41]]);
  expect(logged).toEqual(["A fetched batch is damaged."]);
  fetcher.close();
});

test("damage whose end nobody knows halts with the command that goes on behind all there is", async () => {
  const { delivered, failures, read } = answering([damagedBytes("t", 0, 40, 30)], 60);
  await read(40);
  expect(delivered).toEqual([]);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatchObject({ code: "MR_BATCH_CORRUPT", disposition: "halt" });
  expect(failures[0]!.message).toMatch(/^decoding the batch at offset 40 of topic t, partition 0: its CRC32C is /);
  expect(failures[0]!.message).toContain(
    "stop the stage and run: kafka-consumer-groups --bootstrap-server ... --group g --topic t:0 --reset-offsets --to-offset 60 --execute",
  );
});
