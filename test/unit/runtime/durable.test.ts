/** State survives: whatever ends a process, the next one goes on with the stores of the committed offset. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import type { DeliveryMode } from "../../../src/topology/index.ts";
import type { DeathPlan } from "../../fakes/mortal-broker.ts";
import { paymentStream } from "../../oracle/features-oracle.ts";
import { DurableShop } from "./durable-shop.ts";

const deliveries = ["at-least-once", "exactly-once"] as const satisfies readonly DeliveryMode[];

let open: DurableShop[] = [];
afterEach(async () => {
  await Promise.all(open.map((shop) => shop.close()));
  open = [];
});

function shopOf(delivery: DeliveryMode, bytesMax?: number, ttlMin?: number): DurableShop {
  const shop = new DurableShop(delivery, bytesMax, undefined, undefined, ttlMin);
  open.push(shop);
  return shop;
}

/** Works off what was fed; processes that die by plan are followed by others. Answers how many there were. */
async function workOff(shop: DurableShop, plans: readonly DeathPlan[]): Promise<number> {
  for (const [index, plan] of plans.entries()) {
    const process = await shop.start(plan);
    await shop.until(async () => process.isDead || (await shop.isCaughtUp()));
    if (!process.isDead) {
      await process.kill();
      return index + 1;
    }
  }
  const last = await shop.start();
  await shop.until(() => shop.isCaughtUp());
  await last.kill();
  return plans.length + 1;
}

describe.each(deliveries)("%s", (delivery) => {
  test("over ten restarts, stops and kills in turn, every output is what an oracle makes of all the records", async () => {
    const shop = shopOf(delivery);
    const rng = seededRng(14);
    for (let round = 0; round < 10; round++) {
      await shop.feed(paymentStream(60, rng, round * 60));
      const process = await shop.start();
      await shop.until(() => shop.isCaughtUp());
      if (round % 2 === 0) await process.runner.drain();
      else await process.kill();
    }
    const fates = shop.fates.flat().map(({ fate }) => fate);
    for (const kind of ["out", "late", "repeat", "filtered", "failed"])
      expect(fates.filter((fate) => fate === kind).length, kind).toBeGreaterThan(5);
    expect(await shop.differences()).toEqual([]);
    // Two tasks, restored by each process but the first.
    expect(shop.said("The stores are restored.")).toHaveLength(18);
    expect(shop.said("A store has nothing written down and starts empty, although records were read before.")).toEqual(
      [],
    );
  });

  test("over ten restarts with snapshots, five of them on a machine that has none, no output differs", async () => {
    const shop = shopOf(delivery);
    const rng = seededRng(15);
    for (let round = 0; round < 10; round++) {
      if (round % 2 === 0) shop.newMachine();
      // More and more, so that what is restored grows.
      await shop.feed(paymentStream(60, rng, round * 60));
      const process = await shop.start();
      await shop.until(() => shop.isCaughtUp());
      if (round % 4 < 2) await process.runner.drain();
      else await process.kill();
    }
    expect(await shop.differences()).toEqual([]);
    const restored = shop.said("The stores are restored.");
    expect(restored).toHaveLength(18);
    const fromSnapshots = restored.filter((fields) => fields["fromSnapshots"] !== undefined);
    // Two tasks in five starts on a machine where the one before ran; a snapshot is there once the next chunk is committed.
    expect(fromSnapshots.length).toBeGreaterThanOrEqual(6);
    for (const fields of fromSnapshots) expect(fields["fromSnapshots"]).toBeGreaterThan(0);
    expect(shop.said("A snapshot is of no use; the store is read from its changelog alone.")).toEqual([]);
  });

  test("over ten restarts with a time to live, what was silent for longer is forgotten, and nothing else", async () => {
    const shop = shopOf(delivery, undefined, 6);
    const rng = seededRng(16);
    for (let round = 0; round < 10; round++) {
      if (round % 4 === 0) shop.newMachine();
      await shop.feed(paymentStream(60, rng, round * 60));
      const process = await shop.start();
      await shop.until(() => shop.isCaughtUp());
      if (round % 2 === 0) await process.runner.drain();
      else await process.kill();
    }
    expect(await shop.differences()).toEqual([]);
    const [withIt, forEver] = [shop.fates.flat(), shop.fatesForEver.flat()].map((fates) =>
      fates.map((fate) => JSON.stringify(fate)),
    );
    const differing = (withIt ?? []).filter((fate, i) => fate !== forEver?.[i]);
    // Customers that begin anew, and repeats that are told no more.
    expect(differing.length).toBeGreaterThan(20);
    expect(new Set(shop.fates.flat().map(({ fate }) => fate))).toContain("repeat");
  });

  test("at whichever call of the port a process dies, the next one goes on as if nothing had been", async () => {
    const calls = { open: 0, write: 0, commit: 0, extent: 0, read: 0 };
    let total = Number.POSITIVE_INFINITY;
    for (let at = 0; at < total; at++) {
      for (const when of ["before", "after"] as const) {
        const shop = shopOf(delivery);
        const rng = seededRng(3);
        await shop.feed(paymentStream(20, rng));
        // So that there is something to restore when the second one dies.
        await workOff(shop, []);
        await shop.feed(paymentStream(30, rng, 20));
        let asked = 0;
        await workOff(shop, [
          (call, index) => {
            asked = index + 1;
            if (index !== at) return undefined;
            calls[call]++;
            return when;
          },
        ]);
        if (asked <= at) total = at;
        expect(await shop.differences(), `${when} call ${at}`).toEqual([]);
      }
    }
    expect(total).toBeGreaterThan(10);
    for (const [call, count] of Object.entries(calls)) expect(count, call).toBeGreaterThan(1);
  });

  test("however often and wherever processes die, also while they restore, no output differs", async () => {
    const death = fc.record({ at: fc.nat(30), when: fc.constantFrom("before" as const, "after" as const) });
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(death, { maxLength: 8 }),
        fc.boolean(),
        fc.constantFrom(undefined, 6),
        async (seed, deaths, hasSnapshots, ttlMin) => {
          const shop = new DurableShop(delivery, undefined, undefined, undefined, ttlMin);
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
          expect(await shop.differences()).toEqual([]);
          await shop.close();
        },
      ),
      { numRuns: 24 },
    );
  });

  test("tasks that move to a second process, and back, are restored where they come to", async () => {
    const shop = shopOf(delivery);
    const rng = seededRng(5);
    const first = await shop.start();
    let second = first;
    for (let round = 0; round < 6; round++) {
      await shop.feed(paymentStream(60, rng, round * 60));
      // In the middle of the work.
      await shop.until(async () => (await shop.committed(0)) + (await shop.committed(1)) > round * 60 + 15);
      if (round % 2 === 0) {
        second = await shop.start();
        await shop.until(() => second.runner.tasks.length === 1 && first.runner.tasks.length === 1);
      } else if (round === 3) await second.kill();
      else await second.runner.drain();
      await shop.until(() => shop.isCaughtUp());
    }
    expect(await shop.differences()).toEqual([]);
    expect(shop.said("The stores are restored.").length).toBeGreaterThanOrEqual(5);
  });
});
