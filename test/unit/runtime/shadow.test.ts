/** A challenger scores beside the version in service, and whatever becomes of it, that one's records do not notice. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { RecordRefusedError } from "../../../src/runtime/index.ts";
import type { DeliveryMode } from "../../../src/topology/index.ts";
import { AdoptingShop, type ScoringProcess, type ShopAct, shopActs } from "./adopting-shop.ts";

const deliveries = ["at-least-once", "exactly-once"] as const satisfies readonly DeliveryMode[];
const ended = "A task scores with the challenger no more.";
const failed = "A challenger failed; the task scores with it no more, and it is not promoted.";
const cannotOpen = "A task cannot open a challenger and will not score with it; where no task can, it is not promoted.";
const refused = "The version that an alias names cannot be served; the one in service goes on.";

let open: AdoptingShop[] = [];
afterEach(async () => {
  await Promise.all(open.map((shop) => shop.close()));
  open = [];
});

function shopOf(delivery: DeliveryMode, chunkRecords = 5, shadow: { messageBytesMax?: number } | undefined = {}) {
  const shop = new AdoptingShop(delivery, chunkRecords, shadow);
  open.push(shop);
  return shop;
}

const all = async (shop: AdoptingShop) => [await shop.challenged(0), await shop.challenged(1)];
const endsWith = async (shop: AdoptingShop, of: string): Promise<boolean> =>
  (await all(shop)).every((switches) => switches.at(-1)?.startsWith(`${of}@`));
const deadLetters = async (shop: AdoptingShop): Promise<number> =>
  (await shop.broker.admin.watermarks("shop.dead-letters", new AbortController().signal)).reduce(
    (sum, { end }) => sum + end,
    0,
  );

/** Version 1 serves and has scored 3 records of each partition, and version 2 scores beside it from there on. */
async function challenged(shop: AdoptingShop): Promise<ScoringProcess> {
  await shop.promote(1);
  await shop.feed([3, 3]);
  const process = await shop.start();
  await shop.until(() => shop.isCaughtUp());
  await shop.challenge(2);
  await shop.until(() => endsWith(shop, "2"));
  return process;
}

/** The champion's records are all there and none is a dead letter. */
async function expectUntouched(shop: AdoptingShop): Promise<void> {
  expect(await shop.faults()).toEqual([]);
  expect(await deadLetters(shop)).toBe(0);
  expect(new Set((await shop.predictions()).map(({ version }) => version))).toEqual(new Set([1]));
}

type Act =
  | ShopAct
  | { readonly kind: "start"; readonly count: number }
  | { readonly kind: "kill" }
  | { readonly kind: "none" };

const act: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: shopActs("feed", "promote", "challenge", "turns"), weight: 4 },
  fc.record({ kind: fc.constant("start" as const), count: fc.nat(40) }),
  fc.record({ kind: fc.constant("kill" as const) }),
  fc.record({ kind: fc.constant("none" as const) }),
);

/** @returns the process that lives afterwards; one that is started dies behind as many calls as it says */
async function perform(
  shop: AdoptingShop,
  one: Act,
  living: ScoringProcess | undefined,
): Promise<ScoringProcess | undefined> {
  switch (one.kind) {
    case "none":
      await shop.challenge();
      return living;
    case "kill":
      await living?.kill();
      return undefined;
    case "start":
      if (living?.isDead === false) return living;
      return shop.start((_, index) => (index === one.count ? "after" : undefined));
    default:
      await shop.perform(one);
      return living;
  }
}

