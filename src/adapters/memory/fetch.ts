import type { Offset } from "../../kernel/index.ts";
import {
  type Codecs,
  DamagedBatchError,
  decodeFetched,
  decodeOutgoing,
  type FetchContext,
  type Outgoing,
  type RawBatch,
} from "../../wire/index.ts";
import type { PartitionLog } from "./partition-log.ts";

const noBytes = Buffer.alloc(0);

/** A single record in a batch of its own needs this much around key, value and headers. */
const recordOverheadBytes = 61 + 20;

/**
 * What a fetch at `offset` brings: whole stored batches up to `bytesMax`, at least one, without what lies before
 * `offset`; undefined at the end of the log. Decoded anew for every reader: an index kept for all of them would
 * cost about as much memory as the records themselves.
 *
 * A batch whose bytes contradict each other comes as its stand-in. Below the log start it goes on at the log start; `offsetAsked` and `logStartOffset` show what is gone, at once even
 * when nothing is left.
 */
export function fetchBatch(log: PartitionLog, offset: Offset, bytesMax: number, codecs: Codecs): RawBatch | undefined {
  const { logStartOffset, endOffset } = log;
  const from = Math.max(offset, logStartOffset);
  if (offset >= endOffset) return undefined;
  const isEmpty = from >= endOffset;
  const batch = decoded(isEmpty ? noBytes : log.slice(from, bytesMax), {
    topic: log.topic,
    partition: log.partition,
    offsetAsked: offset,
    logStartOffset,
    endOffset,
    abortedTransactions: [],
    codecs,
    // Nothing here has left the process, so there is nothing that could have damaged it.
    verifyCrc: false,
  });
  return isEmpty ? { ...batch, offsetNext: from } : batch;
}

function decoded(bytes: Buffer, context: FetchContext): RawBatch {
  try {
    return decodeFetched(bytes, context);
  } catch (error) {
    const standIn = error instanceof DamagedBatchError ? error.passedOver() : undefined;
    if (standIn === undefined) throw error;
    return standIn;
  }
}

/** Index of the first record that would not fit a batch of its own; -1 when only their sum is too large. */
export function refusedRecordIndex(outgoing: Outgoing, batchBytesMax: number, codecs: Codecs): number {
  if (outgoing.recordCount === 1) return 0;
  const batch = decodeOutgoing(outgoing, codecs);
  const length = (from: number | undefined, to: number | undefined): number => Math.max(0, (to ?? 0) - (from ?? 0));
  for (let i = 0; i < batch.count; i++) {
    const key = batch.keyFrom[i] === -1 ? 0 : length(batch.keyFrom[i], batch.keyTo[i]);
    const value = batch.valueFrom[i] === -1 ? 0 : length(batch.valueFrom[i], batch.valueTo[i]);
    const headers = length(batch.headersFrom[i], batch.headersTo[i]);
    if (key + value + headers + recordOverheadBytes > batchBytesMax) return i;
  }
  return -1;
}
