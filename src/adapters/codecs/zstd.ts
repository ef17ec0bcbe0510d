import zstd from "@bokuweb/zstd-wasm";
import { Decompress } from "fzstd";

const frameMagic = 0xfd2fb528;
/** Skippable frames have these magic numbers, the last four bits being free. */
const skippableMagic = 0x184d2a50;
const rleBlock = 1;
/** First guess for a frame that does not say its size: what a batch of a Kafka producer seldom passes. */
const guessBytes = 1024 * 1024;
/** `ZSTD_error_dstSize_tooSmall`, as the package words it. */
const tooSmall = /code -70$/;

let loading: Promise<void> | undefined;

/** Loads the WebAssembly module, once per process: the package would make a second memory at every call. */
export function loadZstd(): Promise<void> {
  loading ??= zstd.init();
  return loading;
}

/** Inflates Zstandard frames (RFC 8878), one or several, which make one content. {@link loadZstd} must have resolved. */
export function inflateZstd(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Uint8Array[] = [];
  let left = bytesMax;
  let at = 0;
  do {
    if (isSkippable(source, at)) at = frameEnd(source, at);
    else {
      const declared = declaredSize(source.subarray(at));
      if (declared !== undefined && declared > left) throw new Error(`a Zstandard frame declares ${declared} bytes`);
      const end = frameEnd(source, at);
      const part = inflateFrame(source.subarray(at, end), declared, left);
      left -= part.length;
      parts.push(part);
      at = end;
    }
  } while (at < source.length);
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

/** Largest window of a frame that is inflated in parts, as zstd's own tools have it: what decoders must support. */
const windowBytesMax = 8_388_608;

/** Inflates Zstandard frames block by block, each of at most 128 KiB. Does not need {@link loadZstd}. */
export function* zstdParts(bytes: Uint8Array): Iterable<Uint8Array> {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  do {
    const end = frameEnd(source, at);
    if (!isSkippable(source, at)) yield* frameParts(source.subarray(at, end));
    at = end;
  } while (at < source.length);
}

function* frameParts(frame: Buffer): Iterable<Uint8Array> {
  const window = windowBytesOf(frame);
  if (window > windowBytesMax)
    throw new Error(`a Zstandard frame needs a window of ${window} bytes; at most ${windowBytesMax} are given`);
  const { headerBytes } = frameHeader(frame);
  let blocks: Uint8Array[] = [];
  const stream = new Decompress((block) => void blocks.push(Buffer.from(block)));
  let fed = 0;
  let inflated = 0;
  for (let next = headerBytes, isLast = false; !isLast; ) {
    const header = frame.readUIntLE(next, 3);
    isLast = (header & 1) === 1;
    next += 3 + (((header >> 1) & 3) === rleBlock ? 1 : header >> 3);
    // The checksum behind the last block is stepped over: the record batch has its own.
    const end = isLast ? frame.length : next;
    stream.push(frame.subarray(fed, end), isLast);
    fed = end;
    for (const { length } of blocks) inflated += length;
    yield* blocks;
    blocks = [];
  }
  const declared = declaredSize(frame);
  if (declared !== undefined && declared !== inflated)
    throw new Error(`a Zstandard frame of ${declared} bytes has ${inflated}`);
}

/** The window that a frame needs (RFC 8878 §3.1.1.1.2). */
function windowBytesOf(frame: Buffer): number {
  const { isSingle } = frameHeader(frame);
  if (isSingle) return declaredSize(frame) ?? 0;
  const descriptor = frame.readUInt8(5);
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/**
 * The package allocates what a frame declares without asking whether it got it, so the size is read first, and one frame
 * is given at a time. Java producers stream and declare none: those are tried with a buffer that grows to `bytesMax`.
 */
function inflateFrame(bytes: Buffer, declared: number | undefined, bytesMax: number): Uint8Array {
  if (declared !== undefined) return zstd.decompress(bytes, { defaultHeapSize: declared });
  for (let size = Math.min(guessBytes, bytesMax); ; size = Math.min(size * 4, bytesMax)) {
    try {
      return zstd.decompress(bytes, { defaultHeapSize: size });
    } catch (thrown) {
      if (size === bytesMax || !(thrown instanceof Error && tooSmall.test(thrown.message))) throw thrown;
    }
  }
}

function isSkippable(source: Buffer, at: number): boolean {
  return at + 8 <= source.length && (source.readUInt32LE(at) & ~0xf) >>> 0 === skippableMagic;
}

/** Position after the frame at `at`, found by stepping over its blocks (RFC 8878 §3.1.1). */
function frameEnd(source: Buffer, at: number): number {
  if (isSkippable(source, at)) return bounded(source, at + 8 + source.readUInt32LE(at + 4));
  const { headerBytes, hasChecksum } = frameHeader(source.subarray(at));
  let next = at + headerBytes;
  for (let isLast = false; !isLast; ) {
    bounded(source, next + 3);
    const header = source.readUIntLE(next, 3);
    isLast = (header & 1) === 1;
    next = bounded(source, next + 3 + (((header >> 1) & 3) === rleBlock ? 1 : header >> 3));
  }
  return bounded(source, next + (hasChecksum ? 4 : 0));
}

function bounded(source: Buffer, at: number): number {
  if (at > source.length) throw new Error("a Zstandard frame is cut off");
  return at;
}

interface FrameHeader {
  readonly headerBytes: number;
  readonly hasChecksum: boolean;
  /** Where the content size stands, and its code (RFC 8878 §3.1.1.1); the size is undefined when the frame does not tell. */
  readonly sizeAt: number;
  readonly sizeCode: number;
  readonly hasSize: boolean;
  /** The whole content is the window. */
  readonly isSingle: boolean;
}

function frameHeader(frame: Buffer): FrameHeader {
  if (frame.length < 6 || frame.readUInt32LE(0) !== frameMagic)
    throw new Error("a Zstandard frame has other first bytes");
  const descriptor = frame.readUInt8(4);
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeCode = descriptor >> 6;
  const hasSize = sizeCode > 0 || isSingle;
  const sizeAt = 5 + (isSingle ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  return {
    headerBytes: sizeAt + (hasSize ? 2 ** sizeCode : 0),
    hasChecksum: (descriptor & 4) !== 0,
    sizeAt,
    sizeCode,
    hasSize,
    isSingle,
  };
}

/** The content size in the frame header (RFC 8878 §3.1.1.1); undefined when the frame does not tell. */
function declaredSize(frame: Buffer): number | undefined {
  const { headerBytes, sizeAt: at, sizeCode, hasSize } = frameHeader(frame);
  if (!hasSize) return undefined;
  bounded(frame, headerBytes);
  if (sizeCode === 0) return frame.readUInt8(at);
  if (sizeCode === 1) return 256 + frame.readUInt16LE(at);
  if (sizeCode === 2) return frame.readUInt32LE(at);
  return Number(frame.readBigUInt64LE(at));
}
