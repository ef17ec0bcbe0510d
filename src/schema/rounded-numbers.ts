/** A number of so many characters, its point included, may be a whole one only because digits were rounded away. */
const charactersMin = 17;

/**
 * Whether some number in a JSON text has a fraction or a negative exponent and yet is whole as a double, as
 * 1125899906842625.1 is. Text inside strings counts too: a yes may be wrong, a no never is. Cost is linear in the
 * text, and next to nothing where it has few points.
 */
export function mayHoldRounded(text: string): boolean {
  for (let at = text.indexOf("."); at >= 0; at = text.indexOf(".", at + 1)) {
    const from = digitsBefore(text, at);
    const to = digitsAfter(text, at + 1);
    if (to - from >= charactersMin && isWhole(text.slice(from, exponentAfter(text, to)))) return true;
  }
  return ["e-", "E-"].some((mark) => hasRoundedBefore(text, mark));
}

function hasRoundedBefore(text: string, mark: string): boolean {
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
    const digits = digitsBefore(text, at);
    const from = text[digits - 1] === "." ? digitsBefore(text, digits - 1) : digits;
    if (from < at && isWhole(text.slice(from, digitsAfter(text, at + 2)))) return true;
  }
  return false;
}

function isWhole(source: string): boolean {
  return Number.isInteger(Number(source));
}

function digitsBefore(text: string, end: number): number {
  let from = end;
  while (from > 0 && isDigit(text.charCodeAt(from - 1))) from--;
  return from;
}

function digitsAfter(text: string, from: number): number {
  let to = from;
  while (isDigit(text.charCodeAt(to))) to++;
  return to;
}

/** The end of an exponent at `at`, or `at` where none stands. */
function exponentAfter(text: string, at: number): number {
  if (text[at] !== "e" && text[at] !== "E") return at;
  const sign = text[at + 1] === "+" || text[at + 1] === "-" ? 1 : 0;
  const to = digitsAfter(text, at + 1 + sign);
  return to > at + 1 + sign ? to : at;
}

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}
