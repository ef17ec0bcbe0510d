import type { Offset } from "../../kernel/index.ts";
import type { BrokerConnection, ProtocolRequest } from "./client-types.ts";
import { type FlexibleReader, flexibleRequest } from "./flexible.ts";
import { noTopicId, topicIdBytes } from "./metadata.ts";

export interface FetchTarget {
  readonly topic: string;
  /** In base64url; empty when unknown. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: Offset;
  /** Epoch of the leader that is asked; -1 when unknown. A leader of another epoch refuses. */
  readonly leaderEpoch: number;
  /** Epoch under which the record before `offset` was written; -1 when unknown. A log that differs there is told. */
  readonly lastEpoch: number;
  readonly bytesMax: number;
}

export interface FetchOptions {
  readonly waitMsMax: number;
  readonly bytesMax: number;
}

/** What a fetch brought for one topic-partition, its record batches as they lie on the wire. */
export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly lastStableOffset: Offset;
  readonly logStartOffset: Offset;
  readonly abortedTransactions: readonly { readonly producerId: bigint; readonly firstOffset: Offset }[];
  readonly records: Buffer;
  /** Where the log ceases to be the one that was read so far; undefined while it is the same. */
  readonly divergesAt: Offset | undefined;
}

export interface FetchAnswer {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

const apiKey = 1;
/** From this version on topics are named by their ids, so that one of the same name is not taken for another. */
const versionById = 13;
const versionByName = 12;
const minBytes = 1;
const readCommitted = 1;
const noBytes = Buffer.alloc(0);

/**
 * A fetch whose answer keeps the record batches as bytes: `wire` decodes them flat, filters aborted transactions and
 * checks the sums. The error code of each partition is left to the caller; in kafkajs one of them fails the whole answer.
 */
export function fetchRequest(
  { versions }: Pick<BrokerConnection, "versions">,
  targets: readonly FetchTarget[],
  options: FetchOptions,
): ProtocolRequest {
  const isById = (versions?.[apiKey]?.maxVersion ?? versionByName) >= versionById;
  return flexibleRequest({
    apiKey,
    apiName: "Fetch",
    apiVersion: isById ? versionById : versionByName,
    write: (to) => {
      to.int32(-1).int32(options.waitMsMax).int32(minBytes).int32(options.bytesMax);
      // Session id 0 and epoch -1: every fetch names its partitions in full.
      to.int8(readCommitted).int32(0).int32(-1);
      to.array(byTopic(targets), (ofTopic) => {
        const { topic, topicId } = ofTopic[0];
        if (isById) to.raw(topicId === "" ? noTopicId : Buffer.from(topicId, "base64url"));
        else to.string(topic);
        to.array(ofTopic, ({ partition, leaderEpoch, offset, lastEpoch, bytesMax }) =>
          to.int32(partition).int32(leaderEpoch).int64(offset).int32(lastEpoch).int64(-1).int32(bytesMax).end(),
        );
        to.end();
      });
      to.array([], () => undefined);
      to.string("").end();
    },
    read: (from): FetchAnswer => {
      const errorCode = from.int16();
      from.int32();
      const found = from.array(() => {
        const topic = isById ? topicOf(from.raw(topicIdBytes).toString("base64url"), targets) : (from.string() ?? "");
        const partitions = from.array(() => readPartition(from, topic));
        from.end();
        return partitions;
      });
      from.end();
      return { errorCode, partitions: found.flat() };
    },
  });
}

type OfOneTopic = [FetchTarget, ...FetchTarget[]];

/** A topic of hundreds of partitions is named once; they stay in their order. */
function byTopic(targets: readonly FetchTarget[]): OfOneTopic[] {
  const topics = new Map<string, OfOneTopic>();
  for (const target of targets) {
    const ofTopic = topics.get(target.topic);
    if (ofTopic === undefined) topics.set(target.topic, [target]);
    else ofTopic.push(target);
  }
  return [...topics.values()];
}

function topicOf(id: string, targets: readonly FetchTarget[]): string {
  return targets.find(({ topicId }) => topicId === id)?.topic ?? "";
}

function readPartition(from: FlexibleReader, topic: string): FetchedPartition {
  const partition = from.int32();
  const errorCode = from.int16();
  from.offset();
  const lastStableOffset = from.offset();
  const logStartOffset = from.offset();
  const abortedTransactions = from.array(() => {
    const aborted = { producerId: from.int64(), firstOffset: Number(from.int64()) };
    from.end();
    return aborted;
  });
  from.int32();
  const records = from.compactBytes() ?? noBytes;
  let divergesAt: Offset | undefined;
  from.end({
    0: (diverging) => {
      diverging.int32();
      divergesAt = Number(diverging.int64());
    },
  });
  return { topic, partition, errorCode, lastStableOffset, logStartOffset, abortedTransactions, records, divergesAt };
}
