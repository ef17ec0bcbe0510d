import { setMaxListeners } from "node:events";
import { BackOff, type TopicPartition, topicPartitionKey } from "../../kernel/index.ts";
import type { Outgoing } from "../../wire/index.ts";
import { isProducerBusy, isProducerReplaced, type Verdict, verdictOf } from "./errors.ts";
import type { GroupMember, MemberIdentity } from "./group-member.ts";
import type { OffsetToCommit } from "./offset-commit-request.ts";
import { busyMsMax, type RetryContext, retrying } from "./retry.ts";
import { transactionPolicy } from "./transaction-coordinator.ts";
import type { TransactionalProducer } from "./transactional-producer.ts";
import { missingTopic, UnknownTopic } from "./unknown-topic.ts";

/** Stands for the offsets where topic-partitions are named by their keys. */
export const offsetsKey = "offsets";

/** Between two questions for a partition that is not known yet. */
const announcePauses = { firstMs: 20, factor: 1.5, lastMs: 500 };

/** What one task has in a transaction. */
export interface TaskPart {
  /** In the order in which they are to be in the log, per topic-partition. */
  readonly batches: readonly Outgoing[];
  readonly offsets: readonly OffsetToCommit[];
  /** What took too long the last time: all else waits until it is there. */
  readonly first: ReadonlySet<string>;
  readonly send: (outgoing: Outgoing, producer: TransactionalProducer, signal: AbortSignal) => Promise<void>;
}

