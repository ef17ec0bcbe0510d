import { expect, test } from "vitest";
import { type Logger, type RecordOut, silentLogger } from "../../../src/kernel/index.ts";
import { RecordingSink } from "../../support/recording-sink.ts";
import { writtenAtMs } from "../../support/records.ts";
import { brokerOf, deadlineMs, keepingLogger, type LoggedLine, never, topicOf } from "./bench.ts";

/** One record that fills about `bytes` of a segment. */
function filler(topic: string, partition: number, bytes: number): RecordOut {
  return { topic, partition, timestampMs: writtenAtMs, key: null, value: Buffer.alloc(bytes) };
}

test("a writer is never refused: beyond the limit the oldest records go, and the log start shows it", async () => {
  const broker = brokerOf({ bytesMax: 1_000_000, topics: [topicOf("raw", 1)] });
  for (let i = 0; i < 50; i++) await broker.append([filler("raw", 0, 100_000)], never);
  const [marks] = await broker.admin.watermarks("raw", never);
  expect(marks?.end).toBe(50);
  expect(marks?.low).toBeGreaterThan(0);
  // At least the segment being written stays, and a tenth of a megabyte per record cannot make more than ten.
  expect(50 - (marks?.low ?? 0)).toBeLessThanOrEqual(10);
});

test("the loss is said once per topic, with its name and where the log begins now", async () => {
  const { logger, warnings } = keepingLogger();
  const topics = [topicOf("raw", 2), topicOf("clean", 1)];
  const broker = brokerOf({ bytesMax: 500_000, logger, topics });
  for (let i = 0; i < 20; i++) {
    await broker.append([filler("raw", i % 2, 100_000), filler("clean", 0, 100_000)], never);
  }
  expect(warnings.map(({ fields }) => fields["topic"]).sort()).toEqual(["clean", "raw"]);
  expect(warnings[0]?.message).toBe("The in-process broker drops the oldest records of a topic.");
  expect(warnings[0]?.fields["logStartOffset"]).toBe(1);
});

test("compacted topics are spared, because a record there may be the last of its key", async () => {
  const topics = [topicOf("raw", 1), topicOf("control", 1, { "cleanup.policy": "compact" })];
  const broker = brokerOf({ bytesMax: 300_000, topics });
  await broker.append([filler("control", 0, 1_000)], never);
  for (let i = 0; i < 20; i++) await broker.append([filler("raw", 0, 100_000)], never);
  expect(await broker.admin.watermarks("control", never)).toEqual([{ partition: 0, low: 0, end: 1 }]);
  expect((await broker.admin.watermarks("raw", never))[0]?.low).toBeGreaterThan(0);
});

test("a topic's own retention.bytes holds per partition", async () => {
  const topics = [topicOf("short", 2, { "retention.bytes": "250000" }), topicOf("long", 1)];
  const broker = brokerOf({ topics });
  for (let i = 0; i < 10; i++) {
    await broker.append([filler("short", 0, 100_000), filler("long", 0, 100_000)], never);
  }
  await broker.append([filler("short", 1, 100_000)], never);
  const [first, second] = await broker.admin.watermarks("short", never);
  expect(first?.low).toBeGreaterThan(0);
  expect(second).toEqual({ partition: 1, low: 0, end: 1 });
  expect((await broker.admin.watermarks("long", never))[0]?.low).toBe(0);
});

test("a quiet partition gives up its records too when its turn comes", async () => {
  const broker = brokerOf({ bytesMax: 500_000, topics: [topicOf("quiet", 1), topicOf("busy", 1)] });
  await broker.append([filler("quiet", 0, 1_000)], never);
  for (let i = 0; i < 20; i++) await broker.append([filler("busy", 0, 100_000)], never);
  expect(await broker.admin.watermarks("quiet", never)).toEqual([{ partition: 0, low: 1, end: 1 }]);
  await broker.append([filler("quiet", 0, 1_000)], never);
  expect(await broker.admin.watermarks("quiet", never)).toEqual([{ partition: 0, low: 1, end: 2 }]);
});

test("a reader of a partition that was emptied is told at once where the log goes on", async () => {
  const errors: LoggedLine[] = [];
  const logger: Logger = { ...silentLogger, error: (fields, message) => void errors.push({ fields, message }) };
  const broker = brokerOf({ bytesMax: 500_000, topics: [topicOf("quiet", 1), topicOf("busy", 1)] });
  await broker.append([filler("quiet", 0, 1_000)], never);
  const sink = new RecordingSink({ deadlineMs });
  const spec = { group: "stage", topics: ["quiet"], start: { kind: "earliest" }, logger } as const;
  const membership = await broker.join(spec, sink);
  await sink.until("the task", () => sink.owned.size === 1);
  const { offsetsNext } = await membership.openTask(0, sink.epochOf(0), never);
  for (let i = 0; i < 20; i++) await broker.append([filler("busy", 0, 100_000)], never);
  membership.start(0, offsetsNext);
  await sink.until("a batch", () => sink.batches.length === 1);
  expect(sink.batches[0]?.batch).toMatchObject({ count: 0, offsetAsked: 0, offsetNext: 1, logStartOffset: 1 });
  expect(errors).toEqual([
    {
      fields: { topic: "quiet", partition: 0, position: 0, first: 1, code: "MR_OFFSET_RANGE" },
      message: "Records were deleted by retention before they were read.",
    },
  ]);
});
