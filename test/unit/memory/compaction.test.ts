import fc from "fast-check";
import { expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import { seededRng } from "../../../src/kernel/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { RecordBatchBuilder } from "../../../src/wire/index.ts";
import { type PlainRecord, plainRecords, writtenAtMs } from "../../support/records.ts";
import { brokerOf, keepingLogger, never, topicOf } from "./bench.ts";

const compacted = (name: string) => topicOf(name, 1, { "cleanup.policy": "compact" });

/** A record of about a tenth of a segment, so that a hundred of them are compacted several times. */
const entry = (topic: string, key: string, text: string | null) => ({
  topic,
  partition: 0,
  timestampMs: writtenAtMs,
  key: Buffer.from(key),
  value: text === null ? null : Buffer.from(text.padEnd(5_000)),
});

async function allOf(broker: Broker, topic: string): Promise<PlainRecord[]> {
  const [marks] = await broker.admin.watermarks(topic, never);
  const records: PlainRecord[] = [];
  for await (const batch of broker.read({ topic, partition: 0, from: "earliest", to: marks!.end }, never))
    records.push(...plainRecords(batch));
  return records;
}

/** What is left for who reads from the beginning: the last value of each key. */
function stateOf(records: readonly PlainRecord[]): Map<string, string> {
  const state = new Map<string, string>();
  for (const { key, value } of records) {
    if (value === null) state.delete(String(key));
    else state.set(String(key), String(value).trimEnd());
  }
  return state;
}

test("a compacted topic takes no more room than its live records and as much again, and pushes out no other topic", async () => {
  const { logger, warnings } = keepingLogger();
  const broker = brokerOf({ bytesMax: 8_000_000, logger, topics: [compacted("changelog"), topicOf("raw", 1)] });
  await broker.append([{ ...entry("raw", "k", "v") }], never);
  // 25 MB for ten keys.
  for (let i = 0; i < 5_000; i++) await broker.append([entry("changelog", `k${i % 10}`, `v${i}`)], never);
  expect(warnings).toEqual([]);
  expect((await broker.admin.watermarks("raw", never))[0]).toEqual({ partition: 0, low: 0, end: 1 });
  const records = await allOf(broker, "changelog");
  expect(records.length).toBeLessThan(1_000);
  expect(stateOf(records)).toEqual(new Map(Array.from({ length: 10 }, (_, i) => [`k${i}`, `v${4_990 + i}`])));
  // What is left stands where it stood, and nobody is told that something was deleted.
  expect(records.every(({ offset, value }) => String(value).trimEnd() === `v${offset}`)).toBe(true);
  expect((await broker.admin.watermarks("changelog", never))[0]).toEqual({ partition: 0, low: 0, end: 5_000 });
});

test("a record without a value takes its key's others with it, and goes itself a compaction later", async () => {
  const broker = brokerOf({ bytesMax: 100_000_000, topics: [compacted("changelog")] });
  await broker.append([entry("changelog", "gone", "v"), entry("changelog", "stays", "v")], never);
  await broker.append([entry("changelog", "gone", null)], never);
  const seen = new Set<string>();
  for (let i = 0; i < 2_000; i++) {
    await broker.append([entry("changelog", `k${i % 3}`, `v${i}`)], never);
    if (i % 20 > 0) continue;
    const found = (await allOf(broker, "changelog")).filter(({ key }) => String(key) === "gone");
    seen.add(found.map(({ value }) => (value === null ? "tombstone" : "value")).join(" "));
  }
  expect([...seen]).toEqual(["value tombstone", "tombstone", ""]);
  expect(stateOf(await allOf(broker, "changelog")).get("stays")).toBe("v");
});

test("a record without a value takes its key's others with it also out of batches that came compressed", async () => {
  const codecs = await createCodecs();
  const broker = brokerOf({ codecs, bytesMax: 100_000_000, topics: [compacted("changelog")] });
  const writer = broker.writer();
  // Nothing that gzip makes small, so that compressed batches fill segments too.
  const rng = seededRng(1);
  const noise = Buffer.from(Array.from({ length: 5_000 }, () => rng.below(256)));
  const write = async (entries: readonly (readonly [key: string, text: string | null])[]): Promise<void> => {
    const batch = { topic: "changelog", partition: 0, role: "changelog", bytesMax: 1_000_000 } as const;
    const builder = new RecordBatchBuilder({ ...batch, compression: "gzip", codecs });
    for (const [key, text] of entries) {
      const value = text === null ? null : Buffer.concat([Buffer.from(text.padEnd(10)), noise]);
      builder.append(writtenAtMs, Buffer.from(key), 0, Buffer.byteLength(key), value, 0, value?.length ?? 0);
    }
    await writer.write([builder.finish()]);
  };
  await write([
    ["gone", "old"],
    ["stays", "kept"],
  ]);
  await broker.append([{ ...entry("changelog", "gone", null) }], never);
  for (let i = 0; i < 1_000; i++)
    await write([
      [`k${i % 3}`, `v${i}`],
      ["both", `w${i}`],
    ]);
  await writer.close();
  const records = await allOf(broker, "changelog");
  // A value that came back when its tombstone went would make a key that was deleted live again.
  const keys = records.map(({ key }) => String(key));
  expect(keys).not.toContain("gone");
  expect(records.find(({ key }) => String(key) === "stays")?.offset).toBe(1);
  // More than 5 MB were written, in 2,003 records of six keys.
  expect(keys.length).toBeLessThan(500);
  expect(keys.slice(-2)).toEqual(["k0", "both"]);
});

test("whoever reads on while a log is compacted meets every key's last record, from whatever offset it reads", async () => {
  const broker = brokerOf({ bytesMax: 100_000_000, topics: [compacted("changelog")] });
  const written: string[] = [];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(40), { minLength: 30, maxLength: 60 }), fc.nat(), async (keys, start) => {
      for (const key of keys) {
        await broker.append([entry("changelog", `k${key}`, `v${written.length}`)], never);
        written.push(`k${key}`);
      }
      const end = written.length;
      const from = start % end;
      const found: PlainRecord[] = [];
      let position = from;
      for await (const batch of broker.read({ topic: "changelog", partition: 0, from, to: end }, never)) {
        expect(batch.offsetAsked).toBe(position);
        position = batch.offsetNext;
        found.push(...plainRecords(batch));
      }
      const lastOf = new Map(written.map((key, offset) => [key, offset]));
      const expected = new Map([...lastOf].filter(([, offset]) => offset >= from).map(([key, at]) => [key, `v${at}`]));
      expect(stateOf(found)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
  expect((await allOf(broker, "changelog")).length).toBeLessThan(written.length / 2);
});

test("records without a key stay, and so do those of topics that are not compacted", async () => {
  const broker = brokerOf({ bytesMax: 100_000_000, topics: [compacted("changelog"), topicOf("raw", 1)] });
  await broker.append([{ ...entry("changelog", "", "keyless"), key: null }], never);
  for (let i = 0; i < 300; i++)
    await broker.append([entry("changelog", "k", `v${i}`), entry("raw", "k", `v${i}`)], never);
  expect((await allOf(broker, "changelog"))[0]).toMatchObject({ offset: 0, key: null });
  expect(await allOf(broker, "raw")).toHaveLength(300);
});
