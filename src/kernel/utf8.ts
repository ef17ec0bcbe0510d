/** Text of bytes that were to be UTF-8, or where the first byte stands that is not. */
export type Utf8Reading = { readonly text: string } | { readonly badAt: number };

/**
 * Decodes bytes that must be UTF-8; a byte order mark at the start is taken off. Nothing is replaced: text that
 * differs from what was written would be compared, sent and registered as if somebody had meant it.
 */
export function readUtf8(bytes: Uint8Array): Utf8Reading {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { badAt: firstBad(bytes) };
  }
}

/** Offset of the first byte that begins no whole UTF-8 sequence (RFC 3629: shortest form, no surrogates). */
function firstBad(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) return at;
    at += length;
  }
  return at;
}

/** 0 when no whole sequence begins there. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const length = first < 0x80 ? 1 : lengthByFirst(first);
  const [min, max] = secondByteRange[first] ?? [0x80, 0xbf];
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] ?? 0;
    if (byte < (i === 1 ? min : 0x80) || byte > (i === 1 ? max : 0xbf)) return 0;
  }
  return length;
}

function lengthByFirst(first: number): number {
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/** Where the second byte is held tighter than 80..BF. */
const secondByteRange: Readonly<Record<number, readonly [number, number]>> = {
  224: [0xa0, 0xbf],
  237: [0x80, 0x9f],
  240: [0x90, 0xbf],
  244: [0x80, 0x8f],
};
