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
  throw new ExpressionFault(
    operand.ast.at,
    `${quote(text)} may be null in ${quote(printAst(parent))}`,
    guardHint(parent, operand),
  );
}

/** Longest expression that a hint repeats. */
const hintLengthMax = 80;

function guardHint(parent: Ast, operand: Checked): string {
  const text = printAst(operand.ast);
  const zero = zeroOf(operand.type);
  const replaced = zero === undefined ? [] : [`coalesce(${text}, ${zero})`];
  // Only fields are narrowed, and a conditional is best guarded in its test.
  const guards = operand.ast.node === "field" && parent.node !== "conditional" ? [guardOf(parent, text)] : [];
  return `write ${[...replaced, ...guards].join(" or ")}`;
}

function guardOf(parent: Ast, field: string): string {
  const whole = printAst(parent);
  const rest = whole.length > hintLengthMax ? "..." : whole;
  const isTest =
    parent.node === "binary" && ["==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"].includes(parent.operator);
  return isTest || rest === "..." ? `${field} == null || ${rest}` : `${field} == null ? null : ${rest}`;
}

function zeroOf(type: ValueType): string | undefined {
  const family = familyOf(type);
  if (family === "number") return "0";
  if (family === "boolean") return "false";
  return type.kind === "string" ? '""' : undefined;
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
