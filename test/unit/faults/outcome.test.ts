import { expect, test } from "vitest";
import type { ReconciledPartition, Reconciliation } from "../../../src/app/reconcile.ts";
import { seededRng } from "../../../src/kernel/index.ts";
import { readFlags } from "../../faults/asked.ts";
import { type DisturbanceKind, planDisturbances } from "../../faults/disturbances.ts";
import { behindLeader } from "../../faults/move-leaders.ts";
import { lastLine, type Outcome, shortcomings } from "../../faults/outcome.ts";
import { backlogLines, isWorkedOff, type StageProgress, untilWorkedOff } from "../../faults/progress.ts";
import { accountLines } from "../../faults/verdict.ts";

const run = { delivery: "exactly-once", kills: 3 } as const;
const done = new Map<DisturbanceKind, number>([
  ["kill", 2],
  ["kill-in-commit", 1],
  ["move", 4],
  ["freeze", 5],
  ["broker-freeze", 6],
  ["cut", 7],
]);
const verdict = { records: 1_500, lost: 0, duplicates: 0, wrong: 0, found: [], copies: [] };
const good: Outcome = { verdict, done, missed: 0, accounts: [], deaths: [] };

test("the last line counts what happened, and a good run has no shortcoming", () => {
  expect(lastLine(run, good)).toBe(
    "mode exactly-once records 1500 lost 0 duplicates 0 kills 3 in-commit 1 moves 4 freezes 11",
  );
  expect(shortcomings(run, good)).toEqual([]);
});

test.each<[string, Partial<Outcome>]>([
  ["1 records are lost", { verdict: { ...verdict, lost: 1 } }],
  ["1 records are there more than once", { verdict: { ...verdict, duplicates: 1 } }],
  ["1 rows are not what their input makes them", { verdict: { ...verdict, wrong: 1 } }],
  ["only 1499 records for 3 kills", { verdict: { ...verdict, records: 1_499 } }],
  ["1 disturbances did not happen", { missed: 1 }],
  ["account: ingest 0: 3 is not 4", { accounts: ["account: ingest 0: 3 is not 4"] }],
  ["worker-1 ended with 1", { deaths: ["worker-1 ended with 1"] }],
])("a run does not pass when %s", (reason, changed) => {
  expect(shortcomings(run, { ...good, ...changed })).toEqual([reason]);
});

test("a third of the kills are in a commit, and 200 kills bring 60 moves and ten of what is rare", () => {
  const counts = new Map<DisturbanceKind, number>();
  for (const { kind } of planDisturbances(seededRng(3), 200)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  expect(Object.fromEntries(counts)).toEqual({
    kill: 134,
    "kill-in-commit": 66,
    freeze: 10,
    cut: 20,
    "lose-answer": 20,
    move: 60,
    "broker-kill": 10,
    "broker-freeze": 10,
    rescale: 10,
  });
  expect(planDisturbances(seededRng(3), 20)).toEqual(planDisturbances(seededRng(3), 20));
  expect(planDisturbances(seededRng(4), 20)).not.toEqual(planDisturbances(seededRng(3), 20));
});

test("accounts have to be whole, and agree with the recount", () => {
  const counts = { in: 5, out: 5, filtered: 0, late: 0, deadLetters: 0 };
  const counted = { range: { from: 0, to: 5, counts }, recount: { counts, repeats: 0 } };
  const one = { stage: "ingest", partition: 0, counted, lacking: undefined, differences: [] };
  const lines = (partition: Partial<ReconciledPartition>, strays: Reconciliation["strays"] = []): string[] =>
    accountLines({ partitions: [{ ...one, ...partition }], strays });
  expect(lines({})).toEqual([]);
  expect(lines({ differences: ["out is 4"] })).toEqual(["account: ingest 0: out is 4"]);
  expect(lines({ counted: undefined, lacking: "no account" })).toEqual([
    "account: ingest 0 was not counted: no account",
  ]);
  expect(lines({ counted: { ...counted, range: { ...counted.range, from: 2 } } })).toEqual([
    "account: ingest 0 was counted from 2 only",
  ]);
  expect(lines({}, [{ stage: "ingest", topic: "sales", count: 3 }])).toEqual([
    "account: 3 outputs in sales come from no record",
  ]);
});

test("the next leader is another replica, wherever the leader stands", () => {
  expect(behindLeader([1, 2, 3], 1)).toEqual([2, 3, 1]);
  expect(behindLeader([1, 2, 3], 2)).toEqual([3, 1, 2]);
  expect(behindLeader([1, 2, 3], 3)).toEqual([1, 2, 3]);
  expect(behindLeader([1, 2, 3], -1)).toEqual([1, 2, 3]);
});

test("the flags name one run or several, and are refused with what they take", () => {
  expect(readFlags(["--seed", "7", "--kills", "5"])).toMatchObject({
    seed: 7,
    runs: [{ delivery: "exactly-once", kills: 5 }],
    worker: "millrace",
    transactionVersion: undefined,
  });
  expect(readFlags(["--kills", "5", "--mode", "at-least-once", "--kills", "2", "--mode", "exactly-once"]).runs).toEqual(
    [
      { delivery: "at-least-once", kills: 5 },
      { delivery: "exactly-once", kills: 2 },
    ],
  );
  expect(readFlags(["--transaction-version", "0", "--worker", "naive"])).toMatchObject({
    worker: "naive",
    transactionVersion: 0,
  });
  expect(() => readFlags(["--mode", "at-most-once"])).toThrow("--mode: one of exactly-once, at-least-once");
  expect(() => readFlags(["--kills", "0"])).toThrow("--kills: a whole number of at least 1, not 0");
  expect(() => readFlags(["--kills", "1", "--kills", "2"])).toThrow("--mode and --kills: as many");
  expect(() => readFlags(["--transaction-version", "3"])).toThrow("--transaction-version: one of 0, 1, 2, not 3");
});

const stage = (committed: number | undefined, end = 10): StageProgress[] => [
  { stage: "one", partitions: [{ partition: 0, end, committed }] },
];

/** Looks at these one after the other, a minute apart, and at the last for ever. */
async function waitedFor(...looks: StageProgress[][]) {
  let [asked, minutes] = [0, 0];
  const still = await untilWorkedOff({
    look: async () => looks[Math.min(asked++, looks.length - 1)] ?? [],
    pause: async () => minutes++,
    monotonicMs: () => minutes * 60_000,
    stillMsMax: 120_000,
  });
  return { still, minutes };
}

test("a chain that moves is waited for, however slow it is", async () => {
  const slow = Array.from({ length: 11 }, (_, i) => [stage(i), stage(i)]).flat();
  expect(await waitedFor(...slow)).toEqual({ still: undefined, minutes: 20 });
});

test("a chain in which nothing moves for longer than that is told", async () => {
  expect(await waitedFor(stage(1), stage(2))).toEqual({ still: stage(2), minutes: 4 });
});

test("a stage is done where its offset is the end: nothing committed of an empty partition is not", () => {
  expect([isWorkedOff(stage(10)), isWorkedOff(stage(9)), isWorkedOff(stage(11))]).toEqual([true, false, false]);
  expect(backlogLines([...stage(9), ...stage(10)])).toEqual(["one: partition 0 at 9 of 10", "one: done"]);
});
