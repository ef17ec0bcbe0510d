import type { Ast } from "./ast.ts";
import { checkSymbol, guarded, mismatch } from "./check-rules.ts";
import type { Checked } from "./checked.ts";
import { printAst } from "./print.ts";
import { ExpressionFault, quote } from "./problem.ts";
import { arithmeticType, familyOf, typeName, typeOf, type ValueType } from "./types.ts";

/** The type of a comparison or an arithmetic operation; refuses operands that do not fit it. */
export function operatorType(ast: Ast & { node: "unary" | "binary" }, operands: readonly Checked[]): ValueType {
  for (const operand of operands) guarded(ast, operand);
  const [left, right] = operands;
  if (left === undefined) return typeOf("boolean");
  if (ast.node === "unary" || right === undefined) return signType(ast, left);
  if (["==", "!=", "<", "<=", ">", ">="].includes(ast.operator)) return comparisonType(ast.operator, ast, left, right);
  const type =
    ast.operator === "+"
      ? sumType(left.type, right.type)
      : differenceOrProductType(ast.operator, left.type, right.type);
  if (type !== undefined) return type;
  const names = `${typeName(left.type)} and ${typeName(right.type)}`;
  throw new ExpressionFault(
    ast.at,
    `${quote(ast.operator)} does not take ${names} in ${quote(printAst(ast))}`,
    arithmeticHint(ast.operator, left, right),
  );
}

/** Refuses an operand of `!`, `&&`, `||` or a conditional's test that is no boolean. */
export function logicalOperand(parent: Ast, operand: Checked): void {
  guarded(parent, operand);
  if (operand.type.kind === "boolean") return;
  const what =
    parent.node === "conditional" ? "the test of a conditional" : `an operand of ${quote(operatorOf(parent))}`;
  throw new ExpressionFault(
    operand.ast.at,
    `${quote(printAst(operand.ast))} is ${typeName(operand.type)}, and ${what} must be boolean`,
    familyOf(operand.type) === "number" ? `write ${printAst(operand.ast)} != 0` : undefined,
  );
}

function operatorOf(ast: Ast): string {
  return ast.node === "unary" || ast.node === "binary" ? ast.operator : "";
}

/** Boolean, when the operands can be compared by `operator`: the same family, and an order for all but == and !=. */
export function comparisonType(operator: string, ast: Ast, left: Checked, right: Checked): ValueType {
  const family = familyOf(left.type);
  const names = `${typeName(left.type)} and ${typeName(right.type)}`;
  if (family !== familyOf(right.type)) {
    const at = operator === "in" ? right.ast.at : ast.at;
    throw new ExpressionFault(at, `${names} cannot be compared in ${quote(printAst(ast))}`, mismatch(left, right));
  }
  if (family === "bytes" || family === "other") {
    throw new ExpressionFault(
      ast.at,
      `${quote(operator)} does not take ${names} in ${quote(printAst(ast))}`,
      "such a field can only be compared with null",
    );
  }
  if (family === "boolean" && operator !== "==" && operator !== "!=" && operator !== "in") {
    throw new ExpressionFault(
      ast.at,
      `${quote(operator)} does not take ${names} in ${quote(printAst(ast))}`,
      "booleans have no order; use == or !=",
    );
  }
  checkSymbol(left, right);
  return typeOf("boolean");
}

function signType(ast: Ast, operand: Checked): ValueType {
  const { kind, nullable, avro } = operand.type;
  if (familyOf(operand.type) === "number") return { kind, nullable, avro };
  throw new ExpressionFault(ast.at, `${quote("-")} does not take ${typeName(operand.type)} in ${quote(printAst(ast))}`);
}

function sumType(left: ValueType, right: ValueType): ValueType | undefined {
  const [a, b] = [familyOf(left), familyOf(right)];
  if (a === "number" && b === "number") return arithmeticType(left, right);
  if (a === "text" && b === "text") return typeOf("string");
  const isTime = (a === "timestamp" && b === "number") || (a === "number" && b === "timestamp");
  return isTime ? typeOf("timestamp") : undefined;
}

function differenceOrProductType(operator: string, left: ValueType, right: ValueType): ValueType | undefined {
  const [a, b] = [familyOf(left), familyOf(right)];
  if (a === "number" && b === "number") return operator === "/" ? typeOf("double") : arithmeticType(left, right);
  if (operator !== "-" || a !== "timestamp") return undefined;
  if (b === "timestamp") return typeOf("long");
  return b === "number" ? typeOf("timestamp") : undefined;
}

function arithmeticHint(operator: string, left: Checked, right: Checked): string | undefined {
  const [a, b] = [familyOf(left.type), familyOf(right.type)];
  const other = a === "text" ? right : left;
  if (operator === "+" && (a === "text" || b === "text")) {
    return ["number", "boolean", "timestamp"].includes(familyOf(other.type))
      ? `write to_string(${printAst(other.ast)})`
      : undefined;
  }
  if (a === "timestamp" && b === "timestamp") return "times can be subtracted; to_long(t) gives milliseconds";
  if (a === "timestamp" || b === "timestamp") return "to_long(t) gives milliseconds";
  return mismatch(left, right);
}
