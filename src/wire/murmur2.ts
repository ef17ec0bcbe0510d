/**
 * MurmurHash2, 32 bits, with Kafka's seed, as a signed integer: what the Java client's
 * `org.apache.kafka.common.utils.Utils.murmur2` answers for the same bytes.
 */
export function murmur2(bytes: Uint8Array, from: number, to: number): number {
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ (to - from);
  let i = from;
  for (; i + 4 <= to; i += 4) {
    const k = Math.imul(
      (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24),
      m,
    );
    h = Math.imul(h, m) ^ Math.imul(k ^ (k >>> 24), m);
  }
  if (i < to) {
    let tail = 0;
    for (let shift = 0; i < to; i++, shift += 8) tail |= (bytes[i] ?? 0) << shift;
    h = Math.imul(h ^ tail, m);
  }
  h = Math.imul(h ^ (h >>> 13), m);
  return h ^ (h >>> 15);
}

/** The partition that every client with the default partitioner picks for the key `bytes[from, to)`. */
export function partitionOf(keyBytes: Uint8Array, from: number, to: number, partitionCount: number): number {
  return (murmur2(keyBytes, from, to) & 0x7fffffff) % partitionCount;
}
