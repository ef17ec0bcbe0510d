import type { ProtocolRequest } from "./client-types.ts";
import { flexibleRequest } from "./flexible.ts";

/** A producer as the cluster knows it: an id, and an epoch that shuts out those who had the id before. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

export interface InitProducerIdAnswer extends ProducerIdentity {
  readonly errorCode: number;
}

/**
 * Asks for the producer of a transactional id. What was begun under the id and not ended is aborted, and whoever held it
 * can write nothing any more.
 *
 * Asked as nobody, always: whoever asks as the holder of before may be given the identity of the holder of now, as if it
 * had asked twice, and a transaction of that one is aborted (seen on 4.4.0 with transaction.version 0).
 */
export function initProducerIdRequest(transactionalId: string, timeoutMs: number): ProtocolRequest {
  return flexibleRequest({
    apiKey: 22,
    apiName: "InitProducerId",
    apiVersion: 4,
    write: (to) => {
      to.string(transactionalId).int32(timeoutMs).int64(-1).int16(-1).end();
    },
    read: (from): InitProducerIdAnswer => {
      const answer = { errorCode: from.int16(), producerId: from.offset(), producerEpoch: from.int16() };
      from.end();
      return answer;
    },
  });
}
