/** What tasks leave on the accounts topic, and when. */
import { afterEach, expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import { AccountLog, accountKey, type LeftAccount, readAccount } from "../../../src/runtime/account-log.ts";
import { TaskReopenError } from "../../../src/runtime/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import type { Outgoing } from "../../../src/wire/index.ts";
import type { FaultPlan } from "../../fakes/faulty-broker.ts";
import { paymentStream } from "../../oracle/features-oracle.ts";
import { Cluster } from "./cluster.ts";
import { DurableShop } from "./durable-shop.ts";
import { order, planOf, totalsStage } from "./fixture.ts";

const counts = { in: 10, out: 4, filtered: 3, late: 2, deadLetters: 1 };
const account = { stage: "totals", partition: 1, since: 5, offsetNext: 20, counts };

let open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  open = [];
});

function clusterOf(plan: FaultPlan = {}): Cluster {
  const cluster = new Cluster(totalsStage, plan);
  open.push(cluster);
  return cluster;
}

/** One customer, and so one partition: `good` orders, a refund for each that is filtered, none that fails. */
const orders = (from: number, good: number, refunds = 0): Row[] =>
  Array.from({ length: good + refunds }, (_, i) => ({
    ...order(`o${from + i}`, { customer: "c1", amount: i < good ? 1 : -1 }),
    event_id: `inbox-0-${from + i}`,
  }));

interface Left {
  readonly key: string | undefined;
  readonly timestampMs: number;
  readonly account: LeftAccount | undefined;
}

async function left(cluster: Cluster | DurableShop): Promise<Left[]> {
  const records = await cluster.records("shop.accounts");
  return records.map(({ key, value, timestampMs }) => ({
    key: key?.toString(),
    timestampMs,
    account: readAccount(value?.toString() ?? ""),
  }));
}

test("an account's form is fixed: others read it", () => {
  const log = new AccountLog({ topic: "a", partitions: 4, messageBytesMax: 1_000_000 }, "totals", 1);
  log.leave({ streamTimeMs: 7, since: 5, counts }, 20, 1_000);
  log.outlet.batches.sealAll();
  const made: Outgoing[] = [];
  log.outlet.batches.take(made);
  expect(made.map(({ topic, partition, role }) => [topic, partition, role])).toEqual([["a", 1, "internal"]]);
  const text = made[0]?.bytes.toString("latin1") ?? "";
  expect(text).toContain("totals/1");
  expect(text).toContain(
    '{"version":1,"stage":"totals","partition":1,"since":5,"offsetNext":20,"counts":{"in":10,"out":4,"filtered":3,"late":2,"deadLetters":1}}',
  );
  expect(accountKey(account)).toBe("totals/1");
});

test("a task's account goes to its number modulo the partitions that are there", () => {
  const log = new AccountLog({ topic: "a", partitions: 2, messageBytesMax: 1_000_000 }, "totals", 5);
  log.leave({ streamTimeMs: 7, since: 5, counts }, 20, 1_000);
  log.outlet.batches.sealAll();
  const made: Outgoing[] = [];
  log.outlet.batches.take(made);
  expect(made.map(({ partition }) => partition)).toEqual([1]);
});

test.each<[string, unknown]>([
  ["no JSON", undefined],
  ["null", null],
  ["of another version", { version: 2, ...account }],
  ["without a stage", { version: 1, ...account, stage: undefined }],
  ["of no partition", { version: 1, ...account, partition: -1 }],
  ["of a part of a record", { version: 1, ...account, offsetNext: 20.5 }],
  ["that ends before it begins", { version: 1, ...account, offsetNext: 4 }],
  ["without counts", { version: 1, ...account, counts: null }],
  ["with a count that is none", { version: 1, ...account, counts: { ...counts, late: "2" } }],
  ["that does not balance (R4)", { version: 1, ...account, counts: { ...counts, in: 11 } }],
])("what is %s is no account", (_what, value) => {
  expect(readAccount(JSON.stringify({ version: 1, ...account }))).toEqual(account);
  expect(readAccount(value === undefined ? "{" : JSON.stringify(value))).toBeUndefined();
});