describe.each(deliveries)("%s", (delivery) => {
  test("a challenger's scores go beside from one offset of each partition on, and end at one when it is promoted", async () => {
    const shop = shopOf(delivery);
    await challenged(shop);
    await shop.feed([4, 2]);
    await shop.until(() => shop.isCaughtUp());
    expect(await shop.shadows()).toHaveLength(6);
    expect(await shop.shadowFaults()).toEqual([]);
    await expectUntouched(shop);
    // As a promotion does in one transaction: the alias goes, and the version serves.
    await shop.challenge();
    await shop.promote(2);
    await shop.until(async () => (await shop.switches(0)).length + (await shop.switches(1)).length === 4);
    await shop.until(() => endsWith(shop, "-2"));
    await shop.feed([2, 2]);
    await shop.until(() => shop.isCaughtUp());
    expect(await all(shop)).toEqual([
      ["2@3", "-2@7"],
      ["2@3", "-2@5"],
    ]);
    expect(await shop.shadows()).toHaveLength(6);
    expect(await shop.shadowFaults()).toEqual([]);
    expect(await shop.faults()).toEqual([]);
    expect(shop.said(ended)).toHaveLength(2);
  });

  test("a challenger that comes to serve scores nothing beside itself, also where its alias stays", async () => {
    const shop = shopOf(delivery);
    await challenged(shop);
    await shop.promote(2);
    await shop.until(() => endsWith(shop, "-2"));
    await shop.feed([2, 2]);
    await shop.until(() => shop.isCaughtUp());
    expect(await shop.shadows()).toEqual([]);
    expect((await shop.predictions()).filter(({ version }) => version === 2)).toHaveLength(4);
  });

  test("another challenger takes the place of the one before", async () => {
    const shop = shopOf(delivery);
    await challenged(shop);
    await shop.feed([4, 4]);
    await shop.until(() => shop.isCaughtUp());
    await shop.challenge(3);
    await shop.until(() => endsWith(shop, "3"));
    await shop.feed([4, 4]);
    await shop.until(() => shop.isCaughtUp());
    expect((await shop.shadows()).map(({ version }) => version).sort()).toEqual([
      2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3,
    ]);
    expect(await shop.shadowFaults()).toEqual([]);
    await expectUntouched(shop);
  });

  test("one that throws for a record is said, scores no more, and is not begun with again by any process", async () => {
    // What lies before it in its chunk is scored beside all the same.
    const shop = shopOf(delivery, 5);
    shop.failing.set(2, (rows) => {
      for (let i = 0; i < rows.length; i += 2) if (rows[i] === 7) throw new Error("no sevens");
      return undefined;
    });
    const first = await challenged(shop);
    // Amounts are 3 to 9 and 0 to 4: the fifth of each partition is the one.
    await shop.feed([12, 12]);
    await shop.until(() => shop.isCaughtUp());
    await shop.until(() => endsWith(shop, "-2"));
    await expectUntouched(shop);
    expect(shop.said(failed)).toMatchObject([
      { model: "fraud", version: 2, offset: 7, reason: "model fraud version 2 failed for the record" },
      { model: "fraud", version: 2, offset: 7 },
    ]);
    expect((await shop.shadows()).map(({ offset }) => offset).sort()).toEqual([3, 3, 4, 4, 5, 5, 6, 6]);
    await first.runner.drain();
    shop.failing.clear();
    await shop.start();
    await shop.feed([6, 6]);
    await shop.until(() => shop.isCaughtUp());
    expect(await shop.shadows()).toHaveLength(8);
    await expectUntouched(shop);
    await shop.challenge(3);
    await shop.until(() => endsWith(shop, "3"));
  });

  test("one that does not answer is given up after five seconds, and one that gives no number at once", async () => {
    const shop = shopOf(delivery);
    await challenged(shop);
    shop.failing.set(2, () => new Promise<void>(() => undefined));
    const beganMs = shop.clock.nowMs;
    await shop.feed([2, 0]);
    await shop.until(() => shop.said(failed).length === 1);
    expect(shop.clock.nowMs - beganMs).toBeGreaterThanOrEqual(5_000);
    expect(shop.said(failed)[0]).toMatchObject({ offset: 3, reason: expect.stringContaining("no answer for 5 s") });
    // What was never written into stays NaN.
    shop.failing.set(2, () => Promise.resolve());
    await shop.feed([0, 2]);
    await shop.until(() => shop.said(failed).length === 2);
    expect(shop.said(failed)[1]).toMatchObject({ reason: "model fraud version 2 gave no finite score" });
    await shop.until(() => endsWith(shop, "-2"));
    await shop.until(() => shop.isCaughtUp());
    await expectUntouched(shop);
    expect(await shop.shadows()).toEqual([]);
  });

  test("one that throws what nobody may catch halts nothing", async () => {
    const shop = shopOf(delivery);
    await challenged(shop);
    shop.failing.set(2, () => Promise.reject(Object.assign(new Error("gone"), { disposition: "halt" })));
    await shop.feed([70, 2]);
    await shop.until(() => endsWith(shop, "-2"));
    await shop.until(() => shop.isCaughtUp());
    await expectUntouched(shop);
  });

  test("one whose scores do not fit their topic has failed", async () => {
    const shop = shopOf(delivery, 5, { messageBytesMax: 100 });
    await challenged(shop);
    await shop.feed([2, 2]);
    await shop.until(() => endsWith(shop, "-2"));
    await shop.until(() => shop.isCaughtUp());
    expect(shop.said(failed)[0]).toMatchObject({ reason: expect.stringContaining("the record has") });
    await expectUntouched(shop);
  });

  test("one whose scores the broker refuses has failed, and the chunk is done again without it", async () => {
    const shop = shopOf(delivery);
    await shop.promote(1);
    await shop.challenge(2);
    let refusals = 0;
    await shop.start((call, _, topics) => {
      if (call !== "write" || !topics.includes("shop.score.shadow")) return undefined;
      refusals++;
      throw new RecordRefusedError({ topic: "shop.score.shadow", partition: 0 }, -1, "no room");
    });
    await shop.until(() => endsWith(shop, "2"));
    await shop.feed([9, 9]);
    await shop.until(() => shop.isCaughtUp());
    await shop.until(() => endsWith(shop, "-2"));
    // Once in each task.
    expect(refusals).toBe(2);
    expect(shop.said(failed).map(({ reason }) => reason)).toEqual(Array(2).fill("the broker refused a score: no room"));
    await expectUntouched(shop);
    expect(await shop.shadows()).toEqual([]);
  });

  test("one that cannot be opened or does not fit is no challenger, and where it was one before it has failed", async () => {
    const shop = shopOf(delivery);
    shop.foreign.add(3);
    const first = await challenged(shop);
    await shop.challenge(3);
    await shop.until(() => shop.said(refused).length === 1);
    const beganMs = shop.clock.nowMs;
    await shop.until(() => endsWith(shop, "-3"));
    // It may have come a moment later: a minute is waited, the one before has ended by then.
    expect(shop.clock.nowMs - beganMs).toBeGreaterThanOrEqual(60_000);
    expect(await all(shop)).toEqual([
      ["2@3", "-2@3", "-3@3"],
      ["2@3", "-2@3", "-3@3"],
    ]);
    const unopened = (await shop.adoptions()).filter(({ version }) => version === 3);
    expect(unopened.map(({ share, reason }) => [share, reason])).toEqual(
      Array(2).fill([0, expect.stringMatching(/^MR_MODEL: .*version 3/)]),
    );
    expect(shop.said(cannotOpen)).toMatchObject([{ version: 3 }, { version: 3 }]);
    await shop.challenge(4);
    await shop.until(() => endsWith(shop, "4"));
    await first.kill();
    shop.missing.add(4);
    await shop.feed([4, 4]);
    await shop.start();
    await shop.until(() => shop.isCaughtUp());
    await shop.until(() => endsWith(shop, "-4"));
    expect(shop.said(failed)).toHaveLength(2);
    await expectUntouched(shop);
    expect(await shop.shadows()).toEqual([]);
  });

  test("without a challenger nothing is written beside, and where none is to score its alias says nothing", async () => {
    const shop = shopOf(delivery);
    await shop.promote(1);
    await shop.feed([4, 4]);
    await shop.start();
    await shop.until(() => shop.isCaughtUp());
    expect([await shop.shadows(), await all(shop)]).toEqual([[], [[], []]]);
    const without = new AdoptingShop(delivery);
    open.push(without);
    await without.promote(1);
    await without.challenge(2);
    await without.feed([4, 4]);
    await without.start();
    await without.until(() => without.isCaughtUp());
    expect(await all(without)).toEqual([[], []]);
  });

  test("offsets that were set back are scored with the challengers that were adopted there", async () => {
    const shop = shopOf(delivery, 4);
    const first = await challenged(shop);
    await shop.feed([5, 5]);
    await shop.until(() => shop.isCaughtUp());
    await shop.challenge(3);
    await shop.until(() => endsWith(shop, "3"));
    await shop.feed([5, 5]);
    await shop.until(() => shop.isCaughtUp());
    await first.runner.drain();
    const before = await all(shop);
    await shop.setOffsets(1);
    await shop.start();
    await shop.until(() => shop.isCaughtUp());
    expect(await all(shop)).toEqual(before);
    expect(await shop.shadows()).toHaveLength(2 * 2 * 10);
    expect(await shop.shadowFaults()).toEqual([]);
    await expectUntouched(shop);
  });

  test("behind whichever call of the port a process dies, each record that was to be scored beside is, as often as its prediction", async () => {
    let total = Number.POSITIVE_INFINITY;
    // To die before a call is to die behind the one before it.
    for (let at = 0; at < total; at++) {
      const shop = shopOf(delivery, 3);
      await shop.promote(1);
      await shop.challenge(2);
      await shop.feed([3, 2]);
      let asked = 0;
      const process = await shop.start((_, index) => {
        asked = index + 1;
        return index === at ? "after" : undefined;
      });
      const work = async (): Promise<void> => {
        await shop.until(async () => process.isDead || (await shop.isCaughtUp()));
      };
      await work();
      await shop.until(async () => process.isDead || (await endsWith(shop, "2")));
      await shop.feed([4, 4]);
      await work();
      await shop.challenge(3);
      await shop.until(async () => process.isDead || (await endsWith(shop, "3")));
      await shop.feed([2, 2]);
      await work();
      await process.kill();
      await shop.start();
      await shop.until(() => shop.isCaughtUp());
      if (asked <= at) total = at;
      const faults = [...(await shop.faults()), ...(await shop.shadowFaults())];
      expect(faults, `behind call ${at}`).toEqual([]);
      const places = (await shop.shadows()).map(({ partition, offset }) => `${partition}-${offset}`);
      if (delivery === "exactly-once") expect(new Set(places).size).toBe(places.length);
      await shop.close();
      open = [];
    }
    expect(total).toBeGreaterThan(12);
  }, 120_000);

  test("however challengers come and go and processes die, what was adopted is what was scored", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 8, maxLength: 24 }),
        fc.integer({ min: 1, max: 6 }),
        async (acts, chunk) => {
          const shop = new AdoptingShop(delivery, chunk, {});
          await shop.promote(1);
          let living: ScoringProcess | undefined;
          for (const one of acts) living = await perform(shop, one, living);
          await living?.kill();
          await shop.start();
          await shop.until(() => shop.isCaughtUp());
          expect([...(await shop.faults()), ...(await shop.shadowFaults())]).toEqual([]);
          await shop.close();
        },
      ),
      { numRuns: 24 },
    );
  });
});
