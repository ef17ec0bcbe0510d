import { expect, test } from "vitest";
import { Facts, type RecordOut, silentLogger } from "../../../src/kernel/index.ts";
import { decodePartial, type HeartbeatRecord } from "../../../src/monitor/index.ts";
import { type BeatingTask, Heartbeats } from "../../../src/runtime/tap/heartbeats.ts";
import { FakeClock } from "../../../src/testing/index.ts";

const idleAfterMs = 60_000;
const beating = (task: number, given: Partial<BeatingTask["tap"]> = {}, isAtRest = true): BeatingTask => ({
  task,
  tap: { keptTimeMs: 700, isBehind: false, lastRowMs: Number.NEGATIVE_INFINITY, ...given },
  isAtRest,
});

function bench() {
  const stop = new AbortController();
  const sent: HeartbeatRecord[][] = [];
  const records: RecordOut[] = [];
  const said: string[] = [];
  const answers: Promise<void>[] = [];
  const heartbeats = new Heartbeats({
    broker: {
      append: async (batch) => {
        records.push(...batch);
        sent.push(batch.map(({ value }) => decodePartial(value as Buffer, undefined) as HeartbeatRecord));
        await answers.shift();
      },
    },
    topic: "partials",
    schemaId: 5,
    stage: "score",
    idleAfterMs,
    clock: new FakeClock(1_000),
    facts: new Facts({ ...silentLogger, warn: (_, message) => void said.push(message) }),
    signal: stop.signal,
  });
  const tick = async (nowMs: number, ...tasks: readonly BeatingTask[]): Promise<void> => {
    heartbeats.tick(nowMs, () => tasks);
    await new Promise(setImmediate);
  };
  const idle = () => sent.map((beats) => beats.map(({ isIdle }) => isIdle));
  return { tick, sent, records, said, answers, stop, idle };
}

test("every five seconds each task that runs says how far its rows have come", async () => {
  const { tick, sent, records } = bench();
  await tick(0, beating(0), beating(3, { keptTimeMs: 900 }));
  await tick(4_999, beating(0));
  await tick(5_000, beating(0));
  expect(sent).toMatchObject([
    [
      { stage: "score", partition: 0, streamTimeMs: 700 },
      { stage: "score", partition: 3, streamTimeMs: 900 },
    ],
    [{ partition: 0 }],
  ]);
  expect(records[0]).toMatchObject({ topic: "partials", partition: 0, timestampMs: 1_000 });
});

test("where no task runs nothing is sent", async () => {
  const { tick, sent } = bench();
  await tick(0);
  expect(sent).toEqual([]);
});

test("a task is idle when no row has come for so long since it began, and all of what came has been told", async () => {
  const { tick, idle } = bench();
  await tick(0, beating(0));
  await tick(idleAfterMs - 1, beating(0));
  await tick(idleAfterMs + 5_000, beating(0));
  await tick(idleAfterMs + 10_000, beating(0, { lastRowMs: 10_001 }));
  await tick(idleAfterMs + 15_000, beating(0, { lastRowMs: 15_000 }));
  await tick(idleAfterMs + 20_000, beating(0, {}, false));
  await tick(idleAfterMs + 25_000, beating(0, { isBehind: true }));
  expect(idle()).toEqual([[false], [false], [true], [false], [true], [false], [false]]);
});

test("a task that was gone begins anew", async () => {
  const { tick, idle } = bench();
  await tick(0, beating(0), beating(1));
  await tick(idleAfterMs, beating(1));
  await tick(2 * idleAfterMs, beating(0), beating(1));
  expect(idle()).toEqual([[false, false], [true], [false, true]]);
});

test("one that is under way holds the next back, and what fails is said once until it went well", async () => {
  const { tick, sent, said, answers } = bench();
  let end = (): void => undefined;
  answers.push(
    new Promise((resolve) => {
      end = resolve;
    }),
  );
  await tick(0, beating(0));
  await tick(5_000, beating(0));
  expect(sent).toHaveLength(1);
  end();
  await new Promise(setImmediate);
  for (const nowMs of [10_000, 15_000]) {
    answers.push(Promise.reject(new Error("away")));
    await tick(nowMs, beating(0));
  }
  expect([sent.length, said.length]).toEqual([3, 1]);
  await tick(20_000, beating(0));
  answers.push(Promise.reject(new Error("away")));
  await tick(25_000, beating(0));
  expect(said).toHaveLength(2);
});

test("a stage that stops says nothing of what it cut off", async () => {
  const { tick, said, answers, stop } = bench();
  answers.push(Promise.reject(new Error("aborted")));
  stop.abort();
  await tick(0, beating(0));
  expect(said).toEqual([]);
});
