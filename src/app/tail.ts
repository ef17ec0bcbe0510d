import { type EpochMs, formatIsoTime, OperationError } from "../kernel/index.ts";
import type { Broker, OffsetRange } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import { lossIn, type RawBatch, readHeaders } from "../wire/index.ts";
import {
  createValueReader,
  type ShownValue,
  textOf,
  topicSchema,
  type ValueForm,
  type ValueReader,
} from "./record-values.ts";

export interface TailOptions {
  readonly broker: Broker;
  readonly registry: SchemaRegistry | undefined;
  readonly topic: string;
  /** Where each partition begins. An offset counts for every partition. */
  readonly from: OffsetRange["from"];
  /** Ends after so many records; undefined follows. */
  readonly max: number | undefined;
  /** Takes one JSON line at a time, without its end. */
  readonly print: (line: string) => void;
  /** Takes a sentence about records that cannot be read; reading goes on behind them. */
  readonly warn: (sentence: string) => void;
}

/** One record as `tail` prints it and `produce` takes it. */
export interface PrintedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** ISO 8601, or milliseconds since 1970 for a time that it does not write; null for Kafka's "none", -1. */
  readonly timestamp: string | number | null;
  readonly key: string | { readonly base64: string } | null;
  readonly headers: readonly { readonly name: string; readonly value: string | { readonly base64: string } | null }[];
  /** A tombstone's is null, with nothing beside it. */
  readonly value: unknown;
  /** What `produce` has to be told to send the same value again. */
  readonly as?: ValueForm;
  /** Registry id of the schema that a value as `avro` is of: not the one that the topic is written with. */
  readonly schema?: number;
}

/** Prints the records of a topic as they are, all partitions side by side, in offset order within each. */
export async function tailTopic(options: TailOptions, signal: AbortSignal): Promise<number> {
  const { broker, topic } = options;
  const partitions = await broker.admin.watermarks(topic, signal);
  if (partitions.length === 0) throw new OperationError("MR_TOPIC_MISSING", `reading ${topic}: there is no such topic`);
  const enough = new AbortController();
  const either = AbortSignal.any([signal, enough.signal]);
  const reader = createValueReader(options.registry, either);
  // Asked for with the first record, so that a topic without any is followed whatever the registry does.
  let asked: Promise<number | undefined> | undefined;
  const schema = (): Promise<number | undefined> => {
    asked ??= topicSchema(options.registry, topic, either);
    return asked;
  };
  const countIn = (batch: RawBatch): number => {
    const loss = lossIn(batch);
    if (loss === undefined) return batch.count;
    options.warn(loss);
    return 0;
  };
  let printed = 0;
  const follow = async (partition: number): Promise<void> => {
    for await (const batch of broker.read({ topic, partition, from: options.from }, either)) {
      for (let i = 0, count = countIn(batch); i < count; i++) {
        if (printed === options.max) return;
        const line = await printedLine(batch, i, reader, await schema());
        if (printed === options.max) return;
        printed++;
        options.print(line);
        if (printed === options.max) enough.abort();
      }
    }
  };
  // A partition that cannot be read ends the others, which would follow for ever, and is told.
  let failure: { readonly reason: unknown } | undefined;
  const followed = partitions.map(({ partition }) =>
    follow(partition).catch((reason: unknown) => {
      if (!either.aborted) failure = { reason };
      enough.abort();
    }),
  );
  await Promise.all(followed);
  if (failure !== undefined) throw failure.reason;
  return printed;
}

/** The line is put together as text: the value's own text is not to be written anew. */
async function printedLine(
  batch: RawBatch,
  index: number,
  reader: ValueReader,
  topicSchemaId: number | undefined,
): Promise<string> {
  const slice = (from: Int32Array, to: Int32Array): Buffer | null => {
    const start = from[index] ?? -1;
    return start < 0 ? null : batch.bytes.subarray(start, to[index]);
  };
  const head: Omit<PrintedRecord, "value" | "as" | "schema"> = {
    topic: batch.topic,
    partition: batch.partition,
    offset: batch.offsets[index] ?? -1,
    timestamp: printedTime(batch.timestampsMs[index] ?? -1),
    key: readable(slice(batch.keyFrom, batch.keyTo)),
    headers: readHeaders(batch, index).map((header) => ({ name: header.name, value: readable(header.value) })),
  };
  const value = slice(batch.valueFrom, batch.valueTo);
  const shown: ShownValue = value === null ? { json: "null", as: undefined } : await reader.show(value, topicSchemaId);
  const { json, as, schema } = shown;
  // `produce` takes one blank behind the colon for the line's own.
  const blank = as === "json" && json.startsWith(" ") ? " " : "";
  const form =
    as === undefined ? "" : `,"as":${JSON.stringify(as)}${schema === undefined ? "" : `,"schema":${schema}`}`;
  return `${JSON.stringify(head).slice(0, -1)},"value":${blank}${json}${form}}`;
}

/** The first time with a year of five digits. */
const isoTimeEndMs = 253_402_300_800_000;

function printedTime(ms: number): string | number | null {
  if (ms === -1) return null;
  return ms >= 0 && ms < isoTimeEndMs ? formatIsoTime(ms) : ms;
}

function readable(bytes: Uint8Array | null): string | { readonly base64: string } | null {
  if (bytes === null) return null;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return textOf(buffer) ?? { base64: buffer.toString("base64") };
}

const ago = /^-(\d+(?:ms|s|min|m|h|d))$/;

/** Reads `beginning`, `end`, `-1h` or an offset; undefined when the text is none of them. */
export function parseTailFrom(
  text: string,
  now: EpochMs,
  parseDurationMs: (text: string) => number | undefined,
): OffsetRange["from"] | undefined {
  if (text === "beginning") return "earliest";
  if (text === "end") return "latest";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const duration = parseDurationMs(ago.exec(text)?.[1] ?? "");
  return duration === undefined ? undefined : { timeMs: now - duration };
}
