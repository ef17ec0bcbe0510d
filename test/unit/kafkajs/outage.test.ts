import { expect, test } from "vitest";
import { Outage } from "../../../src/adapters/kafkajs/outage.ts";
import { FakeClock } from "../../../src/testing/index.ts";

function watched() {
  const clock = new FakeClock(1_700_000_000_000);
  const said: number[] = [];
  const startMs = clock.now();
  const outage = new Outage(clock, () => said.push(clock.now() - startMs));
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await Promise.resolve();
    await Promise.resolve();
  };
  return { clock, outage, said, pass };
}

test("a cluster that does not answer is told once, after two seconds, however often it is asked", async () => {
  const { outage, said, pass } = watched();
  for (let i = 0; i < 60; i++) {
    outage.asking();
    await pass(100);
  }
  expect(said).toEqual([2_000]);
});

test("an answer in time leaves nothing to tell and nothing asleep, and the next outage is told anew", async () => {
  const { clock, outage, said, pass } = watched();
  outage.asking();
  await pass(1_999);
  outage.answered();
  expect(clock.sleeping).toBe(0);
  await pass(10_000);
  expect(said).toEqual([]);
  for (let outages = 0; outages < 2; outages++) {
    outage.asking();
    await pass(2_000);
    outage.answered();
  }
  expect(said).toEqual([13_999, 15_999]);
});

test("a client that is closed tells nothing, also when something still asks", async () => {
  const { clock, outage, said, pass } = watched();
  outage.asking();
  outage.close();
  outage.asking();
  expect(clock.sleeping).toBe(0);
  await pass(5_000);
  expect(said).toEqual([]);
});
