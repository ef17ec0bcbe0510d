import { expect, test } from "vitest";
import { eventsOf, landingMsOf, readFlights } from "../../../demo/flights.ts";
import { flightsOf } from "./fixture.ts";

test("a flight lands after 30 minutes, a minute per 7.5 miles, and its delay", () => {
  const departureMs = Date.parse("2001-02-01T08:00:00Z");
  // 750 miles are 100 minutes: 30 + 100 + 20 = 150 minutes.
  expect(new Date(landingMsOf(departureMs, 750, 20)).toISOString()).toBe("2001-02-01T10:30:00.000Z");
  // 867 miles are 115.6 minutes: 30 + 115.6 - 5 = 140 minutes and 36 seconds.
  expect(new Date(landingMsOf(departureMs, 867, -5)).toISOString()).toBe("2001-02-01T10:20:36.000Z");
});

const day = [
  // Lands at BOS at 10:30.
  { id: 1, departure: "2001-02-01T08:00:00Z", from: "ORD", to: "BOS", miles: 750, delay: 20 },
  // Lands at ORD at 09:00, half an hour after it left; nobody asked about DEN.
  { id: 2, departure: "2001-02-01T08:30:00Z", from: "DEN", to: "ORD", miles: 75, delay: -10 },
  // Lands at DEN at 10:40: only a label.
  { id: 3, departure: "2001-02-01T08:30:00Z", from: "ORD", to: "DEN", miles: 750, delay: 0 },
];

test("events are in the order they happen, and departures elsewhere are none", () => {
  const flights = flightsOf(day);
  const events = eventsOf(flights, ["ORD"]);
  const shown = Array.from(events.flight, (flight, i) => {
    const kind = events.isLanding[i] === 1 ? "lands" : "departs";
    return `${new Date(events.atMs[i]!).toISOString().slice(11, 16)} ${flights.flightIds[flight]} ${kind}`;
  });
  expect(shown).toEqual(["08:00 1 departs", "08:30 3 departs", "09:00 2 lands", "10:30 1 lands", "10:40 3 lands"]);
});

test("with all airports every departure is an event", () => {
  expect(eventsOf(flightsOf(day), "all").count).toBe(6);
});

test("flights are read as the file has them, numbered by row", async () => {
  const flights = await readFlights("all", 4);
  const lines = Array.from(flights.flightIds, (id, i) => {
    const at = new Date(flights.departureMs[i]!).toISOString().slice(0, 16);
    return `${id} ${at} ${flights.delays[i]} ${flights.distances[i]} ${flights.origins[i]} ${flights.destinations[i]}`;
  });
  expect(lines).toEqual([
    "0 2001-01-01T00:01 33 2176 LAS PHL",
    "1 2001-01-01T00:01 19 215 ATL SAV",
    "2 2001-01-01T00:01 14 405 MCI MDW",
    "3 2001-01-01T00:01 -13 2345 ANC LAX",
  ]);
});

test("two airports take their own flights out of the file, and each departure and landing once", async () => {
  const rows = 20_000;
  const every = await readFlights("all", rows);
  const two = await readFlights(["BOS", "LAX"], rows);
  const events = eventsOf(two, ["BOS", "LAX"]);
  const isOne = (airport: string | undefined): boolean => airport === "BOS" || airport === "LAX";
  let departs = 0;
  let concerned = 0;
  for (let i = 0; i < every.count; i++) {
    if (isOne(every.origins[i])) departs++;
    if (isOne(every.origins[i]) || isOne(every.destinations[i])) concerned++;
  }
  expect(departs).toBeGreaterThan(500);
  expect(two.count).toBe(concerned);
  expect(events.isLanding.reduce((sum, one) => sum + one, 0)).toBe(concerned);
  expect(events.count).toBe(concerned + departs);
  expect(events.atMs.every((at, i) => i === 0 || at >= events.atMs[i - 1]!)).toBe(true);
});
