import type { ProtocolRequest } from "./client-types.ts";
import { flexibleRequest } from "./flexible.ts";
import type { ProducerIdentity } from "./init-producer-id-request.ts";

export interface EndTransactionAnswer {
  readonly errorCode: number;
  /** As whom the next transaction is written; undefined in the version before, in which that stays the same. */
  readonly next: ProducerIdentity | undefined;
}

/** The first whose answer gives the next transaction an epoch of its own (KIP-890). */
const versionWithEpoch = 5;
const versionBefore = 3;

/** Commits or aborts what was written under a transactional id. */
export function endTransactionRequest(
  transactionalId: string,
  { producerId, producerEpoch }: ProducerIdentity,
  end: { readonly isCommitted: boolean; readonly isSecondVersion: boolean },
): ProtocolRequest {
  return flexibleRequest({
    apiKey: 26,
    apiName: "EndTxn",
    apiVersion: end.isSecondVersion ? versionWithEpoch : versionBefore,
    write: (to) => {
      to.string(transactionalId).int64(producerId).int16(producerEpoch).boolean(end.isCommitted).end();
    },
    read: (from): EndTransactionAnswer => {
      const errorCode = from.int16();
      const next = end.isSecondVersion ? { producerId: from.offset(), producerEpoch: from.int16() } : undefined;
      from.end();
      return { errorCode, next };
    },
  });
}
