import fc from "fast-check";
import { expect, test } from "vitest";
import { writeVarlong } from "../../../src/wire/varint.ts";

/** Zigzag and base 128 of a whole number, in arithmetic that is exact whatever its size. */
function oracle(value: number): number[] {
  const whole = BigInt(value);
  let rest = whole < 0n ? -2n * whole - 1n : 2n * whole;
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

function written(value: number): number[] {
  const bytes = new Uint8Array(12);
  const end = writeVarlong(bytes, 1, value);
  return [...bytes.subarray(1, end)];
}

const edges = [0, 1, 63, 64, 8_191, 8_192, 2 ** 30 - 1, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2];

// Below -2^53 the number less 1 is not exact: its last digit was one too many.
test.each([...edges, 2 ** 54 - 2, 2 ** 54])("writes %d and its negative exactly", (value) => {
  expect([written(value), written(-value)]).toEqual([oracle(value), oracle(-value)]);
});

test("writes any whole number exactly", () => {
  const whole = fc.oneof(
    fc.maxSafeInteger(),
    fc.maxSafeInteger().map((value) => value * 2),
  );
  fc.assert(fc.property(whole, (value) => void expect(written(value)).toEqual(oracle(value))));
});

test.each([2 ** 54 + 4, -(2 ** 54) - 4, 0.5, 2 ** 30 + 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
  "refuses %d",
  (value) => {
    expect(() => written(value)).toThrow("a varlong is a whole number");
  },
);
