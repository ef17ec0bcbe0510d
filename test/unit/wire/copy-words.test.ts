import fc from "fast-check";
import { expect, test } from "vitest";
import { copyWords } from "../../../src/wire/index.ts";

test("words are copied as they stand from any place to any other, and nothing beside them", () => {
  const given = fc.record({
    source: fc.uint8Array({ minLength: 300, maxLength: 300 }),
    from: fc.nat(40),
    words: fc.nat(64),
    at: fc.nat(40),
  });
  fc.assert(
    fc.property(given, ({ source, from, words, at }) => {
      const length = words * 4;
      const target = new Uint8Array(300).fill(170);
      copyWords(new DataView(source.buffer, source.byteOffset), from, length, new DataView(target.buffer), at);
      const expected = new Uint8Array(300).fill(170);
      expected.set(source.subarray(from, from + length), at);
      expect(Buffer.from(target).equals(expected)).toBe(true);
    }),
  );
});
