/** Five events that are wrong in five ways, to show that each ends among the dead letters and stops nothing. */
import type { ErrorCode } from "../src/kernel/index.ts";
import { formatIsoTime, seededRng } from "../src/kernel/index.ts";
import { type FlightEvents, type Flights, februaryMs } from "./flights.ts";

export interface BrokenEvent {
  /** It is sent before the real event of this index. */
  readonly position: number;
  /** Key of the record. */
  readonly airport: string;
  readonly text: string;
  /** The code and the stage that its dead letter has to name. */
  readonly code: ErrorCode;
  readonly stage: string;
}

/** No flight has these ids: the file has three million rows. */
const flightIdFirst = 9_000_000_001;
const dayMs = 86_400_000;
/** Fewer have no middle to stand in. */
const januaryEventsMin = 20;
/** Earlier than its neighbours by more than `late.within` and by more than the longest window. */
const lateByMs = 3 * dayMs;

/** At what time the real event `position` happens, and where. */
interface Neighbour {
  readonly airport: string;
  readonly atMs: number;
}

const kinds: readonly {
  readonly code: ErrorCode;
  readonly stage: string;
  text(flightId: number, neighbour: Neighbour): string;
}[] = [
  {
    code: "MR_PARSE",
    stage: "ingest",
    text: (flightId, { airport }) => `{"kind":"departure","airport":"${airport}","flight_id":${flightId},`,
  },
  {
    code: "MR_REQUIRED",
    stage: "ingest",
    text: (_, { airport, atMs }) =>
      `{"kind":"landing","airport":"${airport}","at":"${formatIsoTime(atMs)}","delay":12}`,
  },
  {
    code: "MR_CAST",
    stage: "ingest",
    text: (flightId, { airport, atMs }) =>
      `{"kind":"landing","airport":"${airport}","at":"${formatIsoTime(atMs)}","flight_id":${flightId},"delay":"soon"}`,
  },
  {
    code: "MR_CAST",
    stage: "ingest",
    text: (flightId, { airport }) =>
      `{"kind":"landing","airport":"${airport}","at":"2101-01-15T08:00:00.000Z","flight_id":${flightId},"delay":3}`,
  },
  {
    code: "MR_LATE",
    stage: "features",
    text: (flightId, { airport, atMs }) =>
      `{"kind":"landing","airport":"${airport}","at":"${formatIsoTime(atMs - lateByMs)}","flight_id":${flightId},"delay":45}`,
  },
];

/**
 * The broken events, in the order they are sent, at places among January's events that only the seed decides.
 *
 * None can touch a real flight: their flight ids do not exist, and none of them reaches the features. They stand
 * in the middle of January's events, so that the late one has earlier neighbours of its partition before it.
 *
 * @throws Error when January has fewer than 20 events
 */
export function brokenEvents(flights: Flights, events: FlightEvents, seed: number): readonly BrokenEvent[] {
  const januaryCount = events.atMs.findIndex((atMs) => atMs >= februaryMs);
  const count = januaryCount === -1 ? events.count : januaryCount;
  if (count < januaryEventsMin) throw new Error(`breaking events: January has only ${count}`);
  const rng = seededRng(seed);
  const positions = new Set<number>();
  while (positions.size < kinds.length) positions.add(Math.floor(count * (0.25 + 0.5 * rng.uniform())));
  return [...positions]
    .map((position, i): BrokenEvent => {
      const kind = kinds[i] as (typeof kinds)[number];
      const flight = events.flight[position] as number;
      const places = events.isLanding[position] === 1 ? flights.destinations : flights.origins;
      const neighbour = { airport: places[flight] as string, atMs: events.atMs[position] as number };
      const text = kind.text(flightIdFirst + i, neighbour);
      return { position, airport: neighbour.airport, text, code: kind.code, stage: kind.stage };
    })
    .sort((a, b) => a.position - b.position);
}
