import fc from "fast-check";
import { expect, test } from "vitest";
import { buildBatches, refusalInList } from "../../../src/adapters/kafkajs/append.ts";
import { splitBatch } from "../../../src/adapters/kafkajs/split-batch.ts";
import type { RecordOut } from "../../../src/kernel/index.ts";
import { RecordRefusedError } from "../../../src/runtime/index.ts";
import { decodeFetched, type Outgoing } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { outgoingOf, type PlainRecord, plainRecords, textRecord } from "../../support/records.ts";

function recordsOf({ topic, partition, bytes }: Outgoing): PlainRecord[] {
  return plainRecords(
    decodeFetched(bytes, {
      topic,
      partition,
      offsetAsked: 0,
      logStartOffset: -1,
      endOffset: -1,
      abortedTransactions: [],
      codecs: noCodecs,
      verifyCrc: true,
    }),
  );
}

const bytes = fc.option(fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)));
const record: fc.Arbitrary<RecordOut> = fc.record({
  topic: fc.constant("t"),
  partition: fc.constant(0),
  timestampMs: fc.integer({ min: 0, max: 2_000_000_000_000 }),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.record({ name: fc.string(), value: bytes }), { maxLength: 3 }),
});

test("the halves of a batch hold its records, byte for byte and in order", () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 2, maxLength: 30 }), (records) => {
      const [first, second] = splitBatch(outgoingOf(records, "dead-letter"), noCodecs);
      expect(first.recordCount).toBe(Math.floor(records.length / 2));
      expect([first.role, second.role]).toEqual(["dead-letter", "dead-letter"]);
      const halves = [...recordsOf(first), ...recordsOf(second)].map(({ offset: _, ...rest }) => rest);
      expect(halves).toEqual(records);
    }),
  );
});

test("records are gathered by topic-partition in their order, and large ones open a new batch", () => {
  const large = Buffer.alloc(500_000);
  const records = [
    textRecord("a", 0, "1"),
    { ...textRecord("b", 1, "2"), value: large },
    textRecord("a", 0, "3"),
    { ...textRecord("b", 1, "4"), value: large },
  ];
  const built = buildBatches(records);
  const summary = built.map(({ outgoing, indices }) => [outgoing.topic, outgoing.partition, indices]);
  expect(summary).toEqual([
    ["b", 1, [1]],
    ["a", 0, [0, 2]],
    ["b", 1, [3]],
  ]);
  expect(built.every(({ outgoing }) => outgoing.bytes.length < 0.81 * 1_048_588)).toBe(true);
});

test("a refusal is told by the record's place in the caller's list", () => {
  const [batch] = buildBatches([textRecord("a", 0, "1"), textRecord("b", 0, "2"), textRecord("a", 0, "3")]);
  const refusal = new RecordRefusedError({ topic: "a", partition: 0 }, 1, "too large");
  expect(refusalInList(refusal, batch!)).toMatchObject({ topic: "a", partition: 0, index: 2, message: "too large" });
});
