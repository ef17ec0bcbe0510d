import { describe, expect, test } from "vitest";
import { Column } from "../../../src/training/column.ts";
import { createLabelLog } from "../../../src/training/label-log.ts";
import { orderOf } from "../../../src/training/order.ts";
import { TextList } from "../../../src/training/texts.ts";

function logOf(labels: readonly (readonly [eventId: string, timeMs: number, key: number, label: number])[]) {
  const log = createLabelLog();
  for (const [eventId, timeMs, key, label] of labels) {
    const ids = new TextList();
    ids.add(eventId);
    log.add(ids, 0, timeMs, key, label);
  }
  return log.close();
}

describe("the labels of a key", () => {
  const log = logOf([
    ["b", 20, 1, 1],
    ["a", 10, 1, 0],
    ["c", 20, 2, 0],
    ["d", 30, 3, 1],
  ]);

  test("are told as of a time: the last before it, not one at it, and none of another key", () => {
    expect([10, 11, 20, 21, 99].map((beforeMs) => log.lastBefore(1, beforeMs))).toEqual([undefined, 0, 0, 1, 1]);
    expect([20, 21].map((beforeMs) => log.lastBefore(2, beforeMs))).toEqual([undefined, 0]);
    expect([30, 31].map((beforeMs) => log.lastBefore(3, beforeMs))).toEqual([undefined, 1]);
    expect([log.lastBefore(0, 99), log.lastBefore(4, 99)]).toEqual([undefined, undefined]);
  });

  test("of one time count by event id, and of one event the one that came last", () => {
    const tied = logOf([
      ["z", 10, 1, 1],
      ["y", 10, 1, 0],
      ["q", 10, 2, 0],
      ["q", 10, 2, 1],
    ]);
    expect([tied.lastBefore(1, 11), tied.lastBefore(2, 11)]).toEqual([1, 1]);
  });

  test("are found among more than there was room for at first", () => {
    const many = logOf(Array.from({ length: 3_000 }, (_, i) => [`e${i}`, i, i % 7, i % 2] as const));
    expect([many.lastBefore(0, 2_999), many.lastBefore(3, 2_992)]).toEqual([0, 1]);
    expect(logOf([]).lastBefore(0, 1)).toBeUndefined();
  });
});

describe("an order of places", () => {
  test("holds those that are kept, by what compares them, equal ones in their own order", () => {
    const values = [3, 1, 2, 1, 9, 3, 0];
    const order = orderOf(
      values.length,
      (place) => values[place] !== 9,
      (a, b) => (values[a] ?? 0) - (values[b] ?? 0),
    );
    expect([...order]).toEqual([6, 1, 3, 2, 0, 5]);
  });

  test.each([0, 1, 2, 3, 4, 5, 8, 9])("is whole with %i places", (count) => {
    const order = orderOf(
      count,
      () => true,
      (a, b) => b - a,
    );
    expect([...order]).toEqual(Array.from({ length: count }, (_, i) => count - 1 - i));
  });
});

describe("a column", () => {
  test("grows by itself, at least twofold, keeps what it holds, and gives it away once", () => {
    const column = new Column(new Uint8Array(2));
    for (const value of [1, 2]) column.push(value);
    expect(column.values.length).toBe(2);
    column.push(3);
    expect([column.values.length, column.length]).toEqual([4, 3]);
    column.reserve(7);
    expect(column.values.length).toBe(10);
    const held = column.values;
    column.reserve(7);
    expect(column.values).toBe(held);
    expect([...column.taken()]).toEqual([1, 2, 3]);
    expect(column.length).toBe(0);
  });
});
