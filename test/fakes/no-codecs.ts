import type { Codecs } from "../../src/wire/index.ts";

const refuse = (): never => {
  throw new Error("this test writes no compressed batches");
};

/** Codecs for tests in which nothing is compressed. */
const refused = { gzip: refuse, snappy: refuse, lz4: refuse, zstd: refuse };
export const noCodecs: Codecs = { ...refused, parts: refused, deflateGzip: refuse };
