import { expect, test } from "vitest";
import { heldBytesOf } from "../../../src/runtime/batch-queue.ts";
import { BufferBudget } from "../../../src/runtime/buffer-budget.ts";
import { Intake } from "../../../src/runtime/intake.ts";
import { avro, batchOf, order, orderSchema } from "./fixture.ts";

const ordersAt = (offset: number, count: number) =>
  batchOf(
    Array.from({ length: count }, () => ({ value: avro(orderSchema, order("a")) })),
    { offset },
  );

/** A task that takes batches from offset 10 on, with room for one of them beside what others hold. */
function open(bytesMax = 1_000_000) {
  const budget = new BufferBudget({ bytesMax, reservedBytesPerTask: 0 });
  const gate = { isOpen: true };
  const intake = new Intake(budget.join(), () => gate.isOpen);
  intake.restart(10);
  return { budget, gate, intake };
}

test("a batch that is taken holds room until its last record is computed", async () => {
  const { budget, intake } = open();
  const batch = ordersAt(10, 3);
  expect(await intake.take(batch)).toBe("taken");
  expect(budget.bytesHeld).toBe(heldBytesOf(batch));
  intake.advance(2);
  expect(budget.bytesHeld).toBe(heldBytesOf(batch));
  intake.advance(3);
  expect(budget.bytesHeld).toBe(0);
});

test.each([
  ["is of no use any more", 5, "dropped"],
  ["lies behind a hole", 20, "hole"],
] as const)("a batch that %s gives its room back", async (_, offset, arrival) => {
  const { budget, intake } = open();
  expect(await intake.take(ordersAt(offset, 3))).toBe(arrival);
  expect(budget.bytesHeld).toBe(0);
});

test("a task that closed while a batch waited for room turns it away, without its room", async () => {
  const batch = ordersAt(10, 3);
  const { budget, gate, intake } = open(heldBytesOf(batch));
  const other = budget.join();
  // Two shares of one batch each: there is no room until the other gives its back.
  expect(other.take(heldBytesOf(batch))).toBe(true);
  expect(await intake.take(batch)).toBe("taken");
  const next = ordersAt(13, 3);
  const waiting = intake.take(next);
  gate.isOpen = false;
  intake.advance(3);
  other.give(heldBytesOf(batch));
  expect(await waiting).toBe("dropped");
  expect(budget.bytesHeld).toBe(0);
  expect(intake.head).toBeUndefined();
  expect(intake.isBehindFetch).toBe(true);
});

test("a batch takes the room that was set aside for it, and a task that has closed gives that back", async () => {
  const { budget, gate, intake } = open(100_000_000);
  const batch = ordersAt(10, 3);
  const room = await intake.room();
  expect(budget.bytesHeld).toBe(room?.bytes);
  expect(await intake.take(batch, room)).toBe("taken");
  expect(budget.bytesHeld).toBe(heldBytesOf(batch));
  const second = await intake.room();
  gate.isOpen = false;
  await intake.take(ordersAt(13, 3), second);
  expect(budget.bytesHeld).toBe(heldBytesOf(batch));
  // Room that a closed task is told of is nobody's.
  const none = await intake.room();
  expect([none === undefined, budget.bytesHeld]).toEqual([false, heldBytesOf(batch)]);
});
