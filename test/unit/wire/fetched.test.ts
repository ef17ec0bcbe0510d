import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import { decode, marker, noCodecs, plainBatch, plainRecord, recordsOf, zigzag } from "./plain-batch.ts";

const bytes = (text: string): Buffer => Buffer.from(text);
const valuesOf = (batch: ReturnType<typeof decode>) =>
  recordsOf(batch).map(({ value }) => (value === null ? null : Buffer.from(value, "hex").toString()));

test("a fetch of several batches is read in offset order without a copy", () => {
  const fetched = Buffer.concat([
    plainBatch({ baseOffset: 10n, baseTimestamp: 1_000n, records: [{ value: bytes("a") }, { value: bytes("b") }] }),
    plainBatch({ baseOffset: 12n, baseTimestamp: 2_000n, records: [{ key: bytes("k"), timestampDelta: -5n }] }),
  ]);
  const batch = decode(fetched, { offsetAsked: 10 });
  expect(batch.bytes).toBe(fetched);
  expect(recordsOf(batch)).toEqual([
    { offset: 10, timestampMs: 1_000, key: null, value: "61", headers: [] },
    { offset: 11, timestampMs: 1_000, key: null, value: "62", headers: [] },
    { offset: 12, timestampMs: 1_995, key: "6b", value: null, headers: [] },
  ]);
  expect(batch.offsetNext).toBe(13);
});

test("what was asked and what the broker told are passed through", () => {
  expect(decode(Buffer.alloc(0), { offsetAsked: 7, logStartOffset: 3, endOffset: 9 })).toMatchObject({
    topic: "orders",
    partition: 3,
    count: 0,
    offsetAsked: 7,
    offsetNext: 7,
    logStartOffset: 3,
    endOffset: 9,
  });
});

test("an end that the broker took before it read on does not lie behind what was read", () => {
  const fetched = plainBatch({ baseOffset: 20n, records: [{ value: bytes("a") }, { value: bytes("b") }] });
  const endAfter = (endOffset: number): number => decode(fetched, { offsetAsked: 20, endOffset }).endOffset;
  expect([endAfter(20), endAfter(22), endAfter(30), endAfter(-1)]).toEqual([22, 22, 30, -1]);
});

test("records of the first batch below the offset asked for are left out", () => {
  const records = ["a", "b", "c"].map((text) => ({ value: bytes(text) }));
  const batch = decode(plainBatch({ baseOffset: 20n, records }), { offsetAsked: 22 });
  expect([valuesOf(batch), [...batch.offsets], batch.offsetNext]).toEqual([["c"], [22], 23]);
});

test("gaps that compaction left inside a batch and at its end are kept", () => {
  const records = [{ offsetDelta: 1 }, { offsetDelta: 5 }];
  const batch = decode(plainBatch({ baseOffset: 100n, lastOffsetDelta: 9, records }));
  expect([[...batch.offsets], batch.offsetNext]).toEqual([[101, 105], 110]);
});

test("a batch that compaction emptied moves the position by its last offset delta", () => {
  const batch = decode(plainBatch({ baseOffset: 30n, lastOffsetDelta: 4 }));
  expect([batch.count, batch.offsetNext]).toEqual([0, 35]);
});

test("a batch that is cut off at the end of a fetch is left for the next fetch", () => {
  const whole = plainBatch({ records: [{ value: bytes("a") }] });
  const next = plainBatch({ baseOffset: 1n, records: [{ value: bytes("b") }] });
  for (let length = 1; length < next.length; length++) {
    const batch = decode(Buffer.concat([whole, next.subarray(0, length)]));
    expect([valuesOf(batch), batch.offsetNext]).toEqual([["a"], 1]);
  }
});

test("timestamps of a topic with log append time are the batch's", () => {
  const batch = decode(plainBatch({ attributes: 0x8, baseTimestamp: 5n, maxTimestamp: 777n, records: [{}, {}] }));
  expect([...batch.timestampsMs]).toEqual([777, 777]);
});

test("a timestamp that no number holds exactly counts as none", () => {
  const records = [{}, { timestampDelta: 2n ** 62n }, { timestampDelta: -(2n ** 63n) }, { timestampDelta: 2n ** 40n }];
  expect([...decode(plainBatch({ baseTimestamp: 1n, records })).timestampsMs]).toEqual([1, -1, -1, 2 ** 40 + 1]);
});

test("control batches are not seen and move the position", () => {
  const fetched = Buffer.concat([marker(0, 9, "commit"), plainBatch({ baseOffset: 1n, records: [{}] })]);
  expect([[...decode(fetched).offsets], decode(marker(0, 9, "abort")).offsetNext]).toEqual([[1], 1]);
});

test("compressed and plain batches of one fetch end up in one buffer", async () => {
  const codecs = await createCodecs();
  const body = Buffer.concat(["b", "c"].map((text, n) => plainRecord({ value: bytes(text) }, n)));
  const fetched = Buffer.concat([
    plainBatch({ records: [{ value: bytes("a") }] }),
    plainBatch({ baseOffset: 1n, attributes: 1, recordCount: 2, lastOffsetDelta: 1, body: gzipSync(body) }),
    plainBatch({ baseOffset: 3n, records: [{ value: bytes("d"), headers: [{ name: "h", value: bytes("x") }] }] }),
  ]);
  const batch = decode(fetched, { codecs });
  expect(valuesOf(batch)).toEqual(["a", "b", "c", "d"]);
  expect(recordsOf(batch)[3]?.headers).toEqual([{ name: "h", value: "78" }]);
});

