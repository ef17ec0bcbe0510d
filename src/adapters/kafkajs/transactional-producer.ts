import { topicPartitionKey } from "../../kernel/index.ts";
import { type Outgoing, stampProducer } from "../../wire/index.ts";
import type { ProducerIdentity } from "./init-producer-id-request.ts";
import type { TransactionOf } from "./transaction-offsets-request.ts";

/** Sequence numbers are of 31 bits and begin again behind the last. */
const sequencesMax = 2 ** 31;

/**
 * As whom transactions are written: a transactional id with the producer that the cluster has given it, and how far the
 * producer's batches are counted in each topic-partition.
 *
 * A batch bears the producer, its epoch and its place in the count. So one that is sent again is in the log once, and one
 * of an epoch that is over is refused.
 */
export class TransactionalProducer implements TransactionOf {
  readonly transactionalId: string;
  readonly isSecondVersion: boolean;
  #identity: ProducerIdentity;
  readonly #sequences = new Map<string, number>();

  constructor(transactionalId: string, identity: ProducerIdentity, isSecondVersion: boolean) {
    this.transactionalId = transactionalId;
    this.isSecondVersion = isSecondVersion;
    this.#identity = identity;
  }

  /** As whom the transaction of now is written. */
  get identity(): ProducerIdentity {
    return this.#identity;
  }

  get producerId(): number {
    return this.#identity.producerId;
  }

  get producerEpoch(): number {
    return this.#identity.producerEpoch;
  }

  /** A copy of the batch that bears the producer, as the next in its topic-partition. */
  stamped(outgoing: Outgoing): Outgoing {
    const bytes = Buffer.from(outgoing.bytes);
    const { producerId, producerEpoch } = this.#identity;
    stampProducer(bytes, { producerId, producerEpoch, baseSequence: this.#next(outgoing), transactional: true });
    return { ...outgoing, bytes };
  }

  /**
   * The batch is in the log: the next in its topic-partition comes behind it.
   *
   * @param as who it bears: an answer may come when its transaction is over, and counts for nothing then
   */
  written(outgoing: Outgoing, as: ProducerIdentity): void {
    if (as !== this.#identity) return;
    const next = (this.#next(outgoing) + outgoing.recordCount) % sequencesMax;
    this.#sequences.set(topicPartitionKey(outgoing.topic, outgoing.partition), next);
  }

  /** The transaction has ended, and the next one is written as somebody else: its count begins anew. */
  renew(identity: ProducerIdentity): void {
    this.#identity = identity;
    this.#sequences.clear();
  }

  #next({ topic, partition }: Outgoing): number {
    return this.#sequences.get(topicPartitionKey(topic, partition)) ?? 0;
  }
}
