/**
 * Inflates one compressed block. Throws when the bytes are damaged or would inflate to more than `bytesMax`,
 * and must not allocate much more than it is going to fill: a declared size is not to be believed.
 */
export type Inflate = (bytes: Uint8Array, bytesMax: number) => Uint8Array;

/**
 * Inflates one compressed block part by part, and holds little more than a part and what later parts may refer to. Ends
 * with an error where the bytes are damaged, or need a window of more than 8 MiB.
 */
export type InflateParts = (bytes: Uint8Array) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Compresses one block. */
export type Deflate = (bytes: Uint8Array) => Uint8Array;

/** The compression port. A batch is decoded in one go and so inflated synchronously; one that is too large for that in parts. */
export interface Codecs {
  readonly gzip: Inflate;
  /** Both a bare Snappy block and the framing that Java producers write. */
  readonly snappy: Inflate;
  /** The LZ4 frame format. */
  readonly lz4: Inflate;
  readonly zstd: Inflate;
  readonly parts: Readonly<Record<CompressionName, InflateParts>>;
  /** The only codec that is written. */
  readonly deflateGzip: Deflate;
}

export type CompressionName = "gzip" | "snappy" | "lz4" | "zstd";

/** Codec numbers of the attributes field (Kafka protocol guide), 0 being none. */
export const codecNames = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** The codec number of batches that the builder compresses. */
export const gzipCodec = 1;
