import { expect, test } from "vitest";
import { brokenEvents } from "../../../demo/broken-events.ts";
import { departures } from "./fixture.ts";

const { flights, events } = departures(1_000);

test("the same seed breaks the same events in the same places, another seed elsewhere", () => {
  const once = brokenEvents(flights, events, 7);
  expect(brokenEvents(flights, events, 7)).toEqual(once);
  const places = (seed: number): number[] => brokenEvents(flights, events, seed).map(({ position }) => position);
  expect(places(8)).not.toEqual(places(7));
});

test("each way of being broken comes once, in the order of the places, in the middle half of January", () => {
  const broken = brokenEvents(flights, events, 2001);
  expect(broken.map(({ code, stage }) => `${stage} ${code}`).sort()).toEqual([
    "features MR_LATE",
    "ingest MR_CAST",
    "ingest MR_CAST",
    "ingest MR_PARSE",
    "ingest MR_REQUIRED",
  ]);
  const positions = broken.map(({ position }) => position);
  expect([...positions].sort((a, b) => a - b)).toEqual(positions);
  expect(new Set(positions).size).toBe(5);
  expect(Math.min(...positions)).toBeGreaterThanOrEqual(250);
  expect(Math.max(...positions)).toBeLessThan(750);
});

test("no broken event names a flight that exists", () => {
  for (const { text } of brokenEvents(flights, events, 2001)) {
    const flightId = /"flight_id":(\d+)/.exec(text)?.[1];
    if (flightId !== undefined) expect(Number(flightId)).toBeGreaterThan(3_000_000);
  }
});

test("the late one is three days older than the event it is sent before, at the same airport", () => {
  const late = brokenEvents(flights, events, 2001).find(({ code }) => code === "MR_LATE")!;
  const value = JSON.parse(late.text) as { airport: string; at: string };
  expect(Date.parse(value.at)).toBe(events.atMs[late.position]! - 3 * 86_400_000);
  expect(value.airport).toBe("ORD");
  expect(late.airport).toBe("ORD");
});

test("events of February keep theirs", () => {
  const moved = { ...events, atMs: events.atMs.map((at, i) => (i < 100 ? at : at + 40 * 86_400_000)) };
  expect(brokenEvents(flights, moved, 3).every(({ position }) => position < 100)).toBe(true);
});
