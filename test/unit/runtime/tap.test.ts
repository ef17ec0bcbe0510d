/** What monitors are told is exact: whatever ends a process, partials add up to what one pass over the rows counts. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import { isHeartbeat } from "../../../src/monitor/index.ts";
import type { DeliveryMode } from "../../../src/topology/index.ts";
import type { DeathPlan } from "../../fakes/mortal-broker.ts";
import { paymentStream } from "../../oracle/features-oracle.ts";
import { shopMonitors } from "../../oracle/monitored-windows.ts";
import { MonitoredShop } from "./monitored-shop.ts";

const deliveries = ["at-least-once", "exactly-once"] as const satisfies readonly DeliveryMode[];

let open: MonitoredShop[] = [];
afterEach(async () => {
  await Promise.all(open.map((shop) => shop.close()));
  open = [];
});

async function shopOf(delivery: DeliveryMode): Promise<MonitoredShop> {
  const shop = new MonitoredShop(delivery);
  open.push(shop);
  await shop.putBaselines("b1");
  return shop;
}

/** Works off what was fed; processes that die by plan are followed by others. The last one leaves in order. */
async function workOff(shop: MonitoredShop, plans: readonly DeathPlan[]): Promise<void> {
  for (const plan of plans) {
    const process = await shop.start(plan).catch(() => undefined);
    if (process === undefined) continue;
    await shop.until(async () => process.isDead || (await shop.isCaughtUp()));
    if (!process.isDead) await process.kill();
  }
  const last = await shop.start();
  // A task that is not restored yet closes as it is, and its counts wait for the next one.
  await shop.until(async () => last.runner.isReady && (await shop.isCaughtUp()));
  await shop.pass(1_000);
  await last.runner.drain();
}

describe.each(deliveries)("%s", (delivery) => {
  test("partials add up to what one pass over the rows counts, and every row is in one window of each monitor", async () => {
    const shop = await shopOf(delivery);
    await shop.feed(paymentStream(400, seededRng(1)));
    await workOff(shop, []);
    const expected = await shop.expected();
    expect(await shop.counted()).toEqual(expected);
    expect(await shop.differences()).toEqual([]);
    const rows = (await shop.rows()).length;
    expect(rows).toBeGreaterThan(200);
    for (const name of ["amounts", "counts"]) {
      const own = expected.filter(({ monitor }) => monitor === name);
      expect(own.reduce((sum, window) => sum + window.rows + window.late, 0)).toBe(rows);
      expect(own.length).toBeGreaterThan(20);
    }
    expect(expected.filter(({ late }) => late > 0).length).toBeGreaterThan(5);
    // All but the last windows of the two tasks are over.
    const partials = await shop.partials();
    expect(partials.filter(({ isClosed }) => !isClosed).length).toBeLessThanOrEqual(8);
    for (const { baseline, plan, model, stage, recent } of partials)
      expect({ baseline, plan, model, stage, recent }).toEqual({
        baseline: "b1",
        plan: shop.plan.monitoring!.workHash,
        model: undefined,
        stage: "features",
        recent: undefined,
      });
  });

  test("however often processes die, with snapshots or without, no count differs", async () => {
    const death = fc.record({ at: fc.nat(30), when: fc.constantFrom("before" as const, "after" as const) });
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(death, { maxLength: 6 }),
        fc.boolean(),
        async (seed, deaths, hasSnapshots) => {
          const shop = await shopOf(delivery);
          if (hasSnapshots) shop.newMachine();
          await shop.feed(paymentStream(120, seededRng(seed)));
          await workOff(
            shop,
            deaths.map(
              ({ at, when }): DeathPlan =>
                (_, index) =>
                  index === at ? when : undefined,
            ),
          );
          expect(await shop.counted()).toEqual(await shop.expected());
        },
      ),
      { numRuns: 10 },
    );
  });

  test("records that become dead letters are counted where a monitor asks, each once, however often processes die", async () => {
    const asking = shopMonitors.replace("name: counts, ", "name: counts, metrics: [errors], ");
    const shop = new MonitoredShop(delivery, asking);
    open.push(shop);
    await shop.putBaselines("b1");
    await shop.feed(paymentStream(300, seededRng(3)));
    await workOff(shop, [
      (_, index) => (index === 9 ? "after" : undefined),
      (_, index) => (index === 14 ? "before" : undefined),
    ]);
    const dead = new Set(
      (await shop.records(shop.plan.deadLetters.clusterName))
        .map(({ headers }) => new Map(headers.map(({ name, value }) => [name, value?.toString() ?? ""])))
        .filter((headers) => headers.get("millrace.code") !== "MR_LATE")
        .map((headers) => headers.get("millrace.event.id")),
    );
    expect(dead.size).toBeGreaterThan(5);
    const failedOf = async (name: string) =>
      (await shop.partials()).reduce((sum, { monitor, failed = 0 }) => sum + (monitor === name ? failed : 0), 0);
    expect([await failedOf("counts"), await failedOf("amounts")]).toEqual([dead.size, 0]);
  });

  test("tasks that move to a second process, and back, count on where they come to", async () => {
    const shop = await shopOf(delivery);
    const rng = seededRng(5);
    const first = await shop.start();
    let second = first;
    for (let round = 0; round < 6; round++) {
      await shop.feed(paymentStream(60, rng, round * 60));
      await shop.until(async () => (await shop.committed(0)) + (await shop.committed(1)) > round * 60 + 15);
      if (round % 2 === 0) {
        second = await shop.start();
        await shop.until(() => second.runner.tasks.length === 1 && first.runner.tasks.length === 1);
      } else if (round === 3) await second.kill();
      else await second.runner.drain();
      await shop.until(() => shop.isCaughtUp());
    }
    await first.runner.drain();
    expect(await shop.counted()).toEqual(await shop.expected());
  });
});

