import zstd from "@bokuweb/zstd-wasm";

const frameMagic = 0xfd2fb528;
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

/**
 * Inflates a Zstandard frame (RFC 8878). {@link loadZstd} must have resolved.
 *
 * The package allocates what a frame declares without asking whether it got it, so the size is read first. Java
 * producers stream and declare none: those are tried with a buffer that grows to `bytesMax`.
 */
export function inflateZstd(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const declared = declaredSize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  if (declared !== undefined) {
    if (declared > bytesMax) throw new Error(`a Zstandard frame declares ${declared} bytes`);
    return zstd.decompress(bytes, { defaultHeapSize: declared });
  }
  for (let size = Math.min(guessBytes, bytesMax); ; size = Math.min(size * 4, bytesMax)) {
    try {
      return zstd.decompress(bytes, { defaultHeapSize: size });
    } catch (thrown) {
      if (size === bytesMax || !(thrown instanceof Error && tooSmall.test(thrown.message))) throw thrown;
    }
  }
}

/** The content size in the frame header (RFC 8878 §3.1.1.1); undefined when the frame does not tell. */
function declaredSize(frame: Buffer): number | undefined {
  if (frame.length < 6 || frame.readUInt32LE(0) !== frameMagic)
    throw new Error("a Zstandard frame has other first bytes");
  const descriptor = frame.readUInt8(4);
  const single = (descriptor & 0x20) !== 0;
  const sizeCode = descriptor >> 6;
  if (sizeCode === 0 && !single) return undefined;
  const at = 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  if (at + 2 ** sizeCode > frame.length) throw new Error("a Zstandard frame is cut off");
  if (sizeCode === 0) return frame.readUInt8(at);
  if (sizeCode === 1) return 256 + frame.readUInt16LE(at);
  if (sizeCode === 2) return frame.readUInt32LE(at);
  return Number(frame.readBigUInt64LE(at));
}
