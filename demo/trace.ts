/** Follows one flight through the topics, by reading them. */
import { createValueReader } from "../src/app/record-values.ts";
import type { Broker } from "../src/runtime/index.ts";
import { partitionOf, type RawBatch } from "../src/wire/index.ts";
import type { Chain } from "./chain.ts";

type Json = Readonly<Record<string, unknown>>;

/** The record of the flight on each topic, as `tail` would show it; undefined where there is none. */
export interface Trace {
  readonly sent: Json | undefined;
  readonly raw: Json | undefined;
  readonly clean: Json | undefined;
  readonly features: Json | undefined;
  readonly keyed: Json | undefined;
  readonly calendar: Json | undefined;
  readonly landing: Json | undefined;
}

/** Reads one flight's records; costs a pass over one partition of each topic, without decoding what is not the flight's. */
export async function traceFlight(
  chain: Chain,
  flightId: number,
  origin: string,
  destination: string,
  signal: AbortSignal,
): Promise<Trace> {
  const { broker, plan, registry } = chain;
  const values = createValueReader(registry, signal);
  const find = (name: string, airport: string): Promise<Json | undefined> => {
    const topic = plan.topics.find((planned) => planned.name === name);
    if (topic === undefined) throw new Error(`following flight ${flightId}: there is no topic ${name}`);
    const key = Buffer.from(airport);
    const partition = partitionOf(key, 0, key.length, chain.inbox.partitions);
    const needle = topic.format === "json" ? Buffer.from(`"flight_id":${flightId},`) : zigzagVarint(flightId);
    const isIt = (value: Json): boolean => value["flight_id"] === flightId && value["airport"] === airport;
    return findRecord(broker, topic.clusterName, partition, needle, (bytes) => values.read(bytes), isIt, signal);
  };
  return {
    sent: await find("flights.inbox", origin),
    raw: await find("flights.raw", origin),
    clean: await find("flights.clean", origin),
    features: await find("flights.features", origin),
    keyed: await find("flights.keyed", origin),
    calendar: await find("flights.calendar", origin),
    landing: await find("flights.landings", destination),
  };
}

/** The first record that holds `needle` and whose value is the one. */
async function findRecord(
  broker: Broker,
  topic: string,
  partition: number,
  needle: Buffer,
  read: (bytes: Buffer) => Promise<unknown>,
  isIt: (value: Json) => boolean,
  signal: AbortSignal,
): Promise<Json | undefined> {
  const watermark = (await broker.admin.watermarks(topic, signal)).find((found) => found.partition === partition);
  if (watermark === undefined || watermark.low === watermark.end) return undefined;
  for await (const batch of broker.read({ topic, partition, from: watermark.low, to: watermark.end }, signal)) {
    for (const value of candidates(batch, needle)) {
      const shown = await read(value);
      if (typeof shown === "object" && shown !== null && isIt(shown as Json)) return shown as Json;
    }
  }
  return undefined;
}

/** Values of a batch that hold the needle. */
function* candidates(batch: RawBatch, needle: Buffer): Generator<Buffer> {
  let index = 0;
  let at = batch.bytes.indexOf(needle);
  while (at !== -1) {
    while (index < batch.count && (batch.valueTo[index] as number) <= at) index++;
    if (index === batch.count) return;
    const [from, to] = [batch.valueFrom[index] as number, batch.valueTo[index] as number];
    if (from >= 0 && at >= from) yield batch.bytes.subarray(from, to);
    at = batch.bytes.indexOf(needle, Math.max(at + 1, from === -1 ? 0 : to));
  }
}

/** A non-negative Avro long. */
function zigzagVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value * 2;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