export interface TransactionOptions<T extends TaskPart> {
  readonly producer: TransactionalProducer;
  readonly member: Pick<GroupMember, "commitIn">;
  readonly as: MemberIdentity;
  readonly parts: readonly T[];
  readonly clock: RetryContext["clock"];
  /** How long one answer may take from where others are made to wait for it. */
  readonly answerMsMax: number;
  /** How long a topic must be unknown on end before it is taken for deleted. */
  readonly unknownTopicMs: number;
  /**
   * Says what is going to be written, where brokers want to know: which partitions, and whether there are offsets. Answers
   * which partitions are refused and why. Undefined where they do not.
   */
  readonly announce: Announce | undefined;
  /** Called when the coordinator of the group is to be looked for anew. */
  forgetCoordinator(): void;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

export type Announce = (
  producer: TransactionalProducer,
  what: { readonly partitions: readonly TopicPartition[]; readonly hasOffsets: boolean },
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, Error>>;

/** What became of a transaction before its end. */
export interface Outcome<T> {
  /** Whether all of it is there, to be committed; otherwise it is to be aborted. */
  readonly isThere: boolean;
  /** Why, by part that is refused. */
  readonly failures: ReadonlyMap<T, unknown>;
  /** What was not there in time, by part. */
  readonly late: ReadonlyMap<T, ReadonlySet<string>>;
  /** What ended it; undefined where all is there, or was not in time. */
  readonly error: unknown;
}

/**
 * One transaction up to its end: offsets and batches of several tasks, each of the two all under way at once, in each
 * topic-partition one batch after the other.
 *
 * While it is open, nobody sees what others write behind it in the partitions that it has written to. So it never waits
 * long for an answer: what has none in time is said, and is the first and only thing that is asked for the next time, for
 * as long as it takes.
 *
 * With the first part that cannot be written the transaction is doomed: nothing more is begun, and what is under way is
 * not waited for. Its answers mean nothing any more, since the next transaction is another producer's, or epoch's.
 */
export class Transaction<T extends TaskPart> {
  readonly #options: TransactionOptions<T>;
  readonly #doom = new AbortController();
  /** What is still to be written to each topic-partition, with whose it is. */
  readonly #queues = new Map<string, (readonly [T, Outgoing])[]>();
  readonly #offsets: readonly OffsetToCommit[];
  readonly #failures = new Map<T, unknown>();
  readonly #late = new Map<T, Set<string>>();
  /** Since when each answer is waited for, by topic-partition. */
  readonly #askedMs = new Map<string, number>();

  constructor(options: TransactionOptions<T>) {
    this.#options = options;
    // Every batch that waits to be sent again listens.
    setMaxListeners(0, this.#doom.signal);
    this.#offsets = options.parts.flatMap(({ offsets }) => offsets);
    for (const part of options.parts) {
      for (const outgoing of part.batches) {
        const key = topicPartitionKey(outgoing.topic, outgoing.partition);
        const queue = this.#queues.get(key);
        if (queue === undefined) this.#queues.set(key, [[part, outgoing]]);
        else queue.push([part, outgoing]);
      }
    }
  }

  /** Resolves when all of it is there to be committed, or as soon as it is doomed. */
  async written(): Promise<Outcome<T>> {
    const { signal, parts } = this.#options;
    const doom = this.#doom;
    const doomed = new Promise<void>((resolve) => {
      doom.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const cut = (): void => this.#fail(parts.map((part) => [part, signal.reason]));
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut, { once: true });
    await Promise.race([this.#writeAll(), doomed]);
    signal.removeEventListener("abort", cut);
    const isThere = !doom.signal.aborted;
    // Whatever is under way, nothing of it counts any more.
    if (isThere) doom.abort();
    const error = this.#late.size > 0 || isThere ? undefined : doom.signal.reason;
    return { isThere, failures: this.#failures, late: this.#late, error };
  }

  async #writeAll(): Promise<void> {
    const first = new Set(this.#options.parts.flatMap((part) => [...part.first]));
    if (first.size > 0) {
      await this.#announced((key) => first.has(key), true);
      await this.#writeThose((key) => first.has(key));
    }
    if (this.#options.announce !== undefined) await this.#announced((key) => !first.has(key), false);
    if (this.#doom.signal.aborted) return;
    const over = new AbortController();
    const written = this.#writeThose((key) => !first.has(key)).finally(() => over.abort());
    await Promise.race([written, this.#watch(AbortSignal.any([over.signal, this.#doom.signal]))]);
  }

  /**
   * Says what is going to be written. A partition that is not known yet is asked for again: written without being in the
   * transaction, it would have no end there. Where others wait that is no longer than for an answer.
   */
  async #announced(isMeant: (key: string) => boolean, isFirst: boolean): Promise<void> {
    const { announce, producer, parts, clock, answerMsMax, unknownTopicMs } = this.#options;
    if (announce === undefined) return;
    const over = this.#doom.signal;
    const startedMs = clock.monotonicMs();
    const unknown = new UnknownTopic(clock, unknownTopicMs);
    const pauses = new BackOff(announcePauses);
    let asked = [...this.#queues].flatMap(([key, [next]]) => (isMeant(key) && next !== undefined ? [next[1]] : []));
    let hasOffsets = this.#offsets.length > 0 && isMeant(offsetsKey);
    try {
      while (!over.aborted && (asked.length > 0 || hasOffsets)) {
        const refused = await announce(producer, { partitions: asked, hasOffsets }, over);
        hasOffsets = false;
        const isUnknown = (error: Error): boolean => verdictOf(error) === "elsewhere";
        const failures = this.#failuresOf([...refused].filter(([, error]) => !isUnknown(error)));
        if (failures.length > 0) return this.#fail(failures);
        asked = asked.filter((at) => refused.has(topicPartitionKey(at.topic, at.partition)));
        const [still] = asked;
        if (still === undefined) return;
        const error = refused.get(topicPartitionKey(still.topic, still.partition));
        if (unknown.isGoneAfter(error)) {
          const gone = asked.map((at) => [topicPartitionKey(at.topic, at.partition), missingTopic(at, error)] as const);
          return this.#fail(this.#failuresOf(gone));
        }
        if (!isFirst && clock.monotonicMs() - startedMs >= answerMsMax) return this.#giveUp([...refused.keys()]);
        await clock.sleep(pauses.next(), over);
      }
    } catch (error) {
      this.#fail(parts.map((part) => [part, error]));
    }
  }

  /** What was said of partitions, as what each part is refused for that writes there. */
  #failuresOf(errors: readonly (readonly [key: string, error: Error])[]): (readonly [T, Error])[] {
    return errors.flatMap(([key, error]) => (this.#queues.get(key) ?? []).map(([part]) => [part, error] as const));
  }

  /** Gives the transaction up when an answer is late. */
  async #watch(over: AbortSignal): Promise<void> {
    const { clock, answerMsMax } = this.#options;
    while (!over.aborted) {
      const oldestMs = Math.min(...this.#askedMs.values(), clock.monotonicMs());
      await clock.sleep(oldestMs + answerMsMax - clock.monotonicMs(), over).catch(() => undefined);
      if (over.aborted) return;
      const latestMs = clock.monotonicMs() - answerMsMax;
      const late = [...this.#askedMs].filter(([, askedMs]) => askedMs <= latestMs).map(([key]) => key);
      if (late.length > 0) this.#giveUp(late);
    }
  }

  async #writeThose(isMeant: (key: string) => boolean): Promise<void> {
    if (this.#doom.signal.aborted) return;
    const offsets = isMeant(offsetsKey) ? this.#commitOffsets() : undefined;
    // Brokers that add to a transaction by themselves refuse what comes while they add something else to it, and are asked
    // again 5 to 20 ms later: far longer than one answer after the other takes.
    if (this.#options.announce === undefined) await offsets;
    const queues = [...this.#queues].filter(([key]) => isMeant(key)).map(([, queue]) => this.#produce(queue));
    await Promise.all([offsets, ...queues]);
  }

  async #produce(queue: (readonly [T, Outgoing])[]): Promise<void> {
    for (let next = queue[0]; next !== undefined && !this.#doom.signal.aborted; next = queue[0]) {
      const [part, outgoing] = next;
      const key = topicPartitionKey(outgoing.topic, outgoing.partition);
      try {
        this.#askedMs.set(key, this.#options.clock.monotonicMs());
        await part.send(outgoing, this.#options.producer, this.#doom.signal);
        this.#askedMs.delete(key);
        queue.shift();
      } catch (error) {
        return this.#fail([[part, error]]);
      }
    }
  }

  async #commitOffsets(): Promise<void> {
    const { parts, clock } = this.#options;
    if (this.#offsets.length === 0) return;
    try {
      this.#askedMs.set(offsetsKey, clock.monotonicMs());
      const refused = await this.#askForOffsets();
      this.#askedMs.delete(offsetsKey);
      const failures = parts.flatMap((part) => {
        const error = part.offsets.map((at) => refused.get(topicPartitionKey(at.topic, at.partition))).find(Boolean);
        return error === undefined ? [] : [[part, error] as const];
      });
      if (failures.length > 0) this.#fail(failures);
    } catch (error) {
      this.#fail(parts.map((part) => [part, error]));
    }
  }

  #askForOffsets(): Promise<ReadonlyMap<string, Error>> {
    const { member, producer, as, clock, forgetCoordinator } = this.#options;
    const startedMs = clock.monotonicMs();
    const onError = (error: unknown, verdict: Verdict): void => {
      if (isProducerBusy(error) && clock.monotonicMs() - startedMs > busyMsMax) throw error;
      if (verdict === "elsewhere") forgetCoordinator();
    };
    return retrying({ clock, policy: transactionPolicy, signal: this.#doom.signal, onError }, async () => {
      const refused = await member.commitIn(producer, as, this.#offsets);
      for (const error of refused.values()) {
        const verdict = verdictOf(error);
        // Committed twice in one transaction is committed once.
        if (verdict === "again" || verdict === "elsewhere") throw error;
      }
      return refused;
    });
  }

  #giveUp(late: readonly string[]): void {
    for (const key of late) {
      const parts = key === offsetsKey ? this.#options.parts : (this.#queues.get(key) ?? []).map(([part]) => part);
      for (const part of parts) {
        const keys = this.#late.get(part);
        if (keys === undefined) this.#late.set(part, new Set([key]));
        else keys.add(key);
      }
    }
    this.#doom.abort(new Error(`no answer in time for ${late.join(", ")}`));
  }

  /** The first answer that refuses something is the one that counts; what others say after it may be due to it. */
  #fail(failures: readonly (readonly [T, unknown])[]): void {
    if (this.#doom.signal.aborted) return;
    const [, first] = failures[0] ?? [];
    // Where the producer is nobody any more, it is so for all; where it is busy with what was before, for nobody.
    const all = isProducerReplaced(first) ? this.#options.parts.map((part) => [part, first] as const) : failures;
    if (!isProducerBusy(first)) for (const [part, error] of all) this.#failures.set(part, error);
    this.#doom.abort(first);
  }
}
