import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32c, murmur2, partitionOf } from "../../../src/wire/index.ts";
import { bitwiseCrc } from "./plain-batch.ts";

// Vectors of RFC 3720, appendix B.4, and the usual check value of the nine digits.
test.each([
  ["32 zero bytes", Buffer.alloc(32), 0x8a9136aa],
  ["32 bytes of 255", Buffer.alloc(32, 255), 0x62a8ab43],
  ["32 bytes ascending", Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ["32 bytes descending", Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
  ["the digits 1 to 9", Buffer.from("123456789"), 0xe3069283],
  ["nothing", Buffer.alloc(0), 0],
])("the checksum of %s is the published one", (_, bytes, expected) => {
  expect(crc32c(bytes, 0, bytes.length)).toBe(expected);
});

test("the checksum of any range at any alignment is the bitwise one", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(20), fc.nat(20), (bytes, skip, drop) => {
      const from = Math.min(skip, bytes.length);
      const to = Math.max(from, bytes.length - drop);
      expect(crc32c(bytes, from, to)).toBe(bitwiseCrc(bytes.subarray(from, to)));
    }),
  );
});

// Kafka's UtilsTest.testMurmur2.
test.each([
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
])("the hash of %s is the Java client's", (text, expected) => {
  const bytes = Buffer.from(`<${text}>`);
  expect(murmur2(bytes, 1, bytes.length - 1)).toBe(expected);
});

test("a key with a negative hash goes to a partition that exists", () => {
  // -973932308 & 0x7fffffff = 1173551340, and 1173551340 mod 7 = 3.
  expect(partitionOf(Buffer.from("21"), 0, 2, 7)).toBe(3);
});
