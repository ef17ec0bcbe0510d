/** R6: a promotion takes effect at one offset of each partition, whatever dies, moves or is read again. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import type { DeliveryMode } from "../../../src/topology/index.ts";
import type { DeathPlan, MortalCall } from "../../fakes/mortal-broker.ts";
import { type Deferred, deferred } from "../../support/deadline.ts";
import { AdoptingShop, type ScoringProcess, type ShopAct, shopActs } from "./adopting-shop.ts";

const deliveries = ["at-least-once", "exactly-once"] as const satisfies readonly DeliveryMode[];

let open: AdoptingShop[] = [];
afterEach(async () => {
  await Promise.all(open.map((shop) => shop.close()));
  open = [];
});

function shopOf(delivery: DeliveryMode, chunkRecords?: number): AdoptingShop {
  const shop = new AdoptingShop(delivery, chunkRecords);
  open.push(shop);
  return shop;
}

const hasAdopted = async (shop: AdoptingShop, version: number): Promise<boolean> => {
  const all = [await shop.switches(0), await shop.switches(1)];
  return all.every((switches) => switches.at(-1)?.startsWith(`${version}@`));
};

/** Works off what was fed; processes that die by plan are followed by others. */
async function workOff(shop: AdoptingShop, plans: readonly DeathPlan[]): Promise<void> {
  for (const plan of [...plans, undefined]) {
    const process = await shop.start(plan);
    await shop.until(async () => process.isDead || (await shop.isCaughtUp()));
    if (process.isDead) continue;
    await process.kill();
    return;
  }
}

/** How often a process was told to score with what was adopted before. */
const servedAgain = (shop: AdoptingShop): number =>
  shop.said("A task scores with the version that was adopted here.").length;

/** A task serves version 1 in a second process, which something keeps from version 2; the first process has adopted 2. */
async function movedBeside(shop: AdoptingShop, slow: "told" | "opened"): Promise<Deferred<void>> {
  const isFree = deferred();
  await shop.promote(1);
  await shop.feed([3, 3]);
  const ahead = await shop.start();
  await shop.until(() => shop.isCaughtUp());
  const before = servedAgain(shop);
  await shop.start(undefined, { [slow]: isFree.promise });
  await shop.until(() => servedAgain(shop) > before);
  await shop.promote(2);
  const hasMoved = async (): Promise<number> => {
    const all = [await shop.switches(0), await shop.switches(1)];
    return all.filter((switches) => switches.includes("2@3")).length;
  };
  await shop.until(async () => (await hasMoved()) === 1);
  let left = 50;
  await shop.until(() => left-- <= 0);
  expect(await hasMoved()).toBe(1);
  await shop.feed([2, 2]);
  await shop.until(() => shop.isCaughtUp());
  await ahead.kill();
  return isFree;
}

type Act =
  | ShopAct
  | { readonly kind: "start"; readonly dieAt: number; readonly when: "before" | "after" }
  | { readonly kind: "kill" | "drain" };

const act: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: shopActs("feed", "promote", "turns"), weight: 3 },
  fc.record({
    kind: fc.constant("start" as const),
    dieAt: fc.nat(40),
    when: fc.constantFrom("before" as const, "after" as const),
  }),
  fc.record({ kind: fc.constantFrom("kill" as const, "drain" as const) }),
);

/** @returns the processes that live afterwards */
async function perform(
  shop: AdoptingShop,
  one: Act,
  living: readonly ScoringProcess[],
): Promise<readonly ScoringProcess[]> {
  const [oldest, ...others] = living;
  switch (one.kind) {
    case "start":
      if (living.length === 2) return living;
      return [...living, await shop.start((_, index) => (index === one.dieAt ? one.when : undefined))];
    case "kill":
      await oldest?.kill();
      return others;
    case "drain":
      // One that dies while it drains has no answer.
      if (oldest !== undefined) await Promise.race([oldest.runner.drain(), oldest.died]);
      return others;
    default:
      await shop.perform(one);
      return living;
  }
}

