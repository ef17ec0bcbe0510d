import { expect, test } from "vitest";
import { BatchQueue } from "../../../src/runtime/batch-queue.ts";
import { standInOf } from "../../support/records.ts";
import { avro, batchOf, order, orderSchema } from "./fixture.ts";

const ordersAt = (offset: number, count: number) =>
  batchOf(
    Array.from({ length: count }, () => ({ value: avro(orderSchema, order("a")) })),
    { offset },
  );

test("an input never moves back: whoever says that fewer records are computed than before is stopped", () => {
  const queue = new BatchQueue();
  queue.restart(10);
  expect(queue.offer(ordersAt(10, 5))).toBe("taken");
  expect(queue.advance(3).offsetNext).toBe(13);
  expect(queue.advance(3).offsetNext).toBe(13);
  expect(() => queue.advance(2)).toThrow("the position in orders-0 moved back: 13 to 12");
  expect(queue.advance(5).offsetNext).toBe(15);
});

test("a restart may move the position back, and what follows is held to the new one", () => {
  const queue = new BatchQueue();
  queue.restart(10);
  queue.offer(ordersAt(10, 5));
  queue.advance(5);
  queue.restart(2);
  expect(queue.offer(ordersAt(2, 4))).toBe("taken");
  expect(queue.advance(1).offsetNext).toBe(3);
  expect(() => queue.advance(0)).toThrow("moved back");
});

// Its one record has the first offset of the batch, and was taken for one that the queue had already.
test("a damaged batch of which a part was read before still counts as one record", () => {
  const queue = new BatchQueue();
  queue.restart(170);
  expect(queue.offer(standInOf("t", 0, 150, 50))).toBe("taken");
  expect([queue.index, queue.offsetNext]).toEqual([0, 200]);
  expect(queue.advance(1)).toMatchObject({ offsetNext: 200, done: { count: 1 } });
  expect(queue.offer(standInOf("t", 0, 150, 50))).toBe("stale");
});
