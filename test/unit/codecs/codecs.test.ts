import { gzipSync } from "node:zlib";
import zstd from "@bokuweb/zstd-wasm";
import fc from "fast-check";
import lz4 from "lz4js";
import snappy from "snappyjs";
import { beforeAll, expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import type { Codecs } from "../../../src/wire/index.ts";

type Codec = "gzip" | "snappy" | "lz4" | "zstd";
const names: readonly Codec[] = ["gzip", "snappy", "lz4", "zstd"];
const mebibyte = 1024 * 1024;

let codecs: Codecs;
beforeAll(async () => {
  codecs = await createCodecs();
});

/** Compressors that share no code with what is tested. */
const compress: Record<Codec, (bytes: Uint8Array) => Uint8Array> = {
  gzip: (bytes) => gzipSync(bytes),
  snappy: (bytes) => snappy.compress(Buffer.from(bytes)),
  lz4: (bytes) => lz4.compress(bytes),
  zstd: (bytes) => zstd.compress(Buffer.from(bytes)),
};

const text = Buffer.from("departure,ORD,ATL,2001-02-03T10:00,606;".repeat(5_000));
const noise = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff));

test.each(names)("%s inflates what another implementation compressed", (name) => {
  for (const bytes of [text, noise, Buffer.concat([noise, text, noise]), Buffer.alloc(300_000), Buffer.from("a")]) {
    expect(Buffer.from(codecs[name](compress[name](bytes), mebibyte)).equals(bytes)).toBe(true);
  }
});

test.each(names)("%s inflates any bytes, repeating or not", (name) => {
  const repeating = fc
    .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 60 })), { maxLength: 20 })
    .map((runs) => Buffer.concat(runs.flatMap(([run, times]) => Array.from({ length: times }, () => run))));
  fc.assert(
    fc.property(repeating, (bytes) => {
      if (bytes.length === 0) return;
      expect(Buffer.from(codecs[name](compress[name](bytes), mebibyte)).equals(bytes)).toBe(true);
    }),
  );
});

test.each(names)("%s stops at the limit, and inflates what is exactly as large", (name) => {
  const bomb = compress[name](Buffer.alloc(mebibyte));
  expect(bomb.length).toBeLessThan(60_000);
  expect(codecs[name](bomb, mebibyte).length).toBe(mebibyte);
  expect(() => codecs[name](bomb, mebibyte - 1)).toThrow();
});

test.each(names)("%s that is cut off anywhere is an error", (name) => {
  const whole = compress[name](Buffer.concat([text.subarray(0, 200), noise.subarray(0, 50), text.subarray(0, 300)]));
  for (let length = 0; length < whole.length; length++) {
    expect(() => codecs[name](whole.subarray(0, length), mebibyte)).toThrow();
  }
});

test.each(names)("%s of damaged bytes ends as bytes within the limit or as an error", (name) => {
  const whole = compress[name](Buffer.concat([text.subarray(0, 400), noise.subarray(0, 300), text.subarray(0, 400)]));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (damage) => {
      const bytes = Buffer.from(whole);
      for (const [at, byte] of damage) bytes[at] = byte;
      let length = 0;
      try {
        length = codecs[name](bytes, mebibyte).length;
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Error);
      }
      expect(length).toBeLessThanOrEqual(mebibyte);
    }),
    { numRuns: 500 },
  );
  expect(codecs[name](whole, mebibyte).length).toBe(1_100);
});

/** All parts of a compressed block, and the largest of them. */
async function inParts(name: Codec, bytes: Uint8Array): Promise<{ whole: Buffer; partMax: number }> {
  const parts: Uint8Array[] = [];
  for await (const part of codecs.parts[name](bytes)) parts.push(part);
  return { whole: Buffer.concat(parts), partMax: Math.max(0, ...parts.map(({ length }) => length)) };
}

test.each(names)("%s in parts gives what it gives at once, in parts that are small", async (name) => {
  const long = Buffer.concat(Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? text : noise)));
  for (const bytes of [long, text, noise, Buffer.alloc(3_000_000), Buffer.from("a")]) {
    const { whole, partMax } = await inParts(name, compress[name](bytes));
    expect(whole.equals(bytes)).toBe(true);
    expect(partMax).toBeLessThan(4.1 * mebibyte);
    if (name !== "lz4") expect(partMax).toBeLessThan(0.5 * mebibyte);
  }
});

test.each(names)("%s in parts gives any bytes, repeating or not", async (name) => {
  const run = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 9_000 }));
  await fc.assert(
    fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 12 }), async (runs) => {
      const bytes = Buffer.concat(runs.flatMap(([piece, times]) => Array.from({ length: times }, () => piece)));
      expect((await inParts(name, compress[name](bytes))).whole.equals(bytes)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test.each(names)("%s in parts of damaged or cut bytes ends, as bytes or as an error", async (name) => {
  const whole = compress[name](Buffer.concat([text.subarray(0, 400), noise.subarray(0, 300), text.subarray(0, 400)]));
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), async (at, byte, isCut) => {
      const bytes = isCut ? whole.subarray(0, at) : Buffer.from(whole);
      if (!isCut) bytes[at] = byte;
      const outcome = await inParts(name, bytes).catch((thrown: unknown) => thrown);
      if (isCut) expect(outcome).toBeInstanceOf(Error);
    }),
  );
});

