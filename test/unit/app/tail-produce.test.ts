import { Readable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { systemClock } from "../../../src/adapters/node/index.ts";
import { linesOf } from "../../../src/app/lines.ts";
import { produceLines } from "../../../src/app/produce.ts";
import { createValueWriter } from "../../../src/app/record-values.ts";
import { tailTopic } from "../../../src/app/tail.ts";
import { type Header, silentLogger } from "../../../src/kernel/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import { readHeaders } from "../../../src/wire/index.ts";
import { plainRecords } from "../../support/records.ts";

const { signal } = new AbortController();

interface Sent {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
  readonly timestampMs: number;
}

async function brokerOf(): Promise<Broker> {
  const topic = { partitions: 1, replication: 1, configs: {} };
  return createMemoryBroker({
    codecs: await createCodecs(),
    clock: systemClock,
    logger: silentLogger,
    bytesMax: 10_000_000,
    topics: [
      { ...topic, topic: "from" },
      { ...topic, topic: "to" },
    ],
  });
}

async function copied(records: readonly Sent[], registry?: MemoryRegistry): Promise<{ lines: string[]; got: Sent[] }> {
  const broker = await brokerOf();
  try {
    await broker.append(
      records.map((record) => ({ ...record, topic: "from", partition: 0 })),
      signal,
    );
    const lines: string[] = [];
    const tail = { broker, registry, topic: "from", from: "earliest" as const, max: records.length };
    await tailTopic({ ...tail, print: (line) => void lines.push(line), warn: expect.fail }, signal);
    const writer = await createValueWriter(registry, "to", signal);
    const input = Readable.from([Buffer.from(`${lines.join("\n")}\n`)]);
    const options = { broker, topic: "to", writer, keyField: undefined, now: () => 1_000 };
    await produceLines(linesOf(input, signal), options, signal);
    const got: Sent[] = [];
    const range = { topic: "to", partition: 0, from: 0, to: records.length };
    for await (const batch of broker.read(range, signal)) {
      got.push(
        ...plainRecords(batch).map(({ key, value }, i) => ({
          key,
          value,
          headers: readHeaders(batch, i).map((h) => ({ name: h.name, value: h.value && Buffer.from(h.value) })),
          timestampMs: batch.timestampsMs[i] ?? Number.NaN,
        })),
      );
    }
    return { lines, got };
  } finally {
    await broker.close();
  }
}

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(
    "null",
    '"a"',
    "1.0",
    "9007199254740993",
    '{"base64":"YQ=="}',
    "\ufeff{}",
    "x\u2028y",
    " {}",
    "[1] ",
    "",
  ),
  fc.json(),
);
const bytes = fc.oneof(
  text.map((value) => Buffer.from(value)),
  fc.uint8Array({ maxLength: 12 }).map((value) => Buffer.from(value)),
);
const maybe = fc.option(bytes, { freq: 4 });
const sent: fc.Arbitrary<Sent> = fc.record({
  key: maybe,
  value: maybe,
  headers: fc.array(fc.record({ name: fc.string({ unit: "grapheme" }), value: maybe }), { maxLength: 3 }),
  timestampMs: fc.oneof(fc.constantFrom(-1, 0, 253_402_300_800_000), fc.integer({ min: 0, max: 4e12 })),
});

test("what tail prints, produce sends as it was: keys, values, headers and times", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(sent, { minLength: 1, maxLength: 8 }), async (records) => {
      expect((await copied(records)).got).toEqual(records);
    }),
    { numRuns: 200 },
  );
});

const schema = {
  type: "record",
  name: "P",
  fields: [
    { name: "id", type: "long" },
    { name: "d", type: "double" },
  ],
};

function registryWith(): MemoryRegistry {
  const registry = new MemoryRegistry();
  registry.add("from-value", schema);
  registry.add("to-value", schema);
  return registry;
}

