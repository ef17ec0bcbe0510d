import { expect, test } from "vitest";
import { OperationError } from "../../../src/kernel/index.ts";
import { CatchUp, type WatchedStage } from "../../../src/runtime/catch-up.ts";
import type { ClusterAdmin } from "../../../src/runtime/index.ts";

const { signal } = new AbortController();

interface Scene {
  readonly status?: WatchedStage["status"];
  readonly tasks: readonly number[];
  /** What the group has committed, by partition, -2 where it knows of none; the input holds ten records in each. */
  readonly committed: readonly number[];
  readonly aliasExists?: boolean;
  /** First offset of each partition; default 0. */
  readonly low?: number;
}

/** One stage of a single member, as `CatchUp` sees it. */
async function lookAt({ status = "running", tasks, committed, aliasExists = false, low = 0 }: Scene) {
  const planned = { name: "score", group: "g", from: { clusterName: "in", writers: [] }, infer: { model: "m" } };
  const stage = {
    stage: planned,
    status,
    haltReason: status === "halted" ? new OperationError("MR_MODEL", "no such version") : undefined,
    tasks,
    caughtUp: (ends: ReadonlyMap<number, number>) =>
      status === "running" && tasks.every((task) => committed[task]! >= (ends.get(task) ?? 0)),
  } as unknown as WatchedStage;
  const admin = {
    watermarks: async () => committed.map((_, partition) => ({ partition, low, end: 10 })),
    committed: async () =>
      committed.map((offset, partition) => ({ partition, offset })).filter(({ offset }) => offset !== -2),
  } as unknown as ClusterAdmin;
  const watch = new CatchUp({ stages: [stage], admin, aliasExists: async () => aliasExists });
  await watch.begin(signal);
  return watch.look(signal);
}

test("a stage is done when its tasks are", async () => {
  expect(await lookAt({ tasks: [0, 1], committed: [10, 9] })).toBe("behind");
  expect(await lookAt({ tasks: [0, 1], committed: [10, 10] })).toEqual({ lacking: [] });
});

// A run that was restarted after a crash ended with 0 before its group had given it anything.
test("a member that owns no task is done when the others are, and not before", async () => {
  expect(await lookAt({ tasks: [], committed: [3, -1] })).toBe("behind");
  expect(await lookAt({ tasks: [1], committed: [9, 10] })).toBe("behind");
  expect(await lookAt({ tasks: [1], committed: [-2, 10] })).toBe("behind");
  expect(await lookAt({ tasks: [1], committed: [10, 10] })).toEqual({ lacking: [] });
});

test("a partition whose records retention has deleted has nothing left to be read", async () => {
  expect(await lookAt({ tasks: [], committed: [-1], low: 10 })).toEqual({ lacking: [] });
  expect(await lookAt({ tasks: [], committed: [-1], low: 9 })).toBe("behind");
});

// The alias is read a moment after the join: a run with a trained model ended as if it had none.
test("a stage that waits lacks its model only while the alias does not exist", async () => {
  const waiting = { status: "waiting", tasks: [0], committed: [0] } as const;
  expect(await lookAt({ ...waiting, aliasExists: true })).toBe("behind");
  expect(await lookAt(waiting)).toEqual({
    lacking: [{ stage: "score", code: "MR_MODEL_MISSING", blockedBy: "waiting for model m: run millrace train" }],
  });
});

test("a halted stage is told at once, with the code of its reason", async () => {
  expect(await lookAt({ status: "halted", tasks: [], committed: [0] })).toEqual({
    stage: "score",
    code: "MR_MODEL",
    blockedBy: "The stage is halted: no such version",
  });
});

/** ingest > score > report, and clean beside them; what each has committed of the ten records of its input. */
class Chain {
  readonly committed: Record<string, number> = { ingest: 0, clean: 0, score: 0, report: 0 };
  readonly statuses: Record<string, WatchedStage["status"]> = { score: "waiting" };
  aliasExists = false;
  aliasesAsked = 0;
  /** Last stable offset of every topic, each of which ends at 10. */
  stable = 10;
  readonly watch: CatchUp;

