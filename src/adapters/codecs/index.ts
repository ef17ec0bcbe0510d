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
    gzip: (bytes, bytesMax) => gunzipSync(bytes, { maxOutputLength: bytesMax }),
    snappy: inflateSnappy,
    lz4: inflateLz4,
    zstd: inflateZstd,
    parts: { gzip: gzipParts, snappy: snappyParts, lz4: lz4Parts, zstd: zstdParts },
    deflateGzip: (bytes) => gzipSync(bytes),
  };
}

const gzipPartBytes = 32_768;

/** zlib's stream goes on only while its output is taken. It is made when the first part is: until then nobody hears its errors. */
async function* gzipParts(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  const stream = createGunzip({ chunkSize: gzipPartBytes });
  stream.end(bytes);
  yield* stream as AsyncIterable<Buffer>;
}
