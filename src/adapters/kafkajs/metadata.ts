import type { KafkajsParts, ProtocolRequest, WireDecoder } from "./client-types.ts";

export interface PartitionMetadata {
  readonly partition: number;
  /** Node that leads the partition; -1 while there is none. */
  readonly leader: number;
  readonly replicas: number;
}

export interface TopicMetadata {
  readonly topic: string;
  readonly errorCode: number;
  readonly partitions: readonly PartitionMetadata[];
}

export interface ClusterMetadata {
  readonly brokers: readonly { readonly node: number; readonly address: string }[];
  readonly controller: number;
  readonly topics: readonly TopicMetadata[];
}

const apiKeyMetadata = 3;
const apiVersion = 6;

/**
 * Asks for brokers and the named topics; an empty list asks for the brokers only.
 *
 * kafkajs's own request turns an empty list into "all topics", and its answer throws when any topic of the list has a
 * problem: one deleted topic would blind a client to all the others. Here each topic carries its own error code.
 */
export function metadataRequest(parts: KafkajsParts, topics: readonly string[]): ProtocolRequest {
  return {
    request: {
      apiKey: apiKeyMetadata,
      apiVersion,
      apiName: "Metadata",
      encode: async () => {
        const encoder = new parts.Encoder();
        encoder.writeInt32(topics.length);
        for (const topic of topics) encoder.writeString(topic);
        // Topics are never created by looking at them.
        return encoder.writeBoolean(false);
      },
    },
    response: { decode: async (bytes) => decode(new parts.Decoder(bytes)), parse: async (answer) => answer },
  };
}

function decode(decoder: WireDecoder): ClusterMetadata {
  decoder.readInt32();
  const brokers = decoder.readArray((d) => {
    const node = d.readInt32();
    const address = `${d.readString()}:${d.readInt32()}`;
    d.readString();
    return { node, address };
  });
  decoder.readString();
  return { brokers, controller: decoder.readInt32(), topics: decoder.readArray(decodeTopic) };
}

function decodeTopic(decoder: WireDecoder): TopicMetadata {
  const errorCode = decoder.readInt16();
  const topic = decoder.readString() ?? "";
  decoder.readBoolean();
  return { topic, errorCode, partitions: decoder.readArray(decodePartition) };
}

function decodePartition(decoder: WireDecoder): PartitionMetadata {
  const readNode = (d: WireDecoder): number => d.readInt32();
  decoder.readInt16();
  const partition = decoder.readInt32();
  const leader = decoder.readInt32();
  const replicas = decoder.readArray(readNode).length;
  decoder.readArray(readNode);
  decoder.readArray(readNode);
  return { partition, leader, replicas };
}
