import { type Clock, type TopicPartition, topicPartitionKey } from "../../kernel/index.ts";
import { addOffsetsRequest, addPartitionsRequest } from "./add-to-transaction-request.ts";
import { type EndTransactionAnswer, endTransactionRequest } from "./end-transaction-request.ts";
import { checkCode, isProducerBusy, KafkaAnswerError, kafkaCode } from "./errors.ts";
import { type InitProducerIdAnswer, initProducerIdRequest } from "./init-producer-id-request.ts";
import type { ClusterLink } from "./link.ts";
import type { CommittedCode } from "./offset-commit-request.ts";
import { busyMsMax, type RetryPolicy, retrying } from "./retry.ts";
import { TransactionalProducer } from "./transactional-producer.ts";

/**
 * What ends a transaction that nobody ends: above the time that a batch may take through the death of a broker. It is
 * waited for only where every owner of the tasks is gone for so long.
 */
const transactionTimeoutMs = 60_000;

/** A transaction that is being ended is answered with "concurrent transactions" for some milliseconds. */
export const transactionPolicy: RetryPolicy = { firstMs: 5, factor: 1.5, stepMsMax: 250, totalMs: 30_000 };

function detailOf(code: number): string | undefined {
  if (code !== kafkaCode.invalidTransactionTimeout) return undefined;
  return `transaction.max.timeout.ms of the brokers allows no transaction of ${transactionTimeoutMs} ms`;
}

/** What a partition may be refused for; every other code is about the producer. */
const partitionCodes: ReadonlySet<number> = new Set([
  kafkaCode.unknownTopicOrPartition,
  kafkaCode.topicAuthorizationFailed,
  kafkaCode.operationNotAttempted,
]);

/** What a transaction is going to have. */
export interface Announced {
  readonly partitions: readonly TopicPartition[];
  /** Whose offsets, if there are any. */
  readonly group: string | undefined;
}

type Link = Pick<ClusterLink, "transactionCoordinatorOf" | "forgetTransactionCoordinator" | "send">;

/** Asks the coordinators of transactional ids, each until it answers. */
export class TransactionCoordinator {
  readonly #link: Link;
  readonly #clock: Clock;

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  /**
   * Takes a transactional id. When this resolves, what others had begun under it has been aborted, and nothing more of
   * theirs is accepted.
   */
  async take(transactionalId: string, isSecondVersion: boolean, signal: AbortSignal): Promise<TransactionalProducer> {
    const request = initProducerIdRequest(transactionalId, transactionTimeoutMs);
    const answer = await this.#asking(transactionalId, signal, async (node) => {
      const given = await this.#link.send<InitProducerIdAnswer>(node, "control", () => request);
      checkCode(`taking the transactional id ${transactionalId}`, given.errorCode, detailOf(given.errorCode));
      return given;
    });
    return new TransactionalProducer(transactionalId, answer, isSecondVersion);
  }

  /**
   * Commits or aborts what the producer has written. Asked again, the coordinator says what became of it; so when this
   * rejects after all, that is not known.
   */
  async end(producer: TransactionalProducer, isCommitted: boolean, signal: AbortSignal): Promise<void> {
    const { transactionalId, isSecondVersion } = producer;
    const request = endTransactionRequest(transactionalId, producer, { isCommitted, isSecondVersion });
    const { next } = await this.#asking(transactionalId, signal, async (node) => {
      const answer = await this.#link.send<EndTransactionAnswer>(node, "control", () => request);
      checkCode(`${isCommitted ? "committing" : "aborting"} a transaction of ${transactionalId}`, answer.errorCode);
      return answer;
    });
    if (next !== undefined) producer.renew(next);
  }

  /**
   * Says what a transaction of the first version is going to have, before it is written.
   * @returns which partitions cannot be in it and why, by topic-partition; all others are
   */
  async announce(
    producer: TransactionalProducer,
    { partitions, group }: Announced,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Error>> {
    const refused = new Map<string, Error>();
    let asked = partitions;
    while (asked.length > 0) {
      const answer = await this.#addPartitions(producer, asked, signal);
      for (const [key, error] of answer) if (error.code !== kafkaCode.operationNotAttempted) refused.set(key, error);
      // One that cannot be added keeps all others out.
      asked = answer.size === 0 ? [] : asked.filter((at) => !refused.has(topicPartitionKey(at.topic, at.partition)));
    }
    // After them: two requests at once for one id are answered with "concurrent transactions".
    if (group !== undefined) await this.#addOffsets(producer, group, signal);
    return refused;
  }

  #addPartitions(
    producer: TransactionalProducer,
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, KafkaAnswerError>> {
    const request = addPartitionsRequest(producer, partitions);
    return this.#askingWhileFree(producer.transactionalId, signal, async (node) => {
      const answer = await this.#link.send<readonly CommittedCode[]>(node, "control", () => request);
      const errors = new Map<string, KafkaAnswerError>();
      for (const { topic, partition, errorCode } of answer) {
        if (errorCode === kafkaCode.none) continue;
        const key = topicPartitionKey(topic, partition);
        const error = new KafkaAnswerError(`writing to ${key} in a transaction`, errorCode);
        // What is said of a partition is its own, what is said of the producer is said of all of them.
        if (!partitionCodes.has(errorCode)) throw error;
        errors.set(key, error);
      }
      return errors;
    });
  }

  #addOffsets(producer: TransactionalProducer, group: string, signal: AbortSignal): Promise<void> {
    const request = addOffsetsRequest(producer, group);
    return this.#askingWhileFree(producer.transactionalId, signal, async (node) => {
      const code = await this.#link.send<number>(node, "control", () => request);
      checkCode(`committing offsets of group ${group} in a transaction`, code);
    });
  }

  #askingWhileFree<T>(transactionalId: string, signal: AbortSignal, ask: (node: number) => Promise<T>): Promise<T> {
    return this.#asking(transactionalId, signal, ask, busyMsMax);
  }

  #asking<T>(
    transactionalId: string,
    signal: AbortSignal,
    ask: (node: number) => Promise<T>,
    busyMs = Number.POSITIVE_INFINITY,
  ): Promise<T> {
    const link = this.#link;
    const startedMs = this.#clock.monotonicMs();
    const onError = (error: unknown, verdict: string): void => {
      if (isProducerBusy(error) && this.#clock.monotonicMs() - startedMs > busyMs) throw error;
      if (verdict === "elsewhere") link.forgetTransactionCoordinator(transactionalId);
    };
    return retrying({ clock: this.#clock, policy: transactionPolicy, signal, onError }, async () =>
      ask(await link.transactionCoordinatorOf(transactionalId)),
    );
  }
}
