import { expect, test } from "vitest";
import type { Clock } from "../../../src/kernel/index.ts";
import { pruneDecisions } from "../../../src/runtime/control/pruning.ts";
import { isSamePosition } from "../../../src/runtime/position.ts";
import { resetCommand } from "../../../src/runtime/reset-command.ts";
import { ScorerWait } from "../../../src/runtime/scorer-wait.ts";
import { Wake } from "../../../src/runtime/wake.ts";
import { deferred } from "../../support/deadline.ts";

test("two positions are the same when each input has the same offset, and when both are unknown", () => {
  const position = (...offsets: readonly (readonly [string, number])[]) => new Map(offsets);
  const one = position(["a-0", 1], ["b-0", 2]);
  expect(isSamePosition(one, position(["b-0", 2], ["a-0", 1]))).toBe(true);
  expect(isSamePosition(one, position(["a-0", 1], ["b-0", 3]))).toBe(false);
  expect(isSamePosition(one, position(["a-0", 1], ["c-0", 2]))).toBe(false);
  expect(isSamePosition(one, position(["a-0", 1]))).toBe(false);
  expect(isSamePosition(position(["a-0", 1]), one)).toBe(false);
  expect([
    isSamePosition(undefined, undefined),
    isSamePosition(one, undefined),
    isSamePosition(undefined, one),
  ]).toEqual([true, false, false]);
});

test("a command to set offsets names the partition where one is meant", () => {
  const begin = "kafka-consumer-groups --bootstrap-server ... --group g --topic";
  expect(resetCommand("g", { topic: "t" }, "--to-earliest")).toBe(`${begin} t --reset-offsets --to-earliest --execute`);
  expect(resetCommand("g", { topic: "t", partition: 0 }, "--to-offset 7")).toBe(
    `${begin} t:0 --reset-offsets --to-offset 7 --execute`,
  );
});

test("a call of wake before anybody waits ends the next wait, and that one alone", async () => {
  const wake = new Wake();
  wake.wake();
  wake.wake();
  await wake.wait();
  let isOver = false;
  const waiting = wake.wait().then(() => {
    isOver = true;
  });
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  wake.wake();
  await waiting;
});

test("a version is kept by an alias, by what a replay needs, or as one of the latest; of several reasons the first is said", () => {
  const alias = (name: string, version: number, model = "fraud") => ({ model, alias: name, version }) as never;
  const decide = (keep: number) =>
    pruneDecisions("fraud", [1, 2, 10, 3, 4], {
      aliases: [alias("previous", 2), alias("champion", 4, "churn")],
      inUse: [
        { version: 3, where: "totals-0 from offset 7 on" },
        { version: 2, where: "totals-1" },
      ],
      keep,
    });
  expect(decide(2)).toEqual([
    { version: 10, action: "keep", reason: "it is among the latest 2" },
    { version: 4, action: "keep", reason: "it is among the latest 2" },
    { version: 3, action: "keep", reason: "a replay needs it: totals-0 from offset 7 on" },
    { version: 2, action: "keep", reason: "it is previous" },
    { version: 1, action: "remove", reason: "nobody needs it" },
  ]);
  // The number of the last would be given again.
  expect(decide(0).map(({ action }) => action)).toEqual(["keep", "remove", "keep", "keep", "remove"]);
  expect(decide(0)[0]?.reason).toBe("it is among the latest 1");
});

/** A clock of which the test says when a pause is over. */
function scorerWait() {
  const pauses: { readonly ms: number; readonly signal: AbortSignal | undefined; readonly end: () => void }[] = [];
  const sleep: Clock["sleep"] = (ms, signal) => {
    const over = deferred<void>();
    signal?.addEventListener("abort", () => over.reject(signal.reason));
    pauses.push({ ms, signal, end: () => over.resolve() });
    return over.promise;
  };
  return { wait: new ScorerWait({ sleep } as Clock), pauses };
}
/** A scorer that answers when it is cut off, with the reason. */
const silent = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
const hurried = () => true;
const unhurried = () => false;

test("a scorer that answers at once is not waited for", async () => {
  const { wait, pauses } = scorerWait();
  await wait.ask(() => undefined, hurried);
  wait.hurry();
  expect(pauses).toEqual([]);
});

test("a task that is to be given back waits a second for its scorer, and no longer", async () => {
  const { wait, pauses } = scorerWait();
  const asked = wait.ask(silent, hurried);
  expect(pauses.map(({ ms }) => ms)).toEqual([1_000]);
  pauses[0]?.end();
  await expect(asked).rejects.toThrow("the scorer was not waited for: the task is given back");
});

test("a scorer that answers within the second ends the wait of whoever hurried it", async () => {
  const { wait, pauses } = scorerWait();
  const answer = deferred<void>();
  const asked = wait.ask(() => answer.promise, unhurried);
  expect(pauses).toEqual([]);
  wait.hurry();
  answer.resolve();
  await asked;
  expect(pauses.map(({ signal }) => signal?.aborted)).toEqual([true]);
  // Nobody is waited for any more.
  wait.hurry();
  expect(pauses).toHaveLength(1);
});

test("a task that is lost cuts its scorer off at once", async () => {
  const { wait, pauses } = scorerWait();
  const asked = wait.ask(silent, unhurried);
  wait.cut(new Error("lost"));
  await expect(asked).rejects.toThrow("lost");
  expect(pauses).toEqual([]);
});
