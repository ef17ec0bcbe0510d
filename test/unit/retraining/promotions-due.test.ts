import { expect, test } from "vitest";
import { PromotionsDue } from "../../../src/retraining/promotions-due.ts";
import { eventually } from "../../support/deadline.ts";
import { AutoClock } from "../runtime/fixture.ts";

const until = (what: string, isMet: () => boolean): Promise<true> =>
  eventually(5_000, what, async () => isMet() || undefined);

test("promotions of a model are followed one at a time, in their order, and held until then", async () => {
  const begun: (() => void)[] = [];
  const due = new PromotionsDue(() => new Promise((resolve) => begun.push(resolve)), new AutoClock());
  due.take("fraud", 7);
  due.take("fraud", 9);
  await until("the first", () => begun.length === 1);
  expect(due.offsets).toEqual([7, 9]);
  begun[0]?.();
  await until("the second", () => begun.length === 2);
  expect(due.offsets).toEqual([9]);
  begun[1]?.();
  await until("both", () => due.offsets.length === 0);
});

// The folder of one model's version was gone: the promotions of all others were without a baseline for as long.
test("a model whose turn fails is tried again, and holds up no other", async () => {
  const asked: string[] = [];
  const due = new PromotionsDue(async (model) => {
    asked.push(model);
    if (model === "broken" && asked.length < 6) throw new Error("its folder is gone");
  }, new AutoClock());
  due.take("broken", 3);
  due.take("fraud", 4);
  await until("the other", () => !due.offsets.includes(4));
  await until("all", () => due.offsets.length === 0);
  expect(asked.filter((model) => model === "fraud")).toHaveLength(1);
  expect(asked.filter((model) => model === "broken").length).toBeGreaterThan(1);
});

test("what is due is given up when it is released, and nothing of it is done afterwards", async () => {
  const asked: string[] = [];
  const ends: (() => void)[] = [];
  const due = new PromotionsDue(
    (model, signal) =>
      new Promise((resolve) => {
        asked.push(model);
        signal.addEventListener("abort", () => resolve());
        ends.push(resolve);
      }),
    new AutoClock(),
  );
  due.take("fraud", 3);
  due.take("fraud", 4);
  await until("the first", () => asked.length === 1);
  await due.release();
  expect([due.offsets, asked]).toEqual([[], ["fraud"]]);
  due.take("fraud", 3);
  await until("it comes again", () => asked.length === 2);
  ends[1]?.();
  await until("it is done", () => due.offsets.length === 0);
});
