import type { TopicPartition } from "../../kernel/index.ts";
import type { ProtocolRequest } from "./client-types.ts";
import { flexibleRequest } from "./flexible.ts";
import { type CommittedCode, readCodes } from "./offset-commit-request.ts";
import type { TransactionOf } from "./transaction-offsets-request.ts";

/** The last that a client sends; those after it are for brokers. */
const partitionsVersion = 3;
const offsetsVersion = 3;

/**
 * Adds partitions to a transaction before something is written to them, where the brokers do not do so by themselves. The
 * answer has a code for each: when one cannot be added, none is.
 */
export function addPartitionsRequest(
  { transactionalId, producerId, producerEpoch }: Omit<TransactionOf, "isSecondVersion">,
  partitions: readonly TopicPartition[],
): ProtocolRequest {
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  return flexibleRequest({
    apiKey: 24,
    apiName: "AddPartitionsToTxn",
    apiVersion: partitionsVersion,
    write: (to) => {
      to.string(transactionalId).int64(producerId).int16(producerEpoch);
      to.array(topics, (topic) => {
        const own = partitions.filter((at) => at.topic === topic);
        to.string(topic)
          .array(own, ({ partition }) => to.int32(partition))
          .end();
      });
      to.end();
    },
    read: (from): CommittedCode[] => readCodes(from),
  });
}

/** Adds the offsets of a group to a transaction; likewise. */
export function addOffsetsRequest(
  { transactionalId, producerId, producerEpoch }: Omit<TransactionOf, "isSecondVersion">,
  group: string,
): ProtocolRequest {
  return flexibleRequest({
    apiKey: 25,
    apiName: "AddOffsetsToTxn",
    apiVersion: offsetsVersion,
    write: (to) => {
      to.string(transactionalId).int64(producerId).int16(producerEpoch).string(group).end();
    },
    read: (from): number => {
      const errorCode = from.int16();
      from.end();
      return errorCode;
    },
  });
}
