/** `millrace train` beside a trainer: it asks, and tells what becomes of what it has asked for. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasTrainer, requestTraining, type TrainingRequestOptions } from "../../../src/app/request-training.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { readRetrainings } from "../../../src/retraining/index.ts";
import type { Broker, Membership } from "../../../src/runtime/index.ts";
import { type RetrainingEvent, retrainingRecord } from "../../../src/training/index.ts";

const never = new AbortController().signal;
const topic = "shop.retraining";
const plan = { retraining: { clusterName: topic, group: "shop.trainer" } };
let broker: Broker;
let trainer: Membership | undefined;

beforeEach(async () => {
  broker = await openMemoryBroker(1024 * 1024, silentLogger);
  await broker.admin.createTopics([{ topic, partitions: 1, replication: undefined, configs: {} }], never);
  trainer = await broker.join(
    { group: plan.retraining.group, topics: [topic], start: { kind: "earliest" }, logger: silentLogger },
    {
      assigned: () => undefined,
      revoking: async () => undefined,
      lost: () => undefined,
      batch: async () => undefined,
      failed: () => undefined,
    },
  );
});
afterEach(async () => {
  await trainer?.leave();
  await broker.close();
});

type Act = (request: string) => Promise<void>;

/** Asks; at each sleep of who waits the next act is done. */
async function ask(acts: readonly Act[], more: Partial<TrainingRequestOptions> = {}) {
  const lines: string[] = [];
  const left = [...acts];
  let nowMs = 1_000;
  const clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
      const [asked] = (await events()).filter(({ type }) => type === "requested").slice(-1);
      await left.shift()?.(asked!.request);
    },
  };
  const code = await requestTraining(
    { plan, broker, model: "fraud", by: "ann", hasRollout: false, clock, say: (line) => lines.push(line), ...more },
    never,
  );
  return { code, lines: lines.slice(1), first: lines[0], tookMs: nowMs - 1_000 };
}
const events = (): Promise<readonly RetrainingEvent[]> => readRetrainings(broker, topic, never);

const happens =
  (type: RetrainingEvent["type"], more: Partial<RetrainingEvent> = {}): Act =>
  async (request) => {
    const base = { model: "fraud", at: "2026-01-01T00:00:00Z", cause: "manual", by: "trainer" } as const;
    const event = { type, id: `${request}/${type}`, request, ...base, ...more };
    await broker.append([{ topic, partition: 0, timestampMs: 0, ...retrainingRecord(event) }], never);
  };

test("a request says who asks and what for, and each step is told until the version serves", async () => {
  const checks = [{ name: "recent", outcome: "passed", text: "no worse on 300 rows" }];
  const { code, lines, first } = await ask(
    [
      happens("started"),
      happens("trained", { version: 4, reason: "no worse", checks }),
      happens("promoted", { version: 4, reason: "no worse" }),
    ],
    { reason: "new fraud", mode: "warm" },
  );
  const [asked] = await events();
  expect(asked).toEqual({
    type: "requested",
    id: asked!.request,
    request: expect.stringMatching(/^[0-9a-f-]{36}$/),
    model: "fraud",
    at: "1970-01-01T00:00:01.000Z",
    cause: "manual",
    by: "ann",
    reason: "new fraud",
    mode: "warm",
  });
  expect(first).toBe(`request ${asked?.request} of model fraud: the trainer of the topology does it`);
  expect([code, lines]).toEqual([
    0,
    [
      "started",
      "trained version 4: no worse",
      "check recent passed: no worse on 300 rows",
      "promoted version 4: no worse",
    ],
  ]);
});

describe("it ends with", () => {
  test.each([
    ["rejected", 1],
    ["failed", 1],
    ["cancelled", 1],
    ["undecided", 75],
    ["suppressed", 75],
  ] as const)("%s as %i", async (type, expected) => {
    expect(await ask([happens("started"), happens(type, { reason: "why" })])).toMatchObject({
      code: expected,
      lines: ["started", `${type}: why`],
    });
  });

  test("0 where a person has to say yes, and names the command", async () => {
    const waits = happens("waiting", { version: 4, reason: "version 4 waits for a person" });
    expect(await ask([happens("trained", { version: 4 }), waits])).toMatchObject({
      code: 0,
      lines: [
        "trained version 4",
        "waiting version 4: version 4 waits for a person",
        "millrace models approve promotes version 4",
      ],
    });
  });

  test("0 where the version scores beside the champion first", async () => {
    const acts = [happens("started", { champion: 3 }), happens("trained", { version: 4, champion: 3 })];
    const { code, lines } = await ask(acts, { hasRollout: true });
    expect([code, lines.at(-1)]).toEqual([
      0,
      "version 4 scores beside the champion first; millrace triggers list shows what becomes of it",
    ]);
  });

  test.each([
    ["promoted", 0],
    ["undecided", 75],
  ] as const)("what becomes of a version that has no champion to score beside: %s", async (type, expected) => {
    const acts = [happens("started"), happens("trained", { version: 4 }), happens(type, { version: 4 })];
    const { code, lines } = await ask(acts, { hasRollout: true });
    expect([code, lines]).toEqual([expected, ["started", "trained version 4", `${type} version 4`]]);
  });

  test("0 where the training that was begun again is the one beside a champion", async () => {
    const again = happens("started", { id: "again", champion: 3 });
    const { code } = await ask([happens("started"), again, happens("trained", { version: 4 })], { hasRollout: true });
    expect(code).toBe(0);
  });

  test("what the training came to that was begun again when the champion was gone", async () => {
    const acts = [happens("started", { champion: 3 }), happens("started", { id: "again" })];
    const ends = [happens("trained", { version: 4 }), happens("promoted", { version: 4 })];
    const { lines } = await ask([...acts, ...ends], { hasRollout: true });
    expect(lines).toEqual(["started", "started", "trained version 4", "promoted version 4"]);
  });

  test("75 where no trainer has been there for half a minute, and not because one was started again", async () => {
    const leave: Act = async () => {
      await trainer?.leave();
      trainer = undefined;
    };
    const { code, lines, tookMs } = await ask([happens("started"), leave]);
    expect([code, lines[0]]).toEqual([75, "started"]);
    expect(lines[1]).toMatch(
      /^no trainer runs any more: the next one takes request [0-9a-f-]{36} up; millrace triggers cancel/,
    );
    expect(tookMs).toBeGreaterThanOrEqual(30_000);
    expect(tookMs).toBeLessThan(31_000);
  });
});

test("what became of other requests, and what is written twice, is told of nobody and once", async () => {
  const other: Act = async () => happens("promoted", { version: 9 })("another");
  const { lines } = await ask([other, happens("started"), happens("started"), happens("promoted", { version: 4 })]);
  expect(lines).toEqual(["started", "promoted version 4"]);
});

test("a topology has a trainer while its group has a member, and never where no model has a label", async () => {
  expect(await hasTrainer(plan, broker, never)).toBe(true);
  expect(await hasTrainer({ retraining: undefined }, broker, never)).toBe(false);
  await trainer?.leave();
  trainer = undefined;
  expect(await hasTrainer(plan, broker, never)).toBe(false);
});
