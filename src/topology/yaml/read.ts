import { type Document, LineCounter, parseDocument } from "yaml";
import { messageOf } from "../../kernel/index.ts";
import type { LocatedProblem, SpecProblem } from "../problems.ts";
import { convert } from "./convert.ts";
import type { Environment } from "./environment.ts";
import { syntaxProblemsMax, unreadable } from "./limits.ts";
import { Positions } from "./positions.ts";

/** A file as plain values, with a place for every path in it. */
export interface SourceDocument {
  readonly value: unknown;
  readonly positions: Positions;
  /** Paths whose value is not known, because a variable or an anchor is missing. */
  readonly unknown: readonly (readonly (string | number)[])[];
}

/** A file that could be read, or not (`document` undefined), and what is wrong with its YAML and its variables. */
export interface SourceReading {
  readonly document: SourceDocument | undefined;
  readonly problems: readonly LocatedProblem[];
}

/**
 * Reads YAML 1.2 with positions and environment values. Never throws, whatever the text: what cannot be read is a
 * problem with a line. A file with syntax errors, or beyond a limit, has no document; a key given twice is a problem and the first stands.
 */
export function readSource(text: string, file: string, environment: Environment): SourceReading {
  const refused = unreadable(text);
  if (refused !== undefined) {
    const hint = "a topology is a short YAML file; is this the right one?";
    const problem = { code: "MR_YAML", path: [], message: refused.message, hint, file, line: refused.line, column: 1 };
    return { document: undefined, problems: [problem as LocatedProblem] };
  }
  const lines = new LineCounter();
  try {
    const parsed = parseDocument(text, { lineCounter: lines, version: "1.2", prettyErrors: false, logLevel: "error" });
    return fromParsed(parsed, lines, text, file, environment);
  } catch (thrown) {
    // The parser recurses: a stack that overflows is nesting, which only a hostile file has this deep.
    const message =
      thrown instanceof RangeError ? "values are nested too deep" : `the text is not YAML: ${messageOf(thrown)}`;
    const hint = "check brackets and indentation";
    return { document: undefined, problems: [{ code: "MR_YAML", path: [], message, hint, file, line: 1, column: 1 }] };
  }
}

function fromParsed(
  parsed: Document.Parsed,
  lines: LineCounter,
  text: string,
  file: string,
  environment: Environment,
): SourceReading {
  const problems: LocatedProblem[] = [];
  let readable = true;
  for (const error of parsed.errors.slice(0, syntaxProblemsMax)) {
    const { line, col } = lines.linePos(error.pos[0]);
    const isRepeat = error.code === "DUPLICATE_KEY";
    readable &&= isRepeat;
    problems.push({
      code: isRepeat ? "MR_CONFLICT" : "MR_YAML",
      path: [],
      message: isRepeat ? "the key is given twice in one mapping" : sentence(error.message),
      hint: isRepeat ? "remove one of the two" : (syntaxHints[error.code] ?? "check indentation, quotes and brackets"),
      file,
      line: Math.max(1, line),
      column: Math.max(1, col),
    });
  }
  if (!readable) return { document: undefined, problems };
  const positions = new Positions(parsed, lines, text, []);
  const converted = convert(parsed, environment);
  problems.push(...converted.problems.map((problem) => locate(problem, file, positions)));
  if (converted.isCut) return { document: undefined, problems };
  return { document: { value: converted.value, positions, unknown: converted.unknown }, problems };
}

/** Gives a problem its place in the file. */
export function locate(problem: SpecProblem, file: string, positions: Positions): LocatedProblem {
  const { on, ...rest } = problem;
  return { ...rest, file, ...positions.of(problem.path, { on, at: problem.at }) };
}

/** The parser's sentence without its full stop and in our case: it stands after a code, inside a line. */
function sentence(message: string): string {
  const first = (message.split("\n", 1)[0] ?? "").slice(0, 120);
  return `the text is not YAML: ${first.charAt(0).toLowerCase()}${first.slice(1)}`.replace(/[.:]$/, "");
}

const syntaxHints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "line up the keys of one mapping",
  MULTIPLE_DOCS: "keep one topology per file: remove the --- line and what follows",
  BAD_ALIAS: "quote a text that begins with *",
  BLOCK_AS_IMPLICIT_KEY: "put the second key on a line of its own, or quote a text that holds a colon",
  MISSING_CHAR: "close the quote or bracket",
  RESOURCE_EXHAUSTION: "nest less deep",
};
