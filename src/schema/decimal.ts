/**
 * A number as it is written, exactly: `digits` times ten to the power of `exponent`. No zeros at either end of the
 * digits; zero has none.
 */
export interface Decimal {
  readonly isNegative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

/** Most digits that a number has when it is written out, and largest exponent it may be written with. */
const sizeMax = 400;
const digitsOnly = /^[+-]?\d+$/;
const written = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/;

/** Reads decimal text; undefined when it is none, or has more than 400 digits or an exponent beyond 400. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = written.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", part = "", pointed = ""] = match;
  const fraction = part + pointed;
  const all = whole + fraction;
  let from = 0;
  while (all[from] === "0") from++;
  let to = all.length;
  while (to > from && all[to - 1] === "0") to--;
  const isNegative = sign === "-";
  if (from === to) return { isNegative, digits: "", exponent: 0 };
  const power = Number(match[5] ?? "0");
  if (Math.abs(power) > sizeMax) return undefined;
  const digits = all.slice(from, to);
  const exponent = power - fraction.length + (all.length - to);
  return writtenLength(digits.length, exponent) > sizeMax ? undefined : { isNegative, digits, exponent };
}

/** Digits of the number written out, without exponent. */
function writtenLength(digits: number, exponent: number): number {
  return exponent >= 0 ? digits + exponent : Math.max(digits, 1 - exponent);
}

/** True for a number without a fraction. */
export function isWhole(decimal: Decimal): boolean {
  return decimal.exponent >= 0;
}

/** The number itself, when it has no fraction. */
export function wholeOf(decimal: Decimal): bigint | undefined {
  return isWhole(decimal) ? BigInt(printDecimal(decimal)) : undefined;
}

/** The largest whole number not above the decimal times ten to the power of `shift`. */
export function floorOf({ isNegative, digits, exponent }: Decimal, shift: number): bigint {
  if (digits === "") return 0n;
  const places = exponent + shift;
  const magnitude = places >= 0 ? digits + "0".repeat(places) : digits.slice(0, places);
  const cut = BigInt(magnitude === "" ? "0" : magnitude);
  // Digits have no zeros at their end: what is cut off is more than nothing.
  return isNegative ? -cut - (places < 0 ? 1n : 0n) : cut;
}

/** Whether two numbers are the same; zero has no sign here. */
export function isSameDecimal(a: Decimal, b: Decimal): boolean {
  if (a.digits === "" || b.digits === "") return a.digits === b.digits;
  return a.isNegative === b.isNegative && a.digits === b.digits && a.exponent === b.exponent;
}

/** The digits written out, without exponent and without zeros that say nothing. Zero is `0`. */
export function printDecimal({ isNegative, digits, exponent }: Decimal): string {
  if (digits === "") return "0";
  const sign = isNegative ? "-" : "";
  if (exponent >= 0) return `${sign}${digits}${"0".repeat(exponent)}`;
  const padded = digits.padStart(1 - exponent, "0");
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}

/**
 * The text of a number that was written as `source`: as JavaScript prints the double, where that is the same number
 * (1.0 is "1", 1e2 is "100"), else the source's digits written out. Undefined beyond the limits of
 * {@link parseDecimal}.
 */
export function numberText(source: string): string | undefined {
  const exact = parseDecimal(source);
  if (exact === undefined) return undefined;
  const printed = String(Number(source));
  const same = parseDecimal(printed);
  return same !== undefined && isSameDecimal(exact, same) ? printed : printDecimal(exact);
}

/**
 * The double of a number that was written as `source`: the nearest for one with a fraction. For a whole number only
 * the one that equals it, or that prints as it (1e23 lies between two doubles): else digits would be lost.
 */
export function doubleOf(source: string): number | undefined {
  const number = Number(source);
  if (Math.abs(number) <= Number.MAX_SAFE_INTEGER) return number;
  const exact = parseDecimal(source);
  if (!Number.isFinite(number) || exact === undefined) return undefined;
  const whole = wholeOf(exact);
  if (whole === undefined || BigInt(number) === whole) return number;
  const printed = String(number);
  // Digits alone are meant to the last one, unless they are what a double of that size prints as.
  if (digitsOnly.test(source)) return source === printed ? number : undefined;
  const decimal = parseDecimal(printed);
  return decimal !== undefined && isSameDecimal(decimal, exact) ? number : undefined;
}
