import { closest } from "../kernel/index.ts";
import type { Ast } from "./ast.ts";
import type { Checked } from "./checked.ts";
import { printAst } from "./print.ts";
import { ExpressionFault, quote } from "./problem.ts";
import { familyOf, symbolsOf, type ValueType } from "./types.ts";

/** Refuses an operand of `parent` that may be null, and says how to guard it. */
export function guarded(parent: Ast, operand: Checked): void {
  if (!operand.type.nullable) return;
  const text = printAst(operand.ast);
  if (operand.type.kind === "null") {
    throw new ExpressionFault(
      operand.ast.at,
      `null does not fit in ${quote(printAst(parent))}`,
      "compare with == null or != null",
    );
  }
  throw new ExpressionFault(operand.ast.at, `${quote(text)} may be null in ${quote(printAst(parent))}`, {
    operand: operand.ast,
    type: operand.type,
  });
}

/** The fault of a path that goes on from a value that may be null. */
export function unguardedMember(ast: Ast & { node: "member" }, of: Checked): ExpressionFault {
  const member: Ast = { ...ast, of: of.ast };
  const message = `${quote(printAst(of.ast))} may be null in ${quote(printAst(member))}`;
  return new ExpressionFault(of.ast.at, message, { operand: of.ast, type: of.type, member });
}

/** Longest expression that a hint repeats. */
const hintLengthMax = 80;

/** The nearest of the names, or a few of them. */
export function nameHint(name: string, names: readonly string[]): string | undefined {
  const near = closest(name, names);
  if (near !== undefined) return `did you mean ${near}?`;
  if (names.length === 0) return undefined;
  return `fields are ${names.length > 8 ? `${names.slice(0, 8).join(", ")}, ...` : names.join(", ")}`;
}

/**
 * The operand as a number: a value that may lie beyond 2^53 is looked at first. A constant that does is refused, for
 * it would fail every record.
 */
export function asNumber(parent: Ast, operand: Checked): Checked {
  const { type, ast } = operand;
  if (type.wide !== true) return operand;
  if (typeof type.constant === "bigint") {
    throw new ExpressionFault(
      ast.at,
      `${quote(printAst(ast))} is beyond 2^53, where numbers are not exact, in ${quote(printAst(parent))}`,
      `compare it with ==, != or in, or write ${printAst(ast)}.0 for a double`,
    );
  }
  const { wide: _, ...narrow } = type;
  return { ...operand, type: narrow, ast: { node: "number", of: ast, at: ast.at } };
}

/** One of several values as their common type holds it: a long beside a double is taken as a number. */
export function held(operand: Checked, type: ValueType): Checked {
  return type.wide === true ? operand : asNumber(operand.ast, operand);
}

/** Refuses a string constant beside an enum that has no such symbol. */
export function checkSymbol(a: Checked, b: Checked): void {
  refuseUnknownSymbol(a, b);
  refuseUnknownSymbol(b, a);
}

function refuseUnknownSymbol(of: Checked, constant: Checked): void {
  const symbols = symbolsOf(of.type);
  const written = constant.type.constant;
  if (symbols === undefined || typeof written !== "string" || symbols.includes(written)) return;
  const near = closest(written, symbols);
  const listed = symbols.length > 8 ? `${symbols.slice(0, 8).join(", ")}, ...` : symbols.join(", ");
  throw new ExpressionFault(
    constant.ast.at,
    `${quote(printAst(of.ast))} is never ${quote(JSON.stringify(written))}`,
    near === undefined ? `its symbols are ${listed}` : `did you mean ${JSON.stringify(near)}?`,
  );
}

/** How two types that do not meet could be made to. */
export function mismatch(a: Checked, b: Checked): string | undefined {
  return mendMismatch(a, b) ?? mendMismatch(b, a);
}

function mendMismatch(a: Checked, b: Checked): string | undefined {
  const from = familyOf(a.type);
  const to = familyOf(b.type);
  const text = printAst(a.ast);
  if (text.length > hintLengthMax) return undefined;
  if (from === "text" && to === "number") {
    const constant = a.type.constant;
    const isNumber = typeof constant === "string" && constant.trim() !== "" && Number.isFinite(Number(constant));
    return isNumber ? `write ${constant} without quotes` : `write to_double(${text}), or to_string(${printAst(b.ast)})`;
  }
  if (to === "timestamp" && (from === "text" || from === "number")) return `write to_timestamp(${text})`;
  if (to === "boolean" && (from === "text" || from === "number")) return `write to_boolean(${text})`;
  return undefined;
}
