import { BlockOutput } from "./block-output.ts";

/** First bytes of the framing of snappy-java: 0x82 "SNAPPY" 0. */
const framingMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** The magic, a version and a compatible version. */
const framingHeaderBytes = 16;
/** No element gives more than 64 bytes for 3; a size above this share is a lie. */
const ratioMax = 22;

/**
 * Inflates Snappy (format description of google/snappy, 2011): a bare block, as librdkafka and Go clients
 * write, or the framing of snappy-java that Java producers write, which is a chain of such blocks.
 *
 * Own code, because snappyjs 0.7.0 takes a block that ends early for a whole one and allocates whatever it declares.
 */
export function inflateSnappy(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!source.subarray(0, framingMagic.length).equals(framingMagic)) {
    const output = new BlockOutput(declaredSize(source).size, bytesMax);
    inflateBlock(source, output);
    return output.written();
  }
  const output = new BlockOutput(bytes.length * 4, bytesMax);
  for (let at = framingHeaderBytes; at < source.length; ) {
    const { from, to } = chunkAt(source, at);
    at = to;
    inflateBlock(source.subarray(from, to), output);
  }
  return output.written();
}

/** How far back a copy may go in a block that is inflated in parts: compressors cut their input into 64 KiB. */
const historyBytes = 1_048_576;
const partBytes = 262_144;

/** Inflates Snappy in parts: a framing block by block, a bare block as its elements come. */
export function* snappyParts(bytes: Uint8Array): Iterable<Uint8Array> {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (source.subarray(0, framingMagic.length).equals(framingMagic)) {
    for (let at = framingHeaderBytes; at < source.length; ) {
      const { from, to } = chunkAt(source, at);
      at = to;
      yield* blockParts(source.subarray(from, to));
    }
  } else yield* blockParts(source);
}

function* blockParts(block: Buffer): Iterable<Uint8Array> {
  const { size, from } = declaredSize(block);
  // An element gives at most what is left of the block as a literal, which is not larger than the block.
  // Java frames 32 KiB at a time: most blocks need no more room than they say.
  const most = historyBytes + partBytes;
  const output = new BlockOutput(Math.min(Math.max(size, 64), most), most + block.length);
  let total = 0;
  for (let at = from; at < block.length; ) {
    at = inflateElements(block, at, output, output.length + partBytes);
    const part = output.drain(historyBytes);
    total += part.length;
    yield part;
  }
  if (total !== size) throw new Error(`a Snappy block of ${size} bytes has ${total}`);
}

function chunkAt(source: Buffer, at: number): { readonly from: number; readonly to: number } {
  if (at + 4 > source.length) throw new Error("a Snappy chunk is cut off");
  const from = at + 4;
  const to = from + source.readInt32BE(at);
  if (to < from || to > source.length) throw new Error("a Snappy chunk is cut off");
  return { from, to };
}

function inflateBlock(block: Buffer, output: BlockOutput): void {
  const { size, from } = declaredSize(block);
  const end = output.length + size;
  inflateElements(block, from, output, Number.POSITIVE_INFINITY);
  if (output.length !== end) throw new Error(`a Snappy block of ${size} bytes has ${output.length - end + size}`);
}

/** Inflates the elements from `from` on, until the output has so many bytes; answers the position after them. */
function inflateElements(block: Buffer, from: number, output: BlockOutput, lengthEnd: number): number {
  let at = from;
  while (at < block.length && output.length < lengthEnd) {
    const tag = block[at++] ?? 0;
    if ((tag & 3) === 0) {
      const literalFrom = at + Math.max(0, (tag >> 2) - 59);
      at = literalFrom + literalLength(block, tag, at);
      output.literal(block, literalFrom, at);
    } else {
      at = copyElement(block, tag, at, output);
    }
  }
  if (at > block.length) throw new Error("a Snappy block is cut off");
  return at;
}

function literalLength(block: Buffer, tag: number, at: number): number {
  const short = tag >> 2;
  return 1 + (short < 60 ? short : littleEndian(block, at, short - 59));
}

/** An element that repeats earlier output; answers the position after it. */
function copyElement(block: Buffer, tag: number, at: number, output: BlockOutput): number {
  // A byte that is not there counts as 0; the position after it then passes the end, which is looked at last.
  const low = block[at] ?? 0;
  if ((tag & 3) === 1) {
    output.match(((tag >> 5) << 8) | low, 4 + ((tag >> 2) & 7));
    return at + 1;
  }
  if ((tag & 3) === 2) {
    output.match(low | ((block[at + 1] ?? 0) << 8), 1 + (tag >> 2));
    return at + 2;
  }
  output.match(littleEndian(block, at, 4), 1 + (tag >> 2));
  return at + 4;
}

function littleEndian(block: Buffer, at: number, count: number): number {
  if (at + count > block.length) throw new Error("a Snappy block is cut off");
  return block.readUIntLE(at, count);
}

/** The inflated size that a block begins with, a varint of at most 32 bits, and where its elements begin. */
function declaredSize(block: Buffer): { size: number; from: number } {
  let size = 0;
  for (let at = 0; at < 5 && at < block.length; at++) {
    const byte = block[at] ?? 0;
    size += (byte & 0x7f) * 2 ** (7 * at);
    if (byte >= 0x80) continue;
    if (size > block.length * ratioMax) throw new Error(`a Snappy block of ${block.length} bytes declares ${size}`);
    return { size, from: at + 1 };
  }
  throw new Error("a Snappy block has no size");
}
