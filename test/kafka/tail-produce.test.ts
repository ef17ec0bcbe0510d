import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Header } from "../../src/kernel/index.ts";
import { readHeaders } from "../../src/wire/index.ts";
import { plainRecords } from "../support/records.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { mustRun } from "./support/command.ts";
import { type BuiltMillrace, buildMillrace } from "./support/worker-process.ts";

const { signal } = new AbortController();

interface Sent {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
  readonly timestampMs: number;
}

const raw = Buffer.from([0xff, 0x00, 0xc3]);
const records: readonly Sent[] = [
  { key: Buffer.from("k"), value: Buffer.from('{"a": 9007199254740993, "b": 1.0}'), headers: [], timestampMs: -1 },
  { key: Buffer.from("gone"), value: null, headers: [], timestampMs: 1_700_000_000_123 },
  { key: null, value: Buffer.from("null"), headers: [], timestampMs: 0 },
  { key: raw, value: raw, headers: [{ name: "h", value: raw }], timestampMs: 1 },
  { key: Buffer.from(""), value: Buffer.from("x\u2028y, no JSON"), headers: [], timestampMs: 2 },
  { key: Buffer.from("1"), value: Buffer.from('"text"'), headers: [], timestampMs: 3 },
  { key: Buffer.from("e"), value: Buffer.from(""), headers: [], timestampMs: 4 },
  {
    key: Buffer.from("two"),
    value: Buffer.from('{"base64":"YQ=="}'),
    headers: [
      { name: "h", value: null },
      { name: "h", value: Buffer.from("ü") },
    ],
    timestampMs: 5,
  },
];

describeKafka("tail and produce, on this Node", () => {
  const namespace = uniqueNamespace();
  const [from, to, lines] = ["from", "to", "lines"].map((name) => `${namespace}.${name}`) as [string, string, string];
  let folder = "";
  let millrace: BuiltMillrace;

  beforeAll(async () => {
    [millrace, folder] = await Promise.all([buildMillrace(), mkdtemp(join(tmpdir(), "millrace-tail-"))]);
    const broker = await connect(testBroker().bootstrap);
    // The records are dated long ago, and the broker looks for such half a minute after its start.
    const configs = { "retention.ms": "-1" };
    const topics = [from, to, lines].map((topic) => ({ topic, partitions: 1, replication: 1, configs }));
    await broker.admin.createTopics(topics, signal);
    await broker.append(
      records.map((record) => ({ ...record, topic: from, partition: 0 })),
      signal,
    );
    await broker.close();
  });

  afterAll(async () => {
    const broker = await connect(testBroker().bootstrap);
    await broker.admin.deleteTopics([from, to, lines], signal);
    await broker.close();
    await millrace.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (args: readonly string[], stdin = ""): Promise<string> =>
    mustRun(process.execPath, [millrace.entry, ...args], {
      cwd: folder,
      environment: { MILLRACE_BROKERS: testBroker().bootstrap },
      stdin,
    });

  async function recordsOf(topic: string, count: number): Promise<Sent[]> {
    const broker = await connect(testBroker().bootstrap);
    const got: Sent[] = [];
    for await (const batch of broker.read({ topic, partition: 0, from: 0, to: count }, signal)) {
      got.push(
        ...plainRecords(batch).map(({ key, value }, i) => ({
          key,
          value,
          headers: readHeaders(batch, i).map((h) => ({ name: h.name, value: h.value && Buffer.from(h.value) })),
          timestampMs: batch.timestampsMs[i] ?? Number.NaN,
        })),
      );
    }
    await broker.close();
    return got;
  }

  test("what tail prints, produce sends as it was: keys, values, headers and times", async () => {
    const printed = await run(["tail", from, "--from", "beginning", "--max", String(records.length)]);
    await run(["produce", to, "--file", "-"], printed);
    expect(await recordsOf(to, records.length)).toEqual(records);
  });

  test("a line ends at a line feed alone, not at U+2028 or U+2029", async () => {
    const value = '{"k":"a","s":"x\u2029y\u2028z"}';
    await run(["produce", lines, "--file", "-", "--key", "k"], `${value}\n`);
    const broker = await connect(testBroker().bootstrap);
    const [range] = await broker.admin.watermarks(lines, signal);
    await broker.close();
    expect(range).toMatchObject({ end: 1 });
    expect((await recordsOf(lines, 1)).map((record) => String(record.value))).toEqual([value]);
  });
});
