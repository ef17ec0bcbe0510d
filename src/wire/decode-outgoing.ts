import type { Codecs } from "./codecs.ts";
import { decodeFetched } from "./decode-fetched.ts";
import type { Outgoing } from "./outgoing.ts";
import type { RawBatch } from "./raw-batch.ts";

/**
 * The records of a batch that was built here and has not left the process, at offsets from 0 on.
 *
 * Its checksum is not verified: nothing could have damaged it.
 */
export function decodeOutgoing({ topic, partition, bytes }: Outgoing, codecs: Codecs): RawBatch {
  return decodeFetched(bytes, {
    topic,
    partition,
    offsetAsked: 0,
    logStartOffset: -1,
    endOffset: -1,
    abortedTransactions: [],
    codecs,
    verifyCrc: false,
  });
}
