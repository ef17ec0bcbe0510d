import { expect, test } from "vitest";
import { Facts, OperationError, silentLogger } from "../../../src/kernel/index.ts";
import { type OwnedTask, type ServedModel, TaskLostError } from "../../../src/runtime/index.ts";
import { waitOutRegistry } from "../../../src/runtime/wait-out.ts";
import type { Row } from "../../../src/schema/index.ts";
import { punctualRegistry } from "../../../src/schema/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { Cluster } from "./cluster.ts";
import {
  AutoClock,
  avro,
  batchOf,
  compiled,
  FakeRegistry,
  modelOf,
  nextTurn,
  order,
  predictionSchema,
  recordsOf,
  rowOf,
  scoreStage,
  totalSchema,
  totalsStage,
} from "./fixture.ts";
import { pumpOf } from "./scripted.ts";

/** What never settles. */
const silence = (): Promise<never> => new Promise(() => undefined);

const totals = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    ...order(`o${i}`, { amount: i / 100, customer: `c${i}` }),
    event_id: `inbox-0-${i}`,
    orders: 1,
  }));

/** Time stands still but for the second that a scorer still has when its task is given back. */
async function afterGrace(clock: FakeClock): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  clock.advance(1_000);
}

/** A cluster of the stage that scores, and a scorer that answers only while it is told to. */
function scoring() {
  const cluster = new Cluster(scoreStage);
  cluster.registry.schemas.set(7, totalSchema);
  const model = modelOf((amount) => amount);
  const scorer = { isSilent: true, calls: 0 };
  const served: ServedModel = {
    ...model,
    scorer: {
      ...model.scorer,
      score: (...args) => {
        scorer.calls++;
        return scorer.isSilent ? silence() : model.scorer.score(...args);
      },
    },
  };
  return { cluster, scorer, models: { load: async () => served } };
}

test("a scorer that never answers is cut off after 30 s, is said, and its task counts as degraded until it answers", async () => {
  const { cluster, scorer, models } = scoring();
  await cluster.send(totals(4), totalSchema);
  const runner = await cluster.run({}, models);
  const began = cluster.clock.nowMs;
  await cluster.until(() => runner.troubles.length > 0);
  expect(cluster.clock.nowMs - began).toBeGreaterThanOrEqual(30_000);
  const reason = "scoring with version 3 of model fraud: no answer for 30 s";
  expect(runner.troubles[0]).toEqual({ what: expect.stringMatching(/^task [01]$/), reason });
  const said = cluster.logged.filter(({ message }) => message === "The task is degraded: its scorer does not answer.");
  expect(said[0]).toMatchObject({ level: "error", fields: { stage: "score", code: "MR_MODEL", reason } });
  expect(runner.status).toBe("running");
  scorer.isSilent = false;
  await cluster.catchUp();
  await cluster.until(() => runner.troubles.length === 0);
  expect((await cluster.outputs(predictionSchema)).size).toBe(4);
  expect(cluster.messages("info")).toContain("The task works again.");
  await cluster.close();
});

test("a drain does not wait for a scorer that never answers, and leaves its chunk to the next owner", async () => {
  const { cluster, scorer, models } = scoring();
  await cluster.send(totals(4), totalSchema);
  const clock = new FakeClock(1_700_000_000_000);
  const runner = await cluster.run({ clock }, models);
  await cluster.until(() => scorer.calls > 0);
  const drained = runner.drain();
  await afterGrace(clock);
  await drained;
  expect([runner.status, runner.counts().in]).toEqual(["stopped", 0]);
  expect(cluster.messages("error")).toEqual([]);
  await cluster.close();
});

test("a revocation does not wait for a scorer that never answers, and the task that is lost closes and is opened anew", async () => {
  const { cluster, scorer, models } = scoring();
  await cluster.send(totals(4), totalSchema);
  const clock = new FakeClock(1_700_000_000_000);
  const runner = await cluster.run({ clock }, models);
  await cluster.until(() => scorer.calls > 0);
  const tasks = runner.tasks;
  const revoked = runner.revoking(tasks, new AbortController().signal);
  await afterGrace(clock);
  await revoked;
  runner.lost(tasks);
  scorer.isSilent = false;
  // The epochs that the group in memory has given them.
  runner.assigned(tasks.map((task): OwnedTask => ({ task, epoch: 1 })));
  await cluster.until(() => runner.isReady);
  await cluster.close();
  expect(runner.status).toBe("stopped");
});

test("a drain in the middle of a revocation ends, with the scorer silent in both", async () => {
  const { cluster, scorer, models } = scoring();
  await cluster.send(totals(4), totalSchema);
  const clock = new FakeClock(1_700_000_000_000);
  const runner = await cluster.run({ clock }, models);
  await cluster.until(() => scorer.calls > 0);
  const late = new AbortController();
  const revoked = runner.revoking(runner.tasks, late.signal);
  const drained = runner.drain();
  late.abort(new TaskLostError("the rebalance is over"));
  await afterGrace(clock);
  await Promise.all([revoked, drained]);
  expect([runner.status, runner.haltReason]).toEqual(["stopped", undefined]);
  await cluster.close();
});

