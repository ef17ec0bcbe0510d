/** The drift of the demo: from a moment on, long flights meet a headwind. */
import { type Flights, landingMsOf } from "../flights.ts";

/** Miles from which on a flight meets it. */
const longFromMiles = 800;
/** What it costs, in minutes: enough to be late by itself. */
const headwindMin = 30;
/** Of the short flights, so many leave one. */
const moreEvery = 3;

/**
 * The same flights, but from `fromMs` on long ones take half an hour longer, and two of three short ones do not leave at
 * all, because their aircraft are still on their way. So both what is seen of a flight changes, and what follows from it.
 */
export function withHeadwind(flights: Flights, fromMs: number): Flights {
  const isLong = (i: number): boolean => (flights.distances[i] as number) >= longFromMiles;
  const isHit = (i: number): boolean => (flights.departureMs[i] as number) >= fromMs;
  const kept = Array.from(flights.flightIds.keys()).filter(
    (i) => !isHit(i) || isLong(i) || (flights.flightIds[i] as number) % moreEvery === 0,
  );
  const delays = Float64Array.from(
    kept,
    (i) => (flights.delays[i] as number) + (isHit(i) && isLong(i) ? headwindMin : 0),
  );
  const pick = (column: Float64Array): Float64Array => Float64Array.from(kept, (i) => column[i] as number);
  const departureMs = pick(flights.departureMs);
  const distances = pick(flights.distances);
  return {
    count: kept.length,
    flightIds: pick(flights.flightIds),
    departureMs,
    distances,
    delays,
    landingMs: Float64Array.from(delays, (delay, i) =>
      landingMsOf(departureMs[i] as number, distances[i] as number, delay),
    ),
    origins: kept.map((i) => flights.origins[i] as string),
    destinations: kept.map((i) => flights.destinations[i] as string),
  };
}
