import type { WrittenScalar } from "./positions.ts";
import { meantText } from "./written.ts";

/** What YAML leaves out of an unquoted text, and so of an expression. */
export interface Cut {
  /** A comma or bracket between `{ }` ends the text; a comment is not part of it. */
  readonly by: "comment" | "end";
  /** As it stands in the file, `#` included. */
  readonly cutOff: string;
  /** Offset in the file at which the text ends. */
  readonly offset: number;
  /** A comment with a blank behind its `#` is most likely one. */
  readonly isLikelyMeant: boolean;
  /** The text as somebody may have meant it. */
  readonly meant: string;
}

/** How an unquoted scalar was cut short on its last line; undefined when it was not, or is quoted. */
export function cutOf({ isPlain, text, start, end, isInFlow }: WrittenScalar): Cut | undefined {
  if (!isPlain || start === end) return undefined;
  const comment = /^[ \t]+(#[^\r\n]*)/.exec(text.slice(end));
  const lineStart = Math.max(text.lastIndexOf("\n", end - 1), text.lastIndexOf("\r", end - 1), start - 1) + 1;
  const lastLine = text.slice(lineStart, end).trimStart();
  const before = text.slice(start, end - lastLine.length).replaceAll(/\s*[\r\n]+\s*/g, " ");
  const meant = before + meantText(text, end - lastLine.length, isInFlow, comment !== null);
  if (comment !== null) {
    const cutOff = (comment[1] ?? "").trimEnd();
    const isLikelyMeant = /^#+(?:\s|$)/.test(cutOff);
    return { by: "comment", cutOff, offset: end + comment[0].indexOf("#"), isLikelyMeant, meant };
  }
  if (!isInFlow || meant.length <= end - start) return undefined;
  return { by: "end", cutOff: meant.slice(end - start), offset: end, isLikelyMeant: false, meant };
}
