import type { Offset } from "../../kernel/index.ts";
import type { KafkajsParts, ProtocolRequest, WireDecoder } from "./client-types.ts";

export interface FetchTarget {
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
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
}

const apiKeyFetch = 1;
const apiVersion = 11;
const minBytes = 1;
const readCommitted = 1;
const noBytes = Buffer.alloc(0);

/**
 * A fetch whose answer keeps the record batches as bytes: `wire` decodes them flat, filters aborted transactions and
 * checks the sums. The error code of each partition is left to the caller; in kafkajs one of them fails the whole answer.
 */
export function fetchRequest(
  parts: KafkajsParts,
  targets: readonly FetchTarget[],
  options: FetchOptions,
): ProtocolRequest {
  return {
    request: { apiKey: apiKeyFetch, apiVersion, apiName: "Fetch", encode: async () => encode(parts, targets, options) },
    response: { decode: async (bytes) => decode(new parts.Decoder(bytes)), parse: async (answer) => answer },
  };
}

function encode(parts: KafkajsParts, targets: readonly FetchTarget[], options: FetchOptions) {
  const encoder = new parts.Encoder();
  encoder.writeInt32(-1).writeInt32(options.waitMsMax).writeInt32(minBytes).writeInt32(options.bytesMax);
  // Session id 0 and epoch -1: every fetch names its partitions in full.
  encoder.writeInt8(readCommitted).writeInt32(0).writeInt32(-1);
  encoder.writeInt32(targets.length);
  for (const { topic, partition, offset, bytesMax } of targets) {
    encoder.writeString(topic).writeInt32(1);
    encoder.writeInt32(partition).writeInt32(-1).writeInt64(offset).writeInt64(-1).writeInt32(bytesMax);
  }
  return encoder.writeInt32(0).writeString("");
}

function decode(decoder: WireDecoder): { readonly errorCode: number; readonly partitions: FetchedPartition[] } {
  decoder.readInt32();
  const errorCode = decoder.readInt16();
  decoder.readInt32();
  const topics = decoder.readArray((d) => {
    const topic = d.readString() ?? "";
    return d.readArray((inner) => decodePartition(inner, topic));
  });
  return { errorCode, partitions: topics.flat() };
}

function decodePartition(decoder: WireDecoder, topic: string): FetchedPartition {
  const partition = decoder.readInt32();
  const errorCode = decoder.readInt16();
  decoder.readInt64();
  const lastStableOffset = Number(decoder.readInt64());
  const logStartOffset = Number(decoder.readInt64());
  const abortedTransactions = decoder.readArray((d) => ({
    producerId: d.readInt64(),
    firstOffset: Number(d.readInt64()),
  }));
  decoder.readInt32();
  const records = decoder.readBytes() ?? noBytes;
  return { topic, partition, errorCode, lastStableOffset, logStartOffset, abortedTransactions, records };
}
