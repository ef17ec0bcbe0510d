import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { systemClock } from "../../../src/adapters/node/index.ts";
import { exitCodeOf } from "../../../src/app/exit.ts";
import { linesOf } from "../../../src/app/lines.ts";
import { produceLines } from "../../../src/app/produce.ts";
import { createValueWriter } from "../../../src/app/record-values.ts";
import { type PrintedRecord, tailTopic } from "../../../src/app/tail.ts";
import { OperationError, silentLogger } from "../../../src/kernel/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { partitionOf } from "../../../src/wire/index.ts";
import { deferred, within } from "../../support/deadline.ts";
import { plainRecords, standInOf } from "../../support/records.ts";

const partitions = 3;
const { signal } = new AbortController();
let broker: Broker;
const warn = (sentence: string): never => expect.fail(sentence);

afterEach(() => broker.close());

async function produce(lines: readonly string[], keyField?: string): Promise<number> {
  broker = createMemoryBroker({
    codecs: await createCodecs(),
    clock: systemClock,
    logger: silentLogger,
    bytesMax: 10_000_000,
    topics: [{ topic: "t", partitions, replication: 1, configs: { "max.message.bytes": "100000" } }],
  });
  const writer = await createValueWriter(undefined, "t", signal);
  return produceLines(
    linesOf(Readable.from([Buffer.from(lines.join("\n"))]), signal),
    { broker, topic: "t", writer, keyField, now: () => 1_000 },
    signal,
  );
}

async function tail(max: number): Promise<PrintedRecord[]> {
  const printed: PrintedRecord[] = [];
  const print = (line: string) => void printed.push(JSON.parse(line) as PrintedRecord);
  await tailTopic({ broker, registry: undefined, topic: "t", from: "earliest", max, print, warn }, signal);
  return printed;
}

async function failure(line: string, keyField?: string): Promise<Error> {
  const thrown: unknown = await produce([line], keyField).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(Error);
  await broker.close();
  return thrown as Error;
}

test("what tail prints is sent as it was: key, value, headers and time, also bytes that are no text", async () => {
  const lines = [
    {
      key: "k",
      value: { a: 1 },
      headers: [
        { name: "h", value: "v" },
        { name: "h", value: null },
      ],
      timestamp: "2026-01-01T00:00:00.000Z",
    },
    {
      key: { base64: "/wA=" },
      value: { base64: "/wD+" },
      headers: [{ name: "b", value: { base64: "/w==" } }],
      timestamp: "2026-01-01T00:00:00.001Z",
    },
    { key: "k", value: null, headers: [], timestamp: "2026-01-01T00:00:00.002Z" },
  ].map((line) => JSON.stringify(line));
  await produce(lines);
  const printed = (await tail(3)).sort((a, b) => String(a.timestamp).localeCompare(String(b.timestamp)));
  const again = printed.map(({ key, value, headers, timestamp }) => JSON.stringify({ key, value, headers, timestamp }));
  expect(again).toEqual(lines);
});

test("the partition is murmur2 of the key, and a bare value is keyed by the text of its field", async () => {
  await produce(['{"customer":7,"amount":1}'], "customer");
  const [record] = await tail(1);
  expect(record).toMatchObject({ key: "7", value: { customer: 7, amount: 1 } });
  expect(record?.partition).toBe(partitionOf(Buffer.from("7"), 0, 1, partitions));
});

test("a key inside a nested event is named by its JSON Pointer, and keeps its digits", async () => {
  const event = '{"id":"e1","data":{"meter/id":90071992547409931, "at":{"x":[1]}}}';
  await produce([event], "/data/meter~1id");
  expect(await tail(1)).toMatchObject([{ key: "90071992547409931" }]);
  await broker.close();
  await produce(['{"/data/id":"own","data":{"id":"inner"}}'], "/data/id");
  expect(await tail(1)).toMatchObject([{ key: "own" }]);
});

test("records without a key go round the partitions", async () => {
  await produce(['{"value":1}', '{"value":2}', '{"value":3}', '{"value":4}']);
  const ends = (await broker.admin.watermarks("t", signal)).map(({ end }) => end);
  expect(ends.sort()).toEqual([1, 1, 2]);
});

test("the lines before one that cannot be read are sent, and counted in its error", async () => {
  const lines = ['{"key":"a","value":1}', '{"key":"a","value":2}', "no record"];
  await expect(produce(lines)).rejects.toThrow(/^line 3: .* \(2 records before it were sent\)$/);
  expect(await stored()).toEqual([
    ["a", "1"],
    ["a", "2"],
  ]);
});

