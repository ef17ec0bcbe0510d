import type { Offset, TopicPartition } from "../../kernel/index.ts";
import type { ProtocolRequest } from "./client-types.ts";
import { type FlexibleReader, type FlexibleWriter, flexibleRequest } from "./flexible.ts";

/** Who commits, as the coordinator knows it. */
export interface Committer {
  readonly group: string;
  readonly memberId: string;
  readonly generation: number;
  readonly instanceId: string | undefined;
}

export interface OffsetToCommit extends TopicPartition {
  readonly offset: Offset;
  /** Epoch under which the record before the offset was written; -1 when unknown. */
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** What became of one partition of a commit. */
export interface CommittedCode extends TopicPartition {
  readonly errorCode: number;
}

/** Commits offsets with what tells later whether they still belong to the log: the leader's epoch, and the metadata. */
export function offsetCommitRequest(by: Committer, offsets: readonly OffsetToCommit[]): ProtocolRequest {
  return flexibleRequest({
    apiKey: 8,
    apiName: "OffsetCommit",
    apiVersion: 8,
    write: (to) => {
      to.string(by.group).int32(by.generation).string(by.memberId);
      to.string(by.instanceId ?? null);
      writeOffsets(to, offsets);
    },
    read: readCodes,
  });
}

/** The offsets by topic, and the end of the request: the same in a commit of its own and in a transaction's. */
export function writeOffsets(to: FlexibleWriter, offsets: readonly OffsetToCommit[]): void {
  to.array([...byTopic(offsets)], ([topic, partitions]) => {
    to.string(topic).array(partitions, ({ partition, offset, leaderEpoch, metadata }) => {
      to.int32(partition).int64(offset).int32(leaderEpoch).string(metadata).end();
    });
    to.end();
  });
  to.end();
}

/** What became of each partition, up to the end of the answer. */
export function readCodes(from: FlexibleReader): CommittedCode[] {
  const answered = from.array(() => {
    const topic = from.string() ?? "";
    const codes = from.array(() => {
      const committed = { topic, partition: from.int32(), errorCode: from.int16() };
      from.end();
      return committed;
    });
    from.end();
    return codes;
  });
  from.end();
  return answered.flat();
}

function byTopic(offsets: readonly OffsetToCommit[]): Map<string, OffsetToCommit[]> {
  const topics = new Map<string, OffsetToCommit[]>();
  for (const offset of offsets) {
    const partitions = topics.get(offset.topic);
    if (partitions === undefined) topics.set(offset.topic, [offset]);
    else partitions.push(offset);
  }
  return topics;
}
