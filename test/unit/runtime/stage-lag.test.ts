import { expect, test } from "vitest";
import type { ClusterAdmin } from "../../../src/runtime/index.ts";
import { lagsOf } from "../../../src/runtime/stage-lag.ts";
import type { StartPosition } from "../../../src/topology/index.ts";

const { signal } = new AbortController();

interface Scene {
  /** First and end offset of each partition. */
  readonly logs: readonly (readonly [low: number, end: number])[];
  /** By partition; partitions that are left out were not there when the group last committed. */
  readonly committed: readonly number[];
  readonly start?: StartPosition;
}

async function lag({ logs, committed, start = { kind: "earliest" } }: Scene): Promise<number> {
  const stage = { group: "shop.clean", from: { clusterName: "in" }, start } as Parameters<typeof lagsOf>[0];
  const admin: Pick<ClusterAdmin, "watermarks" | "committed"> = {
    watermarks: async () => logs.map(([low, end], partition) => ({ partition, low, end })),
    committed: async (group, topic) =>
      group === "shop.clean" && topic === "in" ? committed.map((offset, partition) => ({ partition, offset })) : [],
  };
  const lags = await lagsOf(stage, admin, signal);
  return lags.reduce((sum, { records }) => sum + records, 0);
}

test("what lies between the committed offset and the end is the lag, over all partitions", async () => {
  expect(
    await lag({
      logs: [
        [0, 10],
        [0, 20],
      ],
      committed: [7, 20],
    }),
  ).toBe(3);
  expect(
    await lag({
      logs: [
        [0, 10],
        [0, 20],
      ],
      committed: [7, 5],
    }),
  ).toBe(3 + 15);
});

test("a partition of which nothing is committed is behind by all that it holds", async () => {
  expect(await lag({ logs: [[4, 10]], committed: [-1] })).toBe(6);
  expect(
    await lag({
      logs: [
        [0, 10],
        [0, 3],
      ],
      committed: [10],
    }),
  ).toBe(3);
});

test("a stage that begins at the end owes nothing before it has begun", async () => {
  expect(await lag({ logs: [[0, 10]], committed: [-1], start: { kind: "latest" } })).toBe(0);
  expect(await lag({ logs: [[0, 10]], committed: [4], start: { kind: "latest" } })).toBe(6);
});

test("records that retention has deleted are owed by nobody", async () => {
  expect(await lag({ logs: [[8, 10]], committed: [2] })).toBe(2);
});

test("a committed offset beyond the end, of a topic that was made anew, is no negative lag", async () => {
  expect(
    await lag({
      logs: [
        [0, 2],
        [0, 10],
      ],
      committed: [50, 9],
    }),
  ).toBe(1);
});
