import { OperationError, RecordError, type RecordOut } from "../kernel/index.ts";
import { type Broker, RecordRefusedError } from "../runtime/index.ts";
import { partitionOf } from "../wire/index.ts";
import { bareRecord, printedRecord } from "./line-record.ts";
import type { Line } from "./lines.ts";
import { UnlearntSchema, type ValueWriter } from "./record-values.ts";

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
  lines: AsyncIterable<Line>,
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
      if (line.text.trim() === "") continue;
      sender.add(await whenLearnt(options.writer, () => recordOf(line, options, partitions, lineNumber)));
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

/** What a line gives, once the writer knows the schema that it names. */
async function whenLearnt(writer: ValueWriter, make: () => RecordOut): Promise<RecordOut> {
  try {
    return make();
  } catch (thrown) {
    if (!(thrown instanceof UnlearntSchema)) throw thrown;
    await writer.learn(thrown.schema);
    return make();
  }
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

function recordOf(line: Line, options: ProduceOptions, partitions: number, lineNumber: number): RecordOut {
  const { keyField, writer } = options;
  if (line.badAt !== undefined)
    throw new SyntaxError(`byte ${line.badAt} of the input is not UTF-8; nothing is guessed: write the file as UTF-8`);
  const { key, value, headers, timestampMs } =
    keyField === undefined ? printedRecord(line, writer) : bareRecord(line, keyField, writer);
  return {
    topic: options.topic,
    partition: key === null ? lineNumber % partitions : partitionOf(key, 0, key.length, partitions),
    timestampMs: timestampMs ?? options.now(),
    key,
    value,
    headers,
  };
}
