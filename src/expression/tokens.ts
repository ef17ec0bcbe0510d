import { namePattern } from "./ast.ts";
import { ExpressionFault, quote } from "./problem.ts";

export type Token =
  | {
      readonly kind: "number";
      /** A bigint for a whole number beyond 2^53 - 1. */
      readonly value: number | bigint;
      readonly integer: boolean;
      readonly at: number;
      readonly text: string;
    }
  | { readonly kind: "string"; readonly value: string; readonly at: number; readonly text: string }
  | { readonly kind: "word"; readonly quoted: boolean; readonly at: number; readonly text: string }
  | { readonly kind: "symbol"; readonly at: number; readonly text: string }
  | { readonly kind: "end"; readonly at: number; readonly text: "" };

const symbolsOfTwo: ReadonlySet<string> = new Set(["==", "!=", "<=", ">=", "&&", "||", "?."]);
const symbolsOfOne: ReadonlySet<string> = new Set([..."+-*/%<>!?:()[],."]);

/** What other languages write, and what to write here. Those of three characters are tried before `==`. */
const foreignOfThree: readonly (readonly [string, string])[] = [
  ["===", "compare with =="],
  ["!==", "write !="],
];
const foreign: readonly (readonly [string, string])[] = [
  ["<>", "write !="],
  ["**", "write pow(a, b)"],
  ["??", "write coalesce(a, b)"],
  ["=", "compare with =="],
  ["&", "write &&"],
  ["|", "write ||"],
  ["^", "write pow(a, b)"],
  [";", "an expression is one value; drop the semicolon"],
  ["\u201c", 'use straight quotes: "text"'],
  ["\u201d", 'use straight quotes: "text"'],
  ["\u2018", "use straight quotes: 'text'"],
  ["\u2019", "use straight quotes: 'text'"],
  ["\u2264", "write <="],
  ["\u2265", "write >="],
  ["\u2260", "write !="],
  ["\u2212", "write -"],
  ["\u00d7", "write *"],
  ["\u00f7", "write /"],
];

const wordPattern = /[A-Za-z_][A-Za-z0-9_]*/y;
const numberPattern = /(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y;
/** What people write as a date, without blanks around the signs. */
const datePattern = /[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9.])(?:[Tt][0-9:.]*[Zz]?)?/y;
const digitsPattern = /^[0-9]+$/;
const spacePattern = /[ \t\r\n]*/y;

/** Cuts the text into tokens, the last of kind `end`. One pass; throws an `ExpressionFault` where it cannot go on. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (true) {
    at += matchAt(spacePattern, text, at).length;
    if (at >= text.length) break;
    const token = tokenAt(text, at);
    tokens.push(token);
    at += token.text.length;
  }
  tokens.push({ kind: "end", at: text.length, text: "" });
  return tokens;
}

function tokenAt(text: string, at: number): Token {
  const first = text.charAt(at);
  if (first === '"' || first === "'") return stringAt(text, at, first);
  if (first === "`") return quotedNameAt(text, at);
  const word = matchAt(wordPattern, text, at);
  if (word !== "") return { kind: "word", quoted: false, at, text: word };
  const number = matchAt(numberPattern, text, at);
  if (number !== "") return numberAt(text, at, number);
  return symbolAt(text, at);
}

function symbolAt(text: string, at: number): Token {
  refuseForeign(foreignOfThree, text, at);
  const two = text.slice(at, at + 2);
  // `ok?.5:1` is a conditional.
  const isConditional = two === "?." && /[0-9]/.test(text.charAt(at + 2));
  if (symbolsOfTwo.has(two) && !isConditional) return { kind: "symbol", at, text: two };
  refuseForeign(foreign, text, at);
  const one = text.charAt(at);
  if (symbolsOfOne.has(one)) return { kind: "symbol", at, text: one };
  throw new ExpressionFault(at, `unexpected character ${characterName(text.codePointAt(at) ?? 0)}`);
}

function refuseForeign(table: readonly (readonly [string, string])[], text: string, at: number): void {
  for (const [written, hint] of table) {
    if (text.startsWith(written, at)) throw new ExpressionFault(at, `${quote(written)} is not an operator`, hint);
  }
}

function characterName(codePoint: number): string {
  const code = `U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
  const printable = codePoint > 0x20 && codePoint !== 0x7f && !(codePoint >= 0xd800 && codePoint <= 0xdfff);
  return printable ? `\`${String.fromCodePoint(codePoint)}\` (${code})` : code;
}

function numberAt(text: string, at: number, written: string): Token {
  const date = matchAt(datePattern, text, at);
  if (date !== "")
    throw new ExpressionFault(at, `${quote(date)} is a difference of numbers and no date`, dateHint(date));
  const rest = matchAt(/[A-Za-z0-9_.]*/y, text, at + written.length);
  if (rest !== "") {
    const whole = written + rest;
    const hint = /^[0-9_]+$/.test(whole) ? `write ${whole.replaceAll("_", "")}` : undefined;
    throw new ExpressionFault(at, `${quote(whole)} is not a number`, hint);
  }
  if (/^0[0-9]/.test(written)) {
    const hint = `write ${written.replace(/^0+(?=[0-9])/, "")}`;
    throw new ExpressionFault(at, `${quote(written)} has a zero in front, which says nothing`, hint);
  }
  const value = Number(written);
  if (value === 0 && /^[0-9.]*[1-9]/.test(written)) {
    throw new ExpressionFault(
      at,
      `${quote(written)} is smaller than any double`,
      "write 0, or a number from 5e-324 on",
    );
  }
  const integer = digitsPattern.test(written);
  if (integer && !Number.isSafeInteger(value)) return wideNumberAt(at, written);
  if (!Number.isFinite(value)) throw new ExpressionFault(at, `${quote(written)} is larger than any double`);
  return { kind: "number", value, integer, at, text: written };
}

