import fc from "fast-check";
import { expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import { OperationError } from "../../../src/kernel/index.ts";
import type { FetchContext } from "../../../src/wire/index.ts";
import { bitwiseCrc, decode, marker, type PlainBatch, plainBatch, plainRecord, zigzag } from "./plain-batch.ts";

/** The message of the MR_BATCH_CORRUPT that decoding ends in. */
function faultOf(bytes: Buffer, context: Partial<FetchContext> = {}): string {
  try {
    decode(bytes, context);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(OperationError);
    expect((thrown as OperationError).code).toBe("MR_BATCH_CORRUPT");
    return (thrown as OperationError).message;
  }
  return "none";
}

const where = "decoding the batch at offset 40 of topic orders, partition 3: ";
const at40 = (batch: PlainBatch): Buffer => plainBatch({ baseOffset: 40n, records: [{}], ...batch });
const record = (...parts: readonly (Buffer | number)[]): Buffer => {
  const body = Buffer.concat([Buffer.from([0]), ...parts.map((p) => (typeof p === "number" ? zigzag(BigInt(p)) : p))]);
  return Buffer.concat([zigzag(BigInt(body.length)), body]);
};

test.each<[string, Buffer, string]>([
  [
    "an old message format",
    at40({ magic: 1 }),
    "its format is version 1; only version 2 (Kafka 0.11 and later) is read",
  ],
  ["a negative record count", at40({ recordCount: -1 }), "it declares -1 records"],
  ["too many records", at40({ recordCount: 125_001 }), "it declares 125001 records and has room for 1"],
  ["the largest record count", at40({ recordCount: 2 ** 31 - 1 }), "it declares 2147483647 records and has room for"],
  ["more records than bytes", at40({ recordCount: 100_000 }), "it declares 100000 records and has room for 1"],
  ["fewer records than bytes", at40({ records: [{}, {}], recordCount: 1, lastOffsetDelta: 1 }), "7 bytes are left"],
  ["a last offset before the first", at40({ lastOffsetDelta: -1 }), "its offsets 40 to 39 do not follow -1"],
  ["a codec that does not exist", at40({ attributes: 5 }), "it is compressed with a codec that Kafka does not have"],
  [
    "a record beyond the batch's last offset",
    at40({ records: [{ offsetDelta: 3 }], lastOffsetDelta: 2 }),
    "offset 43 is",
  ],
  ["records that go back", at40({ records: [{ offsetDelta: 1 }, { offsetDelta: 1 }] }), "offset 41 is out of order"],
  [
    "a negative offset delta",
    at40({ records: [{ offsetDelta: -1 }], lastOffsetDelta: 0 }),
    "offset 39 is out of order",
  ],
  ["a negative record length", at40({ body: zigzag(-9n), recordCount: 0 }), "none"],
  [
    "a record of length -9",
    at40({ body: Buffer.concat([zigzag(-9n), Buffer.alloc(20)]) }),
    "record 0 is -9 bytes long",
  ],
  ["a record longer than the batch", at40({ body: Buffer.concat([zigzag(99n), Buffer.alloc(20)]) }), "record 0 is 99"],
  ["a key of -2 bytes", at40({ body: record(0, 0, -2, -1, 0, 0) }), "-2 bytes do not fit into their record"],
  ["a key longer than its record", at40({ body: record(0, 0, 2 ** 31 - 1, -1, 0) }), "2147483647 bytes do not fit"],
  ["a value longer than its record", at40({ body: record(0, 0, -1, 5, 0, 0) }), "5 bytes do not fit into their record"],
  ["a negative header count", at40({ body: record(0, 0, -1, -1, -3) }), "a record declares -3 headers"],
  [
    "the largest header count",
    at40({ body: record(0, 0, -1, -1, 2 ** 31 - 1) }),
    "a record declares 2147483647 headers",
  ],
  ["a header without a name", at40({ body: record(0, 0, -1, -1, 1, -1, -1) }), "a header has no name"],
  ["a header that passes its record", at40({ body: record(0, 0, -1, -1, 1, 0, 9) }), "9 bytes do not fit into their"],
  ["bytes behind the headers", at40({ body: record(0, 0, -1, -1, 0, 0) }), "record 0 does not end where its length"],
  ["a varint that never ends", at40({ body: Buffer.alloc(40, 0xff) }), "a varint has more than 32 bits"],
  ["a time that never ends", at40({ body: record(Buffer.alloc(30, 0xff)) }), "a varint has more than 64 bits"],
  ["a size below a header's", sized(48), "it declares a size of 60 bytes"],
  ["a negative size", sized(-5), "it declares a size of 7 bytes"],
  ["the most negative size", sized(-(2 ** 31)), "it declares a size of -2147483636 bytes"],
  ["an only batch that is cut off", at40({}).subarray(0, 50), "its first batch is cut off: 50 of 68 bytes came"],
  ["an only batch cut off in its size", at40({}).subarray(0, 9), "its first batch is cut off: 9 of 12 bytes came"],
  ["a size far beyond the fetch", sized(2 ** 31 - 13), "its first batch is cut off: 68 of 2147483647 bytes came"],
])("%s ends as an error that says where", (_, bytes, fault) => {
  const message = faultOf(bytes);
  if (fault === "none") expect(message).toBe("none");
  else expect(message).toContain(where + fault);
});

function sized(length: number): Buffer {
  const bytes = at40({});
  bytes.writeInt32BE(length, 8);
  return bytes;
}

test("an old message set of Kafka 0.10 is named as such although its header is shorter", () => {
  const bytes = Buffer.alloc(34);
  bytes.writeInt32BE(22, 8);
  bytes.writeInt8(1, 16);
  expect(faultOf(bytes)).toContain("offset 0 of topic orders, partition 3: its format is version 1;");
});

test("what lies before a damaged batch is read, and the error names that batch when it is asked for", () => {
  const damaged = at40({});
  damaged[damaged.length - 1] = 99;
  const fetched = Buffer.concat([plainBatch({ records: [{}] }), damaged]);
  expect(decode(fetched)).toMatchObject({ count: 1, offsetNext: 1 });
  expect(faultOf(fetched, { offsetAsked: 1 })).toContain("its offsets 0 to 0 do not reach 1, which was asked for");
  expect(faultOf(damaged, { offsetAsked: 1 })).toContain(`${where}its CRC32C is`);
});

test("batches whose offsets overlap are damage: the one behind a gap, else the later", () => {
  const upTo43 = plainBatch({ baseOffset: 38n, lastOffsetDelta: 5, records: [{}] });
  const fetched = Buffer.concat([upTo43, at40({})]);
  expect(faultOf(fetched)).toContain("offset 38 of topic orders, partition 3: its offsets 38 to 43 run into the next");
  expect(decode(fetched, { offsetAsked: 38 })).toMatchObject({ count: 1, offsetNext: 44 });
  expect(faultOf(at40({}), { offsetAsked: 40, isBehindBatch: true })).toBe("none");
  expect(faultOf(upTo43, { offsetAsked: 40, isBehindBatch: true })).toContain("its offsets 38 to 43 do not follow 39");
});

test("an offset that a number cannot hold is damage", () => {
  expect(faultOf(plainBatch({ baseOffset: 2n ** 53n, records: [{}] }))).toContain("do not follow");
  expect(faultOf(plainBatch({ baseOffset: -1n, records: [{}] }))).toContain("its offsets -1 to -1 do not follow -1");
});

test("an abort marker without a type is damage when somebody waits for it", () => {
  const bytes = at40({ attributes: 0x30, producerId: 6n, records: [{ key: Buffer.alloc(3) }] });
  const abortedTransactions = [{ producerId: 6, firstOffset: 2 }];
  expect(faultOf(bytes, { abortedTransactions })).toContain(`${where}a control record has no type`);
  expect(faultOf(bytes)).toBe("none");
});

test("any flipped bit that the checksum covers is found", () => {
  const value = Buffer.from("some value");
  const data = at40({ records: [{ key: value, value }, { value }] });
  const whole = Buffer.concat([data, marker(42, 3, "abort")]);
  for (let bit = 16 * 8; bit < whole.length * 8; bit++) {
    const at = bit >> 3;
    if (at >= data.length && at < data.length + 16) continue;
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1 << (bit & 7);
    if (at < data.length) expect(faultOf(bytes)).toContain(where);
    else {
      expect(decode(bytes)).toMatchObject({ count: 2, offsetNext: 42 });
      expect(faultOf(bytes.subarray(data.length))).toContain("at offset 42 of topic orders, partition 3: ");
    }
  }
});

test("a flipped bit before the checksum ends as an error or leaves the records as they are", () => {
  const whole = Buffer.concat([
    at40({ records: [{ key: Buffer.from("k") }] }),
    plainBatch({ baseOffset: 41n, records: [{}] }),
  ]);
  for (let bit = 0; bit < 16 * 8; bit++) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    // Base offset and leader epoch are outside the checksum (Kafka protocol guide): what they say cannot be checked.
    const fault = faultOf(bytes);
    if (fault === "none") expect(decode(bytes).count).toBeLessThanOrEqual(2);
  }
});

