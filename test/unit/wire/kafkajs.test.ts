import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { RecordBatchBuilder } from "../../../src/wire/index.ts";
import { decode, hex, recordsOf } from "./plain-batch.ts";

// kafkajs 2.2.4's own encoder and decoder of record batches, as they stand.
const require = createRequire(import.meta.url);
const Decoder = require("kafkajs/src/protocol/decoder.js");
const decodeBatch = require("kafkajs/src/protocol/recordBatch/v0/decoder.js");
const { RecordBatch } = require("kafkajs/src/protocol/recordBatch/v0/index.js");
const Record = require("kafkajs/src/protocol/recordBatch/record/v0/index.js");
const Long = require("kafkajs/src/utils/long.js");

const run = fc.option(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)));
// kafkajs keeps headers in a plain object: names are unique, not those of its prototype, and numbers come first.
const headers = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: "grapheme", maxLength: 12 }).filter((name) => !(name in {}) && !/^\d+$/.test(name)),
    value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  { selector: (header) => header.name, maxLength: 3 },
);
const records = fc.array(
  fc.record({ timestampMs: fc.integer({ min: 0, max: 4_102_444_800_000 }), key: run, value: run, headers }),
  { minLength: 1, maxLength: 40 },
);

test("kafkajs reads what the builder wrote", async () => {
  await fc.assert(
    fc.asyncProperty(records, async (given) => {
      const builder = new RecordBatchBuilder({ topic: "orders", partition: 3, role: "output", bytesMax: 1_000_000 });
      for (const r of given) {
        const [keyTo, valueTo] = [r.key?.length ?? 0, r.value?.length ?? 0];
        builder.appendWithHeaders(r.timestampMs, r.key, 0, keyTo, r.value, 0, valueTo, r.headers);
      }
      const batch = await decodeBatch(new Decoder(builder.finish().bytes));
      const seen = batch.records.map((r: KafkaJsRecord) => ({
        offset: Number(r.offset),
        timestampMs: Number(r.timestamp),
        key: hex(r.key),
        value: hex(r.value),
        headers: Object.entries(r.headers).map(([name, value]) => ({ name, value: hex(value) })),
      }));
      expect(seen).toEqual(given.map(asSeen));
    }),
  );
});

test("what kafkajs wrote is read", async () => {
  await fc.assert(
    fc.asyncProperty(records, async (given) => {
      const base = given[0]!.timestampMs;
      const encoder = await RecordBatch({
        firstOffset: Long.fromInt(0),
        firstTimestamp: base,
        maxTimestamp: Math.max(...given.map((r) => r.timestampMs)),
        lastOffsetDelta: given.length - 1,
        records: given.map((r, offsetDelta) =>
          Record({
            offsetDelta,
            timestampDelta: r.timestampMs - base,
            key: r.key,
            value: r.value,
            headers: Object.fromEntries(r.headers.map(({ name, value }) => [name, value])),
          }),
        ),
      });
      expect(recordsOf(decode(encoder.buffer))).toEqual(given.map(asSeen));
    }),
  );
});

interface KafkaJsRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
}

interface Given {
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly name: string; readonly value: Buffer }[];
}

function asSeen(record: Given, offset: number) {
  return {
    offset,
    timestampMs: record.timestampMs,
    key: hex(record.key),
    value: hex(record.value),
    headers: record.headers.map(({ name, value }) => ({ name, value: hex(value) })),
  };
}
