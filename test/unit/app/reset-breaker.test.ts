import { afterEach, beforeEach, expect, test } from "vitest";
import { resetBreaker } from "../../../src/app/reset-breaker.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { readRetrainings } from "../../../src/retraining/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { retrainingRecord } from "../../../src/training/index.ts";

const never = new AbortController().signal;
const topic = "shop.retraining";
let broker: Broker;

beforeEach(async () => {
  broker = await openMemoryBroker(1024 * 1024, silentLogger);
  await broker.admin.createTopics([{ topic, partitions: 1, replication: undefined, configs: {} }], never);
});
afterEach(() => broker.close());

/** At each sleep of who waits the next act is done. */
async function reset(...acts: (() => Promise<void>)[]) {
  let nowMs = 1_000;
  const clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
      await acts.shift()?.();
    },
  };
  const isTaken = await resetBreaker({ broker, topic, model: "fraud", by: "ann", reason: "a fault", clock }, never);
  return { isTaken, tookMs: nowMs - 1_000 };
}

/** The trainer takes what was asked for last. */
async function taken(id: (request: string) => string = (request) => `${request}/taken`): Promise<void> {
  const asked = (await readRetrainings(broker, topic, never)).at(-1)!;
  const answer = { ...asked, id: id(asked.request), by: "trainer" };
  await broker.append([{ topic, partition: 0, timestampMs: 0, ...retrainingRecord(answer) }], never);
}

test("a reset says who asks and why, and is done when the trainer has taken it", async () => {
  expect(await reset(async () => {}, taken)).toEqual({ isTaken: true, tookMs: 400 });
  const [asked] = await readRetrainings(broker, topic, never);
  expect(asked).toEqual({
    type: "reset",
    id: asked!.request,
    request: expect.stringMatching(/^[0-9a-f-]{36}$/),
    model: "fraud",
    at: "1970-01-01T00:00:01.000Z",
    cause: "manual",
    by: "ann",
    reason: "a fault",
  });
});

test("a reset that nobody takes within ten seconds is not done, nor is one whose like was taken", async () => {
  expect(await reset(() => taken(() => "another/taken"))).toEqual({ isTaken: false, tookMs: 10_000 });
});
