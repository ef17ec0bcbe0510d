import { Composer, type Document, isScalar, LineCounter, type Node } from "yaml";
import { messageOf } from "../../kernel/index.ts";
import type { LocatedProblem, SpecProblem } from "../problems.ts";
import { convert } from "./convert.ts";
import type { Outside } from "./environment.ts";
import { syntaxProblemsMax, unreadable } from "./limits.ts";
import { nodesOf } from "./nodes.ts";
import { keyText, Positions } from "./positions.ts";
import { type SourceBytes, sourceText } from "./source-text.ts";
import { syntaxProblems } from "./syntax.ts";
import { refusedTags } from "./tags.ts";
import { type Tokens, tokensOf } from "./tokens.ts";

type Path = readonly (string | number)[];

/** A file as plain values, with a place for every path in it. */
export interface SourceDocument {
  readonly value: unknown;
  readonly positions: Positions;
  /** Paths whose value is not known, because a variable or an anchor is missing, or a tag was refused. */
  readonly unknown: readonly Path[];
}

/** A file that could be read, or not (`document` undefined), and what is wrong with its YAML and its variables. */
export interface SourceReading {
  readonly document: SourceDocument | undefined;
  readonly problems: readonly LocatedProblem[];
  /** What is odd in the way the file is written, and still says something. */
  readonly warnings: readonly LocatedProblem[];
}

/**
 * Reads YAML 1.2 with positions and environment values. Never throws, whatever the text: what cannot be read is a
 * problem with a line. A file with syntax errors, or beyond a limit, has no document; a key given twice is a problem and the first stands.
 */
export function readSource(source: SourceBytes, file: string, outside: Outside): SourceReading {
  const decoded = sourceText(source, file);
  if ("problem" in decoded) return nothing(decoded.problem);
  const { text } = decoded;
  const refused = unreadable(text);
  if (refused !== undefined) {
    const hint = "a topology is a short YAML file; is this the right one?";
    return nothing({ code: "MR_YAML", path: [], message: refused.message, hint, file, line: refused.line, column: 1 });
  }
  const lines = new LineCounter();
  try {
    const tokens = tokensOf(text, lines);
    const composer = new Composer({ version: "1.2", prettyErrors: false, logLevel: "error", uniqueKeys: isSameKey });
    const [first] = composer.compose(tokens.all, true, text.length);
    if (first === undefined) throw new Error("nothing was composed");
    return fromParsed(first, tokens, lines, text, file, outside);
  } catch (thrown) {
    // The parser recurses: a stack that overflows is nesting, which only a hostile file has this deep.
    const message =
      thrown instanceof RangeError ? "values are nested too deep" : `the text is not YAML: ${messageOf(thrown)}`;
    const hint = "check brackets and indentation";
    return nothing({ code: "MR_YAML", path: [], message, hint, file, line: 1, column: 1 });
  }
}

function nothing(problem: LocatedProblem): SourceReading {
  return { document: undefined, problems: [problem], warnings: [] };
}

/** Keys are names: `1` and `"1"` are one, whatever YAML makes of them. */
function isSameKey(a: Node, b: Node): boolean {
  return a === b || (isScalar(a) && isScalar(b) && keyText(a) === keyText(b));
}

function fromParsed(
  parsed: Document.Parsed,
  tokens: Tokens,
  lines: LineCounter,
  text: string,
  file: string,
  outside: Outside,
): SourceReading {
  const positions = new Positions(parsed, lines, text, []);
  const nodes = nodesOf(parsed);
  const at = (offset: number, problem: Omit<LocatedProblem, "file" | "line" | "column">): LocatedProblem => ({
    ...problem,
    file,
    ...positions.at(offset),
  });
  const tags = refusedTags(tokens.tags, nodes, text);
  const problems: LocatedProblem[] = tags
    .slice(0, syntaxProblemsMax)
    .map(({ offset, path, message, hint }) => at(offset, { code: "MR_YAML", path: path ?? [], message, hint }));
  problems.push(...strayParts(tokens, at));
  const isRepeat = (error: { code: string }): boolean => error.code === "DUPLICATE_KEY";
  for (const error of parsed.errors.filter(isRepeat).slice(0, syntaxProblemsMax)) {
    const message = "the key is given twice in one mapping";
    problems.push(at(error.pos[0], { code: "MR_CONFLICT", path: [], message, hint: "remove one of the two" }));
  }
  // What a tag leaves behind often is no YAML either: that follows from it.
  const tagLines = new Set(tags.map(({ offset }) => positions.at(offset).line));
  const errors = parsed.errors.filter((error) => !isRepeat(error) && !tagLines.has(positions.at(error.pos[0]).line));
  const syntax = syntaxProblems(errors.slice(0, syntaxProblemsMax), nodes, text);
  problems.push(...syntax.map(({ offset, message, hint }) => at(offset, { code: "MR_YAML", path: [], message, hint })));
  // A directive may have changed how values are read, and of two documents neither is the topology.
  const isStray = tokens.directives.length > 0 || tokens.laterDocuments.length > 0;
  const isUnreadable =
    isStray || parsed.errors.some((error) => !isRepeat(error)) || tags.some(({ path }) => path === undefined);
  if (isUnreadable) return { document: undefined, problems, warnings: [] };
  const converted = convert(parsed, outside);
  problems.push(...converted.problems.map((problem) => locate(problem, file, positions)));
  if (converted.isCut) return { document: undefined, problems, warnings: [] };
  const unknown = [...converted.unknown, ...tags.flatMap(({ path }) => (path === undefined ? [] : [path]))];
  const warnings = converted.warnings.map((problem) => locate(problem, file, positions));
  return { document: { value: converted.value, positions, unknown }, problems, warnings };
}

type At = (offset: number, problem: Omit<LocatedProblem, "file" | "line" | "column">) => LocatedProblem;

/** Directives and second documents: both are YAML, and neither has a meaning in a topology. */
function strayParts({ directives, laterDocuments }: Tokens, at: At): LocatedProblem[] {
  const problems = directives.slice(0, syntaxProblemsMax).map(({ offset, source }) => {
    const name = source.split(/\s/, 1)[0] ?? "";
    const message = `a topology has no directives, and here is ${name.slice(0, 20)}: it is read as YAML 1.2`;
    return at(offset, { code: "MR_YAML", path: [], message, hint: "remove the line" });
  });
  const [second] = laterDocuments;
  if (second === undefined) return problems;
  const message = "a file holds one topology, and a second document begins here";
  const hint = "remove the --- line and what follows, or put it into a file of its own";
  return [...problems, at(second, { code: "MR_YAML", path: [], message, hint })];
}

/** Gives a problem its place in the file. */
export function locate(problem: SpecProblem, file: string, positions: Positions): LocatedProblem {
  const { on, place, ...rest } = problem;
  return { ...rest, file, ...(place ?? positions.of(problem.path, { on, at: problem.at })) };
}
