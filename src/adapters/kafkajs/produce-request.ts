import type { Outgoing } from "../../wire/index.ts";
import type { ProtocolRequest } from "./client-types.ts";
import { FlexibleReader, FlexibleWriter, type Throttled } from "./flexible.ts";

/** A record that the broker refuses, by its place in the batch. */
export interface RefusedPlace {
  readonly index: number;
  readonly message: string | null;
}

/** What became of the batch for one topic-partition. */
export interface ProducedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** The records for which the whole batch was refused, where the broker names them. */
  readonly refused: readonly RefusedPlace[];
  readonly message: string | null;
}

/** In whose transaction batches are produced; they bear its producer. */
export interface ProducedIn {
  readonly transactionalId: string;
  /** Whether the brokers add partitions and groups to a transaction by themselves (KIP-890). */
  readonly isSecondVersion: boolean;
}

const apiKeyProduce = 0;
/** The first that is flexible; from the one before it on the answer names refused records (KIP-467). */
const apiVersion = 9;
/** The first that adds a partition to the transaction by itself (KIP-890); its fields are those of the versions before. */
const versionThatAdds = 12;
const acksAll = -1;
/** A batch up to this size is copied into the request: cheaper than a write of its own. */
const copyBytesMax = 8_192;

/**
 * A produce of finished batches, acknowledged by all in-sync replicas. At most one batch per topic-partition, which is
 * the caller's to see to: the broker would refuse a second one, or drop it without a word.
 */
export function produceRequest(
  batches: readonly Outgoing[],
  timeoutMs: number,
  transaction?: ProducedIn,
): ProtocolRequest {
  const [head = Buffer.alloc(0), ...body] = piecesOf(batches, timeoutMs, transaction?.transactionalId ?? null);
  return {
    request: {
      apiKey: apiKeyProduce,
      apiVersion: transaction?.isSecondVersion === true ? versionThatAdds : apiVersion,
      apiName: "Produce",
      body,
      encode: async () => ({ buf: head, buffer: head }),
    },
    response: {
      decode: async (bytes) => decode(new FlexibleReader(bytes)),
      parse: async (decoded) => (decoded as Throttled).answer,
    },
  };
}

/** The request's bytes, large batches in their own memory. */
function piecesOf(batches: readonly Outgoing[], timeoutMs: number, transactionalId: string | null): Buffer[] {
  const to = new FlexibleWriter();
  const cuts: { readonly at: number; readonly bytes: Buffer }[] = [];
  // The header's tags, then the body.
  to.end().string(transactionalId).int16(acksAll).int32(timeoutMs);
  to.array([...byTopic(batches)], ([topic, ofTopic]) => {
    to.string(topic).array(ofTopic, ({ partition, bytes }) => {
      to.int32(partition).lengthOf(bytes);
      if (bytes.length <= copyBytesMax) to.raw(bytes);
      else cuts.push({ at: to.bytes.length, bytes });
      to.end();
    });
    to.end();
  });
  const whole = to.end().bytes;
  let from = 0;
  const pieces = cuts.flatMap(({ at, bytes }) => {
    const before = whole.subarray(from, at);
    from = at;
    return [before, bytes];
  });
  return [...pieces, whole.subarray(from)];
}

function byTopic(batches: readonly Outgoing[]): Map<string, Outgoing[]> {
  const topics = new Map<string, Outgoing[]>();
  for (const batch of batches) {
    const ofTopic = topics.get(batch.topic);
    if (ofTopic === undefined) topics.set(batch.topic, [batch]);
    else ofTopic.push(batch);
  }
  return topics;
}

function decode(from: FlexibleReader): Throttled & { readonly answer: ProducedPartition[] } {
  from.end();
  const topics = from.array(() => {
    const topic = from.string() ?? "";
    const produced = from.array(() => readPartition(from, topic));
    from.end();
    return produced;
  });
  return { answer: topics.flat(), clientSideThrottleTime: from.int32() };
}

function readPartition(from: FlexibleReader, topic: string): ProducedPartition {
  const partition = from.int32();
  const errorCode = from.int16();
  // Base offset, append time, start of the log.
  for (let i = 0; i < 3; i++) from.int64();
  const refused = from.array(() => {
    const place = { index: from.int32(), message: from.string() };
    from.end();
    return place;
  });
  const message = from.string();
  from.end();
  return { topic, partition, errorCode, refused, message };
}