// A batch behind one that failed would stand in its place.
test("after a batch that cannot be sent none is, those that wait for it among them", async () => {
  await produce([]);
  const writer = await createValueWriter(undefined, "t", signal);
  const failing = deferred();
  let calls = 0;
  const append = async (): Promise<void> => {
    calls++;
    await failing.promise;
  };
  const away = Object.create(broker, { admin: { value: broker.admin }, append: { value: append } }) as Broker;
  const lines = (async function* () {
    yield '{"key":"a","value":1}\n';
    await delay(300);
    yield '{"key":"a","value":2}\n';
    await delay(300);
    failing.reject(new OperationError("MR_BROKER", "the broker is away"));
  })();
  const options = { broker: away, topic: "t", writer, keyField: undefined, now: () => 1_000 };
  await expect(produceLines(linesOf(Readable.from(lines), signal), options, signal)).rejects.toThrow("away");
  expect(calls).toBe(1);
});

test("a time before 1970 is printed as its milliseconds", async () => {
  await produce([]);
  const key = Buffer.from("a");
  await broker.append([{ topic: "t", partition: 0, timestampMs: -5, key, value: key, headers: [] }], signal);
  expect((await tail(1)).map((record) => record.timestamp)).toEqual([-5]);
});

test("a time may be milliseconds since 1970, and is now when there is none", async () => {
  await produce(['{"key":"a","value":1,"timestamp":1767225600000}', '{"key":"a","value":2}']);
  expect((await tail(2)).map((record) => record.timestamp)).toEqual([
    "2026-01-01T00:00:00.000Z",
    "1970-01-01T00:00:01.000Z",
  ]);
});

// Each was sent as something else, or ended as a bug with a stack.
test.each([
  ["a key that is an object", '{"key":{"x":1},"value":1}', undefined, "key"],
  ["headers that are no list", '{"key":"a","value":1,"headers":{"h":"v"}}', undefined, "headers"],
  [
    "a number of a header whose digits would be lost",
    '{"value":1,"headers":[{"name":"h","value":9007199254740993}]}',
    undefined,
    "the header h is a number beyond 2^53 - 1",
  ],
  ["a header that is none", '{"key":"a","value":1,"headers":[null]}', undefined, "headers"],
  ["a key field that only every object has", '{"a":1}', "toString", "toString"],
  ["a line of CSV", "meter;reading", "meter", "make JSON lines of CSV"],
  ["a line of CSV without --key", "meter;reading", undefined, "make JSON lines of CSV"],
  ["a pointer to nothing", '{"data":{"id":1}}', "/data/none", 'no field "/data/none" that could be the key ('],
  ["a pointer to an object", '{"data":{"id":1}}', "/data", "/data"],
  ["a pointer into what is no object", '{"data":[1]}', "/data/0", "/data/0"],
  ["a pointer into a list", "[1]", "/0", "/0"],
  ["a pointer with a stray tilde", '{"data":{"~":1}}', "/data/~", "/data/~"],
  ["a path that is no pointer", '{"data":{"id":1}}', "data.id", "by its JSON Pointer, such as /data/id"],
  ["a key of half a surrogate pair", '{"k":"\\ud800"}', "k", "surrogate"],
  ["a text value of half a surrogate pair", '{"key":"a","value":"\\udc00"}', undefined, "surrogate"],
  [
    "a header of half a surrogate pair",
    '{"value":1,"headers":[{"name":"h","value":"\\udc00"}]}',
    undefined,
    "surrogate",
  ],
  ["a key that is a list", '{"key":[1],"value":1}', undefined, "key"],
  ["a key of too many digits", '{"k":1e500}', "k", "key"],
  ["base64 that is none", '{"key":"a","value":{"base64":"!"}}', undefined, "base64"],
  ["a form that is none", '{"key":"a","value":1,"as":"avro"}', undefined, "as"],
  ["a tombstone with a value", '{"key":"a","value":1,"as":"tombstone"}', undefined, "tombstone"],
  ["text that is none", '{"key":"a","value":1,"as":"text"}', undefined, "text"],
  ["a time that is none", '{"key":"a","value":1,"timestamp":"soon"}', undefined, "timestamp"],
  [
    "a record that is larger than the topic takes",
    `{"key":"a","value":"${"x".repeat(200_000)}"}`,
    undefined,
    "max.message.bytes",
  ],
])("%s is refused with its line", async (_what, line, keyField, word) => {
  const thrown = await failure(line, keyField);
  expect(thrown.message).toContain(word);
  expect(exitCodeOf(thrown)).not.toBe(70);
});

// `tail` took every error for its own end: it exited with 0 and fewer records, and followed the other partitions for ever.
test("a partition that cannot be read ends the tailing of all, with its error", async () => {
  await produce(['{"customer":7}'], "customer");
  const damaged = new OperationError("MR_BATCH_CORRUPT", "reading t-1: the batch is damaged");
  const read: Broker["read"] = (range, stop) => {
    if (range.partition !== 1) return broker.read(range, stop);
    return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(damaged) }) };
  };
  const failing = Object.create(broker, { admin: { value: broker.admin }, read: { value: read } }) as Broker;
  const tailing = tailTopic(
    { broker: failing, registry: undefined, topic: "t", from: "latest", max: undefined, print: () => undefined, warn },
    signal,
  );
  await expect(tailing).rejects.toBe(damaged);
});

