import { expect, test } from "vitest";
import { type Clock, Tallies } from "../../../src/kernel/index.ts";
import { type MeasuredStage, type MetricReading, readMetrics } from "../../../src/runtime/stage-metrics.ts";
import type { TaskAccount } from "../../../src/runtime/task-accounts.ts";
import { Cluster } from "./cluster.ts";
import { AutoClock, order, totalsStage } from "./fixture.ts";

const counts = { in: 0, out: 0, filtered: {}, late: 0, deadLetters: {} };

function account(offsetNext: number, eventTimeMs: number | undefined): TaskAccount {
  const whole = { since: 0, counts: { in: 0, out: 0, filtered: 0, late: 0, deadLetters: 0 } };
  return { since: 0, offsetNext, whole, eventTimeMs, counts };
}

function measured(more: Partial<MeasuredStage> = {}): MeasuredStage {
  const stage = { name: "clean", group: "shop.clean", from: { clusterName: "in" }, start: { kind: "earliest" } };
  return {
    stage: stage as MeasuredStage["stage"],
    status: "running",
    tasks: [],
    troubles: [],
    storeEntries: new Map(),
    accounts: new Map(),
    tallies: new Tallies(),
    ...more,
  };
}

/** Partitions with ten records each, of which so many are committed. */
function admin(...committed: readonly number[]) {
  return {
    watermarks: async () => committed.map((_, partition) => ({ partition, low: 0, end: 10 })),
    committed: async () => committed.map((offset, partition) => ({ partition, offset })),
  };
}

const clock: Clock = { now: () => 60_000, monotonicMs: () => 0, sleep: () => new Promise(() => undefined) };

function valuesOf(readings: readonly MetricReading[], metric: string): (readonly [string, number])[] {
  const own = readings.filter((reading) => reading.metric === metric);
  return own.map(({ labels, value }) => [labels["partition"] ?? labels["state"] ?? "", value]);
}

test("lag is what the cluster says, in records of every partition and in seconds where this process knows the event time", async () => {
  const accounts = new Map([
    [0, account(7, 45_000)],
    [1, account(10, 1_000)],
    // Another member has committed 9 since: the time of our last record says nothing.
    [2, account(4, 1_000)],
    [3, account(5, undefined)],
    [4, account(6, 90_000)],
  ]);
  const by = { admin: admin(7, 10, 9, 5, 6, -1), clock };
  const readings = await readMetrics("shop", [measured({ accounts })], by);
  expect(valuesOf(readings, "millrace_consumer_lag_records")).toEqual([
    ["0", 3],
    ["1", 0],
    ["2", 1],
    ["3", 5],
    ["4", 4],
    ["5", 10],
  ]);
  expect(valuesOf(readings, "millrace_consumer_lag_seconds")).toEqual([
    ["0", 15],
    ["1", 0],
    ["4", 0],
  ]);
  expect(readings.find(({ metric }) => metric === "millrace_consumer_lag_records")?.labels).toEqual({
    topology: "shop",
    stage: "clean",
    topic: "in",
    partition: "0",
  });
});

test("a cluster that does not answer within 2 s has no lag, and everything else is told", async () => {
  const auto = new AutoClock();
  const silent = { watermarks: () => new Promise<never>(() => undefined), committed: async () => [] };
  const readings = await readMetrics("shop", [measured({ tasks: [0, 4] })], { admin: silent, clock: auto });
  expect(valuesOf(readings, "millrace_consumer_lag_records")).toEqual([]);
  expect(valuesOf(readings, "millrace_assigned_partitions")).toEqual([["", 2]]);
});

test("the state is 1 for one of all states, and counters without labels are 0 before anything has happened", async () => {
  const readings = await readMetrics("shop", [measured({ status: "halted" })], { admin: admin(), clock });
  const states = valuesOf(readings, "millrace_consumer_state");
  expect(states.filter(([, value]) => value === 1)).toEqual([["halted", 1]]);
  expect(states).toHaveLength(7);
  expect(valuesOf(readings, "millrace_commits_total")).toEqual([["", 0]]);
  expect(valuesOf(readings, "millrace_record_errors_total")).toEqual([]);
});

test("a run of a stage tells its records by fate, its commits, its tasks and the entries of its stores", async () => {
  const cluster = new Cluster(totalsStage);
  const rows = Array.from({ length: 30 }, (_, i) => order(`o${i}`, { customer: `c${i % 3}` }));
  await cluster.send([...rows, ...rows.slice(0, 4)]);
  await cluster.sendBytes(0, [Buffer.from("no Avro")]);
  const runner = await cluster.run();
  await cluster.catchUp();
  await cluster.until(() => runner.counts().in === 35);
  const readings = await readMetrics("shop", [runner], { admin: cluster.broker.admin, clock: cluster.clock });
  const sumOf = (metric: string): number => valuesOf(readings, metric).reduce((sum, [, value]) => sum + value, 0);
  const fates = ["records_out", "records_filtered", "late_records", "record_errors"].map((fate) =>
    sumOf(`millrace_${fate}_total`),
  );
  expect([sumOf("millrace_records_in_total"), ...fates]).toEqual([35, 30, 4, 0, 1]);
  expect(sumOf("millrace_dlq_records_total")).toBe(1);
  expect(sumOf("millrace_commits_total")).toBeGreaterThan(0);
  expect(sumOf("millrace_rebalances_total")).toBe(1);
  expect(sumOf("millrace_consumer_lag_records")).toBe(0);
  const stores = readings.filter(({ metric }) => metric === "millrace_state_store_entries");
  expect(stores.map(({ labels, value }) => [labels["store"], value])).toEqual([
    ["seen", 30],
    ["count", 3],
  ]);
  const accounts = [...runner.accounts.values()];
  expect(accounts.reduce((sum, { counts: own }) => sum + own.in, 0)).toBe(35);
  expect(accounts.every(({ since, offsetNext, counts: own }) => since + own.in === offsetNext)).toBe(true);
  await cluster.close();
});

test("a role has its lag and its own readings beside where it is, and no counts of records", async () => {
  const stage = {
    name: "monitor",
    group: "shop.monitor",
    from: { clusterName: "partials" },
    start: { kind: "earliest" },
  };
  const own = { metric: "millrace_incidents_open", labels: { monitor: "inputs" }, value: 1 } as const;
  const role = measured({ stage: stage as MeasuredStage["stage"], readings: [own] });
  const readings = await readMetrics("shop", [role], { admin: admin(4), clock });
  expect(readings.filter(({ metric }) => metric.endsWith("_total"))).toEqual([]);
  expect(readings).toContainEqual({ ...own, labels: { topology: "shop", stage: "monitor", monitor: "inputs" } });
  expect(valuesOf(readings, "millrace_consumer_lag_records")).toEqual([["0", 6]]);
});