/** A batch with a right checksum around whatever body, so that only the checks behind it stand guard. */
const hostile = fc.record({
  body: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom(0, 1, 2, 6, 7, 12, 0x80, 0xff, 0x7f, 0x0f), { maxLength: 60 })
      .map((n) => Uint8Array.from(n)),
  ),
  recordCount: fc.oneof(fc.nat(5), fc.integer()),
  lastOffsetDelta: fc.oneof(fc.nat(9), fc.integer()),
  attributes: fc.integer({ min: 0, max: 0x3f }),
  baseOffset: fc.oneof(fc.bigInt({ min: 0n, max: 99n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
});

test("whatever stands behind a right checksum ends as records or as an error", async () => {
  const codecs = await createCodecs();
  const abortedTransactions = [{ producerId: -1, firstOffset: 0 }];
  fc.assert(
    fc.property(hostile, fc.boolean(), (batch, transactions) => {
      const bytes = plainBatch(batch);
      const context = { codecs, ...(transactions ? { abortedTransactions } : {}) };
      if (faultOf(bytes, context) !== "none") return;
      const { count, offsets, offsetNext } = decode(bytes, context);
      for (let i = 0; i < count; i++) expect(offsets[i]).toBeLessThan(offsetNext);
    }),
    { numRuns: 2_000 },
  );
});

test("records damaged at one place behind a right checksum end as records or as an error", () => {
  const headers = [{ name: "h", value: Buffer.from("xy") }];
  const body = Buffer.concat([
    plainRecord({ key: Buffer.from("key"), value: Buffer.alloc(70, 3), headers }, 0),
    plainRecord({ timestampDelta: 100_000n, value: Buffer.from("v") }, 1),
  ]);
  fc.assert(
    fc.property(fc.nat(body.length - 1), fc.nat(255), (at, byte) => {
      const damaged = Buffer.from(body);
      damaged[at] = byte;
      const bytes = plainBatch({ recordCount: 2, lastOffsetDelta: 1, body: damaged });
      if (faultOf(bytes) !== "none") return;
      const batch = decode(bytes);
      for (let i = 0; i < 2; i++) expect(batch.headersTo[i]).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 3_000 },
  );
});

test("bytes that are no batch at all end as an error or as nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      if (faultOf(Buffer.from(bytes)) === "none") expect(bytes.length).toBe(0);
    }),
  );
});

test("a batch is read whatever its record count, if count and bytes agree", () => {
  const one = plainRecord({}, 0);
  const body = Buffer.concat(Array.from({ length: 200_000 }, (_, n) => plainRecord({}, n)));
  expect(one.length).toBe(7);
  const bytes = plainBatch({ recordCount: 200_000, lastOffsetDelta: 199_999, body });
  expect(bitwiseCrc(bytes.subarray(21))).toBe(bytes.readUInt32BE(17));
  expect(decode(bytes).count).toBe(200_000);
});

test("a fetch of more than a million records is decoded in several goes, and says where to go on", () => {
  const size = 125_000;
  const body = Buffer.concat(Array.from({ length: size }, (_, n) => plainRecord({}, n)));
  const fetched = Buffer.concat(
    Array.from({ length: 9 }, (_, n) =>
      plainBatch({ baseOffset: BigInt(n * size), recordCount: size, lastOffsetDelta: size - 1, body }),
    ),
  );
  const batch = decode(fetched);
  expect([batch.count, batch.offsetNext]).toEqual([1_000_000, 1_000_000]);
});
