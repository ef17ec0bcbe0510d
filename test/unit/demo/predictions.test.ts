import { expect, test } from "vitest";
import { createScores, joinScores, lateShareOfWorst, predictionLines, qualityOf } from "../../../demo/predictions.ts";
import { flightsOf } from "./fixture.ts";

const flights = flightsOf([
  { id: 3, departure: "2001-02-01T08:00:00Z", from: "ORD", to: "BOS", miles: 750, delay: 16 },
  { id: 5, departure: "2001-02-01T08:00:00Z", from: "DEN", to: "ORD", miles: 750, delay: 90 },
  { id: 9, departure: "2001-02-01T08:00:00Z", from: "ORD", to: "DEN", miles: 750, delay: 15 },
]);
const fromOrd = (index: number): boolean => flights.origins[index] === "ORD";

test("a prediction that comes again is a copy; of another event it is a mistake", () => {
  const scores = createScores();
  scores.add({ event_id: "inbox-0-1", flight_id: 3, score: 0.25 });
  scores.add({ event_id: "inbox-0-2", flight_id: 9, score: 0.5 });
  scores.add({ event_id: "inbox-0-1", flight_id: 3, score: 0.75 });
  expect([...scores.byFlight]).toEqual([
    [3, 0.25],
    [9, 0.5],
  ]);
  expect(() => scores.add({ event_id: "inbox-0-7", flight_id: 9, score: 0.5 })).toThrow(
    "flight 9 was scored for two events",
  );
});

test("flights are joined by their ids; more than 15 minutes are late", () => {
  const keyed = new Map([
    [9, 0.5],
    [3, 0.25],
  ]);
  const calendar = new Map([
    [3, 0.125],
    [9, 1],
  ]);
  expect(predictionLines(joinScores(flights, fromOrd, keyed, calendar))).toBe(
    '{"flight_id":3,"late":true,"score_keyed":0.25,"score_calendar":0.125}\n' +
      '{"flight_id":9,"late":false,"score_keyed":0.5,"score_calendar":1}\n',
  );
});

test("a flight that was not scored, or one too many, ends the demo", () => {
  const both = new Map([
    [3, 0.1],
    [9, 0.1],
  ]);
  const wrong = new Map([
    [3, 0.1],
    [5, 0.1],
  ]);
  expect(() => joinScores(flights, fromOrd, both, new Map([[3, 0.1]]))).toThrow(
    "2 flights depart, the calendar model scored 1",
  );
  expect(() => joinScores(flights, fromOrd, wrong, both)).toThrow("the keyed model did not score 9");
});

test("the worst tenth of twenty flights is two, and equal scores go by their order", () => {
  const scores = Float64Array.from({ length: 20 }, (_, i) => (i === 7 ? 0.9 : i >= 10 ? 0.5 : 0.1));
  const late = Float64Array.from({ length: 20 }, (_, i) => (i === 7 || i === 11 ? 1 : 0));
  // Flight 7, then flight 10 before flight 11: one of two.
  expect(lateShareOfWorst(scores, late, 0.1)).toBe(0.5);
  // Flights 7, 10 and 11: two of three.
  expect(lateShareOfWorst(scores, late, 0.15)).toBeCloseTo(2 / 3, 12);
  expect(lateShareOfWorst(scores, late, 1)).toBe(0.1);
});

test("fewer than ten flights still have a worst one", () => {
  expect(lateShareOfWorst(Float64Array.of(0.1, 0.8, 0.3), Float64Array.of(0, 1, 0), 0.1)).toBe(1);
});

test("quality is measured on both models and on all flights", () => {
  const quality = qualityOf({
    flightIds: Float64Array.of(1, 2, 3, 4),
    late: Float64Array.of(1, 0, 1, 0),
    // Of the four pairs of a late and another flight, all four are in order.
    scoresKeyed: Float64Array.of(0.9, 0.2, 0.8, 0.1),
    // Two of the four are in order: 0.9 is above 0.5 and 0.4, 0.1 above neither.
    scoresCalendar: Float64Array.of(0.9, 0.5, 0.1, 0.4),
  });
  expect(quality).toEqual({
    aucKeyed: 1,
    aucCalendar: 0.5,
    lateShare: 0.5,
    lateShareWorstKeyed: 1,
    lateShareWorstCalendar: 1,
  });
});
