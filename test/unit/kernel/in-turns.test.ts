import { expect, test } from "vitest";
import { atOnce, inTurns } from "../../../src/kernel/index.ts";

/** Work of as many parts as there are costs, each of which takes so long, that answers how many there were. */
function* workOf(costsMs: readonly number[], clock: { nowMs: number }): Generator<void, number> {
  for (const costMs of costsMs) {
    clock.nowMs += costMs;
    yield;
  }
  return costsMs.length;
}

/** Does the work in turns of 10 ms, and says when others ran; they take 100 ms each time. */
async function turnsOf(costsMs: readonly number[]): Promise<{ result: number; yieldedAtMs: number[] }> {
  const clock = { nowMs: 1_000 };
  const yieldedAtMs: number[] = [];
  const result = await inTurns(workOf(costsMs, clock), {
    monotonicMs: () => clock.nowMs,
    yieldToLoop: async () => {
      yieldedAtMs.push(clock.nowMs);
      clock.nowMs += 100;
    },
    turnMs: 10,
  });
  return { result, yieldedAtMs };
}

test("work that is done at once ends with its result", () => {
  expect(atOnce(workOf([1, 1, 1], { nowMs: 0 }))).toBe(3);
  expect(atOnce(workOf([], { nowMs: 0 }))).toBe(0);
});

test("others run after the part that took the turn to its length or past it, and the next turn is whole again", async () => {
  // 9 ms and the tenth; a part of 30 ms; 9 ms and the end.
  expect(await turnsOf([9, 1, 30, 9])).toEqual({ result: 4, yieldedAtMs: [1_010, 1_140] });
});

test("work that is shorter than a turn lets nobody run", async () => {
  expect(await turnsOf([4, 5])).toEqual({ result: 2, yieldedAtMs: [] });
  expect(await turnsOf([])).toEqual({ result: 0, yieldedAtMs: [] });
});
