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

/** Where lines go, and how they become records. */
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
/** A slow stream is not kept waiting for a full batch. */
const flushEveryMs = 200;

/**
 * Sends lines: records as `tail` prints them, or with `keyField` bare values.
 *
 * The partition is always murmur2(key) mod n; without a key, records go round. Whoever wants to stop ends `lines`:
 * what was read by then is sent all the same, as are the lines before a bad one.
 * @returns records sent
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
  const sender = new Sender(options);
  const flushing = setInterval(() => sender.flush(), flushEveryMs);
  let lineNumber = 0;
  try {
    for await (const line of lines) {
      lineNumber++;
      if (line.trim() === "") continue;
      sender.add(recordOf(line, options, partitions, lineNumber));
      if (sender.isFull) await sender.flushed();
    }
    await sender.flushed();
  } catch (thrown) {
    await sender.flushed();
    if (!(thrown instanceof RecordError || thrown instanceof SyntaxError)) throw thrown;
    const sent = `${sender.sent} records before it were sent`;
    throw new OperationError("MR_USAGE", `line ${lineNumber}: ${thrown.message} (${sent})`, { cause: thrown });
  } finally {
    clearInterval(flushing);
  }
  return sender.sent;
}

/** Collects records and sends them in batches, one after the other. */
class Sender {
  sent = 0;
  readonly #options: ProduceOptions;
  readonly #never = new AbortController().signal;
  #batch: RecordOut[] = [];
  #sending: Promise<void> = Promise.resolve();
  #failure: { readonly thrown: unknown } | undefined;

  constructor(options: ProduceOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#batch.length >= batchRecords;
  }

  add(record: RecordOut): void {
    this.#batch.push(record);
  }

  /** Sends what is collected, after what is on its way. A failure is kept for {@link flushed}. */
  flush(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#sending = this.#sending.then(() => this.#send(batch));
  }

  /** Resolves when everything is sent; rejects with the first failure, after which nothing more is sent. */
  async flushed(): Promise<void> {
    this.flush();
    await this.#sending;
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }

  /** Not cut short by a stop: a batch that was begun is either sent or fails. A second signal ends the process. */
  async #send(batch: readonly RecordOut[]): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await this.#options.broker.append(batch, this.#never);
      this.sent += batch.length;
      this.#options.progress?.(this.sent);
    } catch (thrown) {
      const isRefused = thrown instanceof RecordRefusedError;
      const failure = isRefused ? new OperationError("MR_RECORD_REFUSED", thrown.message, { cause: thrown }) : thrown;
      this.#failure = { thrown: failure };
    }
  }
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
