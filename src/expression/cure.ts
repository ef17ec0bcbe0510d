import { type Ast, partsOf, withParts } from "./ast.ts";
import { binary, call, conditional, literal } from "./build.ts";
import { printAst } from "./print.ts";
import type { ExpressionProblem, Unguarded } from "./problem.ts";
import type { TypedExpression } from "./program.ts";
import { familyOf, type ValueType } from "./types.ts";

type Check = (ast: Ast) => { readonly expr: TypedExpression } | { readonly problem: Unguardable };
type Unguardable = ExpressionProblem & { readonly unguarded?: Unguarded };

/** Longest expression that a hint repeats. */
const cureLengthMax = 160;
/** Most operands that one cure guards. */
const guardsMax = 6;

/**
 * What to write where an operand may be null: its replacement, or the whole expression behind a guard. Every cure has
 * been checked: what it says compiles as it stands, quoted where YAML would take it apart.
 */
export function cureOf(root: Ast, unguarded: Unguarded, check: Check): string | undefined {
  const cures = [replacement(root, unguarded, check), guard(root, unguarded, check)];
  const texts = cures.flatMap((cure) => (cure === undefined ? [] : [printAst(cure)]));
  const short = texts.filter((text) => text.length <= cureLengthMax).map(yamlText);
  return short.length === 0 ? undefined : `write ${short.join(" or ")}`;
}

/** The part that stands for the operand, or the whole when several operands had to be replaced. */
function replacement(root: Ast, first: Unguarded, check: Check): Ast | undefined {
  let whole = root;
  let part = first.member ?? first.operand;
  let isOne = true;
  let next: Unguarded | undefined = first;
  for (let i = 0; next !== undefined && i < guardsMax; i++) {
    const replace = replacing(next);
    if (replace === undefined) return undefined;
    const before = printAst(part);
    whole = replaced(whole, replace);
    if (dividesBy(whole, printAst(replace.by))) return undefined;
    part = replaced(part, replace);
    isOne &&= printAst(part) !== before;
    const checked = check(whole);
    if ("expr" in checked) return isOne ? part : whole;
    next = checked.problem.unguarded;
  }
  return undefined;
}

interface Replacement {
  readonly text: string;
  readonly by: Ast;
}

function replacing({ operand, member, type }: Unguarded): Replacement | undefined {
  if (member?.node === "member") return { text: printAst(member), by: { ...member, safe: true } };
  const zero = zeroOf(type);
  return zero === undefined ? undefined : { text: printAst(operand), by: call("coalesce", operand, literal(zero)) };
}

function replaced(ast: Ast, replacement: Replacement): Ast {
  if (printAst(ast) === replacement.text) return replacement.by;
  return withParts(ast, (part) => replaced(part, replacement));
}

/** A 0 in place of a null divisor would compile, and fail every record in which it is null. */
function dividesBy(ast: Ast, text: string): boolean {
  const isDivision = ast.node === "binary" && (ast.operator === "/" || ast.operator === "%");
  return (isDivision && printAst(ast.right) === text) || partsOf(ast).some((part) => dividesBy(part, text));
}

const tests: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"]);

/** `x == null || whole` for a comparison, `x == null ? null : whole` for anything else. */
function guard(root: Ast, first: Unguarded, check: Check): Ast | undefined {
  const isTest = root.node === "binary" && tests.has(root.operator);
  let guards: Ast | undefined;
  let next: Unguarded | undefined = first;
  for (let i = 0; next !== undefined && i < guardsMax; i++) {
    const isNull = binary("==", next.operand, literal(null));
    guards = guards === undefined ? isNull : binary("||", guards, isNull);
    const whole = isTest ? binary("||", guards, root) : conditional(guards, literal(null), root);
    const checked = check(whole);
    if ("expr" in checked) return whole;
    next = checked.problem.unguarded;
  }
  return undefined;
}

function zeroOf(type: ValueType): number | boolean | string | undefined {
  const family = familyOf(type);
  if (family === "number") return 0;
  if (family === "boolean") return false;
  return type.kind === "string" ? "" : undefined;
}

/** A plain scalar of YAML, or a quoted one where that would be read as something else. */
function yamlText(text: string): string {
  return /: |:$| #|^[-?:,[\]{}#&*!|>'"%@`\s]/.test(text) ? `'${text.replaceAll("'", "''")}'` : text;
}
