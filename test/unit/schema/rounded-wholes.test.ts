import { expect, test } from "vitest";
import { WholeNumbers } from "../../../src/schema/rounded-wholes.ts";

function mayBeRounded(json: string, wholes: readonly number[]): boolean {
  const numbers = new WholeNumbers();
  for (const whole of wholes) numbers.add(whole);
  const padded = Buffer.from(`9.9${json}9.9`);
  return numbers.mayBeRounded(padded, 3, padded.length - 3);
}

const largest = 9_007_199_254_740_991;

// Yes costs a second reading of the whole value, so that the cases where nothing is lost must be told.
test("digits without a point lose nothing, and neither does a fraction beside other numbers", () => {
  expect(mayBeRounded(`[${largest}]`, [largest])).toBe(false);
  expect(mayBeRounded("[123456789012345.25,7]", [7])).toBe(false);
  expect(mayBeRounded("[1234567890123.5]", [1_234_567_890_123])).toBe(false);
});

test("a fraction of sixteen characters that lies by a number, up or down, may have become it", () => {
  expect(mayBeRounded(`[${largest}.4]`, [largest])).toBe(true);
  expect(mayBeRounded("[9007199254740990.9]", [largest])).toBe(true);
  expect(mayBeRounded("[-9007199254740991.4]", [-largest])).toBe(true);
  expect(mayBeRounded("[9007199254740988.9]", [largest])).toBe(false);
  expect(mayBeRounded("[1,2,4503599627370497.25]", [1, 2, 4_503_599_627_370_497])).toBe(true);
});

test("a fraction of sixteen characters whose double is no whole number became none", () => {
  expect(mayBeRounded("[0,0.30000000000000004]", [0])).toBe(false);
  expect(mayBeRounded("[1,0.99999999999999999999]", [1])).toBe(true);
  expect(mayBeRounded("[1,1.00000000000000000001]", [1])).toBe(true);
  expect(mayBeRounded('["127.0.0.1.127.0.0.1"]', [127])).toBe(false);
});

test("an exponent at sixteen characters, and one below zero beside a zero, may have", () => {
  expect(mayBeRounded("[90071992547409914e-1]", [largest])).toBe(true);
  expect(mayBeRounded("[1e-400]", [0])).toBe(true);
  expect(mayBeRounded("[1E-400]", [0])).toBe(true);
  expect(mayBeRounded("[1e-400]", [5])).toBe(false);
  // Wherever the digits lie in the steps of three, and at the value's end.
  for (const blanks of ["", " ", "  "]) {
    expect(mayBeRounded(`[${blanks}1e-400]`, [0])).toBe(true);
    expect(mayBeRounded(`${blanks}1e-0400`, [0])).toBe(true);
  }
  // Not zero, or no number: a word and the groups of a UUID.
  expect(mayBeRounded('[1e-99,"code-12","1e-4b7"]', [0])).toBe(false);
  expect(mayBeRounded("[1.2345678901234e-05,1.234567890123456e-7]", [0, 1])).toBe(false);
  expect(mayBeRounded("[100000000000000000001e-20,1]", [1])).toBe(true);
  expect(mayBeRounded("[100000000000000000001E+2,1]", [1])).toBe(false);
  expect(mayBeRounded("[0,-7]", [0, 7])).toBe(false);
});

test("of more than sixteen numbers any may be it, and after clearing none is", () => {
  const many = Array.from({ length: 17 }, (_, index) => index + 1);
  expect(mayBeRounded("[1234567890123456.01]", many)).toBe(true);
  expect(mayBeRounded("[1234567890123456.01]", many.slice(1))).toBe(false);
  const numbers = new WholeNumbers();
  for (const whole of [0, ...many]) numbers.add(whole);
  expect(numbers.count).toBe(18);
  numbers.clear();
  expect(numbers.count).toBe(0);
  const json = Buffer.from("[1e-400,123456789012345.25]");
  expect(numbers.mayBeRounded(json, 0, json.length)).toBe(false);
});
