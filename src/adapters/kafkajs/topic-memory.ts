import type { TopicPartition } from "../../kernel/index.ts";
import { kafkaCode } from "./errors.ts";
import type { PartitionMetadata, TopicMetadata } from "./metadata.ts";

/** Stands for the leader of a partition that has none. */
export const noLeader = -1;

interface Remembered {
  readonly metadata: TopicMetadata;
  readonly partitions: ReadonlyMap<number, PartitionMetadata>;
  readonly learnedMs: number;
  /** Questions that had been asked when each partition's leader was doubted. */
  readonly doubts: Map<number, number>;
  /** The same for the topic as a whole. */
  doubted: number | undefined;
}

/**
 * What a client remembers of topics.
 *
 * Everything is kept until something newer is known: a doubt about one partition leaves the leaders of all others in
 * use, an answer that holds an error changes nothing, and one of a broker that lags behind does not bring back a leader
 * that has been replaced. A doubt ends with the answer to a question that was asked after it was raised.
 */
export class TopicMemory {
  readonly #topics = new Map<string, Remembered>();
  #questions = 0;

  /** A question is about to be asked; its number goes with the answer to {@link learn}. */
  ask(): number {
    return ++this.#questions;
  }

  learn(topics: readonly TopicMetadata[], question: number, nowMs: number): void {
    for (const topic of topics) {
      if (topic.errorCode !== kafkaCode.none) continue;
      const before = this.#topics.get(topic.topic);
      const partitions = merged(before, topic);
      const doubts = [...(before?.doubts ?? [])].filter(([, asked]) => asked >= question);
      const doubted = before?.doubted;
      this.#topics.set(topic.topic, {
        metadata: { ...topic, partitions: [...partitions.values()] },
        partitions,
        learnedMs: nowMs,
        doubts: new Map(doubts),
        doubted: doubted !== undefined && doubted >= question ? doubted : undefined,
      });
    }
  }

  /** Undefined while nothing is known of the topic. */
  find(topic: string): TopicMetadata | undefined {
    return this.#topics.get(topic)?.metadata;
  }

  partition({ topic, partition }: TopicPartition): PartitionMetadata | undefined {
    return this.#topics.get(topic)?.partitions.get(partition);
  }

  /** The node that leads a partition; undefined when it has none, is not known, or is doubted. */
  leader({ topic, partition }: TopicPartition): number | undefined {
    const remembered = this.#topics.get(topic);
    const leader = remembered?.partitions.get(partition)?.leader ?? noLeader;
    return leader === noLeader || remembered?.doubts.has(partition) ? undefined : leader;
  }

  /** Whether a partition is known to have no leader, since a moment ago at the latest. */
  isLeaderless({ topic, partition }: TopicPartition, sinceMs: number): boolean {
    const remembered = this.#topics.get(topic);
    if (remembered === undefined || remembered.learnedMs < sinceMs || remembered.doubts.has(partition)) return false;
    return remembered.partitions.get(partition)?.leader === noLeader;
  }

  /** Whoever was taken for the leader of a partition is not, or does not answer. */
  doubt(at: TopicPartition): void {
    const leader = this.partition(at)?.leader ?? noLeader;
    if (leader !== noLeader) this.#topics.get(at.topic)?.doubts.set(at.partition, this.#questions);
  }

  isDoubted({ topic, partition }: TopicPartition): boolean {
    return this.#topics.get(topic)?.doubts.has(partition) ?? false;
  }

  /** The topic may have been made anew, or have grown. */
  doubtTopic(topic: string): void {
    const remembered = this.#topics.get(topic);
    if (remembered !== undefined) remembered.doubted = this.#questions;
  }

  isTopicDoubted(topic: string): boolean {
    return this.#topics.get(topic)?.doubted !== undefined;
  }
}

/** A topic of the same id neither loses partitions nor goes back to an earlier leader: such an answer is an old one. */
function merged(before: Remembered | undefined, now: TopicMetadata): Map<number, PartitionMetadata> {
  const partitions = new Map(before?.metadata.id === now.id ? before.partitions : []);
  for (const found of now.partitions) {
    const known = partitions.get(found.partition);
    if (known === undefined || known.leaderEpoch <= found.leaderEpoch) partitions.set(found.partition, found);
  }
  return partitions;
}
