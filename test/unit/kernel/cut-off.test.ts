import { expect, test } from "vitest";
import { cutOff } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { deferred } from "../../support/deadline.ts";
import { listenersOf } from "../../support/listeners.ts";

const late = (): Error => new Error("late");

test("work that is done in time answers, and its timer is ended", async () => {
  const clock = new FakeClock(0);
  const work = deferred<number>();
  const { signal } = new AbortController();
  const cut = cutOff(work.promise, { clock, afterMs: 100, late }, signal);
  clock.advance(99);
  work.resolve(7);
  expect(await cut).toBe(7);
  expect([clock.sleeping, listenersOf(signal)]).toEqual([0, 0]);
});

test("work that fails, is late or is stopped rejects with its own reason, and what it does afterwards harms nobody", async () => {
  const clock = new FakeClock(0);
  const stop = new AbortController();
  const works = [deferred(), deferred(), deferred()];
  const [failing, slow, stopped] = works.map(({ promise }, i) =>
    cutOff(promise, { clock, afterMs: 100, late }, i === 2 ? stop.signal : new AbortController().signal).catch(
      (thrown: Error) => thrown.message,
    ),
  );
  works[0]?.reject(new Error("broken"));
  stop.abort(new Error("stopped"));
  expect([await failing, await stopped]).toEqual(["broken", "stopped"]);
  clock.advance(100);
  expect(await slow).toBe("late");
  works[1]?.reject(new Error("too late to matter"));
  works[2]?.reject(new Error("too late to matter"));
});

test("work that is late or failed leaves nobody who listens, and no timer", async () => {
  const clock = new FakeClock(0);
  const { signal } = new AbortController();
  const [failing, slow] = [deferred(), deferred()];
  const cuts = [failing, slow].map(({ promise }) => cutOff(promise, { clock, afterMs: 100, late }, signal));
  const settled = Promise.allSettled(cuts);
  failing.reject(new Error("broken"));
  await expect(cuts[0]).rejects.toThrow("broken");
  expect([clock.sleeping, listenersOf(signal)]).toEqual([1, 1]);
  clock.advance(100);
  await settled;
  expect([clock.sleeping, listenersOf(signal)]).toEqual([0, 0]);
});

test("a signal that is aborted already is not waited with", async () => {
  const signal = AbortSignal.abort(new Error("stopped"));
  const never = new Promise<never>(() => undefined);
  await expect(cutOff(never, { clock: new FakeClock(0), afterMs: 100, late }, signal)).rejects.toThrow("stopped");
});
