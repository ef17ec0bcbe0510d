import {
  formatIsoTime,
  type Header,
  OperationError,
  parseIsoTimeMs,
  RecordError,
  type RecordOut,
} from "../kernel/index.ts";
import { type Broker, RecordRefusedError } from "../runtime/index.ts";
import { partitionOf } from "../wire/index.ts";
import type { ValueWriter } from "./record-values.ts";

export interface ProduceOptions {
  readonly broker: Broker;
  readonly topic: string;
  readonly writer: ValueWriter;
  /** Field of a bare value that becomes the key; undefined for lines that `tail` printed. */
  readonly keyField: string | undefined;
  readonly now: () => number;
  readonly progress?: (sent: number) => void;
}

const batchRecords = 500;

/**
 * Sends lines: records as `tail` prints them, or with `keyField` bare values.
 *
 * The partition is always murmur2(key) mod n; without a key, records go round. Lines before a bad one are sent.
 * @throws OperationError naming the line that cannot be read or does not fit the topic's schema
 */
export async function produceLines(
  lines: AsyncIterable<string>,
  options: ProduceOptions,
  signal: AbortSignal,
): Promise<number> {
  const { broker, topic } = options;
  const partitions = (await broker.admin.watermarks(topic, signal)).length;
  if (partitions === 0) throw new OperationError("MR_TOPIC_MISSING", `writing ${topic}: there is no such topic`);
  let batch: RecordOut[] = [];
  let sent = 0;
  let lineNumber = 0;
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    await broker.append(batch, signal).catch((thrown: unknown) => {
      if (!(thrown instanceof RecordRefusedError)) throw thrown;
      throw new OperationError("MR_RECORD_REFUSED", thrown.message, { cause: thrown });
    });
    sent += batch.length;
    batch = [];
    options.progress?.(sent);
  };
  for await (const line of lines) {
    lineNumber++;
    if (line.trim() === "") continue;
    try {
      batch.push(recordOf(line, options, partitions, lineNumber));
    } catch (thrown) {
      await flush();
      if (!(thrown instanceof RecordError || thrown instanceof SyntaxError)) throw thrown;
      throw new OperationError(
        "MR_USAGE",
        `line ${lineNumber}: ${thrown.message} (${sent} records before it were sent)`,
        { cause: thrown },
      );
    }
    if (batch.length >= batchRecords) await flush();
  }
  await flush();
  return sent;
}

function recordOf(line: string, options: ProduceOptions, partitions: number, lineNumber: number): RecordOut {
  const parsed = JSON.parse(line) as unknown;
  const envelope = options.keyField === undefined ? envelopeOf(parsed) : bareValue(parsed, options.keyField);
  const key = envelope.key === null ? null : bytesOf(envelope.key);
  return {
    topic: options.topic,
    partition: key === null ? lineNumber % partitions : partitionOf(key, 0, key.length, partitions),
    timestampMs: envelope.timestampMs ?? options.now(),
    key,
    value: envelope.value === null ? null : valueBytes(envelope.value, options),
    headers: envelope.headers,
  };
}

/** `tail` prints bytes that are neither Avro nor text as base64, and takes them back. */
function valueBytes(value: unknown, { writer, keyField }: ProduceOptions): Buffer {
  return keyField === undefined && !writer.isAvro && isBase64(value) ? bytesOf(value) : writer.write(value);
}

interface Envelope {
  readonly key: unknown;
  readonly value: unknown;
  readonly headers: readonly Header[];
  readonly timestampMs: number | undefined;
}

function envelopeOf(parsed: unknown): Envelope {
  if (typeof parsed !== "object" || parsed === null || !("value" in parsed)) {
    throw new SyntaxError('no record as `tail` prints it: there is no "value"; bare values need --key FIELD');
  }
  const { key = null, value, headers = [], timestamp } = parsed as Record<string, unknown>;
  if (typeof key === "object" && key !== null && !isBase64(key))
    throw new SyntaxError('"key" is neither text, a number nor {"base64": ...}');
  if (!Array.isArray(headers) || !headers.every(isHeader))
    throw new SyntaxError('"headers" is no list of {"name": ..., "value": ...}');
  return {
    key,
    value,
    headers: headers.map((header) => ({
      name: header.name,
      value: header.value === null || header.value === undefined ? null : bytesOf(header.value),
    })),
    timestampMs: timestamp === undefined ? undefined : timestampOf(timestamp),
  };
}

function timestampOf(timestamp: unknown): number {
  const timestampMs = typeof timestamp === "string" ? parseIsoTimeMs(timestamp) : timestamp;
  if (typeof timestampMs === "number" && Number.isSafeInteger(timestampMs) && timestampMs >= 0) return timestampMs;
  throw new SyntaxError(`"timestamp" is no ISO 8601 time such as ${formatIsoTime(0)}, nor milliseconds since 1970`);
}

function isHeader(value: unknown): value is { readonly name: string; readonly value?: unknown } {
  return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string";
}

function bareValue(parsed: unknown, keyField: string): Envelope {
  const hasKey = typeof parsed === "object" && parsed !== null && Object.hasOwn(parsed, keyField);
  const key = hasKey ? (parsed as Record<string, unknown>)[keyField] : undefined;
  if (key === undefined || key === null || typeof key === "object") {
    throw new SyntaxError(`the value has no field ${JSON.stringify(keyField)} that could be the key`);
  }
  return { key: String(key), value: parsed, headers: [], timestampMs: undefined };
}

/** Text as UTF-8, or the bytes of `{"base64": ...}`. */
function bytesOf(value: unknown): Buffer {
  return isBase64(value) ? Buffer.from(value.base64, "base64") : Buffer.from(String(value));
}

function isBase64(value: unknown): value is { readonly base64: string } {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 1) return false;
  return "base64" in value && typeof value.base64 === "string";
}
