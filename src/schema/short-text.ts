import { utf8 } from "./byte-cursor.ts";
import { writeLong } from "./byte-sink.ts";

/** Up to this many ASCII characters, code in JavaScript beats the call into the runtime (measured on Node 20). */
const readMax = 20;
/** Longest text whose length in bytes takes one byte as a varint. */
const oneByteLengthMax = 63;

/** Answers undefined as soon as a byte is not ASCII. */
type ShortReader = (bytes: Buffer, from: number, length: number) => string | undefined;

/**
 * One `String.fromCharCode` call per length: it makes a flat string in one go, where appending character by character
 * makes several. Written out by a loop, from nothing but numbers.
 */
const readShort: ShortReader = (() => {
  const lengths = Array.from({ length: readMax }, (_, i) => i + 1);
  const units = (length: number): string => Array.from({ length }, (_, i) => `bytes[from + ${i}]`).join(", ");
  const source = [
    "return (bytes, from, length) => {",
    "  for (let at = from, end = from + length; at < end; at++) if (bytes[at] > 127) return undefined;",
    "  switch (length) {",
    '    case 0: return "";',
    ...lengths.map((length) => `    case ${length}: return fromCharCode(${units(length)});`),
    "  }",
    "}",
  ];
  return new Function("fromCharCode", source.join("\n"))(String.fromCharCode) as ShortReader;
})();

/** Text from UTF-8, like `utf8`, made fast for what records are full of: short and ASCII. */
export function readText(bytes: Buffer, from: number, to: number): string {
  const length = to - from;
  return (length <= readMax ? readShort(bytes, from, length) : undefined) ?? utf8(bytes, from, to);
}

/**
 * Writes length and UTF-8 at `at` and answers the end. Needs room for 5 bytes and 3 per UTF-16 unit.
 * -1, and nothing that counts written, for half of a surrogate pair, which has no UTF-8.
 */
export function writeText(into: Buffer, at: number, text: string): number {
  const length = text.length;
  if (length <= oneByteLengthMax) {
    let position = at;
    into[position++] = length << 1;
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) break;
      into[position++] = unit;
    }
    if (i === length) return position;
  }
  // Free for text of one byte per unit, as V8 keeps ASCII.
  if (!text.isWellFormed()) return -1;
  const from = writeLong(into, at, Buffer.byteLength(text));
  return from + into.write(text, from, "utf8");
}
