import { expect, test } from "vitest";
import type { Clock } from "../../../src/kernel/index.ts";
import { type ReadyStage, readinessOf } from "../../../src/runtime/readiness.ts";

const clock: Clock = { now: () => 0, monotonicMs: () => 100_000, sleep: async () => undefined };

function stage(name: string, more: Partial<ReadyStage> = {}): ReadyStage {
  return { stage: { name }, status: "running", isReady: true, haltReason: undefined, troubles: [], ...more };
}

function said(stages: readonly ReadyStage[], silentSinceMs?: number): string[] {
  return readinessOf(stages, { silentSinceMs }, clock).map(
    ({ name, isWell, state }) => `${isWell ? "+" : "-"} ${name}: ${state}`,
  );
}

test("a cluster of which no broker has answered counts as unreachable after 30 s, and not before", () => {
  expect(said([])).toEqual(["+ cluster: answers"]);
  expect(said([], 70_001)).toEqual(["+ cluster: answers"]);
  expect(said([], 70_000)).toEqual(["- cluster: no broker has answered for 30 s"]);
});

test("each stage says what it waits for, and why it is halted", () => {
  const stages = [
    stage("a"),
    stage("b", { status: "waiting" }),
    stage("c", { isReady: false }),
    stage("d", { status: "starting", isReady: false }),
    stage("e", { status: "halted", isReady: false, haltReason: new Error("topic x was deleted") }),
  ];
  expect(said(stages).slice(1)).toEqual([
    "+ stage a: running",
    "+ stage b: waiting for its model",
    "- stage c: waiting for its partitions",
    "- stage d: starting",
    "- stage e: halted: topic x was deleted",
  ]);
});

test("a task in trouble makes the process unready, with its reason", () => {
  const troubled = stage("a", { troubles: [{ what: "task 7", reason: "it could not be reopened for 30 s" }] });
  expect(said([troubled]).slice(1)).toEqual([
    "+ stage a: running",
    "- stage a task 7: it could not be reopened for 30 s",
  ]);
});
