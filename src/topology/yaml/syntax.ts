import { isMap, isScalar, Scalar, type YAMLParseError } from "yaml";
import type { PlacedNode } from "./nodes.ts";
import { entryLine, meantText } from "./written.ts";

/** What is wrong with the YAML itself, in our words, with the offset of the place. */
export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

/**
 * The parser's errors as problems. One that comes of a text that should have been quoted says so with the line to
 * paste, and hides those that follow from it on the same line.
 */
export function syntaxProblems(
  errors: readonly YAMLParseError[],
  nodes: readonly PlacedNode[],
  text: string,
): SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  let explainedTo = -1;
  for (const error of errors) {
    const [offset] = error.pos;
    // Past the end of the document, because a bracket closed it early, every token is one more error.
    const isPastEnd = problems.length > 0 && / token in YAML stream/.test(error.message);
    if (offset < explainedTo || isPastEnd) continue;
    const cause = cutByComment(error, nodes, text) ?? unquoted(error, nodes, text);
    if (cause !== undefined) explainedTo = offset + lineAt(text, offset).length;
    const hint = cause ?? hints[error.code] ?? "check indentation, quotes and brackets";
    problems.push({ offset, message: sentence(error.message), hint });
  }
  return problems;
}

/** An unquoted text of several lines ends at a comment; what follows on the next line fits nothing. */
function cutByComment(
  { message, pos: [offset] }: YAMLParseError,
  nodes: readonly PlacedNode[],
  text: string,
): string | undefined {
  if (!/^(?:All|Implicit) /.test(message)) return undefined;
  if (/^\s*(?:- )?["']?[\w.$-]+["']?:(?:\s|$)/.test(lineAt(text, offset))) return undefined;
  const cut = nodes.find(({ node }) => {
    if (!isScalar(node) || node.type !== Scalar.PLAIN || node.range == null || node.range[1] > offset) return false;
    return /^\s*#[^\r\n]*[\r\n]\s*(?:#[^\r\n]*[\r\n]\s*)*$/.test(text.slice(node.range[1], offset));
  });
  const name = cut?.path.at(-1);
  if (cut === undefined) return undefined;
  const above = typeof name === "string" ? `above ${name}` : "above it";
  return `a comment ends an unquoted text: move it ${above}, or put the text in quotes`;
}

const quotable: ReadonlySet<string> = new Set([
  "UNEXPECTED_TOKEN",
  "BLOCK_IN_FLOW",
  "BAD_SCALAR_START",
  "BLOCK_AS_IMPLICIT_KEY",
  "MULTIPLE_ANCHORS",
]);

/** The value on the error's line that ends before its text does: `{ x: a ? b : c }`, `"x" == kind`, `${NAME}` in braces. */
function unquoted(error: YAMLParseError, nodes: readonly PlacedNode[], text: string): string | undefined {
  if (!quotable.has(error.code)) return undefined;
  const [offset] = error.pos;
  const lineStart = lineStartOf(text, offset);
  const lineEnd = offset + lineAt(text, offset).length;
  const onLine = nodes.filter(({ node, isKey, path }) => {
    const from = node.range?.[0] ?? -1;
    const isText = isScalar(node) || (isMap(node) && node.flow !== true);
    return !isKey && path.length > 0 && isText && from >= lineStart && from <= lineEnd;
  });
  const isAnchor = error.code === "MULTIPLE_ANCHORS";
  const value = isAnchor
    ? onLine.find(({ node }) => isScalar(node))
    : onLine.findLast(({ node }) => (node.range?.[0] ?? -1) <= offset);
  if (value?.node.range == null) return undefined;
  const [first, end] = value.node.range;
  const start = isAnchor ? lineStart + text.slice(lineStart, first).search(/&/) : first;
  const meant = meantText(text, start, value.isInFlow);
  const isWhole = isScalar(value.node) && (value.node.type === Scalar.PLAIN || meant.length > end - start);
  if (isWhole && meant.length <= end - start && !isAnchor && error.code !== "BAD_SCALAR_START") return undefined;
  const line = entryLine(value.path, meant);
  return error.code === "BLOCK_AS_IMPLICIT_KEY"
    ? `put the second key on a line of its own, or quote a text that holds a colon: ${line}`
    : `quote the text: ${line}${meant.startsWith("${") ? "; a variable for a number stands on a line of its own, outside { }" : ""}`;
}

function lineStartOf(text: string, offset: number): number {
  return Math.max(text.lastIndexOf("\n", offset - 1), text.lastIndexOf("\r", offset - 1)) + 1;
}

/** What stands from `offset` to the end of the line. */
function lineAt(text: string, offset: number): string {
  return text.slice(offset).split(/[\r\n]/, 1)[0] ?? "";
}

/** The parser's sentence without its full stop and in our case: it stands after a code, inside a line. */
function sentence(message: string): string {
  const first = (message.split("\n", 1)[0] ?? "").slice(0, 120);
  return `the text is not YAML: ${first.charAt(0).toLowerCase()}${first.slice(1)}`.replace(/[.:]$/, "");
}

const hints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "line up the keys of one mapping",
  BAD_ALIAS: "quote a text that begins with *",
  BLOCK_AS_IMPLICIT_KEY: "put the second key on a line of its own, or quote a text that holds a colon",
  MISSING_CHAR: "close the quote or bracket",
  MULTIPLE_ANCHORS: "quote a text that begins with &",
  RESOURCE_EXHAUSTION: "nest less deep",
};
