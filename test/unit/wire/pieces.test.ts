import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import {
  type Codecs,
  DamagedBatchError,
  decodePiece,
  indexBytesPerRecord,
  LargeBatch,
  type RawBatch,
} from "../../../src/wire/index.ts";
import { type PlainBatch, plainBatch, plainRecord, recordsOf } from "./plain-batch.ts";

let codecs: Codecs;
beforeAll(async () => {
  codecs = await createCodecs();
});

const place = { topic: "orders", partition: 3, logStartOffset: 0, abortedTransactions: [], verifyCrc: true };

function piece(bytes: Buffer, pieceBytes: number, offsetAsked = 0, endOffset = 1_000_000): RawBatch | LargeBatch {
  const context = { ...place, offsetAsked, endOffset, codecs };
  return decodePiece(bytes, context, { bytesMax: pieceBytes, batchBytesMax: pieceBytes });
}

async function piecesOf(bytes: Buffer, pieceBytes: number, offsetAsked = 0): Promise<RawBatch[]> {
  const large = piece(bytes, pieceBytes, offsetAsked);
  if (!(large instanceof LargeBatch)) return [large];
  const pieces: RawBatch[] = [];
  for (let next = await large.next(pieceBytes); next !== undefined; next = await large.next(pieceBytes))
    pieces.push(next);
  return pieces;
}

const body = (values: readonly Buffer[]): Buffer => Buffer.concat(values.map((value, n) => plainRecord({ value }, n)));
const gzipped = (values: readonly Buffer[], more: PlainBatch = {}): Buffer =>
  plainBatch({
    attributes: 1,
    body: gzipSync(body(values)),
    recordCount: values.length,
    lastOffsetDelta: values.length - 1,
    ...more,
  });

test("a batch that is larger than a piece gives the same records in pieces as in one go, from any offset", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3_000), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 100, max: 4_000 }),
      fc.nat(60),
      fc.boolean(),
      async (sizes, pieceBytes, from, isZipped) => {
        const values = sizes.map((size, n) => Buffer.alloc(size, n));
        const asked = Math.min(from, sizes.length - 1);
        const bytes = isZipped ? gzipped(values) : plainBatch({ records: values.map((value) => ({ value })) });
        const pieces = await piecesOf(bytes, pieceBytes, asked);
        const whole = piece(bytes, 1_000_000, asked) as RawBatch;
        expect(pieces.flatMap(recordsOf)).toEqual(recordsOf(whole));
        expect(pieces.at(-1)!.offsetNext).toBe(whole.offsetNext);
        let offset = asked;
        for (const { offsetAsked, offsetNext, count, bytes: own } of pieces) {
          expect(offsetAsked).toBe(offset);
          expect(offsetNext).toBeGreaterThan(offsetAsked);
          if (count > 1) expect(own.length + count * indexBytesPerRecord).toBeLessThanOrEqual(pieceBytes);
          offset = offsetNext;
        }
      },
    ),
  );
});

test("many small records count with their index, and a record larger than a piece is a piece", async () => {
  const small = await piecesOf(gzipped(Array.from({ length: 5_000 }, () => Buffer.from("x"))), 22_000);
  expect(small.length).toBeGreaterThan(10);
  expect(Math.max(...small.map(({ count }) => count))).toBeLessThan(500);
  const large = await piecesOf(gzipped([Buffer.alloc(10), Buffer.alloc(50_000), Buffer.alloc(10)]), 1_000);
  expect(large.map(({ count }) => count)).toEqual([1, 1, 1]);
});

test("a large batch behind others is left for the next piece, and so is what does not fit", () => {
  const first = plainBatch({ records: [{ value: Buffer.alloc(300) }] });
  const second = gzipped([Buffer.alloc(9_000)], { baseOffset: 1n });
  expect(piece(Buffer.concat([first, second]), 1_000)).toMatchObject({ count: 1, offsetNext: 1 });
  const small = (n: number) => plainBatch({ baseOffset: BigInt(n), records: [{ value: Buffer.alloc(300) }] });
  expect(piece(Buffer.concat([small(0), small(1), small(2), small(3)]), 600)).toMatchObject({
    count: 2,
    offsetNext: 2,
  });
});

