import { expect, test } from "vitest";
import { CatchUp, type WatchedStage } from "../../../src/app/catch-up.ts";
import type { ClusterAdmin } from "../../../src/runtime/index.ts";

const { signal } = new AbortController();

interface Scene {
  readonly status?: WatchedStage["status"];
  readonly tasks: readonly number[];
  /** What the group has committed, by partition; the input holds ten records in each. */
  readonly committed: readonly number[];
  readonly aliasExists?: boolean;
}

/** One stage of a single member, as `CatchUp` sees it. */
async function lookAt({ status = "running", tasks, committed, aliasExists = false }: Scene) {
  const planned = { name: "score", group: "g", from: { clusterName: "in", writers: [] }, infer: { model: "m" } };
  const stage = {
    stage: planned,
    status,
    haltReason: undefined,
    tasks,
    caughtUp: (ends: ReadonlyMap<number, number>) =>
      status === "running" && tasks.every((task) => committed[task]! >= (ends.get(task) ?? 0)),
  } as unknown as WatchedStage;
  const admin = {
    watermarks: async () => committed.map((_, partition) => ({ partition, low: 0, end: 10 })),
    committed: async () => committed.map((offset, partition) => ({ partition, offset })),
  } as unknown as ClusterAdmin;
  const watch = new CatchUp({ stages: [stage], admin, aliasExists: async () => aliasExists });
  await watch.begin(signal);
  return watch.look(signal);
}

test("a stage is done when its tasks are", async () => {
  expect(await lookAt({ tasks: [0, 1], committed: [10, 9] })).toBe("behind");
  expect(await lookAt({ tasks: [0, 1], committed: [10, 10] })).toBe("done");
});

// A run that was restarted after a crash ended with 0 before its group had given it anything.
test("a member that owns no task is done when the others are, and not before", async () => {
  expect(await lookAt({ tasks: [], committed: [3, -1] })).toBe("behind");
  expect(await lookAt({ tasks: [1], committed: [9, 10] })).toBe("behind");
  expect(await lookAt({ tasks: [1], committed: [10, 10] })).toBe("done");
});

// The alias is read a moment after the join: a run with a trained model ended as if it had none.
test("a stage that waits is blocked only while its alias does not exist", async () => {
  const waiting = { status: "waiting", tasks: [0], committed: [0] } as const;
  expect(await lookAt({ ...waiting, aliasExists: true })).toBe("behind");
  expect(await lookAt(waiting)).toMatchObject({ stage: "score", blockedBy: expect.stringContaining("millrace train") });
});
