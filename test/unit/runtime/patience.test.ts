import { expect, test } from "vitest";
import { Facts, silentLogger } from "../../../src/kernel/index.ts";
import { Patience } from "../../../src/runtime/patience.ts";
import { FakeClock } from "../../../src/testing/index.ts";

function bench(jitter?: () => number) {
  const clock = new FakeClock(0);
  const said: string[] = [];
  const say = (_fields: unknown, message: string): void => void said.push(message);
  const patience = new Patience(3, clock, new Facts({ ...silentLogger, error: say, info: say }), jitter);
  return { patience, clock, said };
}

test("waits double from 100 ms to 10 s", () => {
  const { patience } = bench();
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 40].map((attempt) => patience.waitMs(attempt));
  expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
});

test("jitter shortens the waits, so that tasks that failed together do not come back together", () => {
  const { patience } = bench(() => 0.5);
  expect([1, 2].map((attempt) => patience.waitMs(attempt))).toEqual([75, 150]);
});

test("after a commit the waits begin with the first again", () => {
  const { patience } = bench();
  for (const attempt of [1, 2, 3]) patience.waitMs(attempt);
  patience.recovered();
  expect(patience.waitMs(1)).toBe(100);
});

test("a task is degraded once it has failed for 30 s on end, and well again with a commit", () => {
  const { patience, clock, said } = bench();
  patience.waitMs(1);
  clock.advance(29_999);
  patience.waitMs(9);
  expect(patience.trouble).toBeUndefined();
  clock.advance(1);
  patience.waitMs(10);
  patience.waitMs(11);
  expect(patience.trouble).toBe("it could not be reopened for 30 s");
  patience.recovered();
  patience.recovered();
  expect([patience.trouble, said]).toEqual([
    undefined,
    ["The task is degraded: it could not be reopened for 30 s.", "The task works again."],
  ]);
  // Counted anew from the next failure.
  patience.waitMs(1);
  clock.advance(29_999);
  patience.waitMs(2);
  expect(patience.trouble).toBeUndefined();
});
