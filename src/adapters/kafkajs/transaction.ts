import { topicPartitionKey } from "../../kernel/index.ts";
import type { Outgoing } from "../../wire/index.ts";
import { isProducerReplaced, type Verdict, verdictOf } from "./errors.ts";
import type { GroupMember, MemberIdentity } from "./group-member.ts";
import type { OffsetToCommit } from "./offset-commit-request.ts";
import type { RetryContext } from "./retry.ts";
import { retrying } from "./retry.ts";
import { transactionPolicy } from "./transaction-coordinator.ts";
import type { TransactionalProducer } from "./transactional-producer.ts";

/** What one task has in a transaction. */
export interface TaskPart {
  /** In the order in which they are to be in the log, per topic-partition. */
  readonly batches: readonly Outgoing[];
  readonly offsets: readonly OffsetToCommit[];
  readonly send: (outgoing: Outgoing, producer: TransactionalProducer, signal: AbortSignal) => Promise<void>;
}

export interface TransactionOptions<T extends TaskPart> {
  readonly producer: TransactionalProducer;
  readonly member: Pick<GroupMember, "commitIn">;
  readonly as: MemberIdentity;
  readonly parts: readonly T[];
  readonly clock: RetryContext["clock"];
  /** Called when the coordinator of the group is to be looked for anew. */
  forgetCoordinator(): void;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/**
 * One transaction up to its end: batches and offsets of several tasks, all under way at once, in each topic-partition one
 * batch after the other.
 *
 * With the first part that cannot be written the transaction is doomed: nothing more is begun, and what is under way is
 * not waited for. Its answers mean nothing any more, since the next transaction is another producer's, or epoch's.
 */
export class Transaction<T extends TaskPart> {
  readonly #options: TransactionOptions<T>;
  readonly #doom = new AbortController();
  readonly #failures = new Map<T, unknown>();

  constructor(options: TransactionOptions<T>) {
    this.#options = options;
  }

  /**
   * Resolves when all of it is there to be committed, or as soon as it is doomed.
   * @returns why, by part; empty when all is there
   */
  async written(): Promise<ReadonlyMap<T, unknown>> {
    const { signal, parts } = this.#options;
    const doomed = new Promise<void>((resolve) => {
      this.#doom.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const cut = (): void => this.#fail(parts.map((part) => [part, signal.reason]));
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut, { once: true });
    const all = [this.#commitOffsets(), ...this.#queues().map((queue) => this.#produce(queue))];
    await Promise.race([Promise.all(all), doomed]);
    signal.removeEventListener("abort", cut);
    return this.#failures;
  }

  /** What goes to each topic-partition, with whose it is. */
  #queues(): (readonly [T, Outgoing])[][] {
    const queues = new Map<string, [T, Outgoing][]>();
    for (const part of this.#options.parts) {
      for (const outgoing of part.batches) {
        const key = topicPartitionKey(outgoing.topic, outgoing.partition);
        const queue = queues.get(key);
        if (queue === undefined) queues.set(key, [[part, outgoing]]);
        else queue.push([part, outgoing]);
      }
    }
    return [...queues.values()];
  }

  async #produce(queue: readonly (readonly [T, Outgoing])[]): Promise<void> {
    for (const [part, outgoing] of queue) {
      if (this.#doom.signal.aborted) return;
      try {
        await part.send(outgoing, this.#options.producer, this.#doom.signal);
      } catch (error) {
        return this.#fail([[part, error]]);
      }
    }
  }

  async #commitOffsets(): Promise<void> {
    const { parts } = this.#options;
    const offsets = parts.flatMap((part) => part.offsets);
    if (offsets.length === 0) return;
    try {
      const refused = await this.#askForOffsets(offsets);
      const failures = parts.flatMap((part) => {
        const error = part.offsets.map((at) => refused.get(topicPartitionKey(at.topic, at.partition))).find(Boolean);
        return error === undefined ? [] : [[part, error] as const];
      });
      if (failures.length > 0) this.#fail(failures);
    } catch (error) {
      this.#fail(parts.map((part) => [part, error]));
    }
  }

  #askForOffsets(offsets: readonly OffsetToCommit[]): Promise<ReadonlyMap<string, Error>> {
    const { member, producer, as, clock, forgetCoordinator } = this.#options;
    const onError = (_: unknown, verdict: Verdict): void => {
      if (verdict === "elsewhere") forgetCoordinator();
    };
    return retrying({ clock, policy: transactionPolicy, signal: this.#doom.signal, onError }, async () => {
      const refused = await member.commitIn(producer, as, offsets);
      for (const error of refused.values()) {
        const verdict = verdictOf(error);
        // Committed twice in one transaction is committed once.
        if (verdict === "again" || verdict === "elsewhere") throw error;
      }
      return refused;
    });
  }

  /** The first answer that refuses something is the one that counts; what others say after it may be due to it. */
  #fail(failures: readonly (readonly [T, unknown])[]): void {
    if (this.#doom.signal.aborted) return;
    const [, first] = failures[0] ?? [];
    // Where the producer is nobody any more, it is so for all.
    const all = isProducerReplaced(first) ? this.#options.parts.map((part) => [part, first] as const) : failures;
    for (const [part, error] of all) this.#failures.set(part, error);
    this.#doom.abort(first);
  }
}
