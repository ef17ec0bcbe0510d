import type { LocatedProblem, SpecProblem } from "../problems.ts";
import { definitionAt, type JsonSchema, optionsOf } from "../spec/levels.ts";
import { type Cut, cutOf } from "../yaml/cut.ts";
import type { Positions } from "../yaml/positions.ts";
import { entryLine } from "../yaml/written.ts";

type Path = readonly (string | number)[];

/** An expression of the file of which YAML took only a part. */
export interface CutExpression {
  readonly path: Path;
  readonly cut: Cut;
}

/** Every unquoted expression of the file that a comment, a comma or a bracket cuts short. */
export function cutExpressions(file: unknown, language: JsonSchema, positions: Positions): CutExpression[] {
  const found: CutExpression[] = [];
  const visit = (value: unknown, path: Path): void => {
    if (typeof value === "object" && value !== null) {
      for (const [name, item] of Object.entries(value))
        visit(item, [...path, Array.isArray(value) ? Number(name) : name]);
    } else if (value !== null && isExpression(path, language)) {
      const scalar = positions.scalarAt(path);
      const cut = scalar === undefined ? undefined : cutOf(scalar);
      if (cut !== undefined) found.push({ path, cut });
    }
  };
  visit(file, []);
  return found;
}

/** Whether an expression may stand there, be it beside a constant. */
export function isExpression(path: Path, language: JsonSchema): boolean {
  const definition = definitionAt(language, path);
  return definition !== undefined && optionsOf(definition.schema).some(({ format }) => format === "expression");
}

/** Problems of expressions that were cut say so; what only follows from the cut is not said. */
export function explainCuts(problems: readonly SpecProblem[], cuts: readonly CutExpression[]): SpecProblem[] {
  return problems.flatMap((problem) => {
    const whole = cuts.find((cut) => isLeftover(problem.path, cut));
    if (whole !== undefined) return problems.some(({ path }) => samePath(path, whole.path)) ? [] : [ended(whole)];
    const found = cuts.find(({ path }) => samePath(path, problem.path));
    return found === undefined || problem.on === "key" ? problem : { ...problem, hint: cure(problem, found) };
  });
}

function ended({ path, cut }: CutExpression): SpecProblem {
  const message = `inside { } a text without quotes ends at "${cut.cutOff.charAt(0)}"`;
  return { code: "MR_EXPRESSION_SYNTAX", path, message, hint: `quote the text: ${entryLine(path, cut.meant)}` };
}

function cure({ code, hint }: SpecProblem, { path, cut }: CutExpression): string {
  if (!cut.isLikelyMeant && (code === "MR_EXPRESSION_SYNTAX" || cut.by === "end"))
    return `quote the text, which YAML ends before "${cut.cutOff}": ${entryLine(path, cut.meant)}`;
  const reason = `YAML takes "${cut.cutOff}" for a comment`;
  return hint === undefined ? reason : `${hint}; ${reason}`;
}

/** The rest of `{ x: min(a, b) }` is a key of its own, `b)`. */
function isLeftover(path: Path, { path: own, cut }: CutExpression): boolean {
  const name = path.at(-1);
  return (
    cut.by === "end" &&
    path.length === own.length &&
    path.slice(0, -1).every((part, index) => part === own[index]) &&
    typeof name === "string" &&
    name !== own.at(-1) &&
    cut.cutOff.includes(name)
  );
}

/** Comments that are most likely none, in a file with which nothing else is wrong. */
export function warningsOfCuts(cuts: readonly CutExpression[], file: string, positions: Positions): LocatedProblem[] {
  return cuts
    .filter(({ cut }) => !cut.isLikelyMeant)
    .map(({ path, cut }) => ({
      code: "MR_YAML_READING",
      path,
      message: `YAML takes "${cut.cutOff}" for a comment: it is not part of the expression`,
      hint: `put a blank behind the #, or quote the text to keep it: ${entryLine(path, cut.meant)}`,
      file,
      ...positions.at(cut.offset),
    }));
}

function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index]);
}