test("a fetch that inflates to more than the limit is decoded in several goes", () => {
  const record = plainRecord({ value: Buffer.alloc(40 * 1024 * 1024) }, 0);
  const small = (baseOffset: bigint) =>
    plainBatch({ baseOffset, attributes: 4, recordCount: 1, lastOffsetDelta: 0, body: bytes("small") });
  const codecs = { ...noCodecs, zstd: () => record };
  const fetched = Buffer.concat([small(0n), small(1n), small(2n)]);
  const batch = decode(fetched, { codecs });
  expect([batch.count, batch.offsetNext]).toEqual([2, 2]);
});

const from = (producerId: number, baseOffset: number, value: string, key: Buffer | null = null): Buffer =>
  plainBatch({
    baseOffset: BigInt(baseOffset),
    producerId: BigInt(producerId),
    attributes: 0x10,
    records: [{ key, value: bytes(value) }],
  });

// Cases a, b and c are those in which kafkajs 2.2.4 lets aborted records through.
test("case a: of two overlapping transactions the one that began later may abort first", () => {
  const fetched = Buffer.concat([
    from(1, 0, "aborted"),
    from(2, 1, "aborted"),
    marker(2, 2, "abort"),
    from(1, 3, "aborted"),
    from(3, 4, "good"),
    marker(5, 3, "commit"),
    marker(6, 1, "abort"),
  ]);
  // The broker lists transactions in the order in which they ended.
  const abortedTransactions = [
    { producerId: 2n, firstOffset: 1n },
    { producerId: 1n, firstOffset: 0n },
  ];
  const batch = decode(fetched, { abortedTransactions });
  expect([valuesOf(batch), batch.offsetNext]).toEqual([["good"], 7]);
});

test("case b: a fetch may begin inside two aborted transactions", () => {
  const fetched = Buffer.concat([
    from(2, 1, "aborted"),
    from(1, 2, "aborted"),
    marker(3, 1, "abort"),
    from(1, 4, "good"),
  ]);
  const abortedTransactions = [
    { producerId: 1, firstOffset: 0 },
    { producerId: 2, firstOffset: 1 },
  ];
  expect(valuesOf(decode(fetched, { abortedTransactions, offsetAsked: 1 }))).toEqual(["good"]);
});

test("case c: a record whose key looks like an abort marker ends no transaction", () => {
  const fetched = Buffer.concat([
    from(1, 0, "aborted", Buffer.alloc(4)),
    from(1, 1, "aborted"),
    marker(2, 1, "abort"),
    from(1, 3, "good"),
    marker(4, 1, "commit"),
  ]);
  const abortedTransactions = [{ producerId: 1, firstOffset: 0 }];
  expect(valuesOf(decode(fetched, { abortedTransactions }))).toEqual(["good"]);
});

test("a commit marker of an aborted list's producer does not make its later records good", () => {
  const fetched = Buffer.concat([from(1, 5, "aborted"), marker(6, 1, "commit"), from(1, 7, "aborted")]);
  expect(valuesOf(decode(fetched, { abortedTransactions: [{ producerId: 1, firstOffset: 5 }] }))).toEqual([]);
});

test("a producer's transaction before its aborted one is good, and so are records outside transactions", () => {
  const fetched = Buffer.concat([
    from(1, 0, "good"),
    marker(1, 1, "commit"),
    from(1, 2, "aborted"),
    plainBatch({ baseOffset: 3n, producerId: 1n, records: [{ value: bytes("idempotent") }] }),
    marker(4, 1, "abort"),
  ]);
  const abortedTransactions = [{ producerId: 1, firstOffset: 2 }];
  expect(valuesOf(decode(fetched, { abortedTransactions }))).toEqual(["good", "idempotent"]);
});

test("transactions that overlap at random are filtered as by their own outcome", () => {
  // Three producers take turns; each closes every other transaction with an abort.
  const log: Buffer[] = [];
  const abortedTransactions: { producerId: number; firstOffset: number }[] = [];
  const good: string[] = [];
  const open = new Map<number, { firstOffset: number; values: string[] }>();
  for (let offset = 0, turn = 12345; offset < 300; offset++) {
    turn = (turn * 1103515245 + 12345) % 2147483648;
    const producerId = (turn >> 8) % 3;
    const transaction = open.get(producerId) ?? { firstOffset: offset, values: [] };
    if (transaction.values.length > 0 && (turn >> 16) % 3 === 0) {
      const aborts = (turn >> 20) % 2 === 0;
      log.push(marker(offset, producerId, aborts ? "abort" : "commit"));
      if (aborts) abortedTransactions.push({ producerId, firstOffset: transaction.firstOffset });
      else good.push(...transaction.values);
      open.delete(producerId);
    } else {
      transaction.values.push(`v${offset}`);
      open.set(producerId, transaction);
      log.push(from(producerId, offset, `v${offset}`));
    }
  }
  const stillOpen = [...open.values()].flatMap((transaction) => transaction.values);
  const expected = [...good, ...stillOpen].sort();
  expect(abortedTransactions.length).toBeGreaterThan(10);
  expect(valuesOf(decode(Buffer.concat(log), { abortedTransactions })).sort()).toEqual(expected);
});

test("a varint is read at every length it can have", () => {
  // 63 and -64 are the last of one byte, 8191 and -8192 of two, and so on; the encoder is the test's own.
  for (const power of [6n, 13n, 20n, 27n, 34n, 41n, 48n]) {
    for (const delta of [2n ** power - 1n, 2n ** power, -(2n ** power), -(2n ** power) - 1n]) {
      expect(zigzag(delta).length).toBeGreaterThan(0);
      const batch = decode(plainBatch({ records: [{ timestampDelta: delta }] }));
      expect(batch.timestampsMs[0]).toBe(Number(delta));
    }
  }
});
