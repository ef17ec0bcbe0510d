import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Header } from "../../../src/kernel/index.ts";
import {
  type BatchSpec,
  RecordBatchBuilder,
  readBatchHeader,
  stampProducer,
  writeBaseOffset,
} from "../../../src/wire/index.ts";
import { decode, hex, noCodecs, plainBatch, recordsOf } from "./plain-batch.ts";

const spec: BatchSpec = { topic: "orders", partition: 3, role: "output", bytesMax: 1_000_000 };
const gzip = {
  ...noCodecs,
  gzip: (bytes: Uint8Array) => gunzipSync(bytes),
  deflateGzip: (b: Uint8Array) => gzipSync(b),
};

interface Given {
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
}

const bytesOrNull = (maxLength: number): fc.Arbitrary<Uint8Array | null> =>
  fc.option(fc.uint8Array({ maxLength, size: "max" }), { freq: 5 });
const given: fc.Arbitrary<Given> = fc.record({
  timestampMs: fc.oneof(
    fc.constant(-1),
    fc.integer({ min: 0, max: 4_102_444_800_000 }),
    fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }),
  ),
  key: bytesOrNull(40),
  value: bytesOrNull(400),
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.record({ name: fc.string({ unit: "grapheme" }), value: bytesOrNull(80) }), {
        maxLength: 4,
      }),
    },
  ),
});

function build(records: readonly Given[], options: BatchSpec = spec) {
  const builder = new RecordBatchBuilder(options);
  for (const { timestampMs, key, value, headers } of records) {
    const taken = builder.appendWithHeaders(
      timestampMs,
      key,
      0,
      key?.length ?? 0,
      value,
      0,
      value?.length ?? 0,
      headers,
    );
    expect(taken).toBe(true);
  }
  return builder.finish();
}

function seen(records: readonly Given[]) {
  return records.map(({ timestampMs, key, value, headers }, offset) => ({
    offset,
    timestampMs,
    key: hex(key),
    value: hex(value),
    headers: headers.map((header) => ({ name: header.name, value: hex(header.value) })),
  }));
}

test("what the builder wrote is read back, compressed or not", () => {
  fc.assert(
    fc.property(fc.array(given, { minLength: 1, maxLength: 30 }), fc.boolean(), (records, compressed) => {
      const options: BatchSpec = compressed ? { ...spec, compression: "gzip", codecs: gzip } : spec;
      const { bytes } = build(records, options);
      expect(recordsOf(decode(bytes, { codecs: gzip }))).toEqual(seen(records));
    }),
  );
});

test("the builder writes the bytes of the obvious encoder", () => {
  fc.assert(
    fc.property(fc.array(given, { minLength: 1, maxLength: 30 }), (records) => {
      const base = records[0]!.timestampMs;
      const expected = plainBatch({
        baseTimestamp: BigInt(base),
        maxTimestamp: BigInt(Math.max(...records.map((r) => r.timestampMs))),
        records: records.map((r) => ({ ...r, timestampDelta: BigInt(r.timestampMs) - BigInt(base) })),
      });
      expected.writeInt32BE(-1, 12); // The leader epoch, which the checksum does not cover.
      expect(build(records).bytes.equals(expected)).toBe(true);
    }),
  );
});

test("headers that are copied as they stand encoded are read back", () => {
  const headers = [
    { name: "trace", value: Buffer.from("abc") },
    { name: "trace", value: null },
  ];
  const first = decode(build([{ timestampMs: 1, key: null, value: null, headers }]).bytes);
  const builder = new RecordBatchBuilder(spec);
  const [from, to, count] = [first.headersFrom[0]!, first.headersTo[0]!, first.headerCounts[0]!];
  builder.appendWithRawHeaders(2, null, 0, 0, null, 0, 0, first.bytes, from, to, count);
  expect(recordsOf(decode(builder.finish().bytes))[0]?.headers).toEqual([
    { name: "trace", value: "616263" },
    { name: "trace", value: null },
  ]);
});

test("a finished batch tells its count and the range of its timestamps", () => {
  const at = (timestampMs: number): Given => ({ timestampMs, key: null, value: null, headers: [] });
  expect(build([at(50), at(20), at(90)])).toMatchObject({
    topic: "orders",
    partition: 3,
    role: "output",
    recordCount: 3,
    timestampMinMs: 20,
    timestampMaxMs: 90,
  });
});