function dateHint(date: string): string {
  return `write to_timestamp("${date}"), or blanks around the minus`;
}

/** Exact, as far as a long reaches; the sign before 2^63 is the parser's to see. */
function wideNumberAt(at: number, written: string): Token {
  const value = written.length <= longDigitsMax ? BigInt(written) : longEnd + 1n;
  if (value <= longEnd) return { kind: "number", value, integer: true, at, text: written };
  throw new ExpressionFault(
    at,
    `${quote(written)} is beyond 2^63, which no long is`,
    `write ${quote(`${written}.0`)} for a double`,
  );
}

/** 2^63: one more than the largest long, and the smallest one without its sign. */
export const longEnd = 2n ** 63n;

/** Digits of the longest whole number that is looked at. */
const longDigitsMax = 64;

function quotedNameAt(text: string, at: number): Token {
  const end = text.indexOf("`", at + 1);
  const name = text.slice(at + 1, end);
  if (end < 0 || !namePattern.test(name)) {
    throw new ExpressionFault(at, "a backtick must open and close a field name", 'text stands in quotes: "text"');
  }
  return { kind: "word", quoted: true, at, text: text.slice(at, end + 1) };
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  "/": "/",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

function stringAt(text: string, at: number, mark: string): Token {
  let value = "";
  let from = at + 1;
  for (let i = from; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === mark) {
      value += text.slice(from, i);
      if (isIllFormed(value)) throw loneSurrogate(at);
      return { kind: "string", value, at, text: text.slice(at, i + 1) };
    }
    if (char === "\n" || char === "\r") break;
    if (char !== "\\") continue;
    value += text.slice(from, i);
    const unicode = matchAt(/\\u[0-9A-Fa-f]{4}/y, text, i);
    const plain = Object.hasOwn(escapes, text.charAt(i + 1)) ? escapes[text.charAt(i + 1)] : undefined;
    if (unicode !== "") value += String.fromCharCode(Number.parseInt(unicode.slice(2), 16));
    else if (plain !== undefined) value += plain;
    else
      throw new ExpressionFault(
        i,
        `${quote(text.slice(i, i + 2))} is not an escape`,
        "known are \\n \\t \\r \\b \\f \\/ \\\\ \\\" \\' and \\u0041; a backslash itself is \\\\",
      );
    i += unicode === "" ? 1 : 5;
    from = i + 1;
  }
  throw new ExpressionFault(at, "the string is not closed", `end it with ${mark}`);
}

/** Whether a text has half of a surrogate pair, and thus no UTF-8. */
export function isIllFormed(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/** The fault of a text constant that no record could hold. */
export function loneSurrogate(at: number): ExpressionFault {
  return new ExpressionFault(
    at,
    "the text holds half of a surrogate pair, which is no character",
    'write both halves, such as "\\ud83d\\ude00", or the character itself',
  );
}

function matchAt(sticky: RegExp, text: string, at: number): string {
  sticky.lastIndex = at;
  return sticky.exec(text)?.[0] ?? "";
}
