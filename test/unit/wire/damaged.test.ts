import fc from "fast-check";
import { expect, test } from "vitest";
import { OperationError } from "../../../src/kernel/index.ts";
import {
  DamagedBatchError,
  decodeFetched,
  type FetchContext,
  type RawBatch,
  refuseDamage,
} from "../../../src/wire/index.ts";
import { marker, noCodecs, type PlainBatch, plainBatch, recordsOf } from "./plain-batch.ts";

/** A batch as a log holds it: its offsets as they are, and its bytes, damaged or not. */
interface Stored {
  readonly first: number;
  readonly last: number;
  readonly bytes: Buffer;
}

const text = (offset: number): Buffer => Buffer.from(`value ${offset} `.repeat((offset % 5) + 1));

function stored(first: number, count: number, extra: PlainBatch = {}): Stored {
  const records = Array.from({ length: count }, (_, i) => ({ value: text(first + i) }));
  return { first, last: first + count - 1, bytes: plainBatch({ baseOffset: BigInt(first), records, ...extra }) };
}

/** Batches of so many records one behind the other, and where they end. */
function logOf(counts: readonly number[]): { readonly log: readonly Stored[]; readonly end: number } {
  let end = 0;
  const log = counts.map((count) => {
    const batch = stored(end, count);
    end += count;
    return batch;
  });
  return { log, end };
}

interface Reading {
  readonly values: ReadonlyMap<number, string>;
  readonly lost: readonly RawBatch[];
  readonly halt: DamagedBatchError | undefined;
}

/** Reads a log as an adapter does: damage is passed over, each fetch brings `batchesMax` batches from the offset asked. */
function readAll(log: readonly Stored[], end: number, batchesMax: number): Reading {
  const values = new Map<number, string>();
  const lost: RawBatch[] = [];
  let isBehindBatch = false;
  for (let position = 0; position < end; ) {
    const from = log.findIndex(({ last }) => last >= position);
    const bytes = Buffer.concat(log.slice(from, from + batchesMax).map((batch) => batch.bytes));
    const context: FetchContext = {
      topic: "orders",
      partition: 3,
      offsetAsked: position,
      isBehindBatch,
      logStartOffset: 0,
      endOffset: end,
      abortedTransactions: [],
      codecs: noCodecs,
      verifyCrc: true,
    };
    let batch: RawBatch;
    try {
      batch = decodeFetched(bytes, context);
      for (const { offset, value } of recordsOf(batch)) values.set(offset, Buffer.from(value!, "hex").toString());
    } catch (thrown) {
      if (!(thrown instanceof DamagedBatchError)) throw thrown;
      const standIn = thrown.passedOver();
      if (standIn === undefined) return { values, lost, halt: thrown };
      lost.push(standIn);
      batch = standIn;
    }
    expect(batch.offsetNext).toBeGreaterThan(position);
    expect(batch.offsets.at(-1) ?? -1).toBeLessThan(batch.offsetNext);
    position = batch.offsetNext;
    isBehindBatch = true;
  }
  return { values, lost, halt: undefined };
}

const damage = fc.record({
  counts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 6 }),
  which: fc.nat(),
  from: fc.nat(),
  length: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.nat(400)),
  masks: fc.uint8Array({ minLength: 1, maxLength: 9 }).filter((masks) => masks.some((mask) => mask !== 0)),
  batchesMax: fc.integer({ min: 2, max: 6 }),
});

test("a log with one batch damaged anywhere gives all other records as they are, and one stand-in with its offsets", () => {
  fc.assert(
    fc.property(damage, ({ counts, which, from, length, masks, batchesMax }) => {
      const { log, end } = logOf(counts);
      const at = which % log.length;
      const victim = log[at]!;
      const bytes = Buffer.from(victim.bytes);
      // Half of the damage goes to the header.
      const start = from % 2 === 0 ? (from >> 1) % 61 : (from >> 1) % bytes.length;
      for (let i = 0; i < length && start + i < bytes.length; i++) bytes[start + i]! ^= masks[i % masks.length]!;
      const reading = readAll(log.with(at, { ...victim, bytes }), end, batchesMax);
      if (reading.halt !== undefined) {
        // The last batch has nobody behind it to say where it ends; one of an old format has another header.
        expect(at === log.length - 1 || bytes[16]! < 2 || batchesMax === 2).toBe(true);
        expect(reading.values.size).toBe(victim.first);
      } else {
        // Bytes that cancel out, and the leader's epoch, which nothing here depends on, damage nothing.
        const isLost = reading.lost.length > 0;
        const expected = new Map<number, string>();
        for (let offset = 0; offset < end; offset++)
          if (!isLost || offset < victim.first || offset > victim.last) expected.set(offset, text(offset).toString());
        expect(reading.values).toEqual(expected);
        if (isLost) {
          expect(reading.lost.map((batch) => batch.damage)).toMatchObject([{ first: victim.first, last: victim.last }]);
          expect(reading.lost[0]!.bytes.subarray(0, 12)).toEqual(bytes.subarray(0, 12));
        }
      }
    }),
    { numRuns: 3_000 },
  );
});

