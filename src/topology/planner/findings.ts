import { closest, type ErrorCode } from "../../kernel/index.ts";
import type { SpecProblem } from "../problems.ts";

type Path = readonly (string | number)[];

/** What is found wrong, or odd but safe, while a file is planned; everything is collected, nothing thrown. */
export class Findings {
  readonly problems: SpecProblem[] = [];
  readonly warnings: SpecProblem[] = [];
  readonly #ofShape: readonly SpecProblem[];

  /** @param ofShape what was found wrong with keys, types and ranges before */
  constructor(ofShape: readonly SpecProblem[] = []) {
    this.#ofShape = ofShape;
  }

  problem(code: ErrorCode, path: Path, message: string, hint: string): void {
    this.problems.push({ code, path, message, hint });
  }

  warn(code: ErrorCode, path: Path, message: string, hint: string): void {
    this.warnings.push({ code, path, message, hint });
  }

  /** Whether something at or inside this path has been reported. */
  isAbout(path: Path): boolean {
    return this.problems.some((problem) => path.every((part, index) => problem.path[index] === part));
  }

  /** Whether keys, types or ranges at or inside this path were found wrong before: what was wrong there was left out. */
  isMisshapen(path: Path): boolean {
    return this.#ofShape.some((problem) => path.every((part, index) => problem.path[index] === part));
  }

  /** A name that nothing has: with the closest one, or all there are. */
  dangling(path: Path, noun: string, name: string, known: Iterable<string>): void {
    this.problem("MR_REFERENCE", path, `there is no ${noun} ${quoted(name)}`, danglingHint(noun, name, known));
  }
}

/** `did you mean "amount"?`, or the names that there are, or that there are none. */
export function danglingHint(noun: string, name: string, known: Iterable<string>): string {
  const names = [...known];
  const meant = closest(name, names);
  if (meant !== undefined) return `did you mean "${meant}"?`;
  if (names.length === 0) return `there is no ${noun} at all`;
  const shown = names.slice(0, 20).join(", ");
  return `there are: ${shown}${names.length > 20 ? ", ..." : ""}`;
}

/** A user's name in a message, cut when long. */
export function quoted(name: string): string {
  return `"${name.length > 80 ? `${name.slice(0, 77)}...` : name}"`;
}
