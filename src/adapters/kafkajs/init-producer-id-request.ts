import type { ProtocolRequest } from "./client-types.ts";
import { flexibleRequest } from "./flexible.ts";

/** A producer as the cluster knows it: an id, and an epoch that shuts out those who had the id before. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** Nobody yet: whoever holds the name is replaced. */
export const noProducer: ProducerIdentity = { producerId: -1, producerEpoch: -1 };

export interface InitProducerIdAnswer extends ProducerIdentity {
  readonly errorCode: number;
}

/**
 * Asks for the producer of a transactional id. What was begun under the id and not ended is aborted, and whoever held it
 * can write nothing any more.
 *
 * @param before who asks, when it holds the id: then it is refused when somebody has taken the id since
 */
export function initProducerIdRequest(
  transactionalId: string,
  timeoutMs: number,
  before: ProducerIdentity = noProducer,
): ProtocolRequest {
  return flexibleRequest({
    apiKey: 22,
    apiName: "InitProducerId",
    apiVersion: 4,
    write: (to) => {
      to.string(transactionalId).int32(timeoutMs).int64(before.producerId).int16(before.producerEpoch).end();
    },
    read: (from): InitProducerIdAnswer => {
      const answer = { errorCode: from.int16(), producerId: from.offset(), producerEpoch: from.int16() };
      from.end();
      return answer;
    },
  });
}
