import { type Logger, say } from "../../kernel/index.ts";
import type { PartitionLog } from "./partition-log.ts";
import type { Segment } from "./segment.ts";
import type { Topic } from "./topic.ts";

interface Kept {
  readonly topic: Topic;
  readonly log: PartitionLog;
  readonly segment: Segment;
}

/**
 * The bytes that the broker may hold, and what goes when there are more.
 *
 * The oldest segments of all topics go first, read or not: a writer never waits for a reader. Compacted topics
 * are left out, because their oldest record may be the only one of its key. Each topic's first loss is logged.
 */
export class Retention {
  readonly #bytesMax: number;
  readonly #logger: Logger;
  readonly #toldTopics = new Set<string>();
  /** Segments in the order they were begun. */
  #kept: Kept[] = [];
  /** Bytes allocated for segments: at most `bytesMax`, besides the segment being written and compacted topics. */
  #bytes = 0;

  constructor(bytesMax: number, logger: Logger) {
    this.#bytesMax = bytesMax;
    this.#logger = logger;
  }

  /** Counts a new segment and drops old ones until the limits hold again. */
  begun(topic: Topic, log: PartitionLog, segment: Segment): void {
    this.#bytes += segment.bytes.length;
    this.#kept.push({ topic, log, segment });
    if (topic.retentionBytes >= 0) this.#trimPartition(topic, log);
    if (this.#bytes > this.#bytesMax) this.#trimBroker(segment);
  }

  /** The segments of a log, but for the one that is written, have made place for these. */
  compacted(topic: Topic, log: PartitionLog, segments: readonly Segment[]): void {
    const active = log.segments.at(-1);
    const isReplaced = (kept: Kept): boolean => kept.log === log && kept.segment !== active;
    for (const kept of this.#kept) if (isReplaced(kept)) this.#bytes -= kept.segment.bytes.length;
    for (const { bytes } of segments) this.#bytes += bytes.length;
    // They are older than whatever the log has besides.
    this.#kept = [
      ...segments.map((segment) => ({ topic, log, segment })),
      ...this.#kept.filter((kept) => !isReplaced(kept)),
    ];
  }

  /** Forgets the segments of a deleted topic. */
  deleted(topic: Topic): void {
    for (const kept of this.#kept) if (kept.topic === topic) this.#bytes -= kept.segment.bytes.length;
    this.#kept = this.#kept.filter((kept) => kept.topic !== topic);
  }

  /** `retention.bytes` is a limit per partition, and like Kafka's it spares the segment being written. */
  #trimPartition(topic: Topic, log: PartitionLog): void {
    let bytes = log.segments.reduce((sum, segment) => sum + segment.byteLength, 0);
    while (bytes > topic.retentionBytes && log.segments.length > 1) {
      const dropped = this.#drop(topic, log, "retention.bytes");
      bytes -= dropped?.byteLength ?? 0;
      this.#kept = this.#kept.filter((kept) => kept.segment !== dropped);
    }
  }

  #trimBroker(writing: Segment): void {
    const spared: Kept[] = [];
    let index = 0;
    for (; index < this.#kept.length && this.#bytes > this.#bytesMax; index++) {
      const kept = this.#kept[index];
      if (kept === undefined) break;
      if (kept.topic.isCompacted || kept.segment === writing) spared.push(kept);
      else this.#drop(kept.topic, kept.log, "the broker's byte limit");
    }
    this.#kept = [...spared, ...this.#kept.slice(index)];
  }

  #drop(topic: Topic, log: PartitionLog, limit: string): Segment | undefined {
    // A log's segments were begun in their order, so the one whose turn it is stands at the log's head.
    const segment = log.dropOldest();
    if (segment === undefined) return undefined;
    this.#bytes -= segment.bytes.length;
    if (!this.#toldTopics.has(topic.name)) {
      this.#toldTopics.add(topic.name);
      const { partition, logStartOffset } = log;
      say(this.#logger, "brokerFull", { topic: topic.name, partition, logStartOffset, limit });
    }
    return segment;
  }
}
