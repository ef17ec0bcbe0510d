import { expect, test } from "vitest";
import { BufferBudget } from "../../../src/runtime/buffer-budget.ts";

const budgetOf = (bytesMax: number, reservedBytesPerTask: number): BufferBudget =>
  new BufferBudget({ bytesMax, reservedBytesPerTask });

test("takes at once while there is room, and waits above it", async () => {
  const budget = budgetOf(100, 0);
  const share = budget.join();
  expect(share.take(60)).toBe(true);
  const waiting = share.take(60);
  expect(waiting).not.toBe(true);
  share.give(60);
  expect(await waiting).toBe(true);
  expect(budget.bytesHeld).toBe(60);
});

test("lets one batch of any size in when the task holds nothing", () => {
  const share = budgetOf(100, 10).join();
  expect(share.take(5_000)).toBe(true);
  expect(share.take(1)).not.toBe(true);
});

test("lets no task read further ahead than its maximum, however much room there is", async () => {
  const budget = new BufferBudget({ bytesMax: 1_000, reservedBytesPerTask: 10, bytesMaxPerTask: 100 });
  const share = budget.join();
  expect(share.take(60)).toBe(true);
  expect(share.take(40)).toBe(true);
  const waiting = share.take(60);
  expect(waiting).not.toBe(true);
  share.give(60);
  expect(await waiting).toBe(true);
  expect(budget.join().take(100)).toBe(true);
});

test("keeps the reserved minimum for each task, however much another one holds", () => {
  const budget = budgetOf(100, 30);
  const busy = budget.join();
  const quiet = budget.join();
  expect(busy.take(20)).toBe(true);
  // 30 of its own and the 40 that nobody reserved.
  expect(busy.take(50)).toBe(true);
  expect(busy.take(1)).not.toBe(true);
  expect(quiet.take(10)).toBe(true);
  expect(quiet.take(20)).toBe(true);
});

test("turns those who wait away when the share is closed, and gives its bytes to the others", async () => {
  const budget = budgetOf(100, 0);
  const first = budget.join();
  const second = budget.join();
  expect(first.take(90)).toBe(true);
  expect(second.take(10)).toBe(true);
  const own = first.take(10);
  const others = second.take(50);
  first.close();
  expect(await own).toBe(false);
  expect(await others).toBe(true);
  expect(budget.bytesHeld).toBe(60);
});

test("makes a batch wait behind one of the same task that waits, also where there is room for it", async () => {
  const share = budgetOf(100, 0).join();
  expect(share.take(50)).toBe(true);
  const large = share.take(80);
  const small = share.take(10);
  expect(small).not.toBe(true);
  share.give(50);
  expect(await Promise.all([large, small])).toEqual([true, true]);
});

test("lets a small batch not overtake a large one of the same task", async () => {
  const budget = budgetOf(100, 0);
  const share = budget.join();
  expect(share.take(50)).toBe(true);
  const order: string[] = [];
  const large = Promise.resolve(share.take(80)).then(() => order.push("large"));
  const small = Promise.resolve(share.take(60)).then(() => order.push("small"));
  share.give(50);
  await large;
  share.give(80);
  await small;
  expect(order).toEqual(["large", "small"]);
});
