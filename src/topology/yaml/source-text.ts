import { readUtf8 } from "../../kernel/index.ts";
import type { LocatedProblem } from "../problems.ts";

/** A file as it was read: bytes, or text that somebody made. */
export type SourceBytes = string | Uint8Array;

/** The text of a file, or why it has none. A byte order mark at the start is taken off. */
export function sourceText(
  source: SourceBytes,
  file: string,
): { readonly text: string } | { readonly problem: LocatedProblem } {
  if (typeof source === "string") return { text: source.startsWith(byteOrderMark) ? source.slice(1) : source };
  const reading = readUtf8(source);
  if ("text" in reading) return reading;
  const { badAt } = reading;
  const before = new TextDecoder("utf-8").decode(source.subarray(0, badAt));
  const byte = (source[badAt] ?? 0).toString(16).padStart(2, "0");
  return {
    problem: {
      code: "MR_YAML",
      path: [],
      message: `the file is not UTF-8: byte ${badAt} is 0x${byte}`,
      hint: badAt === 0 && /^f[ef]$/.test(byte) ? "save it as UTF-8, not as UTF-16" : "save it as UTF-8",
      file,
      ...placeIn(before, before.length),
    },
  };
}

/** Line and column, from 1, of a character of a text. */
export function placeIn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1) ?? "").length + 1 };
}

const byteOrderMark = "\ufeff";