test("the framing of Java producers and several frames of zstd or lz4 are one content in parts too", async () => {
  const block = Buffer.from(snappy.compress(text));
  const size = Buffer.alloc(4);
  size.writeInt32BE(block.length);
  const framing = Buffer.from("82534e41505059000000000100000001", "hex");
  const framed = await inParts("snappy", Buffer.concat([framing, size, block, size, block]));
  expect(framed.whole.equals(Buffer.concat([text, text]))).toBe(true);
  for (const name of ["zstd", "lz4"] as const) {
    const { whole } = await inParts(name, Buffer.concat([compress[name](text), compress[name](noise)]));
    expect(whole.equals(Buffer.concat([text, noise]))).toBe(true);
  }
});

test("a zstd frame that needs a window of more than 8 MiB is refused in parts, with the window", async () => {
  const windowOf = (exponent: number): Buffer =>
    Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3]), Buffer.from([0x03, 0, 0, 7])]);
  // One block of no byte but for its run, which is as long as its header says: nothing.
  expect((await inParts("zstd", windowOf(13))).whole).toHaveLength(0);
  await expect(inParts("zstd", windowOf(14))).rejects.toThrow("needs a window of 16777216 bytes; at most 8388608");
});

test("gzip that is written is read", () => {
  expect(Buffer.from(codecs.gzip(codecs.deflateGzip(text), text.length)).equals(text)).toBe(true);
});

/** The framing of snappy-java: magic, versions, then chunks with their length. */
function framed(...chunks: readonly Uint8Array[]): Buffer {
  const length = (n: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(n);
    return bytes;
  };
  const head = Buffer.concat([Buffer.from([0x82]), Buffer.from("SNAPPY"), Buffer.from([0]), length(1), length(1)]);
  return Buffer.concat([head, ...chunks.flatMap((chunk) => [length(chunk.length), chunk])]);
}

test("several gzip members are one content, whatever the last declares", () => {
  const members = [text, Buffer.from("a"), noise].map((bytes) => gzipSync(bytes));
  for (const last of [[2], [1, 0], [0, 1]]) {
    const chosen = [2, ...last];
    const whole = Buffer.concat(chosen.map((index) => [text, Buffer.from("a"), noise][index]!));
    const inflated = codecs.gzip(Buffer.concat(chosen.map((index) => members[index]!)), mebibyte);
    expect(Buffer.from(inflated).equals(whole)).toBe(true);
  }
});

test("gzip that declares more than the limit is refused untried, and one that declares what is not so is damaged", () => {
  const whole = gzipSync(text);
  const declaring = (size: number): Buffer => {
    const bytes = Buffer.from(whole);
    bytes.writeUInt32LE(size, bytes.length - 4);
    return bytes;
  };
  expect(() => codecs.gzip(declaring(mebibyte + 1), mebibyte)).toThrow("it declares 1048577 bytes");
  for (const size of [0, 1, text.length - 1, text.length + 1, mebibyte])
    expect(() => codecs.gzip(declaring(size), mebibyte)).toThrow("incorrect length check");
});

test("gzip inflates into one buffer of its size", () => {
  const inflated = codecs.gzip(gzipSync(text), mebibyte);
  // Copied together out of chunks it would be exactly as long.
  expect(inflated.buffer.byteLength).toBe(text.length + 1);
  const bomb = gzipSync(Buffer.alloc(64));
  bomb.writeUInt32LE(mebibyte, bomb.length - 4);
  expect(() => codecs.gzip(bomb, mebibyte)).toThrow("incorrect length check");
});

test("the snappy framing of Java producers is a chain of blocks", () => {
  const bytes = framed(compress.snappy(text.subarray(0, 32_768)), compress.snappy(text.subarray(32_768, 50_000)));
  expect(Buffer.from(codecs.snappy(bytes, mebibyte)).equals(text.subarray(0, 50_000))).toBe(true);
});

test("a snappy chunk that passes the end or has a negative length is an error", () => {
  const bytes = framed(compress.snappy(text));
  expect(() => codecs.snappy(bytes.subarray(0, -1), mebibyte)).toThrow(/cut off/);
  bytes.writeInt32BE(-8, 16);
  expect(() => codecs.snappy(bytes, mebibyte)).toThrow(/cut off/);
});

test("a snappy block that declares 64 MiB in six bytes allocates nothing", () => {
  expect(() => codecs.snappy(Uint8Array.of(0x80, 0x80, 0x80, 0x20, 0, 65), 128 * mebibyte)).toThrow(
    /declares 67108864/,
  );
});