test("a task without input tells within ten seconds what it has counted, in a commit of its own, and once", async () => {
  const shop = await shopOf("at-least-once");
  await shop.feed(paymentStream(60, seededRng(1)));
  await shop.start();
  await shop.until(() => shop.isCaughtUp());
  await shop.pass(11_000);
  expect(await shop.counted()).toEqual(await shop.expected());
  const told = (await shop.told()).filter((record) => !isHeartbeat(record)).length;
  await shop.pass(60_000);
  expect((await shop.told()).filter((record) => !isHeartbeat(record))).toHaveLength(told);
});

test("open windows are told at the first commit and then no sooner than every ten seconds, while chunks are committed", async () => {
  const shop = await shopOf("at-least-once");
  const rng = seededRng(1);
  await shop.start();
  for (let round = 0; round < 40; round++) {
    await shop.feed(paymentStream(8, rng, round * 8));
    await shop.until(() => shop.isCaughtUp());
  }
  const times = [0, 1].map((task) => shop.openToldMs(task));
  for (const told of await Promise.all(times)) {
    expect(told.length).toBeGreaterThanOrEqual(3);
    for (const [i, ms] of told.slice(1).entries()) expect(ms - told[i]!).toBeGreaterThanOrEqual(10_000);
  }
});

test("heartbeats say every five seconds how far the committed rows are, and after a minute without one that the task is idle", async () => {
  const shop = await shopOf("at-least-once");
  await shop.feed(paymentStream(60, seededRng(1)));
  await shop.start();
  await shop.until(() => shop.isCaughtUp());
  await shop.pass(50_000);
  const beats = async () => (await shop.told()).filter(isHeartbeat);
  const early = await beats();
  expect(early.length).toBeGreaterThanOrEqual(18);
  expect(early.length).toBeLessThanOrEqual(24);
  expect(early.some(({ isIdle }) => isIdle)).toBe(false);
  const rows = await shop.rows();
  for (const task of [0, 1]) {
    const own = rows.filter(({ partition }) => partition === task).map(({ timeMs }) => timeMs);
    expect(early.filter(({ partition }) => partition === task).at(-1)?.streamTimeMs).toBe(Math.max(...own));
  }
  await shop.pass(20_000);
  expect((await beats()).slice(-2).map(({ isIdle }) => isIdle)).toEqual([true, true]);
  await shop.feed(paymentStream(20, seededRng(2), 60));
  await shop.until(() => shop.isCaughtUp());
  await shop.pass(6_000);
  expect((await beats()).slice(-2).map(({ isIdle }) => isIdle)).toEqual([false, false]);
});

test("without a baseline rows are counted in no cell, and one that comes is taken over between two chunks", async () => {
  const shop = new MonitoredShop("exactly-once");
  open.push(shop);
  const rng = seededRng(7);
  await shop.start();
  for (const [round, id] of ["", "b1", "b2"].entries()) {
    if (id !== "") await shop.putBaselines(id, ["amounts"]);
    await shop.pass(100);
    await shop.feed(paymentStream(60, rng, round * 60));
    await shop.until(() => shop.isCaughtUp());
  }
  await shop.pass(11_000);
  const partials = await shop.partials();
  const amounts = partials.filter(({ monitor }) => monitor === "amounts");
  expect(new Set(amounts.map(({ baseline }) => baseline))).toEqual(new Set(["", "b1", "b2"]));
  for (const { baseline, counts, rows } of amounts) {
    expect(counts).toHaveLength(baseline === "" ? 0 : 3);
    for (const own of counts) expect(own.reduce((a, b) => a + b, 0)).toBe(rows);
  }
  for (const { baseline, counts } of partials.filter(({ monitor }) => monitor === "counts"))
    expect([baseline, counts]).toEqual(["", []]);
  const all = (await shop.rows()).length;
  for (const name of ["amounts", "counts"])
    expect(
      partials.filter(({ monitor }) => monitor === name).reduce((sum, { rows, late }) => sum + rows + late, 0),
    ).toBe(all);
});

test("a baseline of what the monitor was before is not counted under", async () => {
  const shop = new MonitoredShop("exactly-once");
  open.push(shop);
  const { monitoring } = shop.plan;
  for (const monitor of monitoring!.monitors) Object.assign(monitor, { version: "0000000000000001" });
  await shop.putBaselines("old");
  for (const monitor of monitoring!.monitors) Object.assign(monitor, { version: "0000000000000002" });
  await shop.feed(paymentStream(60, seededRng(1)));
  await workOff(shop, []);
  expect(new Set((await shop.partials()).map(({ baseline }) => baseline))).toEqual(new Set([""]));
});
