import { copyWords, wordsMax } from "../wire/index.ts";

/** Up to this length a plain loop is fastest. */
const loopMax = 16;

/** Copies `from[start, end)` to `at` of `into` and answers the position after it. There must be room. */
export type SpanCopy = (from: Buffer, start: number, end: number, into: Buffer, at: number) => number;

/**
 * A copier that keeps the views of the buffers it met last: many spans in a row come out of one batch and go into
 * another.
 */
export function createSpanCopy(): SpanCopy {
  let source: Buffer | undefined;
  let target: Buffer | undefined;
  let sourceView: DataView | undefined;
  let targetView: DataView | undefined;
  return (from, start, end, into, at) => {
    const length = end - start;
    if (length > wordsMax) {
      into.set(from.subarray(start, end), at);
      return at + length;
    }
    let i = start;
    let position = at;
    if (length > loopMax) {
      if (source !== from || sourceView === undefined) {
        source = from;
        sourceView = new DataView(from.buffer, from.byteOffset, from.length);
      }
      if (target !== into || targetView === undefined) {
        target = into;
        targetView = new DataView(into.buffer, into.byteOffset, into.length);
      }
      const words = length & ~3;
      copyWords(sourceView, start, words, targetView, at);
      i += words;
      position += words;
    }
    while (i < end) into[position++] = from[i++] as number;
    return position;
  };
}
