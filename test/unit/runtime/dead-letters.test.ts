import { randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { RowOp } from "../../../src/expression/index.ts";
import { feedStage } from "../../../src/runtime/index.ts";
import { decodeFetched, type Outgoing } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";
import {
  avro,
  batchOf,
  compiled,
  headersOf,
  ingestStage,
  order,
  orderSchema,
  recordsOf,
  totalsStage,
} from "./fixture.ts";

const never = new AbortController().signal;

test("a dead letter holds the original bytes and headers, and says in further headers what happened and where", async () => {
  const task = compiled(ingestStage).openTask(1);
  const headers = [{ name: "trace", value: Buffer.from("t1") }];
  const batch = batchOf([{ key: "k1", value: "{broken", headers, timestampMs: 1_600_000_000_000 }], {
    topic: "inbox",
    partition: 1,
    offset: 42,
  });
  const { outgoing } = await feedStage(task, [batch], never);
  const [letter] = recordsOf(outgoing, "dead-letter");
  expect([letter?.topic, letter?.partition]).toEqual(["shop.dead-letters", 1]);
  expect([letter?.key?.toString(), letter?.value?.toString()]).toEqual(["k1", "{broken"]);
  expect(letter?.headers.map(({ name, value }) => [name, value?.toString()])).toEqual([
    ["trace", "t1"],
    ["__streams.errors.exception", "RecordError"],
    ["__streams.errors.message", "reading Order: the value is not JSON"],
    ["__streams.errors.topic", "inbox"],
    ["__streams.errors.partition", "1"],
    ["__streams.errors.offset", "42"],
    ["millrace.event.id", "inbox-1-42"],
    ["millrace.topology", "shop"],
    ["millrace.stage", "ingest"],
    ["millrace.code", "MR_PARSE"],
    ["millrace.source.timestamp", "1600000000000"],
    ["millrace.attempt", "1"],
    ["millrace.failed.at", "2023-11-14T22:13:20.000Z"],
  ]);
});

test("the event id is the record's own where it can be read, and its coordinate where it cannot", async () => {
  const task = compiled(totalsStage).openTask(0);
  const batch = batchOf([{ value: avro(orderSchema, order("a", { amount: null })) }, { value: "junk!" }], {
    offset: 5,
  });
  const { outgoing } = await feedStage(task, [batch], never);
  const ids = recordsOf(outgoing, "dead-letter").map((letter) => headersOf(letter)["millrace.event.id"]);
  expect(ids).toEqual(["inbox-0-a", "orders-0-6"]);
});

test("tombstones and null keys stay what they were", async () => {
  const task = compiled(ingestStage).openTask(0);
  const { outgoing } = await feedStage(task, [batchOf([{ key: null, value: null }], { topic: "inbox" })], never);
  const [letter] = recordsOf(outgoing, "dead-letter");
  expect([letter?.key, letter?.value, headersOf(letter!)["millrace.value.bytes"]]).toEqual([null, null, undefined]);
});

test("a long message is cut after 1,000 characters", async () => {
  const [first, ...others] = totalsStage.program.ops;
  const ops = [{ ...first, message: "m".repeat(2_000) } as RowOp, ...others];
  const task = compiled({ ...totalsStage, program: { ...totalsStage.program, ops } }).openTask(0);
  const batch = batchOf([{ value: avro(orderSchema, order("a", { amount: null })) }]);
  const { outgoing } = await feedStage(task, [batch], never);
  const [letter] = recordsOf(outgoing, "dead-letter");
  expect(headersOf(letter!)["__streams.errors.message"]).toBe("m".repeat(1_000));
});

const deadLetters = { topic: "shop.dead-letters", partitions: 2, messageBytesMax: 4_000 };

test("one that fits only when it is compressed keeps its value", async () => {
  const task = compiled(ingestStage, { deadLetters, deflateGzip: (bytes) => gzipSync(bytes) }).openTask(0);
  const value = "x".repeat(10_000);
  const { outgoing } = await feedStage(
    task,
    [batchOf([{ value: "small" }, { value }, { value: "last" }], { topic: "inbox" })],
    never,
  );
  expect(outgoing.every((batch) => batch.bytes.length <= 4_000)).toBe(true);
  expect(unzipped(outgoing).map((letter) => letter.value?.length)).toEqual([5, 10_000, 4]);
});

test("one that does not fit even then keeps its key and headers and says how many bytes it had", async () => {
  const task = compiled(ingestStage, { deadLetters, deflateGzip: (bytes) => gzipSync(bytes) }).openTask(0);
  const { outgoing } = await feedStage(
    task,
    [
      batchOf([{ key: "k1", value: randomBytes(10_000), headers: [{ name: "trace", value: Buffer.from("t") }] }], {
        topic: "inbox",
      }),
    ],
    never,
  );
  const [letter] = unzipped(outgoing);
  expect([letter?.key?.toString(), letter?.value]).toEqual(["k1", null]);
  expect(headersOf(letter!)).toMatchObject({
    trace: "t",
    "millrace.value.bytes": "10000",
    "millrace.code": "MR_PARSE",
  });
});

test("a topic with fewer partitions than the input takes them modulo its own", async () => {
  const task = compiled(ingestStage).openTask(7);
  const { outgoing } = await feedStage(task, [batchOf([{ value: "?" }], { topic: "inbox", partition: 7 })], never);
  expect(recordsOf(outgoing, "dead-letter").map((letter) => letter.partition)).toEqual([1]);
});

function unzipped(outgoing: readonly Outgoing[]): PlainRecord[] {
  const codecs = { ...noCodecs, gzip: (bytes: Uint8Array) => gunzipSync(bytes) };
  return outgoing.flatMap((batch) =>
    plainRecords(
      decodeFetched(Buffer.from(batch.bytes), {
        topic: batch.topic,
        partition: batch.partition,
        offsetAsked: 0,
        logStartOffset: 0,
        endOffset: -1,
        abortedTransactions: [],
        codecs,
        verifyCrc: true,
      }),
    ),
  );
}
