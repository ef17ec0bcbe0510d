import type { TopicPartition } from "../../kernel/index.ts";
import type { ProtocolRequest } from "./client-types.ts";
import { flexibleRequest } from "./flexible.ts";

export interface CommittedPartition extends TopicPartition {
  readonly errorCode: number;
  /** Next offset to read; -1 where nothing is committed. */
  readonly offset: number;
  /** Epoch of the leader under which the record before it was written; -1 when nobody said. */
  readonly leaderEpoch: number;
  /** What was committed with it. */
  readonly metadata: string;
}

export interface OffsetFetchAnswer {
  readonly errorCode: number;
  readonly partitions: readonly CommittedPartition[];
}

/**
 * Asks for a group's committed offsets, and only for stable ones: after the death of all replicas of the offsets topic
 * a coordinator has answered older offsets than it had acknowledged, as long as it was not asked to wait (Kafka 2.5 on).
 *
 * @param isStable false: offsets that a transaction holds are answered as they were before it
 */
export function offsetFetchRequest(
  group: string,
  partitions: readonly TopicPartition[],
  isStable = true,
): ProtocolRequest {
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  return flexibleRequest({
    apiKey: 9,
    apiName: "OffsetFetch",
    apiVersion: 7,
    write: (to) => {
      to.string(group);
      to.array(topics, (topic) => {
        const own = partitions.filter((at) => at.topic === topic);
        to.string(topic).array(own, ({ partition }) => to.int32(partition));
        to.end();
      });
      to.boolean(isStable).end();
    },
    read: (from): OffsetFetchAnswer => {
      const found = from.array(() => {
        const topic = from.string() ?? "";
        const own = from.array(() => {
          const partition = from.int32();
          const [offset, leaderEpoch] = [Number(from.int64()), from.int32()];
          const metadata = from.string() ?? "";
          const errorCode = from.int16();
          from.end();
          return { topic, partition, offset, leaderEpoch, metadata, errorCode };
        });
        from.end();
        return own;
      });
      const errorCode = from.int16();
      from.end();
      return { errorCode, partitions: found.flat() };
    },
  });
}
