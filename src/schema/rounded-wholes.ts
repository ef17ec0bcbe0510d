/**
 * A number in JSON that a double rounds to another value has at least this many characters: any two numbers of up to
 * fifteen digits are two doubles.
 */
const charactersMin = 16;
/** More numbers than this are not compared one by one. */
const wholesMax = 16;

/** The whole numbers of one JSON value whose digits count, as JSON.parse gave them. */
export class WholeNumbers {
  readonly #values = new Float64Array(wholesMax);
  #count = 0;
  #hasZero = false;

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
    this.#hasZero = false;
  }

  /** @param value a safe integer */
  add(value: number): void {
    if (this.#count < wholesMax) this.#values[this.#count] = Math.abs(value);
    if (value === 0) this.#hasZero = true;
    this.#count++;
  }

  /**
   * Whether one of them may have been written with a fraction that rounding took away (9007199254740991.4 is no whole
   * number, but its double is). Looks at the bytes alone, wherever in them a number stands: it may be answered yes for
   * one that lost nothing, never no for one that did.
   *
   * @param bytes JSON in `bytes[from, to)`
   */
  mayBeRounded(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#hasZero && hasNegativeExponent(bytes, from, to)) return true;
    // Sixteen characters side by side are met by two steps of eight, one behind the other.
    let wasOfNumber = false;
    for (let at = from; at < to; at += charactersMin / 2) {
      const isOfNumber = ofNumber[bytes[at] as number] === 1;
      if (isOfNumber && wasOfNumber) {
        const end = endOfNumber(bytes, at, to);
        if (this.#mayBeIn(bytes, beginOfNumber(bytes, at, from), end, to)) return true;
        at = end;
      }
      wasOfNumber = isOfNumber && !wasOfNumber;
    }
    return false;
  }

  /** Whether the number whose first digits and points are `bytes[begin, end)` became one of the numbers by rounding. */
  #mayBeIn(bytes: Uint8Array, begin: number, end: number, to: number): boolean {
    const hasExponent = end < to && isExponentMark(bytes[end] as number);
    if (!hasExponent) {
      let whole = 0;
      let at = begin;
      for (; at < end && bytes[at] !== point; at++) whole = whole * 10 + (bytes[at] as number) - zero;
      // Digits without a point are a whole number, which a safe integer is to its last digit.
      if (at === end || !this.#has((value) => Math.abs(value - whole) <= 1)) return false;
    }
    const last = hasExponent ? endOfExponent(bytes, end + 1, to) : end;
    const double = Number(Buffer.from(bytes.buffer, bytes.byteOffset + begin, last - begin).toString("latin1"));
    return Number.isSafeInteger(double) && this.#has((value) => value === double);
  }

  #has(isIt: (value: number) => boolean): boolean {
    if (this.#count > wholesMax) return true;
    for (let i = 0; i < this.#count; i++) if (isIt(this.#values[i] as number)) return true;
    return false;
  }
}

/**
 * Of all whole numbers only 0 stands for others that are too small for a double, and those have an exponent of at
 * least three digits; or sixteen characters before it. Every third byte is looked at, which meets three digits once.
 */
function hasNegativeExponent(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from + 3; at < to; at += 3) {
    if (ofNumber[bytes[at] as number] === 0) continue;
    for (let sign = at - 1; sign >= at - 3 && sign > from; sign--) {
      if (bytes[sign] === minus && isExponentMark(bytes[sign - 1] as number)) {
        if (endOfNumber(bytes, sign + 1, to) - sign > exponentDigitsMin) return true;
      }
    }
  }
  return false;
}

/** Digits of the exponent of a number that has fewer than sixteen characters before it, and is too small for a double. */
const exponentDigitsMin = 3;

const point = 46;
const plus = 43;
const minus = 45;
const zero = 48;

/** 1 for digits and the point. */
const ofNumber = Uint8Array.from({ length: 256 }, (_, byte) => (byte === point || (byte >= zero && byte < 58) ? 1 : 0));

function beginOfNumber(bytes: Uint8Array, from: number, bound: number): number {
  let at = from;
  while (at > bound && ofNumber[bytes[at - 1] as number] === 1) at--;
  return at;
}

function endOfNumber(bytes: Uint8Array, from: number, bound: number): number {
  let at = from;
  while (at < bound && ofNumber[bytes[at] as number] === 1) at++;
  return at;
}

function endOfExponent(bytes: Uint8Array, from: number, bound: number): number {
  const isSigned = bytes[from] === minus || bytes[from] === plus;
  return endOfNumber(bytes, isSigned ? from + 1 : from, bound);
}

function isExponentMark(byte: number): boolean {
  return byte === 101 || byte === 69;
}
