import { expect, test } from "vitest";
import { BufferBudget } from "../../../src/runtime/buffer-budget.ts";
import type { Room } from "../../../src/runtime/index.ts";

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

const mebibyte = 1024 * 1024;

test("room is given before a piece is there, and what the piece does not need comes back", async () => {
  const budget = budgetOf(4 * mebibyte, 0);
  const [first, second] = [budget.join(), budget.join()];
  const room = first.room() as Room;
  expect([room.bytes, budget.bytesHeld]).toEqual([2 * mebibyte, 2 * mebibyte]);
  expect(first.fill(room, mebibyte)).toBe(true);
  expect(budget.bytesHeld).toBe(mebibyte);
  // It is the batch's now.
  room.release();
  expect([first.fill(room, 5), budget.bytesHeld]).toEqual([false, mebibyte]);
  expect(second.room()).toMatchObject({ bytes: 2 * mebibyte });
  const waiting = first.room();
  expect(waiting).toBeInstanceOf(Promise);
  second.close();
  expect(await waiting).toMatchObject({ bytes: 2 * mebibyte });
});

test("room that is given back, forgotten or turned away is of no account", async () => {
  const budget = budgetOf(4 * mebibyte, 0);
  const share = budget.join();
  (share.room() as Room).release();
  expect(budget.bytesHeld).toBe(0);
  const room = share.room() as Room;
  const stored = room.store(mebibyte);
  share.reset();
  expect(budget.bytesHeld).toBe(0);
  room.release();
  stored.release();
  room.store(mebibyte).release();
  expect([share.fill(room, 5), budget.bytesHeld]).toEqual([false, 0]);
  expect(share.take(4 * mebibyte)).toBe(true);
  const waiting = share.room();
  expect(share.turnAway()).toBe(true);
  expect(await waiting).toBeUndefined();
});

test("a batch as stored counts beside its pieces and makes them smaller, and does not keep the next one out", () => {
  const budget = budgetOf(2 * mebibyte, 0);
  const share = budget.join();
  const room = share.room() as Room;
  const stored = room.store(1.5 * mebibyte);
  expect([room.bytes, budget.bytesHeld]).toEqual([0.5 * mebibyte, 2 * mebibyte]);
  share.fill(room, 100);
  share.give(100);
  expect(share.room()).toMatchObject({ bytes: 2 * mebibyte });
  stored.release();
  expect(budget.bytesHeld).toBe(2 * mebibyte);
  expect((budget.join().room() as Room).store(9 * mebibyte)).toBeDefined();
});

test("the smallest piece of a large batch is an eighth, and pieces are a quarter where more than 64 tasks share", () => {
  const budget = budgetOf(128 * mebibyte, 0);
  const room = budget.join().room() as Room;
  room.store(9 * mebibyte);
  expect(room.bytes).toBe(mebibyte / 4);
  for (let i = 1; i < 64; i++) budget.join();
  expect(budget.pieceBytes).toBe(2 * mebibyte);
  expect(budget.join().room()).toMatchObject({ bytes: mebibyte / 2 });
});

test("a task that holds half a piece is given room for the next, and waits with more", () => {
  const budget = budgetOf(128 * mebibyte, 512 * 1024);
  const share = budget.join();
  share.fill(share.room() as Room, mebibyte);
  const next = share.room();
  expect(next).not.toBeInstanceOf(Promise);
  share.fill(next as Room, mebibyte);
  expect(share.room()).toBeInstanceOf(Promise);
});
