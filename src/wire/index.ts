export { readBatchHeader, stampProducer, writeBaseOffset } from "./batch-header.ts";
export type { Codecs, Deflate } from "./codecs.ts";
export { crc32c } from "./crc32c.ts";
export { decodeFetched, type FetchContext } from "./decode-fetched.ts";
export { readHeaders } from "./headers.ts";
export { murmur2, partitionOf } from "./murmur2.ts";
export type { Outgoing, OutgoingRole } from "./outgoing.ts";
export type { RawBatch } from "./raw-batch.ts";
export { type BatchSpec, RecordBatchBuilder } from "./record-batch-builder.ts";
