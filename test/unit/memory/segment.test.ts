import { expect, test } from "vitest";
import { Segment } from "../../../src/adapters/memory/segment.ts";
import { readBatchHeader } from "../../../src/wire/index.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";

const batch = (count: number) => outgoingOf(textRecords("t", 0, count)).bytes;
const size = batch(2).length;

/** Three batches of two records, at offsets 10, 12 and 14, with timestamps 100, 300 and 200. */
function threeBatches(): Segment {
  const segment = Segment.ofCapacity(10, 3 * size);
  for (const timestampMs of [100, 300, 200]) segment.append(batch(2), timestampMs);
  return segment;
}

/** First offsets of the batches in a slice. */
function offsetsIn(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < bytes.length; at += size) found.push(readBatchHeader(bytes, at).baseOffset);
  return found;
}

test("a segment has room for what fits to the byte, and numbers its batches one behind the other", () => {
  const segment = Segment.ofCapacity(10, 2 * size);
  expect([segment.hasRoomFor(2 * size), segment.hasRoomFor(2 * size + 1)]).toEqual([true, false]);
  segment.append(batch(2), 100);
  expect([segment.offsetNext, segment.byteLength, segment.hasRoomFor(size)]).toEqual([12, size, true]);
  segment.append(batch(2), 100, 20);
  expect([segment.offsetNext, segment.hasRoomFor(1)]).toEqual([22, false]);
  expect(offsetsIn(segment.slice(0, 1e6))).toEqual([10, 20]);
});

test("a slice begins with the batch that holds the offset, and ends before the one that is too much", () => {
  const segment = threeBatches();
  const sliced = (offset: number, bytesMax: number) => offsetsIn(segment.slice(offset, bytesMax));
  expect([10, 11, 12, 13, 14].map((offset) => sliced(offset, 1)[0])).toEqual([10, 10, 12, 12, 14]);
  expect(sliced(10, 3 * size)).toEqual([10, 12, 14]);
  expect(sliced(10, 3 * size - 1)).toEqual([10, 12]);
  expect(sliced(10, 2 * size)).toEqual([10, 12]);
  expect(sliced(10, 2 * size - 1)).toEqual([10]);
  expect(sliced(12, 0)).toEqual([12]);
});

test("the first batch at a time is found by its largest timestamp, and none behind the last", () => {
  const segment = threeBatches();
  expect([0, 100, 101, 300, 301].map((timeMs) => segment.batchAtTime(timeMs))).toEqual([10, 10, 12, 12, undefined]);
});

test("a segment of one batch is full, and lives in that batch's bytes", () => {
  const bytes = batch(2);
  const segment = Segment.ofBatch(7, bytes, 100);
  expect([segment.bytes === bytes, segment.baseOffset, segment.offsetNext]).toEqual([true, 7, 9]);
  expect(segment.hasRoomFor(1)).toBe(false);
});
