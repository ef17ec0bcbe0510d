import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { firstAnswer } from "../../../src/adapters/kafkajs/first-answer.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { deferred } from "../../support/deadline.ts";

function round(...addresses: string[]) {
  const clock = new FakeClock(0);
  const calls: string[] = [];
  const asked = new Map<string, ReturnType<typeof deferred<string>>>();
  const answer = firstAnswer(
    {
      clock,
      addresses,
      silent: (address) => calls.push(`silent ${address}`),
      exhausted: () => calls.push("exhausted"),
    },
    (address) => {
      calls.push(`ask ${address}`);
      const question = deferred<string>();
      asked.set(address, question);
      return question.promise;
    },
  );
  answer.catch(() => undefined);
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await nextTurn();
  };
  return { answer, asked, calls, clock, pass };
}

test("the next is asked when half a second has passed without an answer, and not before", async () => {
  const { answer, asked, calls, clock, pass } = round("a", "b", "c");
  await pass(499);
  expect(calls).toEqual(["ask a"]);
  await pass(1);
  expect(calls).toEqual(["ask a", "silent a", "ask b"]);
  asked.get("b")?.resolve("from b");
  expect(await answer).toBe("from b");
  expect(clock.sleeping).toBe(0);
});

test("the first to be asked still wins when it answers first", async () => {
  const { answer, asked, calls, pass } = round("a", "b", "c");
  await pass(500);
  asked.get("a")?.resolve("from a");
  expect(await answer).toBe("from a");
  asked.get("b")?.reject(new Error("too late"));
  await pass(5_000);
  expect(calls).toEqual(["ask a", "silent a", "ask b"]);
});

test("the next is asked at once when one fails, and each has its own half second", async () => {
  const { asked, calls, pass } = round("a", "b", "c");
  await pass(400);
  asked.get("a")?.reject(new Error("refused"));
  await pass(0);
  expect(calls).toEqual(["ask a", "ask b"]);
  await pass(499);
  expect(calls).toEqual(["ask a", "ask b"]);
  await pass(1);
  expect(calls).toEqual(["ask a", "ask b", "silent b", "ask c", "exhausted"]);
});

test("it rejects when all have failed, and not while one may still answer", async () => {
  const { answer, asked, pass } = round("a", "b");
  await pass(500);
  asked.get("b")?.reject(new Error("refused"));
  let isOver = false;
  void answer.catch(() => (isOver = true));
  await pass(10_000);
  expect(isOver).toBe(false);
  asked.get("a")?.reject(new Error("timed out"));
  await expect(answer).rejects.toThrow("timed out");
});

test("a refusal is told rather than the silence of another", async () => {
  const { answer, asked, pass } = round("a", "b");
  asked.get("a")?.reject(new KafkaAnswerError("signing in", kafkaCode.unsupportedSaslMechanism));
  await pass(0);
  asked.get("b")?.reject(new Error("timed out"));
  await expect(answer).rejects.toThrow("signing in");
});

test("that everybody was asked is said once, when the last one is", async () => {
  const { calls, pass } = round("a");
  expect(calls).toEqual(["ask a", "exhausted"]);
  await pass(500);
  await pass(500);
  expect(calls).toEqual(["ask a", "exhausted", "silent a"]);
});
