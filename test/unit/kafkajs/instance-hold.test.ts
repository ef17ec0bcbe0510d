import { expect, test } from "vitest";
import { InstanceHold } from "../../../src/adapters/kafkajs/instance-hold.ts";
import { FakeClock } from "../../../src/testing/index.ts";

const refused = new Error("fenced");

/** A process that has joined two groups under one id, of which "a" decides. */
function process() {
  const clock = new FakeClock(1_700_000_000_000);
  const hold = new InstanceHold("slot", clock);
  const ended: string[] = [];
  for (const group of ["a", "b"]) hold.enter(group, ({ message }) => ended.push(`${group}: ${message}`));
  return { clock, hold, ended };
}

test("a process that loses its place in one group ends in all of them, with one error that names group and id, and joins no more", () => {
  const { clock, hold, ended } = process();
  clock.advance(3_000);
  expect(hold.isDisputed("b", "a", refused)).toBe(false);
  const message =
    "being a member of group b: another process has joined as instance slot, and this one ends; give each process an instance id of its own";
  expect(ended).toEqual([`a: ${message}`, `b: ${message}`]);
  expect(() => hold.enter("c", () => undefined)).toThrow(message);
  expect(hold.isDisputed("a", "a", refused)).toBe(false);
  expect(ended).toHaveLength(2);
});

test("a process that has only just begun takes a group back, but never the one that decides", () => {
  const { clock, hold, ended } = process();
  clock.advance(2_999);
  expect(hold.isDisputed("b", "a", refused)).toBe(true);
  expect(ended).toEqual([]);
  expect(hold.isDisputed("a", "a", refused)).toBe(false);
  expect(ended).toHaveLength(2);
  // It is over in every group, whatever decides there.
  expect(hold.isDisputed("b", "a", refused)).toBe(false);
});

test("the time to dispute counts from the first join, whatever is joined later", () => {
  const { clock, hold } = process();
  clock.advance(2_000);
  hold.enter("c", () => undefined);
  clock.advance(1_500);
  expect(hold.isDisputed("c", "a", refused)).toBe(false);
});
