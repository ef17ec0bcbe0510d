import type { Problem } from "../kernel/index.ts";

/** A problem before it has a place: `on` says whether the key or its value is at fault. */
export interface SpecProblem extends Problem {
  /** `key` points at the key node (an unknown key); the default is the value, or the parent when there is none. */
  readonly on?: "key";
  /** Where it stands, when the path does not say it: a tag, or a place in another file, whose paths then count. */
  readonly place?: Place & { readonly path?: readonly (string | number)[] };
}

/** A place in a file; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A problem with its place in the file; line and column count from 1. */
export interface LocatedProblem extends Problem, Place {}

const plainKey = /^[A-Za-z_$][\w$-]*$/;

/** `stages[2].from.topic`; a key that is no plain word is quoted: `topics["payments.raw"].key`. Empty for the root. */
function formatPath(path: readonly (string | number)[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (plainKey.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/**
 * `FILE:LINE:COL CODE PATH: message; hint`. A hint that holds a line to paste stands on the next line,
 * indented by two spaces; a problem of the whole file has no path.
 */
export function formatProblem(problem: LocatedProblem): string {
  const path = formatPath(problem.path);
  const place = `${problem.file}:${problem.line}:${problem.column} ${problem.code}`;
  const head = path === "" ? `${place} ${problem.message}` : `${place} ${path}: ${problem.message}`;
  if (problem.hint === undefined) return head;
  return problem.hint.includes("\n") ? `${head}; ${problem.hint.replaceAll("\n", "\n  ")}` : `${head}; ${problem.hint}`;
}

/**
 * Orders problems as the files are read: by line, then column, then text, `first` before the other files; identical
 * ones appear once.
 */
export function inFileOrder(problems: readonly LocatedProblem[], first: string): LocatedProblem[] {
  const seen = new Set<string>();
  const rank = ({ file }: LocatedProblem): string => (file === first ? "" : file);
  const sorted = [...problems].sort(
    (a, b) =>
      compareText(rank(a), rank(b)) || a.line - b.line || a.column - b.column || compareText(a.message, b.message),
  );
  return sorted.filter((problem) => {
    const text = formatProblem(problem);
    return !seen.has(text) && seen.add(text) !== undefined;
  });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
