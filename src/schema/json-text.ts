import { RecordError } from "../kernel/index.ts";
import { utf8OrUndefined } from "./byte-cursor.ts";

/** Whether text has a UTF-8 form: half of a surrogate pair has none. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

/** JSON as text and as JSON.parse reads it. */
export interface ParsedJson {
  readonly text: string;
  readonly value: unknown;
}

/**
 * Reads the JSON in `bytes[from, to)`, a byte order mark before it or not; `from` is -1 for a null value.
 * V8 parses without recursion, so that nesting costs memory in proportion to the bytes and no stack.
 *
 * @param what is read, for messages
 * @throws RecordError MR_PARSE for an empty or null value, for what is not UTF-8 or not JSON, and for escapes
 * (`\ud800`) that stand for no character: as text they could be written down only as something else
 */
export function parseJsonBytes(what: string, bytes: Buffer, from: number, to: number): ParsedJson {
  if (from < 0 || from >= to) throw refused(what, from < 0 ? "null" : "empty");
  const hasMark = bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf && to - from >= 3;
  const text = utf8OrUndefined(bytes, hasMark ? from + 3 : from, to);
  if (text === undefined) throw refused(what, "not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and a sensitive field may be in it.
    throw refused(what, "not JSON");
  }
  if (text.includes("\\u") && (text.includes("\\ud") || text.includes("\\uD")) && !isWellFormedValue(value)) {
    throw refused(what, "not UTF-8: half of a surrogate pair is escaped in it");
  }
  return { text, value };
}

function refused(what: string, found: string): RecordError {
  return new RecordError("MR_PARSE", `reading ${what}: the value is ${found}`);
}

/** Whether all text of a JSON value, keys included, is well-formed. Nesting costs no stack. */
function isWellFormedValue(value: unknown): boolean {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === "string" && !isWellFormed(next)) return false;
    if (typeof next !== "object" || next === null) continue;
    for (const [key, entry] of Object.entries(next)) {
      if (!Array.isArray(next) && !isWellFormed(key)) return false;
      open.push(entry);
    }
  }
  return true;
}

/**
 * A value as JSON text, like JSON.stringify, with two numbers more: a bigint is its digits, and -0 is `-0.0`, which
 * JSON.stringify makes 0 of.
 *
 * @param indent blanks per level; 0 for one line
 */
export function jsonText(value: unknown, indent = 0): string {
  return printed(value, indent, "");
}

function printed(value: unknown, indent: number, margin: string): string {
  if (typeof value === "bigint") return String(value);
  if (Object.is(value, -0)) return "-0.0";
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const inner = margin + " ".repeat(indent);
  const colon = indent > 0 ? ": " : ":";
  const parts = Array.isArray(value)
    ? value.map((item) => printed(item, indent, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${JSON.stringify(key)}${colon}${printed(item, indent, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (indent === 0 || parts.length === 0) return `${open}${parts.join(",")}${close}`;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}`;
}
