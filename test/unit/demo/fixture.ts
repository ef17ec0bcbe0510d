import type { FlightEvents, Flights } from "../../../demo/flights.ts";
import { landingMsOf } from "../../../demo/flights.ts";

export interface FlightLine {
  readonly id: number;
  readonly departure: string;
  readonly from: string;
  readonly to: string;
  readonly miles: number;
  readonly delay: number;
}

/** Flights as the reader of the file would give them. */
export function flightsOf(lines: readonly FlightLine[]): Flights {
  const departureMs = Float64Array.from(lines, ({ departure }) => Date.parse(departure));
  return {
    count: lines.length,
    flightIds: Float64Array.from(lines, ({ id }) => id),
    departureMs,
    landingMs: Float64Array.from(lines, ({ miles, delay }, i) => landingMsOf(departureMs[i]!, miles, delay)),
    delays: Float64Array.from(lines, ({ delay }) => delay),
    distances: Float64Array.from(lines, ({ miles }) => miles),
    origins: lines.map(({ from }) => from),
    destinations: lines.map(({ to }) => to),
  };
}

/** `count` departures from ORD, one a minute from the first of January on, none of which lands here. */
export function departures(count: number): { readonly flights: Flights; readonly events: FlightEvents } {
  const lines = Array.from({ length: count }, (_, i) => ({
    id: i,
    departure: new Date(Date.UTC(2001, 0, 1) + i * 60_000).toISOString(),
    from: "ORD",
    to: "BOS",
    miles: 867,
    delay: 0,
  }));
  const flights = flightsOf(lines);
  return {
    flights,
    events: {
      count,
      flight: Int32Array.from(lines.keys()),
      isLanding: new Uint8Array(count),
      atMs: flights.departureMs,
    },
  };
}
