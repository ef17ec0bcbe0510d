import type { Outgoing } from "../../wire/index.ts";
import type { KafkajsParts, ProtocolRequest, WireDecoder } from "./client-types.ts";
import type { Throttled } from "./flexible.ts";

export interface ProducedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
}

const apiKeyProduce = 0;
const apiVersion = 7;
const acksAll = -1;

/**
 * A produce of one finished batch to one topic-partition, acknowledged by all in-sync replicas.
 *
 * One per request is a rule: in kafkajs a request for several partitions loses records when a leader moves.
 */
export function produceRequest(parts: KafkajsParts, outgoing: Outgoing, timeoutMs: number): ProtocolRequest {
  return {
    request: {
      apiKey: apiKeyProduce,
      apiVersion,
      apiName: "Produce",
      body: outgoing.bytes,
      encode: async () => {
        const encoder = new parts.Encoder(outgoing.topic.length * 3 + 64);
        encoder.writeString(null).writeInt16(acksAll).writeInt32(timeoutMs);
        encoder.writeInt32(1).writeString(outgoing.topic);
        return encoder.writeInt32(1).writeInt32(outgoing.partition).writeInt32(outgoing.bytes.length);
      },
    },
    response: {
      decode: async (bytes) => decode(new parts.Decoder(bytes)),
      parse: async (decoded) => (decoded as Throttled).answer,
    },
  };
}

function decode(decoder: WireDecoder): Throttled & { readonly answer: ProducedPartition[] } {
  const topics = decoder.readArray((d) => {
    const topic = d.readString() ?? "";
    return d.readArray((inner) => {
      const produced = { topic, partition: inner.readInt32(), errorCode: inner.readInt16() };
      inner.readInt64();
      inner.readInt64();
      inner.readInt64();
      return produced;
    });
  });
  return { answer: topics.flat(), clientSideThrottleTime: decoder.readInt32() };
}
