/**
 * The flights of January and February 2001 as events at airports, from the `vega-datasets` package.
 *
 * Each row is one flight: scheduled departure (the file's `date`), delay, distance, origin, destination. A
 * departure happens at its origin at `date`. The file has no landing times, so a rule makes them:
 * landing = scheduled departure + 30 min + distance / 7.5 miles per minute + delay.
 * Flight id = row number in the file.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { decompress } from "fzstd";
import { asyncBufferFromFile, parquetRead } from "hyparquet";

export const largeAirports = ["ORD", "ATL", "DFW", "LAX", "BOS"] as const;
export const januaryMs = Date.UTC(2001, 0, 1);
export const februaryMs = Date.UTC(2001, 1, 1);
export const marchMs = Date.UTC(2001, 2, 1);

const minuteMs = 60_000;
const climbAndDescentMin = 30;
const milesPerMinute = 7.5;
/** The file is in time order; these rows hold January and February and a little of March. */
const rowsRead = 4 * 272_727;

/** Flights side by side, so that a million of them cost columns and not objects. */
export interface Flights {
  readonly count: number;
  readonly flightIds: Float64Array;
  readonly departureMs: Float64Array;
  readonly landingMs: Float64Array;
  readonly delays: Float64Array;
  readonly distances: Float64Array;
  readonly origins: readonly string[];
  readonly destinations: readonly string[];
}

/** One thing that happens: entry `flight` of the columns departs or lands. */
export interface FlightEvents {
  readonly count: number;
  readonly flight: Int32Array;
  /** 1 for a landing, 0 for a departure. */
  readonly isLanding: Uint8Array;
  readonly atMs: Float64Array;
}

/** Reads the flights that depart in January or February 2001 and concern one of the airports ("all" takes every one). */
export async function readFlights(airports: readonly string[] | "all"): Promise<Flights> {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const file = await asyncBufferFromFile(join(dirname(entry), "../data/flights-3m.parquet"));
  const flightIds: number[] = [];
  const departureMs: number[] = [];
  const landingMs: number[] = [];
  const delays: number[] = [];
  const distances: number[] = [];
  const origins: string[] = [];
  const destinations: string[] = [];
  const chosen = airports === "all" ? undefined : new Set(airports);

  for (let rowStart = 0; rowStart < rowsRead; rowStart += 272_727) {
    const columns = new Map<string, ArrayLike<unknown>>();
    await parquetRead({
      file,
      columns: ["date", "delay", "distance", "origin", "destination"],
      rowStart,
      rowEnd: rowStart + 272_727,
      compressors: { ZSTD: (input, outputLength) => decompress(input, new Uint8Array(outputLength)) },
      onChunk: () => undefined,
      onComplete: (rows) => {
        columns.set("rows", rows as unknown[]);
      },
    });
    const rows = (columns.get("rows") ?? []) as unknown[][];
    for (let i = 0; i < rows.length; i++) {
      const [date, delay, distance, origin, destination] = rows[i] as [Date, bigint, bigint, string, string];
      const at = date.getTime();
      if (at < januaryMs || at >= marchMs) continue;
      if (chosen !== undefined && !chosen.has(origin) && !chosen.has(destination)) continue;
      const late = Number(delay);
      const miles = Number(distance);
      flightIds.push(rowStart + i);
      departureMs.push(at);
      landingMs.push(at + Math.round((climbAndDescentMin + miles / milesPerMinute + late) * minuteMs));
      delays.push(late);
      distances.push(miles);
      origins.push(origin);
      destinations.push(destination);
    }
  }
  return {
    count: flightIds.length,
    flightIds: Float64Array.from(flightIds),
    departureMs: Float64Array.from(departureMs),
    landingMs: Float64Array.from(landingMs),
    delays: Float64Array.from(delays),
    distances: Float64Array.from(distances),
    origins,
    destinations,
  };
}

/**
 * The events of the flights in the order they happen: departures from the airports, landings at them, and the
 * landings elsewhere of flights that left them (those are only labels).
 */
export function eventsOf(flights: Flights, airports: readonly string[] | "all"): FlightEvents {
  const chosen = airports === "all" ? undefined : new Set(airports);
  const isChosen = (airport: string | undefined): boolean => chosen === undefined || chosen.has(airport ?? "");
  const flight: number[] = [];
  const landing: number[] = [];
  const at: number[] = [];
  for (let i = 0; i < flights.count; i++) {
    if (isChosen(flights.origins[i])) {
      flight.push(i);
      landing.push(0);
      at.push(flights.departureMs[i] as number);
    }
    flight.push(i);
    landing.push(1);
    at.push(flights.landingMs[i] as number);
  }
  const order = Uint32Array.from(at.keys());
  order.sort((a, b) => (at[a] as number) - (at[b] as number) || a - b);
  return {
    count: order.length,
    flight: Int32Array.from(order, (k) => flight[k] as number),
    isLanding: Uint8Array.from(order, (k) => landing[k] as number),
    atMs: Float64Array.from(order, (k) => at[k] as number),
  };
}
