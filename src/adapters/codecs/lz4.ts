import { BlockOutput } from "./block-output.ts";

const frameMagic = 0x184d2204;
/** Skippable frames have these magic numbers, the last four bits being free. */
const skippableMagic = 0x184d2a50;
/** Largest block by the two lower bits of its code, 4 to 7. */
const blockBytesMax = [0x1_0000, 0x4_0000, 0x10_0000, 0x40_0000] as const;
/** How far back a match may go (LZ4 block format). */
const historyBytes = 0x1_0000;
/** A block byte gives at most 255 bytes (a length that goes on). */
const ratioMax = 255;

/** Frame descriptor flags (LZ4 frame format 1.6). */
const flags = { version: 0xc0, blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 };

/**
 * Inflates LZ4 frames: blocks linked or independent, stored or compressed. Checksums inside the frame are
 * stepped over, because the record batch around it has one.
 *
 * Own code, because lz4js 0.2.0 checks no bounds: a frame that is cut off or lies about a length reads on in zeros.
 */
export function inflateLz4(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const output = new BlockOutput(bytes.length * 4, bytesMax);
  let at = 0;
  do at = inflateFrame(source, at, output);
  while (at < source.length);
  return output.written();
}

/** Inflates LZ4 frames block by block. */
export function* lz4Parts(bytes: Uint8Array): Iterable<Uint8Array> {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const output = new BlockOutput(bytes.length * 4, historyBytes + blockBytesMax[3]);
  let at = 0;
  do {
    const blocks = blocksOfFrame(source, at, output);
    let step = blocks.next();
    for (; step.done !== true; step = blocks.next()) yield output.drain(historyBytes);
    at = step.value;
  } while (at < source.length);
}

/** Inflates the frame at `at`; answers the position after it. */
function inflateFrame(source: Buffer, at: number, output: BlockOutput): number {
  const blocks = blocksOfFrame(source, at, output);
  let step = blocks.next();
  while (step.done !== true) step = blocks.next();
  return step.value;
}

/** Inflates the frame at `at`, stopping behind each block; the position after it comes last. */
function* blocksOfFrame(source: Buffer, at: number, output: BlockOutput): Generator<void, number, void> {
  const magic = unsigned(source, at);
  if ((magic & ~0xf) >>> 0 === skippableMagic) return at + 8 + unsigned(source, at + 4);
  if (magic !== frameMagic) throw new Error("an LZ4 frame begins with other bytes");
  const flag = source[at + 4] ?? 0;
  const blockMax = blockBytesMax[((source[at + 5] ?? 0) >> 4) - 4];
  if ((flag & flags.version) !== 0x40 || blockMax === undefined) throw new Error("an LZ4 frame of an unknown version");
  if ((flag & flags.dictionary) !== 0) throw new Error("an LZ4 frame needs a dictionary");
  const blockTail = (flag & flags.blockChecksum) === 0 ? 0 : 4;
  let next = at + 7 + ((flag & flags.contentSize) === 0 ? 0 : 8);
  for (;;) {
    const word = unsigned(source, next);
    next += 4;
    if (word === 0) break;
    const size = word & 0x7fff_ffff;
    if (size > blockMax || next + size + blockTail > source.length) throw new Error("an LZ4 block is cut off");
    if (word > 0x7fff_ffff) output.literal(source, next, next + size);
    else inflateBlock(source.subarray(next, next + size), output, Math.min(blockMax, size * ratioMax));
    next += size + blockTail;
    yield;
  }
  if ((flag & flags.contentChecksum) !== 0) next += 4;
  if (next > source.length) throw new Error("an LZ4 frame is cut off");
  return next;
}

/** The sequences of a block (LZ4 block format): literals, then a match, of which the last sequence has none. */
function inflateBlock(block: Buffer, output: BlockOutput, sizeMax: number): void {
  const end = output.length + sizeMax;
  let at = 0;
  while (at < block.length) {
    const token = block[at++] ?? 0;
    let literals = token >> 4;
    if (literals === 15) {
      const tail = lengthTail(block, at);
      literals += tail;
      at += Math.floor(tail / 255) + 1;
    }
    output.literal(block, at, at + literals);
    at += literals;
    if (at === block.length) break;
    if (at + 2 > block.length) throw new Error("an LZ4 block is cut off");
    const distance = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8);
    at += 2;
    let length = token & 15;
    if (length === 15) {
      const tail = lengthTail(block, at);
      length += tail;
      at += Math.floor(tail / 255) + 1;
    }
    output.match(distance, length + 4);
    if (output.length > end) throw new Error("an LZ4 block is larger than its frame allows");
  }
}

/** A length that goes on: bytes of 255 and one below, summed. Takes as many bytes as `tail / 255`, and one. */
function lengthTail(block: Buffer, from: number): number {
  let tail = 0;
  for (let at = from; at < block.length; at++) {
    const byte = block[at] ?? 0;
    tail += byte;
    if (byte !== 255) return tail;
  }
  throw new Error("an LZ4 block is cut off");
}

function unsigned(source: Buffer, at: number): number {
  if (at + 4 > source.length) throw new Error("an LZ4 frame is cut off");
  return source.readUInt32LE(at);
}
