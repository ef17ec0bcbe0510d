import type { ProtocolRequest } from "./client-types.ts";
import { flexibleRequest } from "./flexible.ts";
import type { ProducerIdentity } from "./init-producer-id-request.ts";
import { type Committer, type OffsetToCommit, readCodes, writeOffsets } from "./offset-commit-request.ts";

/** In whose transaction offsets are committed. */
export interface TransactionOf extends ProducerIdentity {
  readonly transactionalId: string;
  /** Whether the brokers add partitions and groups to a transaction by themselves (KIP-890). */
  readonly isSecondVersion: boolean;
}

/** The first that adds the group to the transaction by itself (KIP-890); its fields are those of the versions before. */
const versionThatAdds = 5;
/** The first that says in which generation of the group its sender is, and so the first that a zombie cannot use. */
const versionBefore = 3;

/**
 * Commits offsets as a part of a transaction: they count when it is committed. Whoever is no longer a member of the group,
 * or of its generation, is refused (KIP-447).
 */
export function transactionOffsetsRequest(
  { transactionalId, producerId, producerEpoch, isSecondVersion }: TransactionOf,
  by: Committer,
  offsets: readonly OffsetToCommit[],
): ProtocolRequest {
  return flexibleRequest({
    apiKey: 28,
    apiName: "TxnOffsetCommit",
    apiVersion: isSecondVersion ? versionThatAdds : versionBefore,
    write: (to) => {
      to.string(transactionalId).string(by.group).int64(producerId).int16(producerEpoch);
      to.int32(by.generation)
        .string(by.memberId)
        .string(by.instanceId ?? null);
      writeOffsets(to, offsets);
    },
    read: readCodes,
  });
}