test("each partition leaves the sum of its records, with the offset that it is committed at", async () => {
  const cluster = clusterOf();
  await cluster.send(orders(0, 7, 5));
  const runner = await cluster.run();
  await cluster.catchUp();
  await runner.drain();
  const accounts = await left(cluster);
  const partition = (await cluster.committed(0)) === 12 ? 0 : 1;
  expect(accounts.at(-1)).toMatchObject({
    key: `totals/${partition}`,
    account: {
      stage: "totals",
      partition,
      since: 0,
      offsetNext: 12,
      counts: { in: 12, out: 7, filtered: 5, late: 0, deadLetters: 0 },
    },
  });
  // The other one has read nothing.
  expect(new Set(accounts.map(({ key }) => key)).size).toBe(1);
});

test("an account is left at most once a second, and with the last commit whatever the time", async () => {
  const cluster = clusterOf();
  const runner = await cluster.run();
  for (let sent = 0; sent < 60; sent += 3) {
    await cluster.send(orders(sent, 3));
    await cluster.catchUp();
  }
  const times = (await left(cluster)).map(({ timestampMs }) => timestampMs);
  expect(times.length).toBeGreaterThan(1);
  for (const [i, timeMs] of times.entries()) if (i > 0) expect(timeMs - times[i - 1]!).toBeGreaterThanOrEqual(1_000);
  const before = times.length;
  // Right behind an account: this chunk has none of its own, and the task closes with nothing in hand.
  await cluster.send(orders(60, 3));
  await cluster.catchUp();
  await cluster.send(orders(63, 3));
  await cluster.catchUp();
  await runner.drain();
  const all = await left(cluster);
  expect(all.length).toBeGreaterThan(before);
  expect(all.at(-1)?.account).toMatchObject({ offsetNext: 66, counts: { in: 66, out: 66 } });
});

test("a task that has left its account closes without another commit", async () => {
  const cluster = clusterOf();
  await cluster.send(orders(0, 3));
  const runner = await cluster.run();
  await cluster.catchUp();
  await runner.drain();
  expect(await left(cluster)).toHaveLength(1);
});

test("exactly once, the account of a chunk that was not committed is seen by nobody", async () => {
  let refusals = 0;
  const cluster = clusterOf({
    onCommit: () => (refusals++ < 2 ? { kind: "refused", error: new TaskReopenError("not confirmed") } : undefined),
  });
  await cluster.send(orders(0, 5));
  await cluster.run({ plan: { ...planOf([totalsStage]), delivery: "exactly-once" } });
  await cluster.catchUp();
  expect(refusals).toBeGreaterThan(2);
  expect((await left(cluster)).map(({ account }) => account?.counts.in)).toEqual([5]);
});

test.each(["at-least-once", "exactly-once"] as const)(
  "%s, the next process counts on where a killed one stopped",
  async (delivery) => {
    const shop = new DurableShop(delivery);
    open.push(shop);
    const rng = seededRng(3);
    for (let round = 0; round < 4; round++) {
      await shop.feed(paymentStream(40, rng, round * 40));
      const process = await shop.start();
      await shop.until(() => shop.isCaughtUp());
      if (round < 3) await process.kill();
      else await process.runner.drain();
    }
    const last = new Map((await left(shop)).map(({ key, account }) => [key, account]));
    expect([...last.keys()].sort()).toEqual(["features/0", "features/1"]);
    const fateNames = {
      out: "out",
      filtered: "filtered",
      repeat: "filtered",
      late: "late",
      failed: "deadLetters",
    } as const;
    for (const [partition, fates] of shop.fates.entries()) {
      const expected = { in: fates.length, out: 0, filtered: 0, late: 0, deadLetters: 0 };
      for (const { fate } of fates) expected[fateNames[fate]]++;
      expect(last.get(`features/${partition}`)).toEqual({
        stage: "features",
        partition,
        since: 0,
        offsetNext: fates.length,
        counts: expected,
      });
    }
  },
);

test("what is behind, and what is due, follows from what was kept", () => {
  const log = new AccountLog({ topic: "a", partitions: 2, messageBytesMax: 1_000_000 }, "totals", 1);
  const leave = (): void => log.leave({ streamTimeMs: 7, since: 5, counts }, 20, 1_000);
  expect([log.isDue(0), log.isBehind]).toEqual([true, false]);
  leave();
  log.keep(100);
  expect([log.isDue(1_099), log.isDue(1_100), log.isBehind]).toEqual([false, true, false]);
  log.keep(200);
  expect(log.isBehind).toBe(true);
  // An account of a chunk that failed was never left.
  leave();
  log.undo();
  log.keep(300);
  expect([log.isBehind, log.isDue(1_099)]).toEqual([true, false]);
  log.clear();
  expect([log.isBehind, log.isDue(301)]).toEqual([false, true]);
});
