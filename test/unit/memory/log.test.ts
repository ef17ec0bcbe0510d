import fc from "fast-check";
import { expect, test } from "vitest";
import { fetchBatch } from "../../../src/adapters/memory/fetch.ts";
import { PartitionLog } from "../../../src/adapters/memory/partition-log.ts";
import { TopicStore } from "../../../src/adapters/memory/store.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import type { Outgoing } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { outgoingOf, plainRecords, textOf, textRecord, textRecords, writtenAtMs } from "../../support/records.ts";
import { brokerOf, never, topicOf } from "./bench.ts";

/** As compaction leaves a batch: its last offset stays although its last records are gone. */
function withLastOffsetDelta(outgoing: Outgoing, delta: number): Outgoing {
  const bytes = Buffer.from(outgoing.bytes);
  bytes.writeInt32BE(delta, 23);
  return { ...outgoing, bytes };
}

test("a batch whose last records are gone keeps its place: the next one begins after the gap", () => {
  const log = new PartitionLog("raw", 0);
  log.append(withLastOffsetDelta(outgoingOf(textRecords("raw", 0, 2, "a")), 9));
  log.append(outgoingOf(textRecords("raw", 0, 2, "b")));
  expect(log.endOffset).toBe(12);
  const all = fetchBatch(log, 0, 100_000, noCodecs);
  expect([...(all?.offsets ?? [])]).toEqual([0, 1, 10, 11]);
  const inGap = fetchBatch(log, 5, 100_000, noCodecs);
  expect([...(inGap?.offsets ?? [])]).toEqual([10, 11]);
  expect(inGap).toMatchObject({ offsetAsked: 5, offsetNext: 12 });
});

test("a fetch of a batch without any record left still moves on", () => {
  const log = new PartitionLog("raw", 0);
  log.append(withLastOffsetDelta(outgoingOf(textRecords("raw", 0, 1)), 4));
  const batch = fetchBatch(log, 2, 100_000, noCodecs);
  expect(batch).toMatchObject({ count: 0, offsetAsked: 2, offsetNext: 5, endOffset: 5 });
});

test("a batch whose bytes contradict each other comes as its stand-in, and all others as they are", () => {
  const log = new PartitionLog("raw", 0);
  log.append(outgoingOf(textRecords("raw", 0, 2, "a")));
  const lying = outgoingOf(textRecords("raw", 0, 3, "lost"));
  lying.bytes.writeInt32BE(2, 57);
  log.append(lying);
  log.append(outgoingOf(textRecords("raw", 0, 2, "b")));
  expect(fetchBatch(log, 0, 100_000, noCodecs)).toMatchObject({ count: 2, offsetNext: 2, damage: undefined });
  expect(fetchBatch(log, 2, 100_000, noCodecs)).toMatchObject({ damage: { first: 2, last: 4 }, offsetNext: 5 });
  expect(plainRecords(fetchBatch(log, 5, 100_000, noCodecs)!).map(textOf)).toEqual(["b0", "b1"]);
});

test("a fetch holds at most its bytes, and at least one batch", () => {
  const log = new PartitionLog("raw", 0);
  const outgoing = outgoingOf(textRecords("raw", 0, 10));
  for (let i = 0; i < 8; i++) log.append(outgoing);
  const size = outgoing.bytes.length;
  expect(fetchBatch(log, 0, 3 * size, noCodecs)?.count).toBe(30);
  expect(fetchBatch(log, 0, 3 * size - 1, noCodecs)?.count).toBe(20);
  expect(fetchBatch(log, 0, 1, noCodecs)?.count).toBe(10);
  expect(fetchBatch(log, 80, 1, noCodecs)).toBeUndefined();
});

test("a large batch becomes a segment as it is; written once more it is copied, and both keep their offsets", () => {
  const log = new PartitionLog("raw", 0);
  log.append(outgoingOf(textRecords("raw", 0, 1, "small")));
  const large = outgoingOf([{ ...textRecord("raw", 0, "x"), value: Buffer.alloc(70_000, "v") }]);
  const first = log.append(large);
  expect(first?.bytes).toBe(large.bytes);
  const again = log.append(large);
  expect(again?.bytes).not.toBe(large.bytes);
  log.append(outgoingOf(textRecords("raw", 0, 1, "after")));
  expect(log.endOffset).toBe(4);
  const offsetsFrom = (offset: number) => [...(fetchBatch(log, offset, 1, noCodecs)?.offsets ?? [])];
  expect([0, 1, 2, 3].map(offsetsFrom)).toEqual([[0], [1], [2], [3]]);
});

test("offsets beyond 2^32 are kept exactly", () => {
  const log = new PartitionLog("raw", 0);
  for (let i = 0; i < 3; i++) log.append(withLastOffsetDelta(outgoingOf(textRecords("raw", 0, 1)), 2_147_483_646));
  log.append(outgoingOf(textRecords("raw", 0, 1, "far")));
  const batch = fetchBatch(log, 6_442_450_941, 100_000, noCodecs);
  expect(batch?.offsets[0]).toBe(6_442_450_941);
  expect(batch === undefined ? [] : plainRecords(batch).map((record) => textOf(record))).toEqual(["far0"]);
});

