/**
 * The longest text that is made, in UTF-16 code units: well above any record, well below what the engine refuses with
 * an exception, so that neither a doubling chain of `+` nor `replace` takes a process down.
 */
export const textLengthMax = 16_777_216;

export const tooLongMessage = `the result is longer than ${textLengthMax} UTF-16 code units`;

/** The code points from the 1-based position on. Undefined for a position or count that there is not. */
export function substring(text: string, from: number, count = Number.POSITIVE_INFINITY): string | undefined {
  if (from < 1 || count < 0) return undefined;
  const start = unitsOf(text, 0, from - 1);
  return text.slice(start, unitsOf(text, start, count));
}

/** Where the code units of `count` code points after `at` end. */
function unitsOf(text: string, at: number, count: number): number {
  let end = at;
  for (let i = 0; i < count && end < text.length; i++) end += isPair(text, end) ? 2 : 1;
  return end;
}

function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}

/** Every occurrence of a part replaced; undefined when the result is too long. */
export function replace(text: string, part: string, by: string): string | undefined {
  if (part === "") return text;
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  if (text.length + count * (by.length - part.length) > textLengthMax) return undefined;
  return text.split(part).join(by);
}

/** Part n, from 1, between the separators; empty beyond the last. Undefined for an n below 1. */
export function splitPart(text: string, separator: string, n: number): string | undefined {
  if (n < 1) return undefined;
  if (separator === "") return n === 1 ? text : "";
  let from = 0;
  for (let part = 1; part < n; part++) {
    const at = text.indexOf(separator, from);
    if (at < 0) return "";
    from = at + separator.length;
  }
  const end = text.indexOf(separator, from);
  return end < 0 ? text.slice(from) : text.slice(from, end);
}

/** Code points of a text, items of a list, entries of a map. */
export function size(value: string | readonly unknown[] | object): number {
  if (Array.isArray(value)) return value.length;
  if (typeof value === "object") return Object.keys(value).length;
  let count = 0;
  for (let at = 0; at < value.length; at += isPair(value, at) ? 2 : 1) count++;
  return count;
}
