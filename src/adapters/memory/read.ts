import { type Offset, OperationError } from "../../kernel/index.ts";
import type { OffsetRange } from "../../runtime/index.ts";
import type { RawBatch } from "../../wire/index.ts";
import { fetchBatch } from "./fetch.ts";
import type { PartitionLog } from "./partition-log.ts";
import type { TopicStore } from "./store.ts";
import { nextTurn } from "./turns.ts";

/** Stored bytes per batch handed to a reader. */
const readBytesMax = 262_144;

/**
 * The records of a range, from its start to `to`, waiting for those that are not there yet.
 *
 * @throws OperationError MR_TOPIC_MISSING, also when the topic is deleted meanwhile; MR_OFFSET_RANGE when the
 *   position is not in the log (any more); the signal's reason when it aborts
 */
export async function* readRange(
  range: OffsetRange,
  store: TopicStore,
  signal: AbortSignal,
): AsyncGenerator<RawBatch, void, undefined> {
  const topic = store.get(range.topic);
  const log = store.log(range.topic, range.partition);
  const to = range.to ?? Number.POSITIVE_INFINITY;
  let position = startOf(range, log, store);
  while (position < to) {
    signal.throwIfAborted();
    if (topic.isDeleted) throw new OperationError("MR_TOPIC_MISSING", `topic ${range.topic} was deleted`);
    checkInLog(position, log);
    const batch = fetchBatch(log, position, readBytesMax, store.codecs);
    if (batch === undefined) {
      await appended(log, signal);
      continue;
    }
    position = batch.offsetNext;
    yield position > to ? cutAt(batch, to) : batch;
    await nextTurn();
  }
}

function startOf({ from }: OffsetRange, log: PartitionLog, store: TopicStore): Offset {
  if (from === "earliest") return log.logStartOffset;
  if (from === "latest") return log.endOffset;
  return typeof from === "number" ? from : store.offsetAtTime(log, from.timeMs);
}

function checkInLog(position: Offset, { topic, partition, logStartOffset, endOffset }: PartitionLog): void {
  if (position >= logStartOffset && position <= endOffset) return;
  const message = `reading ${topic}-${partition}: offset ${position} is not in the log (${logStartOffset} to ${endOffset})`;
  throw new OperationError("MR_OFFSET_RANGE", message);
}

function cutAt(batch: RawBatch, to: Offset): RawBatch {
  const beyond = batch.offsets.findIndex((offset) => offset >= to);
  return { ...batch, count: beyond < 0 ? batch.count : Math.min(beyond, batch.count), offsetNext: to };
}

/** Resolves at the next append or deletion, rejects with the signal's reason. */
function appended(log: PartitionLog, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      unwatch();
      signal.removeEventListener("abort", aborted);
    };
    const aborted = (): void => {
      stop();
      reject(signal.reason);
    };
    const unwatch = log.watch(() => {
      stop();
      resolve();
    });
    signal.addEventListener("abort", aborted);
  });
}
