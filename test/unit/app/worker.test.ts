import { expect, test } from "vitest";
import { systemClock } from "../../../src/adapters/node/index.ts";
import { Worker } from "../../../src/app/worker.ts";
import { type Clock, OperationError, silentLogger } from "../../../src/kernel/index.ts";
import type { Broker, StageRunner } from "../../../src/runtime/index.ts";
import { deferred } from "../../support/deadline.ts";

/** A stage whose start hangs, as it does while the registry is down, until it is drained. */
function startingStage(): StageRunner & { readonly isStarting: Promise<void> } {
  const started = deferred();
  const asked = deferred();
  const stage = {
    stage: { name: "ingest" },
    status: "starting",
    isReady: false,
    lag: 0,
    isStarting: asked.promise,
    tick: () => undefined,
    counts: () => ({ in: 0, out: 0, filtered: {}, late: 0, deadLetters: {} }),
    start: () => {
      asked.resolve();
      return started.promise;
    },
    drain: async () => started.reject(new Error("stage ingest stops")),
  };
  return stage as unknown as StageRunner & { readonly isStarting: Promise<void> };
}

const workerOf = (...stages: StageRunner[]): Worker =>
  new Worker({
    stages,
    broker: {} as Broker,
    clock: systemClock,
    logger: silentLogger,
    drainTimeoutMs: 10_000,
    untilCaughtUp: false,
  });

// Nobody listened to the signal before every stage had started: only a second one ended the process.
test("a stop while stages still start drains them and ends with 0", async () => {
  const stage = startingStage();
  const stop = new AbortController();
  const running = workerOf(stage).run(stop.signal);
  await stage.isStarting;
  stop.abort(new Error("stopped by SIGTERM"));
  expect(await running).toBe(0);
});

test("a stage that cannot start ends the others and is the reason told", async () => {
  const refused = startingStage();
  const error = new OperationError("MR_TOPIC_MISSING", "topic x does not exist; run millrace apply");
  refused.start = () => Promise.reject(error);
  refused.drain = async () => undefined;
  await expect(workerOf(refused, startingStage()).run(new AbortController().signal)).rejects.toBe(error);
});

test("a process whose instance id another has taken ends with 1 at once, also while a stage still starts", async () => {
  const replaced = startingStage();
  replaced.start = async () => undefined;
  replaced.drain = async () => undefined;
  const haltReason = new OperationError("MR_INSTANCE", "another process has joined as instance slot");
  Object.assign(replaced, { status: "halted", haltReason });
  expect(await workerOf(replaced, startingStage()).run(new AbortController().signal)).toBe(1);
});

/** A stage that starts and drains at once, and is `status` from then on. */
function startedStage(name: string, status: StageRunner["status"]): StageRunner {
  const stage = {
    stage: { name, group: name, from: { clusterName: name, writers: [] }, start: { kind: "earliest" } },
    status,
    isReady: status === "running",
    tasks: [0],
    haltReason: status === "halted" ? new OperationError("MR_MODEL", "no such version") : undefined,
    caughtUp: () => true,
    tick: () => undefined,
    counts: () => ({ in: 3, out: 2, filtered: { rule: 1 }, late: 0, deadLetters: {} }),
    start: async () => undefined,
    drain: async () => undefined,
  };
  return stage as unknown as StageRunner;
}

/** Every wait a tenth as long. */
const clock: Clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs(),
  sleep: (ms, signal) => systemClock.sleep(ms / 10, signal),
};

/** A cluster of one partition per topic, of which groups have committed 4 of 10 records; "away" never answers. */
const answering = {
  admin: {
    describe: async () => ({ brokerCount: 1, topics: [] }),
    watermarks: async (topic: string) =>
      topic === "away" ? new Promise(() => undefined) : [{ partition: 0, low: 0, end: 10 }],
    committed: async (group: string) => {
      if (group === "refused") throw new OperationError("MR_BROKER", "not authorised");
      return [{ partition: 0, offset: 4 }];
    },
  },
} as unknown as Broker;

