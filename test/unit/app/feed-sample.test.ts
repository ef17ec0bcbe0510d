import { afterEach, beforeEach, expect, test } from "vitest";
import { feedSample } from "../../../src/app/feed-sample.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { driverStartMs, FakeClock } from "../../../src/testing/index.ts";
import { partitionOf } from "../../../src/wire/index.ts";
import { eventually } from "../../support/deadline.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";
import { examplePlan } from "../testing/plans.ts";

const never = new AbortController().signal;
const plan = examplePlan("card-fraud");
let broker: Broker;

beforeEach(async () => {
  broker = await openMemoryBroker(64 * 1024 * 1024, silentLogger);
});
afterEach(() => broker.close());

async function createTopics(...topics: string[]): Promise<void> {
  await broker.admin.createTopics(
    topics.map((topic) => ({ topic, partitions: 3, replication: undefined, configs: {} })),
    never,
  );
}

async function recordsIn(topic: string): Promise<PlainRecord[]> {
  const records: PlainRecord[] = [];
  for (const { partition, low, end } of await broker.admin.watermarks(topic, never)) {
    if (low === end) continue;
    for await (const batch of broker.read({ topic, partition, from: low, to: end }, never))
      records.push(...plainRecords(batch));
  }
  return records;
}

test("so many events go out at once, keyed and partitioned as by any producer, the last dated now", async () => {
  await createTopics("payments.inbox", "payments.reports");
  const clock = new FakeClock(driverStartMs);
  expect(await feedSample({ plan, broker, clock, isPaced: false, max: 1_500 }, never)).toBe(1_500);
  const payments = await recordsIn("payments.inbox");
  expect(payments.length + (await recordsIn("payments.reports")).length).toBe(1_500);
  const times = payments.flatMap(({ value }) => /"paid_at":"([^"]*)"/.exec(String(value))?.[1] ?? []).map(Date.parse);
  // 1,500 events at 200 a second end within 7.5 s of their begin; reports take a share of them.
  expect(Math.min(...times)).toBe(driverStartMs - 7_500);
  expect(Math.max(...times)).toBeLessThanOrEqual(driverStartMs);
  for (const { key, partition, timestampMs } of payments) {
    expect(partition).toBe(partitionOf(key!, 0, key!.length, 3));
    expect(timestampMs).toBe(driverStartMs);
  }
});

test("a paced feed sends what is due and no more", async () => {
  await createTopics("payments.inbox", "payments.reports");
  const clock = new FakeClock(driverStartMs);
  const stop = new AbortController();
  let sent = 0;
  const feeding = feedSample(
    {
      plan,
      broker,
      clock,
      isPaced: true,
      progress: (count) => {
        sent = count;
      },
    },
    stop.signal,
  );
  await eventually(5_000, "the first event", async () => (sent === 1 ? true : undefined));
  clock.advance(100);
  // 200 a second: the events at 0, 5, ..., 100 ms.
  await eventually(5_000, "what is due after 100 ms", async () => (sent === 21 ? true : undefined));
  stop.abort();
  expect(await feeding).toBe(21);
});

test("a topic that is missing, and a topology without a sample, are named", async () => {
  await createTopics("payments.inbox");
  const clock = new FakeClock(driverStartMs);
  const options = { plan, broker, clock, isPaced: false, max: 2_000 };
  await expect(feedSample(options, never)).rejects.toMatchObject({ code: "MR_TOPIC_MISSING" });
  const without = { ...options, plan: examplePlan("flights") };
  await expect(feedSample(without, never)).rejects.toThrow("feeding flights: the topology has no `sample:`");
});
