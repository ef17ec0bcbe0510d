/** Sends events of flights to the inbox as JSON text, keyed by airport, in large appends. */
import { formatIsoTime, type RecordOut } from "../src/kernel/index.ts";
import type { Broker } from "../src/runtime/index.ts";
import { partitionOf } from "../src/wire/index.ts";
import type { BrokenEvent } from "./broken-events.ts";
import type { FlightEvents, Flights } from "./flights.ts";

/** Records per append: a few batches per partition. */
const appendRecordsMax = 4_000;
/** Records that the stages may be behind, all together: what is sent waits in memory until it is computed. */
const lagRecordsMax = 60_000;

/** Where events go, and who works them off. */
export interface FeedTarget {
  readonly broker: Pick<Broker, "append">;
  readonly inbox: { readonly topic: string; readonly partitions: number };
  /** Waits while the stages together are further behind than this many records. */
  untilLagAtMost(records: number, signal: AbortSignal): Promise<void>;
}

export interface FeedOptions {
  readonly target: FeedTarget;
  readonly flights: Flights;
  readonly events: FlightEvents;
  /** In the order of their positions. */
  readonly broken: readonly BrokenEvent[];
  /** Events `from` to before `to`, and the broken ones in between. */
  readonly from: number;
  readonly to: number;
  /** Wall clock: Kafka's timestamp is the time of writing. */
  readonly now: () => number;
  readonly progress: (done: number, total: number) => void;
}

/** Sends a range of the events, never further ahead of the stages than the limit. @returns records sent */
export async function feed(options: FeedOptions, signal: AbortSignal): Promise<number> {
  const { target, flights, events, broken, from, to, now, progress } = options;
  const { topic, partitions } = target.inbox;
  const keyOf = keysOf(partitions);
  let batch: RecordOut[] = [];
  let sent = 0;
  const add = (airport: string, text: string, timestampMs: number): void => {
    const { key, partition } = keyOf(airport);
    batch.push({ topic, partition, timestampMs, key, value: Buffer.from(text) });
  };
  const flush = async (): Promise<void> => {
    await target.broker.append(batch, signal);
    sent += batch.length;
    batch = [];
    await target.untilLagAtMost(lagRecordsMax, signal);
  };
  let brokenNext = broken.findIndex(({ position }) => position >= from);
  if (brokenNext === -1) brokenNext = broken.length;
  let timestampMs = now();
  for (let i = from; i < to; i++) {
    for (let next = broken[brokenNext]; next?.position === i; next = broken[brokenNext]) {
      add(next.airport, next.text, timestampMs);
      brokenNext++;
    }
    add(airportOf(flights, events, i), eventText(flights, events, i), timestampMs);
    if (batch.length < appendRecordsMax) continue;
    await flush();
    progress(i + 1 - from, to - from);
    timestampMs = now();
  }
  if (batch.length > 0) await flush();
  progress(to - from, to - from);
  return sent;
}

/** Where event `index` happens. */
function airportOf(flights: Flights, events: FlightEvents, index: number): string {
  const flight = events.flight[index] as number;
  return (events.isLanding[index] === 1 ? flights.destinations[flight] : flights.origins[flight]) as string;
}

/** The event as its sender writes it. By hand: all values are numbers, times and letters. */
export function eventText(flights: Flights, events: FlightEvents, index: number): string {
  const flight = events.flight[index] as number;
  const id = flights.flightIds[flight] as number;
  const at = formatIsoTime(events.atMs[index] as number);
  const origin = flights.origins[flight] as string;
  const destination = flights.destinations[flight] as string;
  if (events.isLanding[index] === 1) {
    return `{"kind":"landing","airport":"${destination}","at":"${at}","flight_id":${id},"delay":${flights.delays[flight]}}`;
  }
  return `{"kind":"departure","airport":"${origin}","at":"${at}","flight_id":${id},"origin":"${origin}","destination":"${destination}","distance":${flights.distances[flight]}}`;
}

function keysOf(partitions: number): (airport: string) => { readonly key: Buffer; readonly partition: number } {
  const known = new Map<string, { readonly key: Buffer; readonly partition: number }>();
  return (airport) => {
    let found = known.get(airport);
    if (found === undefined) {
      const key = Buffer.from(airport);
      found = { key, partition: partitionOf(key, 0, key.length, partitions) };
      known.set(airport, found);
    }
    return found;
  };
}
