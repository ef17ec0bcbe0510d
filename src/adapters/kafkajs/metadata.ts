import type { ProtocolRequest } from "./client-types.ts";
import { type FlexibleReader, flexibleRequest } from "./flexible.ts";

export interface PartitionMetadata {
  readonly partition: number;
  /** Node that leads the partition; -1 while there is none. */
  readonly leader: number;
  /** Counts the leaders of the partition, and is said with each fetch so that a leader that was replaced is noticed. */
  readonly leaderEpoch: number;
  readonly replicas: number;
}

export interface TopicMetadata {
  readonly topic: string;
  /** In base64url; a topic that is deleted and made anew has another one. */
  readonly id: string;
  readonly errorCode: number;
  readonly partitions: readonly PartitionMetadata[];
}

export interface ClusterMetadata {
  readonly brokers: readonly { readonly node: number; readonly address: string }[];
  readonly controller: number;
  /** Null where brokers give none. */
  readonly clusterId: string | null;
  readonly topics: readonly TopicMetadata[];
}

export const topicIdBytes = 16;
/** Names no topic; a fetch of it is answered with "unknown topic id". */
export const noTopicId = Buffer.alloc(topicIdBytes);

/**
 * Asks for brokers and the named topics; an empty list asks for the brokers only.
 *
 * kafkajs's own request turns an empty list into "all topics", and its answer throws when any topic of the list has a
 * problem: one deleted topic would blind a client to all the others. Here each topic carries its own error code.
 */
export function metadataRequest(topics: readonly string[]): ProtocolRequest {
  return flexibleRequest({
    apiKey: 3,
    apiName: "Metadata",
    apiVersion: 11,
    write: (to) => {
      to.array(topics, (topic) => to.raw(noTopicId).string(topic).end());
      // Topics are never created by looking at them, and nobody asks what is allowed.
      to.boolean(false).boolean(false).end();
    },
    read,
  });
}

function read(from: FlexibleReader): ClusterMetadata {
  const brokers = from.array(() => {
    const node = from.int32();
    const address = `${from.string()}:${from.int32()}`;
    from.string();
    from.end();
    return { node, address };
  });
  const clusterId = from.string();
  const controller = from.int32();
  const topics = from.array(() => readTopic(from));
  from.end();
  return { brokers, controller, clusterId, topics };
}

function readTopic(from: FlexibleReader): TopicMetadata {
  const errorCode = from.int16();
  const topic = from.string() ?? "";
  const id = from.raw(topicIdBytes).toString("base64url");
  from.boolean();
  const partitions = from.array(() => readPartition(from));
  from.int32();
  from.end();
  return { topic, id, errorCode, partitions };
}

function readPartition(from: FlexibleReader): PartitionMetadata {
  const readNodes = (): number => from.array(() => from.int32()).length;
  from.int16();
  const [partition, leader, leaderEpoch] = [from.int32(), from.int32(), from.int32()];
  const replicas = readNodes();
  readNodes();
  readNodes();
  from.end();
  return { partition, leader, leaderEpoch, replicas };
}
