import type { Clock } from "../../kernel/index.ts";
import { type EndTransactionAnswer, endTransactionRequest } from "./end-transaction-request.ts";
import { checkCode } from "./errors.ts";
import { type InitProducerIdAnswer, initProducerIdRequest, type ProducerIdentity } from "./init-producer-id-request.ts";
import type { ClusterLink } from "./link.ts";
import { type RetryPolicy, retrying } from "./retry.ts";
import { TransactionalProducer } from "./transactional-producer.ts";

/**
 * What ends a transaction that nobody ends: above the time that a batch may take through the death of a broker. It is
 * waited for only where every owner of the tasks is gone for so long.
 */
const transactionTimeoutMs = 60_000;

/** A transaction that is being ended is answered with "concurrent transactions" for some milliseconds. */
export const transactionPolicy: RetryPolicy = { firstMs: 5, factor: 1.5, stepMsMax: 250, totalMs: 30_000 };

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
   *
   * @param before who held it until now, if that is who asks: refused when others have taken it since
   */
  async take(
    transactionalId: string,
    isSecondVersion: boolean,
    signal: AbortSignal,
    before?: ProducerIdentity,
  ): Promise<TransactionalProducer> {
    const request = initProducerIdRequest(transactionalId, transactionTimeoutMs, before);
    const answer = await this.#asking(transactionalId, signal, async (node) => {
      const given = await this.#link.send<InitProducerIdAnswer>(node, "control", () => request);
      checkCode(`taking the transactional id ${transactionalId}`, given.errorCode);
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

  #asking<T>(transactionalId: string, signal: AbortSignal, ask: (node: number) => Promise<T>): Promise<T> {
    const link = this.#link;
    const onError = (_: unknown, verdict: string): void => {
      if (verdict === "elsewhere") link.forgetTransactionCoordinator(transactionalId);
    };
    return retrying({ clock: this.#clock, policy: transactionPolicy, signal, onError }, async () =>
      ask(await link.transactionCoordinatorOf(transactionalId)),
    );
  }
}
