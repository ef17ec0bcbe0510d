import type { Offset } from "../kernel/index.ts";
import { type BatchHeader, batchLayout, readBatchHeader } from "./batch-header.ts";

/** From this offset on, records were written under this epoch of the partition's leader. */
export interface EpochStart {
  readonly offset: Offset;
  readonly leaderEpoch: number;
}

/**
 * Where the leader epochs of fetched record batches begin, in their order; batches that are cut off or begin at or behind
 * `offsetEnd` are left out. For bytes that `decodeFetched` has taken.
 */
export function leaderEpochsOf(bytes: Buffer, offsetEnd: Offset): EpochStart[] {
  const starts: EpochStart[] = [];
  eachBatch(bytes, offsetEnd, (at, { baseOffset }) => {
    const leaderEpoch = bytes.readInt32BE(at + batchLayout.leaderEpoch);
    if (leaderEpoch !== starts.at(-1)?.leaderEpoch) starts.push({ offset: baseOffset, leaderEpoch });
  });
  return starts;
}

/** Bytes of the fetched batches that begin before `offsetEnd`, as stored; likewise. */
export function storedBytesBefore(bytes: Buffer, offsetEnd: Offset): number {
  let end = 0;
  eachBatch(bytes, offsetEnd, (at, { byteLength }) => {
    end = at + byteLength;
  });
  return end;
}

function eachBatch(bytes: Buffer, offsetEnd: Offset, see: (at: number, header: BatchHeader) => void): void {
  for (let at = 0; bytes.length - at >= batchLayout.records; ) {
    const header = readBatchHeader(bytes, at);
    const { baseOffset, byteLength } = header;
    if (byteLength < batchLayout.records || byteLength > bytes.length - at || baseOffset >= offsetEnd) return;
    see(at, header);
    at += byteLength;
  }
}
