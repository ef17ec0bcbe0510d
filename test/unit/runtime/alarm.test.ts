import { expect, test } from "vitest";
import { Alarm } from "../../../src/runtime/alarm.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { Cluster } from "./cluster.ts";
import { nextTurn, order, planOf, totalsStage } from "./fixture.ts";

async function passing(clock: FakeClock, ms: number): Promise<void> {
  for (let i = 0; i < ms; i++) {
    clock.advance(1);
    await nextTurn();
  }
}

test("one timer serves all who ask: it rings at the step at or after the earliest, and nothing is armed afterwards", async () => {
  const clock = new FakeClock(1_000);
  const rings: number[] = [];
  const alarm = new Alarm(clock, 20, (nowMs) => rings.push(nowMs));
  expect(clock.sleeping).toBe(0);
  for (let due = 1_101; due <= 1_120; due++) alarm.setFor(due);
  expect(clock.sleeping).toBe(1);
  await passing(clock, 300);
  expect([rings, clock.sleeping]).toEqual([[1_120], 0]);
  alarm.setFor(1_301);
  await passing(clock, 19);
  expect(rings).toEqual([1_120]);
  await passing(clock, 1);
  expect(rings).toEqual([1_120, 1_320]);
});

test("an earlier time than the one that is armed takes its place, a later one does not", async () => {
  const clock = new FakeClock(0);
  const rings: number[] = [];
  const alarm = new Alarm(clock, 1, (nowMs) => rings.push(nowMs));
  alarm.setFor(1_000);
  alarm.setFor(7);
  alarm.setFor(500);
  await nextTurn();
  expect(clock.sleeping).toBe(1);
  await passing(clock, 1_100);
  expect(rings).toEqual([7]);
});

test("a time that has passed already rings in the next turn, and a stopped alarm never", async () => {
  const clock = new FakeClock(50);
  const rings: number[] = [];
  const alarm = new Alarm(clock, 1, (nowMs) => rings.push(nowMs));
  alarm.setFor(10);
  await passing(clock, 1);
  expect(rings).toEqual([51]);
  alarm.setFor(60);
  alarm.stop();
  alarm.setFor(55);
  await passing(clock, 20);
  expect([rings, clock.sleeping]).toEqual([[51], 0]);
});

async function stageWith(everyMs: number): Promise<{ cluster: Cluster; clock: FakeClock }> {
  const cluster = new Cluster(totalsStage);
  const clock = new FakeClock(5);
  const plan = { ...planOf([totalsStage]), commit: { everyMs, records: 50, lingerMs: 5 } };
  const runner = await cluster.run({ clock, plan });
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  expect(runner.isReady).toBe(true);
  return { cluster, clock };
}

const committedIn = async (cluster: Cluster): Promise<number> =>
  (await cluster.committed(0)) + (await cluster.committed(1));

test("a stage commits every millisecond if it is told to, nobody has to tick it, and at rest it has no timer", async () => {
  const { cluster, clock } = await stageWith(1);
  expect(clock.sleeping).toBe(0);
  for (let sent = 1; sent <= 3; sent++) {
    await cluster.send([order(`a${sent}`)]);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect([await committedIn(cluster), clock.sleeping]).toEqual([sent - 1, 1]);
    await passing(clock, 1);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect([await committedIn(cluster), clock.sleeping]).toEqual([sent, 0]);
  }
  await cluster.close();
});

test("outputs are in the log before their offsets are due, and both tasks commit at one step", async () => {
  const { cluster, clock } = await stageWith(100);
  await cluster.send([order("a", { customer: "c1" })]);
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  await passing(clock, 7);
  await cluster.send([order("b", { customer: "c2" }), order("c", { customer: "c3" }), order("d", { customer: "c4" })]);
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  expect(await cluster.records("totals")).toHaveLength(4);
  expect(await committedIn(cluster)).toBe(0);
  expect(clock.sleeping).toBe(1);
  // Begun at 5 and 12 ms, due at 105 and 112: both at the step of 20 ms behind them.
  await passing(clock, 107);
  expect(await committedIn(cluster)).toBe(0);
  await passing(clock, 1);
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  expect([await committedIn(cluster), clock.sleeping]).toEqual([4, 0]);
  await cluster.close();
});