describe.each(deliveries)("%s", (delivery) => {
  test("the first record of a partition comes after an adoption, and a promotion takes effect between two chunks", async () => {
    const shop = shopOf(delivery);
    await shop.promote(1);
    await shop.feed([7, 3]);
    await shop.start();
    await shop.until(() => shop.isCaughtUp());
    await shop.promote(2);
    // Nothing comes in: the task that is idle adopts as well.
    await shop.until(() => hasAdopted(shop, 2));
    await shop.feed([4, 4]);
    await shop.until(() => shop.isCaughtUp());
    expect([await shop.switches(0), await shop.switches(1)]).toEqual([
      ["1@0", "2@7"],
      ["1@0", "2@3"],
    ]);
    expect(await shop.faults()).toEqual([]);
  });

  test("offsets that were set back are scored with what was adopted there, and to the end of the input nothing new is", async () => {
    const shop = shopOf(delivery, 4);
    await shop.promote(1);
    const first = await shop.start();
    for (const version of [2, 3]) {
      await shop.feed([6, 6]);
      await shop.until(() => shop.isCaughtUp());
      await shop.promote(version);
      await shop.until(() => hasAdopted(shop, version));
    }
    await shop.feed([6, 6]);
    await shop.until(() => shop.isCaughtUp());
    await first.runner.drain();
    await shop.promote(4);
    for (const offset of [0, 3, 8, 14]) {
      await shop.setOffsets(offset);
      const again = await shop.start();
      await shop.until(() => shop.isCaughtUp());
      // Now there is nothing that anybody can have scored before.
      await shop.until(() => hasAdopted(shop, 4));
      await again.runner.drain();
    }
    expect([await shop.switches(0), await shop.switches(1)]).toEqual([
      ["1@0", "2@6", "3@12", "4@18"],
      ["1@0", "2@6", "3@12", "4@18"],
    ]);
    expect(await shop.faults()).toEqual([]);
    // Both partitions, four times from there on to the end, and once before.
    expect(await shop.predictions()).toHaveLength(2 * (18 + 18 + 15 + 10 + 4));
  });

  test("a version that was pruned and is needed again halts the stage, which says what to do", async () => {
    const shop = shopOf(delivery);
    await shop.promote(1);
    await shop.feed([4, 4]);
    const first = await shop.start();
    await shop.until(() => shop.isCaughtUp());
    await shop.promote(2);
    await shop.until(() => hasAdopted(shop, 2));
    await first.runner.drain();
    shop.missing.add(1);
    await shop.setOffsets(1);
    const again = await shop.start();
    await shop.until(() => again.runner.status === "halted", true);
    expect(again.runner.haltReason).toMatchObject({
      code: "MR_MODEL_MISSING",
      message: expect.stringContaining("opening model fraud/1: the models directory has no such version; put it back"),
    });
    expect(await shop.predictions()).toHaveLength(8);
  });

  test("a version that cannot be opened or does not fit is said, and the one in service goes on, also in the next process", async () => {
    const shop = shopOf(delivery);
    shop.missing.add(2);
    shop.foreign.add(3);
    await shop.promote(1);
    await shop.feed([3, 3]);
    const first = await shop.start();
    await shop.until(() => shop.isCaughtUp());
    const sentence = "The version that an alias names cannot be served; the one in service goes on.";
    for (const [index, version] of [3, 2].entries()) {
      await shop.promote(version);
      await shop.until(() => shop.said(sentence).length > index);
      await shop.feed([3, 3]);
      await shop.until(() => shop.isCaughtUp());
    }
    expect(shop.said(sentence)).toMatchObject([
      { code: "MR_MODEL", version: 3 },
      { code: "MR_MODEL_MISSING", version: 2 },
    ]);
    await first.kill();
    await shop.start();
    await shop.feed([3, 3]);
    await shop.until(() => shop.isCaughtUp());
    expect(shop.said(sentence).length).toBeGreaterThan(2);
    expect([await shop.switches(0), await shop.switches(1)]).toEqual([["1@0"], ["1@0"]]);
    expect(await shop.faults()).toEqual([]);
    // It is there after all.
    shop.missing.delete(2);
    await shop.until(() => hasAdopted(shop, 2));
  });

  test("an adoption whose task is lost between its write and its commit is never seen, and scores nothing", async () => {
    const shop = shopOf(delivery);
    await shop.promote(1);
    await shop.feed([7, 3]);
    let adoptions = 0;
    // The third is the first of version 2.
    const first = await shop.start((call, _, topics) =>
      call === "write" && topics.includes("shop.adoptions") && ++adoptions === 3 ? "after" : undefined,
    );
    await shop.until(() => shop.isCaughtUp());
    await shop.promote(2);
    await shop.until(() => first.isDead);
    await shop.promote(3);
    await shop.start();
    await shop.until(() => hasAdopted(shop, 3));
    await shop.feed([2, 2]);
    await shop.until(() => shop.isCaughtUp());
    expect([await shop.switches(0), await shop.switches(1)]).toEqual([
      ["1@0", "3@7"],
      ["1@0", "3@3"],
    ]);
    expect(await shop.faults()).toEqual([]);
  });

  test("a task that moves to a process that knows only an older alias asks where it points, and does not go back", async () => {
    const shop = shopOf(delivery);
    const isTold = await movedBeside(shop, "told");
    await shop.feed([2, 2]);
    await shop.until(() => shop.isCaughtUp());
    isTold.resolve();
    await shop.until(() => hasAdopted(shop, 2));
    expect(await shop.faults()).toEqual([]);
  });

  test("a task that moves to a process that has not opened the alias's version waits for it, and does not go back", async () => {
    const shop = shopOf(delivery);
    const canOpen = await movedBeside(shop, "opened");
    await shop.feed([2, 2]);
    let left = 100;
    await shop.until(() => left-- <= 0);
    canOpen.resolve();
    await shop.until(() => hasAdopted(shop, 2));
    await shop.until(() => shop.isCaughtUp());
    expect(await shop.faults()).toEqual([]);
  });

  test("at whichever call of the port a process dies around a promotion, no offset has two versions", async () => {
    const calls: Record<MortalCall, number> = { open: 0, write: 0, commit: 0, extent: 0, read: 0 };
    let total = Number.POSITIVE_INFINITY;
    for (let at = 0; at < total; at++) {
      for (const when of ["before", "after"] as const) {
        const shop = shopOf(delivery, 3);
        await shop.promote(1);
        await shop.feed([7, 4]);
        let asked = 0;
        const process = await shop.start((call, index) => {
          asked = index + 1;
          if (index !== at) return undefined;
          calls[call]++;
          return when;
        });
        await shop.until(async () => process.isDead || (await shop.isCaughtUp()));
        await shop.promote(2);
        await shop.feed([8, 8]);
        await shop.until(async () => process.isDead || (await hasAdopted(shop, 2)));
        await shop.until(async () => process.isDead || (await shop.isCaughtUp()));
        await process.kill();
        await shop.promote(3);
        await shop.feed([5, 5]);
        await workOff(shop, []);
        if (asked <= at) total = at;
        expect(await shop.faults(), `${when} call ${at}`).toEqual([]);
        await shop.close();
        open = [];
      }
    }
    expect(total).toBeGreaterThan(10);
    for (const [call, count] of Object.entries(calls)) expect(count, call).toBeGreaterThan(1);
  });

  test("however the alias moves, processes die and tasks move, every offset has the version that was adopted for it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 6, maxLength: 24 }),
        fc.integer({ min: 1, max: 6 }),
        async (acts, chunk) => {
          const shop = new AdoptingShop(delivery, chunk);
          await shop.promote(1);
          let living: readonly ScoringProcess[] = [];
          for (const one of acts) {
            living = await perform(
              shop,
              one,
              living.filter(({ isDead }) => !isDead),
            );
          }
          for (const process of living) await process.kill();
          await workOff(shop, []);
          expect(await shop.faults()).toEqual([]);
          await shop.close();
        },
      ),
      { numRuns: 24 },
    );
  });
});
