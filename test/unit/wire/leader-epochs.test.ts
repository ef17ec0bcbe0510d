import { expect, test } from "vitest";
import { leaderEpochsOf, RecordBatchBuilder, writeBaseOffset } from "../../../src/wire/index.ts";

/** A batch of two records with a leader epoch, which the checksum does not cover. */
function batchAt(offset: number, leaderEpoch: number): Buffer {
  const builder = new RecordBatchBuilder({ topic: "t", partition: 0, role: "output", bytesMax: 10_000 });
  for (const value of ["a", "b"]) builder.appendWithHeaders(1, null, 0, 0, Buffer.from(value), 0, 1, []);
  const bytes = Buffer.from(builder.finish().bytes);
  writeBaseOffset(bytes, 0, offset);
  bytes.writeInt32BE(leaderEpoch, 12);
  return bytes;
}

const fetched = Buffer.concat([batchAt(4, 1), batchAt(6, 1), batchAt(8, 3), batchAt(10, 5)]);

test("an epoch begins with the first batch that was written under it", () => {
  expect(leaderEpochsOf(fetched, 12)).toEqual([
    { offset: 4, leaderEpoch: 1 },
    { offset: 8, leaderEpoch: 3 },
    { offset: 10, leaderEpoch: 5 },
  ]);
});

test("batches that were left for the next fetch, or are cut off, say nothing", () => {
  expect(leaderEpochsOf(fetched, 10).map(({ offset }) => offset)).toEqual([4, 8]);
  expect(leaderEpochsOf(fetched.subarray(0, fetched.length - 1), 12).map(({ offset }) => offset)).toEqual([4, 8]);
  expect(leaderEpochsOf(Buffer.alloc(0), 12)).toEqual([]);
});