test("a snappy block that is shorter than it declares is an error", () => {
  // Declares 5 bytes and holds a literal of 2.
  expect(() => codecs.snappy(Uint8Array.of(5, 1 << 2, 65, 66), mebibyte)).toThrow("a Snappy block of 5 bytes has 2");
});

test("a snappy copy with a distance of four bytes is read", () => {
  // Literal "ab", then 4 bytes from 2 back: tag 3 with length 4, distance 2 in four bytes.
  const block = Uint8Array.of(6, 1 << 2, 97, 98, 3 | (3 << 2), 2, 0, 0, 0);
  expect(Buffer.from(codecs.snappy(block, mebibyte)).toString()).toBe("ababab");
});

/** An LZ4 frame (frame format 1.6) with the given flags and blocks; header and block checksums are zeros. */
function frame(flags: number, blocks: readonly Uint8Array[], tail: readonly number[] = []): Buffer {
  const contentSize = flags & 0x08 ? [6, 0, 0, 0, 0, 0, 0, 0] : [];
  const parts = blocks.map((block) => Buffer.concat([Buffer.from([block.length, 0, 0, 0]), block]));
  const head = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x40 | flags, 0x40, ...contentSize, 0]);
  return Buffer.concat([head, ...parts, Buffer.from([0, 0, 0, 0, ...tail])]);
}

test("an lz4 block that is linked to the one before repeats bytes of it", () => {
  // "ab" as a last sequence; then a match of 4 bytes two back, and a last sequence without literals.
  const blocks = [Uint8Array.of(0x20, 97, 98), Uint8Array.of(0x00, 2, 0, 0x00)];
  expect(Buffer.from(codecs.lz4(frame(0, blocks), mebibyte)).toString()).toBe("ababab");
});

test("content size, content checksum and skippable frames of lz4 are stepped over", () => {
  const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const bytes = Buffer.concat([skippable, frame(0x08 | 0x04, [Uint8Array.of(0x20, 97, 98)], [9, 9, 9, 9])]);
  expect(Buffer.from(codecs.lz4(bytes, mebibyte)).toString()).toBe("ab");
});

test("an lz4 match without bytes before it is an error", () => {
  expect(() => codecs.lz4(frame(0, [Uint8Array.of(0x00, 0, 0)]), mebibyte)).toThrow(/0 bytes back/);
  expect(() => codecs.lz4(frame(0, [Uint8Array.of(0x10, 97, 2, 0)]), mebibyte)).toThrow(/2 bytes back/);
});

test("an lz4 block that inflates to more than its frame allows is an error", () => {
  // A block of at most 64 KiB with a match of 19 + 255 * 300 bytes.
  const block = Buffer.from([0x1f, 97, 1, 0, ...Array.from({ length: 300 }, () => 255), 0]);
  const bytes = frame(0, [Buffer.alloc(0)]);
  const long = Buffer.concat([bytes.subarray(0, 7), Buffer.from([block.length & 255, block.length >> 8, 0, 0]), block]);
  expect(() => codecs.lz4(Buffer.concat([long, Buffer.alloc(4)]), mebibyte)).toThrow(/larger than its frame allows/);
});

test("a zstd frame that declares more than the limit is refused before anything is allocated", () => {
  // Magic, a single segment with eight bytes of content size: 2^40.
  const bytes = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0]);
  expect(() => codecs.zstd(bytes, mebibyte)).toThrow("a Zstandard frame declares 1099511627776 bytes");
});

test("a zstd frame that does not declare its size may be larger than the first guess", () => {
  // A window of 8 MiB and no content size (RFC 8878 §3.1.1.1), then 24 repeated bytes of 128 KiB each as RLE blocks.
  const block = (last: number): number[] => {
    const header = (131_072 << 3) | (1 << 1) | last;
    return [header & 255, (header >> 8) & 255, header >> 16, 0x61];
  };
  const blocks = Array.from({ length: 24 }, (_, n) => block(n === 23 ? 1 : 0)).flat();
  const bytes = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3, ...blocks]);
  expect(codecs.zstd(bytes, 64 * mebibyte).length).toBe(3 * mebibyte);
  expect(() => codecs.zstd(bytes, 2 * mebibyte)).toThrow();
});

test("several zstd frames are one content, whatever each declares, and skippable ones are stepped over", () => {
  const skippable = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from("abc")]);
  const frames = [text, noise, Buffer.from("a")].map((part) => compress.zstd(part));
  const bytes = Buffer.concat([skippable, ...frames.flatMap((frame) => [frame, skippable])]);
  const whole = Buffer.concat([text, noise, Buffer.from("a")]);
  expect(Buffer.from(codecs.zstd(bytes, mebibyte)).equals(whole)).toBe(true);
  // The limit is for all of them.
  expect(() => codecs.zstd(bytes, whole.length - 1)).toThrow();
  expect(() => codecs.zstd(bytes.subarray(0, -skippable.length - 1), mebibyte)).toThrow("cut off");
});
