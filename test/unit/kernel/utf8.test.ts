import fc from "fast-check";
import { expect, test } from "vitest";
import { readUtf8 } from "../../../src/kernel/index.ts";

test("text that is UTF-8 is decoded, a byte order mark at the start is taken off, and only there", () => {
  expect(readUtf8(Buffer.from("Köln \u{1F600}"))).toEqual({ text: "Köln \u{1F600}" });
  expect(readUtf8(Buffer.from("\ufeffa\ufeffb"))).toEqual({ text: "a\ufeffb" });
  expect(readUtf8(new Uint8Array())).toEqual({ text: "" });
});

// RFC 3629, section 4: no overlong forms, no surrogates, nothing above U+10FFFF, no sequence cut short.
test.each([
  ["a Latin-1 letter", [0x4b, 0xf6, 0x6c], 1],
  ["a lone continuation byte", [0x41, 0x42, 0x80], 2],
  ["an overlong slash", [0x41, 0xc0, 0xaf], 1],
  ["an overlong sequence of three", [0xe0, 0x9f, 0xbf], 0],
  ["a surrogate", [0x41, 0xed, 0xa0, 0x80], 1],
  ["a code point above the last", [0xf4, 0x90, 0x80, 0x80], 0],
  ["an overlong sequence of four", [0xf0, 0x8f, 0xbf, 0xbf], 0],
  ["a byte that begins nothing", [0x41, 0xff], 1],
  ["a sequence that the end cuts short", [0x41, 0xe2, 0x82], 1],
  ["a sequence that a letter cuts short", [0xf0, 0x9f, 0x41, 0x41], 0],
])("%s is refused with the offset at which it begins", (_name, bytes, badAt) => {
  expect(readUtf8(Uint8Array.from(bytes))).toEqual({ badAt });
});

test("the offset is where the text before it ends: what stands before decodes, and one whole character more does not", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.string({ unit: "grapheme", maxLength: 10 }), (bytes, text) => {
      const input = Buffer.concat([Buffer.from(text), bytes]);
      const reading = readUtf8(input);
      if ("text" in reading)
        return Buffer.from(reading.text).equals(input) || input.subarray(0, 3).equals(Buffer.from("\ufeff"));
      const isGood = (end: number): boolean => "text" in readUtf8(input.subarray(0, end));
      const { badAt } = reading;
      return isGood(badAt) && [1, 2, 3, 4].every((more) => badAt + more > input.length || !isGood(badAt + more));
    }),
  );
});
