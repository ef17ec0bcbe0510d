import { createGunzip, gunzipSync, gzipSync } from "node:zlib";
import type { Codecs } from "../../wire/index.ts";
import { inflateLz4, lz4Parts } from "./lz4.ts";
import { inflateSnappy, snappyParts } from "./snappy.ts";
import { inflateZstd, loadZstd, zstdParts } from "./zstd.ts";

/**
 * Kafka's four codecs without native parts, each bounded in what it inflates to.
 *
 * Inflating takes, per inflated byte of typical events, 1 to 3 ns. Resolves when the WebAssembly of zstd is loaded.
 */
export async function createCodecs(): Promise<Codecs> {
  await loadZstd();
  return {
    gzip: inflateGzip,
    snappy: inflateSnappy,
    lz4: inflateLz4,
    zstd: inflateZstd,
    parts: { gzip: gzipParts, snappy: snappyParts, lz4: lz4Parts, zstd: zstdParts },
    deflateGzip: (bytes) => gzipSync(bytes),
  };
}

/** Bytes of the trailer's size of what was compressed, modulo 2^32. */
const gzipSizeBytes = 4;
/** Deflate makes nothing smaller than by this. */
const gzipRatioMax = 1_032;
const zlibChunkBytesMin = 64;

/**
 * Inflates into one buffer where the trailer tells the size: zlib's chunks would be copied together, which costs as much
 * again. The size is only a guess, since it may lie, or be that of the last of several members; but what declares more
 * than the limit is not tried.
 */
function inflateGzip(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const declared = view.getUint32(bytes.length - gzipSizeBytes, true);
  if (declared > bytesMax) throw new RangeError(`it declares ${declared} bytes`);
  // One more, or zlib asks for another chunk to see that nothing follows.
  const chunkSize = Math.max(zlibChunkBytesMin, Math.min(declared + 1, bytes.length * gzipRatioMax));
  return gunzipSync(bytes, { maxOutputLength: bytesMax, chunkSize });
}

const gzipPartBytes = 32_768;

/** zlib's stream goes on only while its output is taken. It is made when the first part is: until then nobody hears its errors. */
async function* gzipParts(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  const stream = createGunzip({ chunkSize: gzipPartBytes });
  stream.end(bytes);
  yield* stream as AsyncIterable<Buffer>;
}