test("every record is found from every offset, whatever the batches and segments", () => {
  const sizes = fc.array(
    fc.record({ count: fc.integer({ min: 1, max: 5 }), bytes: fc.integer({ min: 0, max: 30_000 }) }),
    {
      minLength: 1,
      maxLength: 25,
    },
  );
  fc.assert(
    fc.property(sizes, fc.nat(), fc.integer({ min: 1, max: 40_000 }), (batches, at, bytesMax) => {
      const log = new PartitionLog("raw", 0);
      for (const { count, bytes } of batches) {
        const records = Array.from({ length: count }, (_, i) => ({
          ...textRecord("raw", 0, "x"),
          key: Buffer.from(String(log.endOffset + i)),
          value: Buffer.alloc(bytes),
        }));
        log.append(outgoingOf(records));
      }
      const from = at % log.endOffset;
      const found: string[] = [];
      for (let position = from; position < log.endOffset; ) {
        const batch = fetchBatch(log, position, bytesMax, noCodecs);
        if (batch === undefined) break;
        found.push(...plainRecords(batch).map((record) => String(record.key)));
        position = batch.offsetNext;
      }
      expect(found).toEqual(Array.from({ length: log.endOffset - from }, (_, i) => String(from + i)));
    }),
    { numRuns: 50 },
  );
});

/** Bytes that the segments of a log occupy, and how many of them batches fill. */
function bytesOf({ segments }: PartitionLog): { readonly occupied: number; readonly filled: number } {
  return {
    occupied: segments.reduce((sum, { bytes }) => sum + bytes.length, 0),
    filled: segments.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}

test("a small batch behind each large one costs about what it holds, not a segment of the largest size", () => {
  const log = new PartitionLog("raw", 0);
  for (let i = 0; i < 100; i++) {
    log.append(outgoingOf([{ ...textRecord("raw", 0, "x"), value: Buffer.alloc(100_000) }]));
    log.append(outgoingOf(textRecords("raw", 0, 1, "marker")));
  }
  const { occupied, filled } = bytesOf(log);
  // A large batch is a segment as it is, and 4,096 bytes are the smallest segment behind one.
  expect(filled).toBeGreaterThan(100 * 100_000);
  expect(occupied).toBeLessThanOrEqual(filled + 100 * 4_096);
});

test("whatever the sizes of the batches, the segments occupy at most three times what they hold, and a first one", () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 100_000 })), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(sizes, (batches) => {
      const log = new PartitionLog("raw", 0);
      for (const bytes of batches)
        log.append(outgoingOf([{ ...textRecord("raw", 0, "x"), value: Buffer.alloc(bytes) }]));
      const { occupied, filled } = bytesOf(log);
      // Once what they hold; once what the next batch did not fit into; once what a run grew by before a large batch
      // ended it, and of 65,536 bytes or more that a large batch has, the 4,096 of the run behind it.
      expect(occupied).toBeLessThanOrEqual(3 * filled + filled / 16 + 16_384);
    }),
    { numRuns: 200 },
  );
});

test("a long run of small batches comes to segments of a mebibyte", () => {
  const log = new PartitionLog("raw", 0);
  const batch = outgoingOf([{ ...textRecord("raw", 0, "x"), value: Buffer.alloc(1_000) }]);
  for (let i = 0; i < 6_000; i++) log.append(batch);
  const sizes = log.segments.map(({ bytes }) => bytes.length);
  expect(sizes.slice(0, 4)).toEqual([16_384, 32_768, 65_536, 131_072]);
  expect(sizes.slice(6)).toEqual(sizes.slice(6).map(() => 1_048_576));
  expect(sizes.length).toBeGreaterThan(8);
});

test("a time is found although timestamps do not ascend: the first record at or after it", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 1)] });
  const at = (seconds: number) => textRecord("raw", 0, `${seconds}`, writtenAtMs + seconds * 1_000);
  await broker.append([at(1), at(5)], never);
  await broker.append([at(2), at(3)], never);
  await broker.append([at(9), at(4)], never);
  const texts: (string | undefined)[] = [];
  const range = { topic: "raw", partition: 0, from: { timeMs: writtenAtMs + 5_500 }, to: 6 };
  for await (const batch of broker.read(range, never)) texts.push(...plainRecords(batch).map(textOf));
  expect(texts).toEqual(["9", "4"]);
});

test("a time whose records are gone, but not the marker that committed them, begins at the next record", () => {
  const store = new TopicStore(64 * 1_048_576, noCodecs, silentLogger, { now: () => 0 });
  store.create(topicOf("raw", 1));
  const log = store.log("raw", 0);
  const at = (text: string, seconds: number) => outgoingOf([textRecord("raw", 0, text, writtenAtMs + seconds * 1_000)]);
  const wide = { ...textRecord("raw", 0, "wide", writtenAtMs + 5_000), value: Buffer.alloc(100_000) };
  store.appendTransaction([outgoingOf([wide])]);
  store.appendTransaction([at("early", 2)]);
  store.appendTransaction([at("late", 6)]);
  // The wide batch is a segment of its own, its marker the first of the next one.
  log.dropOldest();
  expect(log.logStartOffset).toBe(1);
  expect(store.offsetAtTime(log, writtenAtMs + 5_000)).toBe(4);
  expect(store.offsetAtTime(log, writtenAtMs + 1_000)).toBe(2);
  expect(store.offsetAtTime(log, writtenAtMs + 6_500)).toBe(log.endOffset);
});
