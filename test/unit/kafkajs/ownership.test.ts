import { expect, test } from "vitest";
import { isBehind, Ownership } from "../../../src/adapters/kafkajs/ownership.ts";

const at = (offset: number) => new Map([["in-0", offset]]);

test("tasks that are assigned again keep their epoch, others come with a new one", () => {
  const owned = new Ownership();
  expect(owned.advance([0, 1], new Map()).gained).toEqual([
    { task: 0, epoch: 1 },
    { task: 1, epoch: 2 },
  ]);
  const next = owned.advance([1, 2], new Map());
  expect(next.lost.map(({ task }) => task)).toEqual([0]);
  expect(next.gained).toEqual([{ task: 2, epoch: 3 }]);
  expect(owned.find(1, 2)).toBeDefined();
  expect(owned.advance([0, 1, 2], new Map()).gained).toEqual([{ task: 0, epoch: 4 }]);
});

test("a task whose committed offset somebody else has moved is lost and assigned anew", () => {
  const owned = new Ownership();
  owned.advance([0], new Map());
  owned.find(0, 1)!.confirmed = at(5);
  expect(owned.advance([0], at(5))).toEqual({ lost: [], gained: [] });
  const moved = owned.advance([0], at(9));
  expect(moved.lost.map(({ task, epoch }) => [task, epoch])).toEqual([[0, 1]]);
  expect(moved.gained).toEqual([{ task: 0, epoch: 2 }]);
});

test("a commit whose answer was lost may or may not have moved the offset; either way the task stays", () => {
  for (const found of [5, 8]) {
    const owned = new Ownership();
    owned.advance([0], new Map());
    Object.assign(owned.find(0, 1)!, { confirmed: at(5), attempted: at(8) });
    expect(owned.advance([0], at(found)).lost).toEqual([]);
  }
});

test("an epoch that is not the owner's finds nothing", () => {
  const owned = new Ownership();
  owned.advance([0], new Map());
  expect(owned.find(0, 2)).toBeUndefined();
  expect(owned.find(1, 1)).toBeUndefined();
});

test("offsets are behind a task where any of them is lower than what it committed, or missing; never while it has not been opened", () => {
  expect(isBehind({ confirmed: at(5) }, at(4))).toBe(true);
  expect(isBehind({ confirmed: at(5) }, new Map())).toBe(true);
  expect(isBehind({ confirmed: at(5) }, at(-1))).toBe(true);
  expect(isBehind({ confirmed: at(5) }, at(5))).toBe(false);
  expect(isBehind({ confirmed: at(5) }, at(6))).toBe(false);
  expect(isBehind({ confirmed: undefined }, at(-1))).toBe(false);
});