  constructor(reportModel?: string) {
    const stages = [
      this.#stage("report", ["score"], reportModel),
      this.#stage("score", ["ingest"], "m"),
      this.#stage("ingest", []),
      this.#stage("clean", []),
    ];
    const admin = {
      watermarks: async () => [{ partition: 0, low: 0, end: this.stable }],
      extent: async () => ({ low: 0, end: 10 }),
      committed: async () => [],
    } as unknown as ClusterAdmin;
    const aliasExists = async (): Promise<boolean> => {
      this.aliasesAsked++;
      return this.aliasExists;
    };
    this.watch = new CatchUp({ stages, admin, aliasExists });
  }

  #stage(name: string, writers: readonly string[], model?: string): WatchedStage {
    const chain = this;
    return {
      stage: { name, group: name, from: { clusterName: name, writers }, ...(model && { infer: { model } }) },
      get status() {
        return chain.statuses[name] ?? "running";
      },
      haltReason: undefined,
      tasks: [0],
      caughtUp: (ends: ReadonlyMap<number, number>) =>
        (chain.statuses[name] ?? "running") === "running" && (chain.committed[name] ?? 0) >= (ends.get(0) ?? 0),
    } as unknown as WatchedStage;
  }
}

// Producing a file, running until caught up and then training is how one begins: it ended at once with nothing read.
test("a stage that lacks its model is not waited for, and the others are finished first", async () => {
  const chain = new Chain();
  await chain.watch.begin(signal);
  expect(await chain.watch.look(signal)).toBe("behind");
  chain.committed["ingest"] = 10;
  expect(await chain.watch.look(signal)).toBe("behind");
  expect(chain.aliasesAsked, "aliases are not asked for while others are behind").toBe(0);
  chain.committed["clean"] = 10;
  expect(await chain.watch.look(signal), "the stage behind the one that waits has records of its own").toBe("behind");
  chain.committed["report"] = 10;
  expect(await chain.watch.look(signal)).toMatchObject({ lacking: [{ stage: "score" }] });
});

test("of two stages that lack their models one behind the other, both are told", async () => {
  const chain = new Chain("n");
  chain.statuses["report"] = "waiting";
  await chain.watch.begin(signal);
  Object.assign(chain.committed, { ingest: 10, clean: 10 });
  expect(await chain.watch.look(signal)).toMatchObject({
    lacking: [
      { stage: "report", blockedBy: "waiting for model n: run millrace train" },
      { stage: "score", blockedBy: "waiting for model m: run millrace train" },
    ],
  });
});

test("a model that appears while the others are worked off is waited for after all", async () => {
  const chain = new Chain();
  await chain.watch.begin(signal);
  Object.assign(chain.committed, { ingest: 10, clean: 10, report: 10 });
  chain.aliasExists = true;
  expect(await chain.watch.look(signal)).toBe("behind");
  chain.statuses["score"] = "running";
  expect(await chain.watch.look(signal)).toBe("behind");
  chain.committed["score"] = 10;
  // One look finds the stage done, the next the one behind it.
  await chain.watch.look(signal);
  expect(await chain.watch.look(signal)).toEqual({ lacking: [] });
});

// What ingest had committed was not to be seen yet, so that its reader was taken to be done with nothing read.
test("what a stage of this run has written is waited for before its transaction's marker is there", async () => {
  const chain = new Chain();
  chain.statuses["score"] = "running";
  await chain.watch.begin(signal);
  Object.assign(chain.committed, { ingest: 10, clean: 10, report: 10 });
  chain.stable = 0;
  // One look for each stage of the chain, and one more.
  for (let looks = 0; looks < 4; looks++) expect(await chain.watch.look(signal)).toBe("behind");
  chain.committed["score"] = 10;
  await chain.watch.look(signal);
  expect(await chain.watch.look(signal)).toEqual({ lacking: [] });
});

test("what others have not committed when a run begins is not waited for", async () => {
  const chain = new Chain();
  chain.statuses["score"] = "running";
  chain.stable = 4;
  await chain.watch.begin(signal);
  Object.assign(chain.committed, { ingest: 4, clean: 4, score: 10, report: 10 });
  for (let looks = 0; looks < 2; looks++) await chain.watch.look(signal);
  expect(await chain.watch.look(signal)).toEqual({ lacking: [] });
});
