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
import { type AsyncBuffer, asyncBufferFromFile, parquetRead } from "hyparquet";

export const largeAirports = ["ORD", "ATL", "DFW", "LAX", "BOS"] as const;
const januaryMs = Date.UTC(2001, 0, 1);
export const februaryMs = Date.UTC(2001, 1, 1);
const marchMs = Date.UTC(2001, 2, 1);

const minuteMs = 60_000;
const climbAndDescentMin = 30;
const milesPerMinute = 7.5;
const rowsPerGroup = 272_727;
/** The file is in time order; these rows hold January and February and a little of March. */
const rowsRead = 4 * rowsPerGroup;

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

/**
 * Reads the flights that depart in January or February 2001 and concern one of the airports ("all" takes every one).
 *
 * @param rows how many rows of the file are read, from its first
 */
export async function readFlights(airports: readonly string[] | "all", rows = rowsRead): Promise<Flights> {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const file = await asyncBufferFromFile(join(dirname(entry), "../data/flights-3m.parquet"));
  const builder = new FlightsBuilder(airports);
  for (let rowStart = 0; rowStart < rows; rowStart += rowsPerGroup) {
    const columns = await readColumns(file, rowStart);
    builder.addRows(rowStart, Math.min(rowsPerGroup, rows - rowStart), columns);
  }
  return builder.finish();
}

interface Columns {
  readonly date: ArrayLike<number>;
  readonly delay: ArrayLike<bigint>;
  readonly distance: ArrayLike<bigint>;
  readonly origin: ArrayLike<string>;
  readonly destination: ArrayLike<string>;
}

/** A row group, column by column: rows would be an array each. */
async function readColumns(file: AsyncBuffer, rowStart: number): Promise<Columns> {
  const columns = new Map<string, ArrayLike<unknown>>();
  await parquetRead({
    file,
    columns: ["date", "delay", "distance", "origin", "destination"],
    rowStart,
    rowEnd: rowStart + rowsPerGroup,
    compressors: { ZSTD: (input, outputLength) => decompress(input, new Uint8Array(outputLength)) },
    parsers: {
      timestampFromMilliseconds: (ms) => Number(ms),
      timestampFromMicroseconds: (us) => Number(us / 1000n),
      timestampFromNanoseconds: (ns) => Number(ns / 1_000_000n),
    },
    // One chunk per column: a read stays inside a row group.
    onChunk: ({ columnName, columnData }) => columns.set(columnName, columnData),
  });
  for (const [name, { length }] of columns) {
    if (length !== rowsPerGroup) throw new Error(`reading flights: column ${name} came with ${length} rows`);
  }
  return Object.fromEntries(columns) as unknown as Columns;
}

class FlightsBuilder {
  readonly #chosen: ReadonlySet<string> | undefined;
  readonly #flightIds: number[] = [];
  readonly #departureMs: number[] = [];
  readonly #landingMs: number[] = [];
  readonly #delays: number[] = [];
  readonly #distances: number[] = [];
  readonly #origins: string[] = [];
  readonly #destinations: string[] = [];

  constructor(airports: readonly string[] | "all") {
    this.#chosen = airports === "all" ? undefined : new Set(airports);
  }

  addRows(rowStart: number, count: number, columns: Columns): void {
    for (let i = 0; i < count; i++) {
      const at = columns.date[i] as number;
      if (at < januaryMs || at >= marchMs) continue;
      const origin = columns.origin[i] as string;
      const destination = columns.destination[i] as string;
      if (this.#chosen !== undefined && !this.#chosen.has(origin) && !this.#chosen.has(destination)) continue;
      const delay = Number(columns.delay[i]);
      const distance = Number(columns.distance[i]);
      this.#flightIds.push(rowStart + i);
      this.#departureMs.push(at);
      this.#landingMs.push(landingMsOf(at, distance, delay));
      this.#delays.push(delay);
      this.#distances.push(distance);
      this.#origins.push(origin);
      this.#destinations.push(destination);
    }
  }

  finish(): Flights {
    return {
      count: this.#flightIds.length,
      flightIds: Float64Array.from(this.#flightIds),
      departureMs: Float64Array.from(this.#departureMs),
      landingMs: Float64Array.from(this.#landingMs),
      delays: Float64Array.from(this.#delays),
      distances: Float64Array.from(this.#distances),
      origins: this.#origins,
      destinations: this.#destinations,
    };
  }
}

/** The rule that makes landing times. @param distance miles @param delay minutes, negative when early */
export function landingMsOf(departureMs: number, distance: number, delay: number): number {
  return departureMs + Math.round((climbAndDescentMin + distance / milesPerMinute + delay) * minuteMs);
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
