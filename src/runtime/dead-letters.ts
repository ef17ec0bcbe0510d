import { formatIsoTime, type Header, type RecordErrorCode } from "../kernel/index.ts";
import { recordOverheadBytes } from "../topology/index.ts";
import { type Deflate, type RawBatch, readHeaders } from "../wire/index.ts";
import { OutputBatches, type OutputTopic } from "./output-batches.ts";

/** Longest message that a dead letter carries, in characters. */
const deadLetterMessageMax = 1_000;

/** Why a record could not be processed. */
export interface RecordFailure {
  readonly code: RecordErrorCode;
  /** Never holds values of the record. */
  readonly message: string;
  /** Name of the error class. */
  readonly errorName: string;
  /** The record's `event_id`, or its own coordinate where it has none that can be read. */
  readonly eventId: string;
}

/** What is the same for every dead letter of a stage. */
export interface DeadLetterOrigin {
  readonly topology: string;
  readonly stage: string;
}

/**
 * Writes dead letters as the contract has them: original key, value and headers, with the reason in added headers;
 * gzipped, to the partition number that the record came from.
 */
export class DeadLetters {
  readonly batches: OutputBatches;
  readonly #origin: DeadLetterOrigin;

  constructor(topic: OutputTopic, origin: DeadLetterOrigin, deflateGzip: Deflate | undefined) {
    this.batches = new OutputBatches(topic, "dead-letter", deflateGzip);
    this.#origin = origin;
  }

  /**
   * @param attempt counts from 1; more after the task was opened again
   * @param dropsValue true when the broker refused this dead letter with its value before
   */
  add(
    batch: RawBatch,
    index: number,
    failure: RecordFailure,
    times: { readonly nowMs: number; readonly attempt: number; readonly dropsValue: boolean },
  ): void {
    const { topic } = this.batches;
    const offset = batch.offsets[index] as number;
    const partition = batch.partition % topic.partitions;
    const key = sliceOf(batch.bytes, batch.keyFrom[index] as number, batch.keyTo[index] as number);
    const value = sliceOf(batch.bytes, batch.valueFrom[index] as number, batch.valueTo[index] as number);
    const headers = [...keptOf(readHeaders(batch, index)), ...this.#headersOf(batch, index, failure, times)];
    const bytes = sizeOf(key, value, headers);
    if (value === null || (bytes <= topic.messageBytesMax && !times.dropsValue)) {
      this.batches.appendWithHeaders(offset, partition, times.nowMs, key, value, headers);
      return;
    }
    // It may fit once it is compressed, which only a batch of its own can tell.
    if (!times.dropsValue && this.batches.tryAlone(offset, partition, times.nowMs, key, value, headers)) return;
    const valueless = [...headers, header(valueBytesName, String(value.length))];
    this.batches.appendWithHeaders(offset, partition, times.nowMs, key, null, valueless);
  }

  #headersOf(
    batch: RawBatch,
    index: number,
    failure: RecordFailure,
    times: { readonly nowMs: number; readonly attempt: number },
  ): readonly Header[] {
    const texts: Readonly<Record<(typeof addedNames)[number], string>> = {
      "__streams.errors.exception": failure.errorName,
      "__streams.errors.message": failure.message.slice(0, deadLetterMessageMax),
      "__streams.errors.topic": batch.topic,
      "__streams.errors.partition": String(batch.partition),
      "__streams.errors.offset": String(batch.offsets[index]),
      "millrace.event.id": failure.eventId,
      "millrace.topology": this.#origin.topology,
      "millrace.stage": this.#origin.stage,
      "millrace.code": failure.code,
      "millrace.source.timestamp": String(batch.timestampsMs[index]),
      "millrace.attempt": String(times.attempt),
      "millrace.failed.at": formatIsoTime(times.nowMs),
    };
    const added = addedNames.map((name) => header(name, texts[name]));
    const { damage } = batch;
    if (damage !== undefined) added.push(header(batchOffsetsName, `${damage.first}-${damage.last}`));
    return added;
  }
}

/** What every death adds, in this order. */
const addedNames = [
  "__streams.errors.exception",
  "__streams.errors.message",
  "__streams.errors.topic",
  "__streams.errors.partition",
  "__streams.errors.offset",
  "millrace.event.id",
  "millrace.topology",
  "millrace.stage",
  "millrace.code",
  "millrace.source.timestamp",
  "millrace.attempt",
  "millrace.failed.at",
] as const;
/** Added when the value had to be dropped. */
const valueBytesName = "millrace.value.bytes";
/** Added for a damaged batch, which dies as one: its first and last offset. */
const batchOffsetsName = "millrace.batch.offsets";
const ownNames: ReadonlySet<string> = new Set<string>([...addedNames, valueBytesName, batchOffsetsName]);
const previousPrefix = "millrace.previous.";

/**
 * The headers that a record came with. Those of an earlier death, which a dead letter that was sent again still
 * carries, are kept as `millrace.previous.code`, `millrace.previous.errors.topic` and so on, one value of each; what
 * lay there, of a death before that, is dropped.
 */
function keptOf(headers: readonly Header[]): readonly Header[] {
  if (!headers.some(({ name }) => ownNames.has(name))) return headers;
  const earlier = new Map<string, Header>();
  for (const { name, value } of headers) {
    const previousName = previousPrefix + name.replace(/^(?:millrace|__streams)\./, "");
    if (ownNames.has(name)) earlier.set(name, { name: previousName, value });
  }
  const foreign = headers.filter(({ name }) => !ownNames.has(name) && !name.startsWith(previousPrefix));
  return [...foreign, ...earlier.values()];
}

function header(name: string, value: string): Header {
  return { name, value: Buffer.from(value, "utf8") };
}

function sliceOf(bytes: Buffer, from: number, to: number): Buffer | null {
  return from === -1 ? null : bytes.subarray(from, to);
}

function sizeOf(key: Buffer | null, value: Buffer | null, headers: readonly Header[]): number {
  let bytes = recordOverheadBytes + (key?.length ?? 0) + (value?.length ?? 0);
  // Lengths of name and value take at most 5 bytes each.
  for (const { name, value: text } of headers) bytes += Buffer.byteLength(name) + (text?.length ?? 0) + 10;
  return bytes;
}
