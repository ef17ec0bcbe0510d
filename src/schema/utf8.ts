/**
 * Whether `bytes[from, to)` is UTF-8: nothing overlong, no surrogates, nothing above U+10FFFF. Allocates nothing.
 * Source: Unicode 16, table 3-7, well-formed byte sequences.
 */
export function isUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from;
  while (at < to) {
    const length = (bytes[at] as number) < 0x80 ? 1 : sequenceLength(bytes, at, to);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

/** Bytes of the character that begins at `at` with a byte above 127; 0 when it is none. */
function sequenceLength(bytes: Uint8Array, at: number, to: number): number {
  const lead = bytes[at] as number;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || at + length > to || !isSecond(lead, bytes[at + 1] as number)) return 0;
  for (let i = 2; i < length; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  return length;
}

function isSecond(lead: number, byte: number): boolean {
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return byte >= low && byte <= high;
}