test("a stand-in holds the first 64 KiB as stored, without a key or a header", () => {
  const value = Buffer.alloc(100_000, 7);
  const bytes = Buffer.concat([plainBatch({ baseOffset: 100n, records: [{ value }, {}] }), stored(102, 1).bytes]);
  bytes[99_000]! ^= 1;
  const context = { topic: "orders", partition: 3, offsetAsked: 100, logStartOffset: 5, endOffset: 103 };
  try {
    decodeFetched(bytes, { ...context, abortedTransactions: [], codecs: noCodecs, verifyCrc: true });
    expect.unreachable();
  } catch (thrown) {
    const standIn = (thrown as DamagedBatchError).passedOver()!;
    expect(standIn).toMatchObject({ ...context, count: 1, offsetNext: 102 });
    expect(standIn.damage).toEqual({
      first: 100,
      last: 101,
      reason: expect.stringMatching(/^decoding the batch at offset 100 of topic orders, partition 3: its CRC32C is /),
    });
    const [record] = recordsOf(standIn);
    expect(record).toMatchObject({ offset: 100, timestampMs: -1, key: null, headers: [] });
    expect(record!.value).toBe(bytes.toString("hex", 0, 65_536));
  }
});

const aside = (bytes: Buffer, context: Partial<FetchContext> = {}): RawBatch | undefined => {
  const base = { topic: "orders", partition: 3, offsetAsked: 40, logStartOffset: 0, endOffset: 100 };
  try {
    decodeFetched(bytes, { ...base, abortedTransactions: [], codecs: noCodecs, verifyCrc: true, ...context });
  } catch (thrown) {
    if (thrown instanceof DamagedBatchError) return thrown.passedOver();
    throw thrown;
  }
  return expect.unreachable();
};

/** A batch of ten records from 40 on with a damaged last byte, and the last offset that its header is to say. */
function damagedAt40(lastDelta: number): Buffer {
  const { bytes } = stored(40, 10);
  bytes[bytes.length - 1]! ^= 1;
  bytes.writeInt32BE(lastDelta, 23);
  return bytes;
}

test.each([
  ["lies between the offset asked and the end of the log", 9, {}, 49],
  ["is the end of the log", 60, {}, undefined],
  ["is the last before it", 59, {}, 99],
  ["lies before the offset asked", 9, { offsetAsked: 50 }, undefined],
  ["is the offset asked", 9, { offsetAsked: 49 }, 49],
  ["is followed by nobody knows what", 9, { endOffset: -1 }, undefined],
])("a damaged batch that is alone is passed over only where its last offset %s", (_, lastDelta, context, last) => {
  expect(aside(damagedAt40(lastDelta), context)?.damage?.last).toBe(last);
});

test("the batch behind is believed rather than the damaged header, also when only a search finds it", () => {
  const damagedLast = Buffer.concat([damagedAt40(45), stored(50, 3).bytes]);
  expect(aside(damagedLast)?.damage).toMatchObject({ first: 40, last: 49 });
  const damagedLength = Buffer.from(damagedLast);
  damagedLength.writeInt32BE(17, 8);
  expect(aside(damagedLength)?.damage).toMatchObject({ first: 40, last: 49 });
});

