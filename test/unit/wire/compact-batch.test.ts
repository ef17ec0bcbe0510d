import { expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import {
  compactBatch,
  decodeFetched,
  type RawBatch,
  RecordBatchBuilder,
  readBatchHeader,
  writeBaseOffset,
} from "../../../src/wire/index.ts";
import { plainRecords } from "../../support/records.ts";

const codecs = await createCodecs();

function decoded(bytes: Buffer): RawBatch {
  return decodeFetched(bytes, {
    topic: "t",
    partition: 0,
    offsetAsked: 0,
    logStartOffset: 0,
    endOffset: -1,
    abortedTransactions: [],
    codecs,
    verifyCrc: true,
  });
}

/** Five records at offsets 100 to 104, the second without a value, the third with a header. */
function batchOfFive(compression: "none" | "gzip" = "none"): Buffer {
  const batch = { topic: "t", partition: 0, role: "changelog", bytesMax: 10_000 } as const;
  const builder = new RecordBatchBuilder(compression === "none" ? batch : { ...batch, compression, codecs });
  for (let i = 0; i < 5; i++) {
    const key = Buffer.from(`k${i}`);
    const value = i === 1 ? null : Buffer.from("v".repeat(i));
    const headers = i === 2 ? [{ name: "h", value: Buffer.from("x") }] : [];
    builder.appendWithHeaders(1_000 + i * 10, key, 0, 2, value, 0, value?.length ?? 0, headers);
  }
  const { bytes } = builder.finish();
  writeBaseOffset(bytes, 0, 100);
  return bytes;
}

test("what stays of a batch keeps its bytes, offset and time, and the batch its stretch of offsets", () => {
  const bytes = batchOfFive();
  const before = plainRecords(decoded(bytes));
  for (const indices of [[0], [1, 2], [0, 2, 4], [4]]) {
    const compacted = compactBatch(bytes, decoded(bytes), codecs, (index) => indices.includes(index))!;
    const batch = decoded(compacted);
    expect(plainRecords(batch)).toEqual(indices.map((index) => before[index]));
    expect(batch.offsetNext).toBe(105);
    expect(compacted.length).toBeLessThan(bytes.length);
  }
});

test("a batch of which everything stays is the same, and one of which nothing stays is none", () => {
  const bytes = batchOfFive();
  expect(compactBatch(bytes, decoded(bytes), codecs, () => true)).toBe(bytes);
  expect(compactBatch(bytes, decoded(bytes), codecs, () => false)).toBeUndefined();
});

test("what stays of a batch that came in gzip is gzip again, with its offsets, times and headers", () => {
  const bytes = batchOfFive("gzip");
  const before = plainRecords(decoded(bytes));
  for (const indices of [[0], [1, 2], [0, 2, 4], [4]]) {
    const compacted = compactBatch(bytes, decoded(bytes), codecs, (index) => indices.includes(index))!;
    expect(readBatchHeader(compacted, 0).attributes).toBe(1);
    const batch = decoded(compacted);
    expect(plainRecords(batch)).toEqual(indices.map((index) => before[index]));
    expect(batch.offsetNext).toBe(105);
  }
  expect(compactBatch(bytes, decoded(bytes), codecs, () => true)).toBe(bytes);
  expect(compactBatch(bytes, decoded(bytes), codecs, () => false)).toBeUndefined();
});

test("what stays of a batch in a codec that is not written stands plain, and the other attributes stay", () => {
  const gzip = batchOfFive("gzip");
  const before = plainRecords(decoded(gzip));
  const snappy = Buffer.from(gzip);
  // Codec 2, and bit 4: one of a transaction.
  snappy.writeInt16BE(2 | 16, 21);
  const compacted = compactBatch(snappy, decoded(gzip), codecs, (index) => index === 3)!;
  expect(readBatchHeader(compacted, 0).attributes).toBe(16);
  expect(plainRecords(decoded(compacted))).toEqual([before[3]]);
});
