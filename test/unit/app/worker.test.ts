import { expect, test } from "vitest";
import { systemClock } from "../../../src/adapters/node/index.ts";
import { Worker } from "../../../src/app/worker.ts";
import { OperationError, silentLogger } from "../../../src/kernel/index.ts";
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