test("what stands behind a right checksum and contradicts itself loses only what was not read before", async () => {
  const values = Array.from({ length: 20 }, () => Buffer.alloc(200));
  const zip = gzipSync(body(values));
  const faults: [PlainBatch, string, number][] = [
    [{ recordCount: 25, lastOffsetDelta: 24 }, "it declares 25 records and has 20", 20],
    [{ recordCount: 17 }, "bytes are left after its last record", 16],
    [{ body: zip.subarray(0, zip.length - 9) }, "its gzip bytes do not inflate: unexpected end of file", 16],
  ];
  for (const [more, fault, readMax] of faults) {
    const large = piece(gzipped(values, more), 1_000, 0, 25) as LargeBatch;
    const read: number[] = [];
    const reading = (async () => {
      for (let next = await large.next(1_000); next !== undefined; next = await large.next(1_000))
        read.push(...next.offsets);
    })();
    const error: unknown = await reading.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DamagedBatchError);
    expect((error as Error).message).toContain(fault);
    expect(read.length).toBeLessThanOrEqual(readMax);
    const last = more.lastOffsetDelta ?? 19;
    expect((error as DamagedBatchError).passedOver()?.damage).toMatchObject({ first: read.length, last });
    expect(await large.next(1_000)).toBeUndefined();
  }
});

test("before the last records of a batch are given out, what its codec has still to say is heard", async () => {
  // One record, larger than a piece: nothing that inflates further is asked for on its account.
  const values = [Buffer.alloc(2_000)];
  const after = async (rest: () => Generator<Uint8Array>) => {
    function* parts(): Generator<Uint8Array> {
      yield body(values);
      yield* rest();
    }
    const scripted: Codecs = { ...codecs, parts: { ...codecs.parts, gzip: parts } };
    const context = { ...place, offsetAsked: 0, endOffset: 1, codecs: scripted };
    const large = decodePiece(gzipped(values), context, { bytesMax: 1_000, batchBytesMax: 1_000 }) as LargeBatch;
    let read = 0;
    for (let next = await large.next(1_000); next !== undefined; next = await large.next(1_000)) read += next.count;
    return read;
  };
  const nothing = new Uint8Array(0);
  expect(
    await after(function* () {
      yield nothing;
    }),
  ).toBe(1);
  await expect(
    after(function* () {
      yield nothing;
      yield new Uint8Array(3);
    }),
  ).rejects.toThrow("3 bytes are left after its last record");
  await expect(
    after(function* () {
      yield nothing;
      throw new Error("the sum is wrong");
    }),
  ).rejects.toThrow("its gzip bytes do not inflate: the sum is wrong");
});

test("a large batch holds its own copy of what was fetched, and ends its inflating when it is closed", async () => {
  const bytes = gzipped(Array.from({ length: 50 }, (_, n) => Buffer.alloc(2_000, n)));
  const large = piece(bytes, 5_000) as LargeBatch;
  expect(large.storedBytes).toBe(bytes.length);
  bytes.fill(0);
  const next = await large.next(5_000);
  expect(next!.count).toBe(2);
  await large.close();
  expect([large.isDone, await large.next(5_000)]).toEqual([true, undefined]);
});

test("records of the fewest bytes that there are, 7, are read in pieces; one of fewer is a fault", async () => {
  const empty = plainRecord({ key: null, value: null }, 0);
  expect(empty).toHaveLength(7);
  const bytes = plainBatch({
    attributes: 1,
    body: gzipSync(Buffer.concat(Array.from({ length: 60 }, (_, n) => plainRecord({ key: null, value: null }, n)))),
    recordCount: 60,
    lastOffsetDelta: 59,
  });
  const pieces = await piecesOf(bytes, 10 * (7 + indexBytesPerRecord));
  expect(pieces.map(({ count }) => count)).toEqual([10, 10, 10, 10, 10, 10]);
  // A length of five.
  const short = Buffer.concat([empty, Buffer.from([10, 0, 0, 2, 1, 1])]);
  const damaged = plainBatch({
    attributes: 1,
    body: gzipSync(Buffer.concat([short, ...Array.from({ length: 50 }, () => empty)])),
    recordCount: 51,
    lastOffsetDelta: 50,
  });
  await expect(piecesOf(damaged, 10 * (7 + indexBytesPerRecord))).rejects.toThrow(
    "record 1 of a piece is 5 bytes long",
  );
});
