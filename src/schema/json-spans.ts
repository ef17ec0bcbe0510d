import { endOfScalar, skipBlanks } from "./exact-json.ts";

/** Where the value of a key of an object stands in its JSON text. */
export interface MemberSpan {
  /** First character behind the colon. */
  readonly from: number;
  /** The comma or brace behind the value. */
  readonly to: number;
}

/**
 * Where the values of an object's keys stand. A key that comes twice counts the second time, as for JSON.parse.
 *
 * @param text an object that JSON.parse has taken: it is not checked again
 */
export function memberSpans(text: string): ReadonlyMap<string, MemberSpan> {
  const spans = new Map<string, MemberSpan>();
  let at = skipBlanks(text, skipBlanks(text, 0) + 1);
  while (text[at] === '"') {
    const end = endOfScalar(text, at);
    const key = JSON.parse(text.slice(at, end)) as string;
    const from = skipBlanks(text, end) + 1;
    const to = skipBlanks(text, endOfValue(text, skipBlanks(text, from)));
    spans.set(key, { from, to });
    at = skipBlanks(text, to + 1);
  }
  return spans;
}

function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const mark = text[at];
    if (mark === undefined) return at;
    if (mark === "{" || mark === "[") depth++;
    if (mark === "}" || mark === "]") depth--;
    at = isPunctuation(mark) ? at + 1 : endOfScalar(text, at);
    if (depth > 0) at = skipBlanks(text, at);
  } while (depth > 0);
  return at;
}

function isPunctuation(mark: string): boolean {
  return mark === "{" || mark === "}" || mark === "[" || mark === "]" || mark === "," || mark === ":";
}
