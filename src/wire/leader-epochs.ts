import type { Offset } from "../kernel/index.ts";
import { batchLayout, lengthPrefixBytes, readBatchHeader } from "./batch-header.ts";

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
  for (let at = 0; bytes.length - at >= batchLayout.records; ) {
    const { baseOffset, byteLength } = readBatchHeader(bytes, at);
    if (byteLength < batchLayout.records || byteLength > bytes.length - at || baseOffset >= offsetEnd) break;
    const leaderEpoch = bytes.readInt32BE(at + batchLayout.leaderEpoch);
    if (leaderEpoch !== starts.at(-1)?.leaderEpoch) starts.push({ offset: baseOffset, leaderEpoch });
    at += Math.max(byteLength, lengthPrefixBytes);
  }
  return starts;
}