test("a record that would pass the limit is refused and leaves the batch as it was", () => {
  const builder = new RecordBatchBuilder({ ...spec, bytesMax: 200 });
  const value = Buffer.alloc(60, 7);
  // 61 bytes of header; each record is 60 bytes, 6 of framing and a length of two bytes.
  expect(builder.append(1, null, 0, 0, value, 0, 60)).toBe(true);
  expect(builder.append(2, null, 0, 0, value, 0, 60)).toBe(true);
  expect(builder.byteLength).toBe(61 + 2 * (60 + 8));
  expect(builder.append(3, null, 0, 0, value, 0, 60)).toBe(false);
  expect(builder.append(3, null, 0, 0, Buffer.alloc(70_000), 0, 70_000)).toBe(false);
  expect(builder.recordCount).toBe(2);
  expect(recordsOf(decode(builder.finish().bytes)).map((r) => r.timestampMs)).toEqual([1, 2]);
});

test("a batch that fills its limit to the last byte is accepted", () => {
  const builder = new RecordBatchBuilder({ ...spec, bytesMax: 61 + 2 * 68 });
  const value = Buffer.alloc(60);
  expect(builder.append(1, null, 0, 0, value, 0, 60)).toBe(true);
  expect(builder.append(1, null, 0, 0, value, 0, 60)).toBe(true);
  expect(builder.finish().bytes.length).toBe(61 + 2 * 68);
});

test("one record alone may pass the limit", () => {
  const builder = new RecordBatchBuilder({ ...spec, bytesMax: 100 });
  expect(builder.append(1, null, 0, 0, Buffer.alloc(5_000, 1), 0, 5_000)).toBe(true);
  expect(decode(builder.finish().bytes).valueTo[0]!).toBeGreaterThan(5_000);
});

test("a batch stays as it was handed over while the next one is built", () => {
  const builder = new RecordBatchBuilder(spec);
  builder.append(1, null, 0, 0, Buffer.from("first"), 0, 5);
  const first = builder.finish();
  const copy = Buffer.from(first.bytes);
  for (let i = 0; i < 100; i++) builder.append(2, null, 0, 0, Buffer.alloc(64, i), 0, 64);
  builder.finish();
  expect(first.bytes.equals(copy)).toBe(true);
});

test("a builder that was reset holds nothing of what was dropped", () => {
  const builder = new RecordBatchBuilder(spec);
  builder.append(99, null, 0, 0, Buffer.from("dropped"), 0, 7);
  builder.reset();
  expect([builder.recordCount, builder.byteLength]).toEqual([0, 0]);
  builder.append(5, null, 0, 0, null, 0, 0);
  expect(builder.finish()).toMatchObject({ recordCount: 1, timestampMinMs: 5, timestampMaxMs: 5 });
});

test("finishing an empty batch is a mistake of the caller", () => {
  expect(() => new RecordBatchBuilder(spec).finish()).toThrow(/without records/);
});

test("a base offset beyond 32 bits is patched in without touching the checksum", () => {
  const { bytes } = build([{ timestampMs: 7, key: null, value: Buffer.from("v"), headers: [] }]);
  writeBaseOffset(bytes, 0, 5_000_000_000);
  expect(decode(bytes, { offsetAsked: 5_000_000_000 }).offsets[0]).toBe(5_000_000_000);
  expect(readBatchHeader(bytes, 0)).toMatchObject({
    byteLength: bytes.length,
    baseOffset: 5_000_000_000,
    lastOffset: 5_000_000_000,
    recordCount: 1,
    timestampMaxMs: 7,
    producerId: -1,
  });
});

test("a producer stamped onto a batch is in its header and the batch is still whole", () => {
  const { bytes } = build([{ timestampMs: 7, key: null, value: Buffer.from("v"), headers: [] }]);
  stampProducer(bytes, { producerId: 4_000_000_001, producerEpoch: 3, baseSequence: 17, transactional: true });
  expect(readBatchHeader(bytes, 0)).toMatchObject({ producerId: 4_000_000_001, attributes: 0x10 });
  expect([bytes.readInt16BE(51), bytes.readInt32BE(53)]).toEqual([3, 17]);
  expect(decode(bytes).count).toBe(1);
});

test("a stamp that is not transactional takes the mark of one that was", () => {
  const { bytes } = build([{ timestampMs: 7, key: null, value: Buffer.from("v"), headers: [] }]);
  const stamp = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
  stampProducer(bytes, { ...stamp, transactional: true });
  stampProducer(bytes, { ...stamp, transactional: false });
  expect(readBatchHeader(bytes, 0).attributes).toBe(0);
});

test("a batch takes 125,000 records, and the next one is refused", () => {
  const builder = new RecordBatchBuilder({ topic: "orders", partition: 3, role: "output", bytesMax: 100_000_000 });
  const append = () => builder.appendWithHeaders(7, null, 0, 0, null, 0, 0, []);
  let taken = 0;
  while (taken < 130_000 && append()) taken++;
  expect(taken).toBe(125_000);
  expect(builder.finish().recordCount).toBe(125_000);
});
