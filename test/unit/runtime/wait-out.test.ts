import { expect, test } from "vitest";
import { type Clock, Facts, type LogFields, OperationError, silentLogger } from "../../../src/kernel/index.ts";
import { waitOutRegistry } from "../../../src/runtime/wait-out.ts";

const away = new OperationError("MR_REGISTRY", "refused", { disposition: "retry" });

function bench() {
  let nowMs = 1_000;
  const slept: number[] = [];
  const warned: LogFields[] = [];
  const answered: LogFields[] = [];
  const long: (string | undefined)[] = [];
  const clock = {
    monotonicMs: () => nowMs,
    sleep: async (ms: number, signal?: AbortSignal) => {
      slept.push(ms);
      nowMs += ms;
      signal?.throwIfAborted();
    },
  } as Clock;
  const facts = new Facts({
    ...silentLogger,
    warn: (fields) => void warned.push(fields),
    info: (fields) => void answered.push(fields),
  });
  const stop = new AbortController();
  const wait = <T>(ask: () => Promise<T>): Promise<T> =>
    waitOutRegistry(ask, { clock, facts, onLong: (reason) => void long.push(reason) }, stop.signal);
  return { wait, slept, warned, answered, long, stop, elapsedMs: () => nowMs - 1_000 };
}

test("an answer is an answer, and nothing is said", async () => {
  const { wait, warned, answered, long, slept } = bench();
  expect(await wait(async () => 7)).toBe(7);
  expect([warned, answered, long, slept]).toEqual([[], [], [], []]);
});

test("a registry that is down is asked again with pauses that double up to 5 s, and its answer is said", async () => {
  const { wait, slept, warned, answered, long } = bench();
  let left = 8;
  expect(await wait(() => (left-- > 0 ? Promise.reject(away) : Promise.resolve("there")))).toBe("there");
  expect(slept).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  expect([warned.length, answered.length, long]).toEqual([1, 1, []]);
  expect(warned[0]).toMatchObject({ code: "MR_REGISTRY", reason: "refused", waitedSeconds: 0 });
});

test("it is said again every 30 s, and from 30 s on it is a long wait, until it is over", async () => {
  const { wait, warned, long, elapsedMs } = bench();
  await wait(() => (elapsedMs() < 61_300 ? Promise.reject(away) : Promise.resolve()));
  // Asked at 0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 11.3 s, and then every 5 s.
  expect(warned.map(({ waitedSeconds }) => waitedSeconds)).toEqual([0, 31]);
  expect(long).toEqual([...Array.from({ length: 6 }, () => "the schema registry does not answer: refused"), undefined]);
});

test("what waiting does not help against is thrown at once", async () => {
  const { wait, slept } = bench();
  const refused = new OperationError("MR_REGISTRY", "no", { disposition: "halt" });
  await expect(wait(() => Promise.reject(refused))).rejects.toBe(refused);
  const bug = new TypeError("x is undefined");
  await expect(wait(() => Promise.reject(bug))).rejects.toBe(bug);
  expect(slept).toEqual([]);
});

test("who is to stop asks no more, and throws why it stops rather than what the asking came to", async () => {
  const { wait, stop, long, elapsedMs } = bench();
  const reason = new Error("the stage stops");
  let asked = 0;
  const waiting = wait(() => {
    asked++;
    if (elapsedMs() >= 31_300) stop.abort(reason);
    return Promise.reject(elapsedMs() >= 31_300 ? new Error("cut off") : away);
  });
  await expect(waiting).rejects.toBe(reason);
  expect(asked).toBe(12);
  await expect(wait(async () => asked++)).rejects.toBe(reason);
  expect(asked).toBe(12);
  // It had not been long before the last try.
  expect(long).toEqual([]);
});
