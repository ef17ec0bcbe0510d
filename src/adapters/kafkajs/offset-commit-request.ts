import type { Offset, TopicPartition } from "../../kernel/index.ts";
import type { ProtocolRequest } from "./client-types.ts";
import { flexibleRequest } from "./flexible.ts";

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

/** Commits offsets with what tells later whether they still belong to the log: the leader's epoch, and the metadata. */
export function offsetCommitRequest(by: Committer, offsets: readonly OffsetToCommit[]): ProtocolRequest {
  return flexibleRequest({
    apiKey: 8,
    apiName: "OffsetCommit",
    apiVersion: 8,
    write: (to) => {
      to.string(by.group).int32(by.generation).string(by.memberId);
      to.string(by.instanceId ?? null);
      to.array(offsets, ({ topic, partition, offset, leaderEpoch, metadata }) => {
        to.string(topic).array([partition], () => {
          to.int32(partition).int64(offset).int32(leaderEpoch).string(metadata).end();
        });
        to.end();
      });
      to.end();
    },
    read: (from): { readonly errorCode: number }[] => {
      const answered = from.array(() => {
        from.string();
        const codes = from.array(() => {
          from.int32();
          const errorCode = from.int16();
          from.end();
          return { errorCode };
        });
        from.end();
        return codes;
      });
      from.end();
      return answered.flat();
    },
  });
}
