/** Reads what the chain has said, from the topics it said it on, and holds it against what really happened. */

import { auc } from "../src/model/index.ts";
import type { Broker } from "../src/runtime/index.ts";
import { readTopicRows } from "../src/runtime/index.ts";
import type { Row, SchemaRegistry } from "../src/schema/index.ts";
import type { PlannedTopic } from "../src/topology/index.ts";
import { readHeaders } from "../src/wire/index.ts";
import type { Flights } from "./flights.ts";

/** More late than this, in minutes, is late: the same rule as in the topology's `landings` stage. */
const lateAboveMin = 15;

/** Predicted flights side by side, in the order of their ids. */
export interface Predictions {
  readonly flightIds: Float64Array;
  /** 1 for more than 15 minutes late. */
  readonly late: Float64Array;
  readonly scoresKeyed: Float64Array;
  readonly scoresCalendar: Float64Array;
}

/** Reads a prediction topic from beginning to end: the score of each flight, copies dropped by `event_id`. */
export async function readScores(
  broker: Broker,
  registry: SchemaRegistry,
  topic: PlannedTopic,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, number>> {
  if (topic.schema === undefined) throw new Error(`reading ${topic.name}: the topic has no schema`);
  const scores = createScores();
  const result = await readTopicRows(broker, registry, topic.clusterName, topic.schema, { row: scores.add }, signal);
  if (result.undecodable > 0) {
    throw new Error(`reading ${topic.name}: ${result.undecodable} records could not be decoded`);
  }
  return scores.byFlight;
}

/** Gathers predictions; one that comes again under the same `event_id` is a copy. */
export function createScores(): { add(row: Row): void; readonly byFlight: ReadonlyMap<number, number> } {
  const eventIds = new Set<string>();
  const byFlight = new Map<number, number>();
  return {
    byFlight,
    add: (row) => {
      const eventId = String(row["event_id"]);
      if (eventIds.has(eventId)) return;
      eventIds.add(eventId);
      const flightId = Number(row["flight_id"]);
      if (byFlight.has(flightId)) throw new Error(`reading predictions: flight ${flightId} was scored for two events`);
      byFlight.set(flightId, Number(row["score"]));
    },
  };
}

/**
 * Joins the scores of both models with what happened.
 *
 * @param departs whether flight `index` is one that had to be scored
 * @throws Error when a flight is missing, or when one was scored that should not have been
 */
export function joinScores(
  flights: Flights,
  departs: (index: number) => boolean,
  keyed: ReadonlyMap<number, number>,
  calendar: ReadonlyMap<number, number>,
): Predictions {
  const indices = Array.from(flights.flightIds.keys()).filter(departs);
  const columnOf = (scores: ReadonlyMap<number, number>, name: string): Float64Array => {
    if (scores.size !== indices.length) {
      throw new Error(`reading predictions: ${indices.length} flights depart, the ${name} model scored ${scores.size}`);
    }
    return Float64Array.from(indices, (index) => {
      const flightId = flights.flightIds[index] as number;
      const score = scores.get(flightId);
      if (score === undefined) throw new Error(`reading predictions: the ${name} model did not score ${flightId}`);
      return score;
    });
  };
  return {
    flightIds: Float64Array.from(indices, (index) => flights.flightIds[index] as number),
    late: Float64Array.from(indices, (index) => ((flights.delays[index] as number) > lateAboveMin ? 1 : 0)),
    scoresKeyed: columnOf(keyed, "keyed"),
    scoresCalendar: columnOf(calendar, "calendar"),
  };
}

/** One JSON line per flight. */
export function predictionLines(predictions: Predictions): string {
  const { flightIds, late, scoresKeyed, scoresCalendar } = predictions;
  let text = "";
  for (let i = 0; i < flightIds.length; i++) {
    text += `{"flight_id":${flightIds[i]},"late":${late[i] === 1},"score_keyed":${scoresKeyed[i]},"score_calendar":${scoresCalendar[i]}}\n`;
  }
  return text;
}

export interface Quality {
  readonly aucKeyed: number;
  readonly aucCalendar: number;
  /** Shares of late flights, 0 to 1: among all, and among the tenth that each model rated worst. */
  readonly lateShare: number;
  readonly lateShareWorstKeyed: number;
  readonly lateShareWorstCalendar: number;
}

export function qualityOf(predictions: Predictions): Quality {
  const { late, scoresKeyed, scoresCalendar } = predictions;
  return {
    aucKeyed: auc(scoresKeyed, late),
    aucCalendar: auc(scoresCalendar, late),
    lateShare: late.reduce((sum, one) => sum + one, 0) / late.length,
    lateShareWorstKeyed: lateShareOfWorst(scoresKeyed, late, 0.1),
    lateShareWorstCalendar: lateShareOfWorst(scoresCalendar, late, 0.1),
  };
}

/**
 * Share of late flights among the `share` with the highest scores, at least one flight; of equal scores those that
 * come first are taken.
 *
 * @param share above 0, at most 1
 */
export function lateShareOfWorst(scores: Float64Array, late: Float64Array, share: number): number {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  const count = Math.max(1, Math.floor(scores.length * share));
  return order.subarray(0, count).reduce((sum, index) => sum + (late[index] as number), 0) / count;
}

export interface DeadLetter {
  readonly eventId: string;
  readonly code: string;
  readonly stage: string;
  /** What the product says is wrong. */
  readonly message: string;
}

/** Reads the dead letters, copies dropped by event id. @param stages names, in the order to list them */
export async function readDeadLetters(
  broker: Broker,
  topic: string,
  stages: readonly string[],
  signal: AbortSignal,
): Promise<readonly DeadLetter[]> {
  const letters = new Map<string, DeadLetter>();
  for (const { partition, low, end } of await broker.admin.watermarks(topic, signal)) {
    if (low === end) continue;
    for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal)) {
      for (let i = 0; i < batch.count; i++) {
        const headers = new Map(readHeaders(batch, i).map(({ name, value }) => [name, value]));
        const text = (name: string): string => Buffer.from(headers.get(name) ?? []).toString();
        const eventId = text("millrace.event.id");
        letters.set(eventId, {
          eventId,
          code: text("millrace.code"),
          stage: text("millrace.stage"),
          message: text("__streams.errors.message"),
        });
      }
    }
  }
  return [...letters.values()].sort(
    (a, b) => stages.indexOf(a.stage) - stages.indexOf(b.stage) || a.code.localeCompare(b.code),
  );
}
