import { expect, test } from "vitest";
import {
  compactBatch,
  decodeFetched,
  type RawBatch,
  RecordBatchBuilder,
  writeBaseOffset,
} from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { plainRecords } from "../../support/records.ts";

function decoded(bytes: Buffer): RawBatch {
  return decodeFetched(bytes, {
    topic: "t",
    partition: 0,
    offsetAsked: 0,
    logStartOffset: 0,
    endOffset: -1,
    abortedTransactions: [],
    codecs: noCodecs,
    verifyCrc: true,
  });
}

/** Five records at offsets 100 to 104, the second without a value, the third with a header. */
function batchOfFive(): Buffer {
  const builder = new RecordBatchBuilder({ topic: "t", partition: 0, role: "changelog", bytesMax: 10_000 });
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
    const compacted = compactBatch(bytes, decoded(bytes), (index) => indices.includes(index))!;
    const batch = decoded(compacted);
    expect(plainRecords(batch)).toEqual(indices.map((index) => before[index]));
    expect(batch.offsetNext).toBe(105);
    expect(compacted.length).toBeLessThan(bytes.length);
  }
});

test("a batch of which everything stays is the same, and one of which nothing stays is none", () => {
  const bytes = batchOfFive();
  expect(compactBatch(bytes, decoded(bytes), () => true)).toBe(bytes);
  expect(compactBatch(bytes, decoded(bytes), () => false)).toBeUndefined();
});

test("of a compressed batch everything stays", () => {
  const builder = new RecordBatchBuilder({
    topic: "t",
    partition: 0,
    role: "changelog",
    bytesMax: 10_000,
    compression: "gzip",
    codecs: { deflateGzip: (records) => Buffer.from(records) },
  });
  builder.append(1, Buffer.from("k"), 0, 1, Buffer.from("v"), 0, 1);
  const { bytes } = builder.finish();
  expect(compactBatch(bytes, decoded(batchOfFive()), () => false)).toBe(bytes);
});
