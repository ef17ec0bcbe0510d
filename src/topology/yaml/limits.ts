import { Lexer } from "yaml";

/** Largest topology file read. */
const fileBytesMax = 1_048_576;
/** Longest line, in characters: the YAML parser takes quadratic time on some lines of nothing but indicators. */
const lineLengthMax = 2_048;
/**
 * Longest run of spaces and `-`, `?`, `:` at the start of a line. yaml 2.9 builds a regular expression from the
 * indentation, and a run of half a megabyte of them ends the process inside the engine, where nothing can be caught.
 */
const indentMax = 128;
/** Deepest nesting of mappings and lists. */
export const depthMax = 64;
/** Aliases (`*name`) in one file, and nodes after they are put in: together they bound what a small file can grow to. */
export const aliasCountMax = 100;
export const nodeCountMax = 100_000;
/** Syntax problems reported of one file; a file that is no YAML at all has thousands of them. */
export const syntaxProblemsMax = 20;

const indentation = /^[ \t?:-]*/;

/** What makes the text unfit to be parsed at all, with its 1-based line; undefined when it may be. */
export function unreadable(text: string): { line: number; message: string } | undefined {
  if (text.length > fileBytesMax) return { line: 1, message: `the file is larger than ${fileBytesMax} bytes` };
  let line = 0;
  for (const content of text.split(/\r\n|\n|\r/)) {
    line++;
    if (content.length > lineLengthMax) return { line, message: `the line is longer than ${lineLengthMax} characters` };
    if ((indentation.exec(content)?.[0].length ?? 0) > indentMax)
      return { line, message: `the line is indented by more than ${indentMax} characters` };
  }
  const deepLine = lineNestedTooDeep(text);
  if (deepLine === undefined) return undefined;
  return { line: deepLine, message: `values are nested more than ${depthMax} deep` };
}

/** What the lexer puts before the source of a scalar, where brackets are text. */
const scalarMark = "\u001f";

/**
 * The line in which brackets open deeper than {@link depthMax}. Looked for before parsing, because yaml 2.9 composes by
 * recursion: near the end of the stack it reports the overflow once per level, and a regular expression that the engine
 * has to compile there ends the process. Its lexer does not recurse.
 */
function lineNestedTooDeep(text: string): number | undefined {
  if ((text.match(/[[{]/g)?.length ?? 0) <= depthMax) return undefined;
  let depth = 0;
  let line = 1;
  let before = "";
  for (const token of new Lexer().lex(text)) {
    const isScalar = before === scalarMark;
    before = token;
    if (!isScalar && (token === "[" || token === "{") && ++depth > depthMax) return line;
    if (!isScalar && (token === "]" || token === "}")) depth = Math.max(0, depth - 1);
    line += token.match(/\r\n|\n|\r/g)?.length ?? 0;
  }
  return undefined;
}
