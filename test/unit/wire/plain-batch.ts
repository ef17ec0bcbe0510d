import type { Header } from "../../../src/kernel/index.ts";
import { type Codecs, decodeFetched, type FetchContext, type RawBatch, readHeaders } from "../../../src/wire/index.ts";

/**
 * A record batch v2 written the slow, obvious way (Kafka protocol guide, "Record Batch"): the oracle of these tests.
 * Everything that the wire folder computes is computed differently here (BigInt, bitwise checksum).
 */
export interface PlainBatch {
  readonly baseOffset?: bigint;
  readonly attributes?: number;
  readonly baseTimestamp?: bigint;
  readonly maxTimestamp?: bigint;
  readonly producerId?: bigint;
  readonly magic?: number;
  readonly records?: readonly PlainRecord[];
  /** What the header says, where it is to differ from the records. */
  readonly lastOffsetDelta?: number;
  readonly recordCount?: number;
  /** The bytes after the header, where they are not to come from `records`. */
  readonly body?: Uint8Array;
}

export interface PlainRecord {
  readonly offsetDelta?: number;
  readonly timestampDelta?: bigint;
  readonly key?: Uint8Array | null;
  readonly value?: Uint8Array | null;
  readonly headers?: readonly Header[];
}

export function plainBatch(batch: PlainBatch): Buffer {
  const records = batch.records ?? [];
  const body = batch.body ?? Buffer.concat(records.map((record, n) => plainRecord(record, n)));
  const lastDelta = batch.lastOffsetDelta ?? records.at(-1)?.offsetDelta ?? Math.max(0, records.length - 1);
  const checked = Buffer.alloc(40);
  checked.writeInt16BE(batch.attributes ?? 0, 0);
  checked.writeInt32BE(lastDelta, 2);
  checked.writeBigInt64BE(batch.baseTimestamp ?? 0n, 6);
  checked.writeBigInt64BE(batch.maxTimestamp ?? 0n, 14);
  checked.writeBigInt64BE(batch.producerId ?? -1n, 22);
  checked.writeInt16BE(-1, 30);
  checked.writeInt32BE(-1, 32);
  checked.writeInt32BE(batch.recordCount ?? records.length, 36);
  const rest = Buffer.concat([checked, body]);
  const head = Buffer.alloc(21);
  head.writeBigInt64BE(batch.baseOffset ?? 0n, 0);
  head.writeInt32BE(9 + rest.length, 8);
  head.writeInt32BE(0, 12);
  head.writeInt8(batch.magic ?? 2, 16);
  head.writeUInt32BE(bitwiseCrc(rest), 17);
  return Buffer.concat([head, rest]);
}

export function plainRecord(record: PlainRecord, n: number): Buffer {
  const headers = record.headers ?? [];
  const body = Buffer.concat([
    Buffer.from([0]),
    zigzag(record.timestampDelta ?? 0n),
    zigzag(BigInt(record.offsetDelta ?? n)),
    run(record.key ?? null),
    run(record.value ?? null),
    zigzag(BigInt(headers.length)),
    ...headers.flatMap((header) => [run(Buffer.from(header.name)), run(header.value)]),
  ]);
  return Buffer.concat([zigzag(BigInt(body.length)), body]);
}

/** Ends a transaction: version 0 and type 0 (abort) or 1 (commit) as the key of the one record. */
export function marker(baseOffset: number, producerId: number, kind: "abort" | "commit"): Buffer {
  const key = Buffer.from([0, 0, 0, kind === "abort" ? 0 : 1]);
  return plainBatch({
    baseOffset: BigInt(baseOffset),
    producerId: BigInt(producerId),
    attributes: 0x30,
    records: [{ key, value: Buffer.alloc(6) }],
  });
}

export function zigzag(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

function run(bytes: Uint8Array | null): Buffer {
  return bytes === null ? zigzag(-1n) : Buffer.concat([zigzag(BigInt(bytes.length)), bytes]);
}

/** CRC-32C one bit at a time. */
export function bitwiseCrc(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
}

const refuse = (): never => {
  throw new Error("no codec in this test");
};
const refused = { gzip: refuse, snappy: refuse, lz4: refuse, zstd: refuse };
export const noCodecs: Codecs = { ...refused, parts: refused, deflateGzip: refuse };

/** `decodeFetched` for topic `orders`, partition 3, from offset 0 unless said otherwise. */
export function decode(bytes: Buffer, context: Partial<FetchContext> = {}): RawBatch {
  return decodeFetched(bytes, {
    topic: "orders",
    partition: 3,
    offsetAsked: 0,
    logStartOffset: -1,
    endOffset: -1,
    abortedTransactions: [],
    codecs: noCodecs,
    verifyCrc: true,
    ...context,
  });
}

/** The records of a batch as objects, bytes as hex. */
export interface SeenRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly { readonly name: string; readonly value: string | null }[];
}

export function recordsOf(batch: RawBatch): SeenRecord[] {
  return Array.from({ length: batch.count }, (_, i) => ({
    offset: batch.offsets[i]!,
    timestampMs: batch.timestampsMs[i]!,
    key: slice(batch.bytes, batch.keyFrom[i]!, batch.keyTo[i]!),
    value: slice(batch.bytes, batch.valueFrom[i]!, batch.valueTo[i]!),
    headers: readHeaders(batch, i).map(({ name, value }) => ({ name, value: hex(value) })),
  }));
}

function slice(bytes: Buffer, from: number, to: number): string | null {
  return from < 0 ? null : bytes.toString("hex", from, to);
}

export function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString("hex");
}