// Its late scores landed in the buffer of the next micro-batch.
test("R6: what a scorer answers after it was cut off reaches no prediction", async () => {
  const registry = new FakeRegistry();
  registry.schemas.set(7, totalSchema);
  const clock = new FakeClock(1_700_000_000_000);
  const given: { rows: Float64Array; into: Float64Array; answer: () => void }[] = [];
  const model = modelOf(() => 0);
  const score = (rows: Float64Array, _count: number, into: Float64Array): Promise<void> =>
    new Promise((answer) => given.push({ rows, into, answer }));
  // Only what the scorer waits for stands still.
  const slow: ServedModel = { ...model, scorer: { ...model.scorer, score } };
  const stage = compiled(scoreStage, { registry, clock }).openTask(0, slow);
  const { pump, broker, settle } = pumpOf(stage);
  await settle();
  const batch = batchOf([{ value: avro(totalSchema, { ...order("a"), orders: 1 }) }]);
  await pump.take(batch);
  await settle();
  clock.advance(30_000);
  await settle();
  expect(broker.calls.filter((call) => call === "open")).toHaveLength(2);
  await pump.take(batch);
  await settle();
  const [first, second] = given;
  if (first === undefined || second === undefined) throw new Error("the scorer was not asked twice");
  second.into[0] = 0.25;
  // The first answers at last, and spoils what it was given.
  first.rows.fill(99);
  first.into[0] = 0.75;
  first.answer();
  expect(second.rows[0]).not.toBe(99);
  second.answer();
  await settle();
  await pump.drain();
  const written = recordsOf(broker.written, "output").map((record) => rowOf(predictionSchema, record.value));
  expect(written.map((row) => row["score"])).toEqual([0.25]);
});

test("a registry that hangs counts as one that is down: it is said, the stage is in trouble, and a drain ends", async () => {
  const cluster = new Cluster(totalsStage);
  let isSilent = false;
  const byId = (id: number) => (isSilent ? silence() : cluster.registry.byId(id));
  const hanging = Object.assign(Object.create(cluster.registry) as typeof cluster.registry, { byId });
  await cluster.send([order("a")]);
  isSilent = true;
  const starting = cluster.run({ registry: punctualRegistry(hanging, cluster.clock) });
  await cluster.until(() => cluster.runners[0]?.troubles.length === 1);
  const [runner] = cluster.runners;
  expect(runner?.troubles).toEqual([
    { what: "registry", reason: "the schema registry does not answer: asking the schema registry: no answer for 30 s" },
  ]);
  expect(cluster.messages("warn")).toContain("The schema registry does not answer; waiting for it.");
  isSilent = false;
  await starting;
  await cluster.catchUp();
  expect(runner?.troubles).toEqual([]);
  await cluster.close();
});

test("a wait for the registry that is called off leaves no trouble behind", async () => {
  const clock = new AutoClock();
  const beganMs = clock.monotonicMs();
  const told: unknown[] = [];
  const stop = new AbortController();
  const waiting = waitOutRegistry(
    async () => {
      if (clock.monotonicMs() - beganMs > 40_000) stop.abort(new Error("given back"));
      throw new OperationError("MR_REGISTRY", "away", { disposition: "retry" });
    },
    { clock, facts: new Facts(silentLogger), onLong: (reason) => void told.push(reason) },
    stop.signal,
  );
  await expect(waiting).rejects.toThrow("given back");
  expect(told.length).toBeGreaterThan(1);
  expect([told[0], told.at(-1)]).toEqual(["the schema registry does not answer: away", undefined]);
});

test("a registry that hangs while a record waits for its schema holds up no drain", async () => {
  const cluster = new Cluster(totalsStage);
  let isSilent = false;
  let asked = 0;
  const byId = (id: number) => {
    asked++;
    return isSilent ? silence() : cluster.registry.byId(id);
  };
  const hanging = Object.assign(Object.create(cluster.registry) as typeof cluster.registry, { byId });
  // A clock of the registry's own that stands still: only the stop can end the wait.
  const clock = new FakeClock(0);
  const runner = await cluster.run({ registry: punctualRegistry(hanging, clock) });
  isSilent = true;
  const before = asked;
  await cluster.send([order("a"), order("b", { customer: "c9" }), order("c", { customer: "c3" })]);
  await cluster.until(() => asked > before);
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  await runner.drain();
  expect([runner.status, runner.counts().in]).toEqual(["stopped", 0]);
  await cluster.close();
});