test("the same on topics of Avro, where what is no Avro is sent as it is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(sent, { minLength: 1, maxLength: 4 }), async (records) => {
      expect((await copied(records, registryWith())).got).toEqual(records);
    }),
    { numRuns: 50 },
  );
});

test("an Avro value comes back byte for byte, longs to the last digit and -0 with its sign", async () => {
  const writer = await createValueWriter(registryWith(), "from", signal);
  const value = writer.write('{"id":9223372036854775807,"d":-0.0}');
  const { lines, got } = await copied([{ key: null, value, headers: [], timestampMs: 5 }], registryWith());
  expect(got[0]?.value).toEqual(value);
  expect(lines[0]).toContain('"value":{"id":9223372036854775807,"d":-0.0}}');
});

const older = {
  type: "record",
  name: "P",
  fields: [
    { name: "id", type: "long" },
    { name: "old", type: ["null", "string"], default: null },
  ],
};

/** A value of a schema of another subject, which `from-value` had before. */
async function ofOlder(registry: MemoryRegistry): Promise<Buffer> {
  const { id } = registry.add("older-value", older);
  const writer = await createValueWriter(registry, "older", signal);
  expect(id).not.toBe((await registry.latest("from-value"))?.id);
  return writer.write('{"id":1,"old":"hi"}');
}

// It came back by the newest schema, without the field that had gone.
test("an Avro value of an older schema comes back byte for byte, and so does one on a topic that is not Avro", async () => {
  for (const registry of [registryWith(), new MemoryRegistry()]) {
    const value = await ofOlder(registry);
    const record = { key: null, value, headers: [], timestampMs: 5 };
    const { lines, got } = await copied([record, record], registry);
    expect(got.map((each) => each.value)).toEqual([value, value]);
    const { id } = (await registry.latest("older-value"))!;
    expect(lines[0]).toContain(`"value":{"id":1,"old":"hi"},"as":"avro","schema":${id}}`);
  }
});

test.each([
  ['{"value":{},"as":"avro"}', "go together"],
  ['{"value":{},"schema":1}', "go together"],
  ['{"value":{},"as":"json","schema":1}', "go together"],
  ['{"value":{},"as":"avro","schema":"1"}', "go together"],
  ['{"value":{"id":1},"as":"avro","schema":77}', "the value is of schema id 77, which the registry does not know"],
  ['{"value":{"id":"x","d":1},"as":"avro","schema":1}', "field id"],
])("produce refuses %s with the line", async (line, said) => {
  const broker = await brokerOf();
  try {
    const writer = await createValueWriter(registryWith(), "to", signal);
    const options = { broker, topic: "to", writer, keyField: undefined, now: () => 1_000 };
    const producing = produceLines(linesOf(Readable.from([Buffer.from(`${line}\n`)]), signal), options, signal);
    await expect(producing).rejects.toThrow(said);
    await expect(producing).rejects.toThrow("line 1: ");
  } finally {
    await broker.close();
  }
});

test.each<[string | null, string]>([
  [null, '"value":null}'],
  ["null", '"value":null,"as":"json"}'],
  ['"a"', '"value":"a","as":"json"}'],
  ["plain", '"value":"plain"}'],
  ['{"id": 9007199254740993}', '"value":{"id": 9007199254740993}}'],
  ['{"a":\r\n 1.0}', '"value":{"a":   1.0}}'],
  ["{}\n", '"value":{} ,"as":"json"}'],
  [" 7", '"value":  7,"as":"json"}'],
  ['{"base64":"YQ=="}', '"value":{"base64":"YQ=="},"as":"json"}'],
  ["", '"value":""}'],
])("%j is printed as %s", async (value, end) => {
  const { lines } = await copied([
    { key: null, value: value === null ? null : Buffer.from(value), headers: [], timestampMs: -1 },
  ]);
  expect(lines[0]).toBe(`{"topic":"from","partition":0,"offset":0,"timestamp":null,"key":null,"headers":[],${end}`);
});
