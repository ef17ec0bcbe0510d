import { randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { RowOp } from "../../../src/expression/index.ts";
import type { Header } from "../../../src/kernel/index.ts";
import { feedStage } from "../../../src/runtime/index.ts";
import { decodeFetched, type Outgoing } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { type PlainRecord, plainRecords, standInOf } from "../../support/records.ts";
import {
  avro,
  batchOf,
  compiled,
  headersOf,
  ingestStage,
  modelOf,
  order,
  orderSchema,
  recordsOf,
  scoreStage,
  totalsStage,
} from "./fixture.ts";

const never = new AbortController().signal;
const deadLetters = { topic: "shop.dead-letters", partitions: 2, messageBytesMax: 4_000 };

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

test("a damaged batch is one dead letter with its bytes as stored and its offsets, and counts as one in", async () => {
  const standIn = standInOf("inbox", 1, 100, 100);
  for (const recordBytes of [900_000, 100]) {
    const task = compiled(ingestStage, {}, recordBytes).openTask(1);
    const { outgoing, counts } = await feedStage(task, [standIn], never);
    expect(counts).toEqual({ in: 1, out: 0, filtered: {}, late: 0, deadLetters: { MR_BATCH_CORRUPT: 1 } });
    const [letter, ...others] = recordsOf(outgoing, "dead-letter");
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ key: null, value: standIn.bytes });
    expect(headersOf(letter!)).toMatchObject({
      "millrace.code": "MR_BATCH_CORRUPT",
      "millrace.batch.offsets": "100-199",
      "millrace.event.id": "inbox-1-100",
      "__streams.errors.offset": "100",
      "__streams.errors.message": expect.stringContaining("its CRC32C is"),
      "millrace.source.timestamp": "-1",
    });
  }
});

test("a damaged batch of a stage that infers is a dead letter too, and one that was sent again keeps its offsets as previous", async () => {
  const { outgoing } = await feedStage(
    compiled(scoreStage).openTask(
      0,
      modelOf(() => 1),
    ),
    [standInOf("orders", 0, 7, 2)],
    never,
  );
  const [letter] = recordsOf(outgoing, "dead-letter");
  expect(headersOf(letter!)["millrace.batch.offsets"]).toBe("7-8");
  const headers = await deaths(["{broken"], letter!.headers);
  const texts = Object.fromEntries(headers.map(({ name, value }) => [name, value?.toString()]));
  expect(texts).toMatchObject({ "millrace.code": "MR_PARSE", "millrace.previous.batch.offsets": "7-8" });
  expect(texts["millrace.batch.offsets"]).toBeUndefined();
});

/** Dies in the ingest as often as `values` says, each dead letter sent again with all its headers. */
async function deaths(values: readonly string[], first: readonly Header[]): Promise<readonly Header[]> {
  let headers = first;
  for (const [turn, value] of values.entries()) {
    const task = compiled(ingestStage, { deadLetters, deflateGzip: (bytes) => gzipSync(bytes) }).openTask(0);
    const at = { topic: "inbox", offset: 10 + turn };
    const { outgoing } = await feedStage(task, [batchOf([{ key: "k", value, headers }], at)], never);
    headers = unzipped(outgoing)[0]?.headers ?? [];
  }
  return headers;
}

// It carried both: whoever reads the first of the name saw the earlier death, whoever reads the last the later.
test("a dead letter that was sent again and dies again has each header once, and the earlier death's under previous", async () => {
  const trace = { name: "trace", value: Buffer.from("t1") };
  const headers = await deaths(["{broken", "{}"], [trace, trace]);
  const texts = headers.map(({ name, value }) => [name, value?.toString()]);
  const names = headers.map(({ name }) => name).filter((name) => name !== "trace");
  expect(new Set(names).size).toBe(names.length);
  // What others put there is theirs, repeated or not.
  expect(texts.slice(0, 2)).toEqual([
    ["trace", "t1"],
    ["trace", "t1"],
  ]);
  expect(Object.fromEntries(texts)).toMatchObject({
    "millrace.code": "MR_REQUIRED",
    "__streams.errors.offset": "11",
    "millrace.previous.code": "MR_PARSE",
    "millrace.previous.errors.offset": "10",
    "millrace.previous.errors.message": "reading Order: the value is not JSON",
    "millrace.previous.event.id": "inbox-0-10",
  });
  expect(names.filter((name) => name.startsWith("millrace.previous."))).toHaveLength(12);
});

test("a third death keeps the second's headers, and none of the first's", async () => {
  const values = [randomBytes(10_000).toString("latin1"), "{broken", "{}"];
  const headers = await deaths(values, []);
  const texts = Object.fromEntries(headers.map(({ name, value }) => [name, value?.toString()]));
  expect(headers).toHaveLength(24);
  expect(texts).toMatchObject({
    "__streams.errors.offset": "12",
    "millrace.previous.errors.offset": "11",
    "millrace.previous.code": "MR_PARSE",
  });
  expect(texts["millrace.previous.value.bytes"]).toBeUndefined();
  expect((await deaths(values.slice(0, 2), [])).map(({ name }) => name)).toContain("millrace.previous.value.bytes");
});

test("headers that an older version left twice are kept once, the last of each", async () => {
  const code = (text: string): Header => ({ name: "millrace.code", value: Buffer.from(text) });
  const headers = await deaths(["{"], [code("MR_LATE"), code("MR_CAST")]);
  const previous = headers.filter(({ name }) => name.startsWith("millrace.previous."));
  expect(previous.map(({ name, value }) => [name, value?.toString()])).toEqual([["millrace.previous.code", "MR_CAST"]]);
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
