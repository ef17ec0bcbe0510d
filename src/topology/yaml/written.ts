import { flowText } from "../spec/flow-text.ts";

/**
 * The text somebody most likely meant where YAML ended an unquoted one early: from `offset` to the end of its line, or,
 * inside `{ }` and `[ ]`, to the comma or bracket that ends the entry. A comment after a blank is not part of it unless
 * `withComment` says so.
 */
export function meantText(text: string, offset: number, isInFlow: boolean, withComment = false): string {
  const line = text.slice(offset).split(/[\r\n]/, 1)[0] ?? "";
  let depth = 0;
  for (const { 0: part, index } of line.matchAll(pieces)) {
    if ("([{".includes(part)) depth++;
    else if (depth > 0 && ")]}".includes(part)) depth--;
    else if (isInFlow && depth === 0 && ",]}".includes(part)) return line.slice(0, index).trimEnd();
    else if (part === "#" && !withComment && /\s/.test(line.charAt(index - 1))) return line.slice(0, index).trimEnd();
  }
  return line.trimEnd();
}

/** Texts in quotes as a whole, anything else by the character; a lone apostrophe opens nothing. */
const pieces = /"(?:[^"\\]|\\.)*"|'[^']*'|./g;

/** The text in quotes, as it can stand anywhere in a file: in single ones where that saves escaping. */
export function inQuotes(text: string): string {
  return /["\\]/.test(text) && !/['\r\n]/.test(text) ? `'${text}'` : JSON.stringify(text);
}

/** The line to paste for an entry: `filter: "! big"`, or the quoted text alone for an entry of a list. */
export function entryLine(path: readonly (string | number)[], text: string): string {
  const name = path.at(-1);
  return typeof name === "string" ? `${flowText(name)}: ${inQuotes(text)}` : inQuotes(text);
}