test("a damaged batch is told with its offsets while its bytes are no record, and the tailing goes on behind it", async () => {
  await produce(['{"customer":7}'], "customer");
  const [record] = await tail(1);
  const read: Broker["read"] = async function* (range, stop) {
    yield standInOf("t", range.partition, 0, 5);
    yield* broker.read(range, stop);
  };
  const damaged = Object.create(broker, { admin: { value: broker.admin }, read: { value: read } }) as Broker;
  const [lines, told]: string[][] = [[], []];
  const sides = {
    print: (line: string) => void lines!.push(line),
    warn: (sentence: string) => void told!.push(sentence),
  };
  await tailTopic({ broker: damaged, registry: undefined, topic: "t", from: "earliest", max: 1, ...sides }, signal);
  expect(lines!.map((line) => (JSON.parse(line) as PrintedRecord).offset)).toEqual([record!.offset]);
  expect(told![0]).toContain("reading t-0: offsets 0-4 are lost: decoding the batch at offset 0");
});

test("a slow stream is sent while it goes on, and what was read when it ends is sent", async () => {
  await produce([]);
  const writer = await createValueWriter(undefined, "t", signal);
  const isSeen = deferred();
  const lines = (async function* () {
    yield '{"key":"a","value":1}\n';
    await isSeen.promise;
    yield '{"key":"a","value":2}';
  })();
  const progress = (sent: number): void => {
    if (sent === 1) isSeen.resolve();
  };
  const sent = produceLines(
    linesOf(Readable.from(lines), signal),
    { broker, topic: "t", writer, keyField: undefined, now: () => 1_000, progress },
    signal,
  );
  expect(await within(10_000, "both records", sent)).toBe(2);
});

/** Key and value of every record, as they stand in the topic. */
async function stored(): Promise<(string | null)[][]> {
  const found: (string | null)[][] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const [marks] = (await broker.admin.watermarks("t", signal)).filter((each) => each.partition === partition);
    const range = { topic: "t", partition, from: "earliest", to: marks?.end ?? 0 } as const;
    for await (const batch of broker.read(range, signal))
      found.push(...plainRecords(batch).map(({ key, value }) => [key?.toString() ?? null, value?.toString() ?? null]));
  }
  return found;
}

// Digits were lost on the way: 9007199254740993 was sent, and keyed, as ...992.
test.each<[string, string | undefined, string | null, string | null]>([
  ['{"k":"a", "id":9007199254740993,"x":1.0}', "k", "a", '{"k":"a", "id":9007199254740993,"x":1.0}'],
  ['{"k":9007199254740993}', "k", "9007199254740993", '{"k":9007199254740993}'],
  ['{"k":1.0}', "k", "1", '{"k":1.0}'],
  ['{"k":true}', "k", "true", '{"k":true}'],
  ['{"k":"x\u2028y"}', "k", "x\u2028y", '{"k":"x\u2028y"}'],
  ['{"k":"a","k":"b"}', "k", "b", '{"k":"a","k":"b"}'],
  ['{"a":{"k":"no"},"k":"yes"}', "k", "yes", '{"a":{"k":"no"},"k":"yes"}'],
  [
    '{"key":12345678901234567890,"value":{"id": 9007199254740993}}',
    undefined,
    "12345678901234567890",
    '{"id": 9007199254740993}',
  ],
  ['{"key": "a", "value": {"x":1} }', undefined, "a", '{"x":1}'],
  ['{"key":"a","value":null}', undefined, "a", null],
  ['{"key":"a","value":null,"as":"tombstone"}', undefined, "a", null],
  ['{"key":"a","value": null,"as":"json"}', undefined, "a", "null"],
  ['{"key":"a","value":"text"}', undefined, "a", "text"],
  ['{"key":"a","as":"json","value":"text"}', undefined, "a", '"text"'],
  ['{"key":"a","value":{"base64":"YQ=="}}', undefined, "a", "a"],
  ['{"key":"a","value":{"base64":"YQ=="},"as":"json"}', undefined, "a", '{"base64":"YQ=="}'],
  ['{"value":1.50}', undefined, null, "1.50"],
])("%s with key %s is sent as %j: %j", async (line, keyField, key, value) => {
  await produce([line], keyField);
  expect(await stored()).toEqual([[key, value]]);
});

// Only its member "value" was sent, and everything beside it was lost without a word.
test("an event that has a field named value is not taken for a line of tail", async () => {
  const { message } = await failure('{"sensor":"s1","value":0.5}');
  expect(message).toContain(
    'no record as `tail` prints it: "sensor" stands beside "value"; bare values need --key FIELD',
  );
  expect(await produce(['{"key":"s1","value":"0.5","topic":"t","partition":0,"offset":7,"as":"text"}'])).toBe(1);
});