test("of the batch behind the first bytes are enough where the damaged header agrees with them, else it is read whole", () => {
  const head = stored(50, 3).bytes.subarray(0, 20);
  expect(aside(Buffer.concat([damagedAt40(9), head]), { endOffset: 50 })?.damage?.last).toBe(49);
  expect(aside(Buffer.concat([damagedAt40(70), head]), { endOffset: 60 })).toBeUndefined();
  const { bytes } = stored(50, 3);
  bytes[bytes.length - 1]! ^= 1;
  bytes.writeInt32BE(45, 4);
  // Two damaged ones in a row: the second is believed only where the first says the same.
  expect(aside(Buffer.concat([damagedAt40(4), bytes, stored(53, 2).bytes]))?.damage?.last).toBe(44);
  expect(aside(Buffer.concat([damagedAt40(20), bytes, stored(53, 2).bytes]))?.damage?.last).toBe(52);
});

test("bytes of a record that look like a batch do not end a search for one", () => {
  const decoy = stored(43, 2).bytes;
  decoy[decoy.length - 1]! ^= 1;
  const { bytes } = stored(40, 10, { records: [{ value: decoy }], lastOffsetDelta: 9 });
  bytes.writeInt32BE(30, 8);
  expect(aside(Buffer.concat([bytes, stored(50, 3).bytes]))?.damage?.last).toBe(49);
});

test("a batch that lies about its records behind a right checksum leaves those before and behind it as they are", () => {
  const { log, end } = logOf([3, 4, 2]);
  const lie = plainBatch({
    baseOffset: 3n,
    records: [{}, {}, { value: text(5) }, {}],
    recordCount: 3,
    lastOffsetDelta: 3,
  });
  const reading = readAll(log.with(1, { ...log[1]!, bytes: lie }), end, 3);
  expect([...reading.values.keys()]).toEqual([0, 1, 2, 7, 8]);
  expect(reading.lost.map(({ damage }) => [damage?.first, damage?.last])).toEqual([[3, 6]]);
});

test("a lie in a batch of which a part was read before ends where the batch does", () => {
  const lie = plainBatch({ baseOffset: 40n, records: [{}, {}, {}], recordCount: 2, lastOffsetDelta: 9 });
  expect(aside(lie, { offsetAsked: 45 })?.damage).toMatchObject({ first: 45, last: 49 });
});

test("a stand-in keeps its own copy of the bytes, and its error says where to go on when nothing else is known", () => {
  const bytes = damagedAt40(9);
  const before = Buffer.from(bytes);
  const place = { topic: "orders", partition: 3, offsetAsked: 40, logStartOffset: 0, endOffset: 50 };
  const error = new DamagedBatchError(place, bytes, 0, "reason");
  bytes.fill(0);
  expect(error.passedOver()?.bytes).toEqual(before);
  expect(
    [50, 40, -1].map((endOffset) => new DamagedBatchError({ ...place, endOffset }, bytes, 0, "").offsetBehind),
  ).toEqual([50, 41, 41]);
});

test("a log of an old format is not jumped over", () => {
  const old = plainBatch({ baseOffset: 40n, magic: 1, records: [{}] });
  expect(aside(Buffer.concat([old, old, stored(42, 3).bytes]))).toBeUndefined();
});

test("offsets that a damaged batch shares with ones that were read before are not lost again", () => {
  expect(aside(damagedAt40(9), { offsetAsked: 45 })?.damage).toMatchObject({ first: 45, last: 49 });
});

test("a batch that begins before the end of the one read before it is damaged, and so is one that does not reach the asked offset", () => {
  const { bytes } = stored(37, 10);
  expect(aside(bytes, { isBehindBatch: true })?.damage).toMatchObject({ first: 40, last: 49 });
  expect(() => aside(stored(10, 3).bytes)).not.toThrow();
  expect(aside(Buffer.concat([stored(10, 3).bytes, stored(50, 3).bytes]))?.damage).toMatchObject({
    first: 40,
    last: 49,
  });
});

test("a damaged marker of a transaction is passed over as one", () => {
  const bytes = Buffer.concat([marker(40, 7, "abort"), stored(41, 2).bytes]);
  bytes[70]! ^= 1;
  expect(aside(bytes)?.damage).toMatchObject({ first: 40, last: 40 });
});

test("whoever cannot do without a record refuses a stand-in, with the offsets that are lost", () => {
  const standIn = aside(Buffer.concat([damagedAt40(9), stored(50, 3).bytes]))!;
  expect(() => refuseDamage(standIn)).toThrow(OperationError);
  expect(() => refuseDamage(standIn)).toThrow(
    /^reading orders-3: offsets 40-49 are lost: decoding the batch at offset 40/,
  );
  expect(refuseDamage({ ...standIn, damage: undefined })).toBeUndefined();
});
