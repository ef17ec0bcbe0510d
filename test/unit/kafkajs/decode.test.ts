import { describe, expect, test } from "vitest";
import { bytesForPiece, decodePartition, emptyBatch } from "../../../src/adapters/kafkajs/decode.ts";
import type { FetchedPartition } from "../../../src/adapters/kafkajs/fetch-request.ts";
import { indexBytesPerRecord, LargeBatch, type RawBatch, writeBaseOffset } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { damagedBytes, outgoingOf, plainRecords, textOf, textRecords } from "../../support/records.ts";

function batchAt(first: number, count: number): Buffer {
  const { bytes } = outgoingOf(textRecords("t", 0, count));
  writeBaseOffset(bytes, 0, first);
  return bytes;
}

function fetchedOf(...batches: readonly Buffer[]): FetchedPartition {
  const records = Buffer.concat(batches);
  const at = { topic: "t", partition: 0, errorCode: 0, lastStableOffset: 90, logStartOffset: 3 };
  return { ...at, abortedTransactions: [], records, divergesAt: undefined };
}

const decoded = (fetched: FetchedPartition, offset: number, pieceBytes: number) =>
  decodePartition(fetched, { offset, isBehindBatch: false }, noCodecs, pieceBytes);

describe("a fetched partition", () => {
  test("is read from the position on, and shares no memory with the answer", () => {
    const fetched = fetchedOf(batchAt(10, 3), batchAt(13, 3));
    const batch = decoded(fetched, 11, 1e6) as RawBatch;
    expect(batch).toMatchObject({ offsetAsked: 11, offsetNext: 16, logStartOffset: 3, endOffset: 90 });
    fetched.records.fill(0);
    expect(plainRecords(batch).map((record) => [record.offset, textOf(record)])).toEqual([
      [11, "r1"],
      [12, "r2"],
      [13, "r0"],
      [14, "r1"],
      [15, "r2"],
    ]);
  });

  test("whose first batch alone is more than a piece comes undecoded", async () => {
    const fetched = fetchedOf(batchAt(10, 40));
    const large = decoded(fetched, 12, 1_000);
    expect(large).toBeInstanceOf(LargeBatch);
    fetched.records.fill(0);
    const piece = await (large as LargeBatch).next(1_000);
    expect(piece === undefined ? [] : plainRecords(piece).slice(0, 2).map(textOf)).toEqual(["r2", "r3"]);
    await (large as LargeBatch).close();
  });

  test("whose first batch is damaged is none", () => {
    expect(() => decoded(fetchedOf(damagedBytes("t", 0, 10, 4)), 10, 1e6)).toThrow(/sum|damaged|CRC/i);
  });
});

test("what is asked for next inflates to half a piece, within 16 KiB and 1 MiB", () => {
  const fetched = fetchedOf(batchAt(10, 3));
  const stored = fetched.records.length;
  const read = (times: number): RawBatch => {
    const bytes = Buffer.alloc(stored * times - 3 * indexBytesPerRecord);
    return { count: 3, bytes, offsetNext: 13 } as RawBatch;
  };
  expect(bytesForPiece(fetched, read(10), 2_097_152)).toBe(104_858);
  expect(bytesForPiece(fetched, read(100), 2_097_152)).toBe(16_384);
  // What does not inflate is not asked for beyond a piece, nor beyond the most.
  expect(bytesForPiece(fetched, { count: 0, bytes: Buffer.alloc(1), offsetNext: 13 } as RawBatch, 100_000)).toBe(
    50_000,
  );
  expect(bytesForPiece(fetched, read(2), 20_000_000)).toBe(1_048_576);
});

test("a position that moved over what is gone is a batch without records", () => {
  expect(emptyBatch({ topic: "t", partition: 2 }, 5, 40, 90)).toMatchObject({
    topic: "t",
    partition: 2,
    count: 0,
    offsetAsked: 5,
    offsetNext: 40,
    logStartOffset: 40,
    endOffset: 90,
    damage: undefined,
  });
});
