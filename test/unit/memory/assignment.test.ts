import fc from "fast-check";
import { expect, test } from "vitest";
import { assignTasks } from "../../../src/adapters/memory/assignment.ts";

test("the first member gets every task", () => {
  expect([...assignTasks(3, ["a"], new Map())]).toEqual([
    [0, "a"],
    [1, "a"],
    [2, "a"],
  ]);
});

test("a second member takes the higher half, and the rest stays where it is", () => {
  const before = assignTasks(4, ["a"], new Map());
  const after = assignTasks(4, ["a", "b"], before);
  expect(Object.fromEntries(after)).toEqual({ 0: "a", 1: "a", 2: "b", 3: "b" });
});

test("the tasks of a member that left go to the others and nothing else moves", () => {
  const before = new Map([
    [0, "a"],
    [1, "b"],
    [2, "a"],
    [3, "b"],
  ]);
  expect(Object.fromEntries(assignTasks(4, ["b"], before))).toEqual({ 0: "b", 1: "b", 2: "b", 3: "b" });
});

test("members beyond the number of tasks stay idle", () => {
  const before = assignTasks(1, ["a"], new Map());
  expect([...assignTasks(1, ["z", "a"], before)]).toEqual([[0, "a"]]);
});

test("a group without members owns nothing", () => {
  expect(assignTasks(3, [], new Map([[0, "a"]])).size).toBe(0);
});

test("every task has one owner, counts differ by at most one, and no more tasks move than that needs", () => {
  const members = fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.nat(24), members, members, (taskCount, before, after) => {
      const previous = assignTasks(taskCount, before, new Map());
      const owners = assignTasks(taskCount, after, previous);
      const count = (member: number): number => [...owners.values()].filter((owner) => owner === member).length;
      const counts = after.map(count);
      expect(owners.size).toBe(taskCount);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      // What a member owned and could keep within its new share, it keeps.
      for (const member of after) {
        const had = [...previous].filter(([, owner]) => owner === member).map(([task]) => task);
        const kept = had.filter((task) => owners.get(task) === member).length;
        expect(kept).toBe(Math.min(had.length, count(member)));
      }
    }),
  );
});