async function ended(
  stages: readonly StageRunner[],
  options: { broker?: Broker; clock?: Clock; drainTimeoutMs?: number; forMs?: number } = {},
) {
  const told: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const at = (level: string) => (fields: Record<string, unknown>, message: string) =>
    void told.push({ level, fields, message });
  const logger = { ...silentLogger, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const { drainTimeoutMs = 10_000, broker = answering, clock: ownClock = clock, forMs = 20 } = options;
  const worker = new Worker({ stages, broker, clock: ownClock, logger, drainTimeoutMs, untilCaughtUp: false });
  const stop = new AbortController();
  const running = worker.run(stop.signal);
  setTimeout(() => stop.abort(new Error("stopped")), forMs);
  return { code: await running, told };
}

test("a run that is stopped ends with 1 when one of its stages was halted, and with 0 else", async () => {
  expect((await ended([startedStage("a", "running"), startedStage("b", "halted")])).code).toBe(1);
  expect((await ended([startedStage("a", "running"), startedStage("b", "running")])).code).toBe(0);
});

test("a process whose only stage waits for its topic to be made anew goes on", async () => {
  const waiting = startedStage("a", "halted");
  Object.assign(waiting, { awaitsTopic: true });
  const running = workerOf(waiting).run(AbortSignal.timeout(400));
  const first = await Promise.race([running, new Promise((resolve) => setTimeout(() => resolve("goes on"), 200))]);
  expect(first).toBe("goes on");
  // It has not, when it is stopped.
  expect(await running).toBe(1);
});

test("a drain that takes too long ends with 75 and says so", async () => {
  const stage = startedStage("a", "running");
  stage.drain = () => new Promise(() => undefined);
  const { code, told } = await ended([stage], { drainTimeoutMs: 300 });
  expect(code).toBe(75);
  expect(told.filter(({ level }) => level === "error").map(({ fields }) => fields["code"])).toEqual([
    "MR_DRAIN_TIMEOUT",
  ]);
});

test("a drain that no broker answers is not waited for: what is in hand is done again, and the stop is a clean one", async () => {
  const stage = startedStage("a", "running");
  stage.drain = () => new Promise(() => undefined);
  const away = { describe: () => new Promise(() => undefined), watermarks: async () => [], committed: async () => [] };
  const silentSinceMs = systemClock.monotonicMs() - 2_900;
  const { code, told } = await ended([stage], { broker: { admin: away, silentSinceMs } as unknown as Broker });
  expect(code).toBe(0);
  expect(told.filter(({ level }) => level === "warn")).toEqual([
    {
      level: "warn",
      fields: { code: "MR_BROKER" },
      message: "No broker answers; what was in hand is done again later.",
    },
  ]);
});

test("a stage that cannot be drained is told, and the others are drained all the same", async () => {
  const stage = startedStage("a", "running");
  stage.drain = () => Promise.reject(new OperationError("MR_BROKER", "the broker is away"));
  const { code, told } = await ended([stage, startedStage("b", "running")]);
  expect(code).toBe(0);
  expect(told.filter(({ level }) => level === "error").map(({ fields }) => fields)).toEqual([
    { stage: "a", code: "MR_BROKER", reason: "the broker is away" },
  ]);
});

test("a process that stood still for three seconds says so when it goes on, with how long, and once", async () => {
  for (const [skippedMs, warned] of [
    [3_500, true],
    [2_500, false],
  ] as const) {
    const stage = startedStage("a", "running");
    let [ticks, aheadMs] = [0, 0];
    stage.tick = () => {
      if (++ticks === 2) aheadMs += skippedMs;
    };
    const skipping = { ...clock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
    const { told } = await ended([stage], { clock: skipping, forMs: 300 });
    expect(ticks).toBeGreaterThan(2);
    const blocked = told.filter(({ fields }) => "blockedMs" in fields);
    expect(blocked.map(({ level }) => level)).toEqual(warned ? ["warn"] : []);
    for (const { fields } of blocked) expect(fields["blockedMs"]).toBeGreaterThanOrEqual(skippedMs);
  }
});

test("the last counts tell each stage's lag, and null where the cluster refuses or does not answer", async () => {
  const stages = ["a", "refused", "away"].map((name) => startedStage(name, "running"));
  const { told } = await ended(stages);
  const counts = told.filter(({ message }) => message === "Stage counts.").map(({ fields }) => fields);
  expect(counts).toMatchObject([
    { stage: "a", in: 3, out: 2, filtered: 1, lag: 6 },
    { stage: "refused", lag: null },
    { stage: "away", lag: null },
  ]);
});
