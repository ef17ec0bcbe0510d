import { valuesIn } from "../schema/index.ts";
import type { Ast, How } from "./ast.ts";
import { asNumber, checkSymbol, guarded, mismatch } from "./check-rules.ts";
import { type Checked, plain } from "./checked.ts";
import { printAst } from "./print.ts";
import { ExpressionFault, quote } from "./problem.ts";
import { arithmeticType, familyOf, isWhole, readType, typeName, typeOf, type ValueType, wholeMax } from "./types.ts";

type Binary = Ast & { readonly node: "binary" };

/** A comparison or an arithmetic operation; refuses operands that do not fit it. */
export function checkOperator(ast: Binary, left: Checked, right: Checked): Checked {
  guarded(ast, left);
  guarded(ast, right);
  const source = without(ast);
  if (["==", "!="].includes(ast.operator)) {
    const type = comparisonType(ast.operator, ast, left, right);
    const how = isMixedComparison(left.type, right.type) ? ({ how: "mixed" } as const) : {};
    return plain(type, { ...source, left: left.ast, right: right.ast, ...how });
  }
  if (["<", "<=", ">", ">="].includes(ast.operator)) {
    const type = comparisonType(ast.operator, ast, left, right);
    return plain(type, { ...source, left: asNumber(ast, left).ast, right: asNumber(ast, right).ast });
  }
  const operation = operationOf(ast.operator, left.type, right.type);
  if (operation !== undefined) {
    const [a, b] = [asNumber(ast, left), asNumber(ast, right)];
    const how = operation.how === undefined ? {} : { how: operation.how };
    return plain(operation.type, { ...source, left: a.ast, right: b.ast, ...how });
  }
  const names = `${typeName(left.type)} and ${typeName(right.type)}`;
  throw new ExpressionFault(
    ast.at,
    `${quote(ast.operator)} does not take ${names} in ${quote(printAst(ast))}`,
    arithmeticHint(ast.operator, left, right),
  );
}

/** The operation as written, without what an earlier check made of it. */
export function without({ how: _, ...ast }: Binary): Binary {
  return ast;
}

/** Whether a long, which may be a bigint, meets a double: the two are then equal when they are the same number. */
export function isMixedComparison(left: ValueType, right: ValueType): boolean {
  return (left.wide === true && isReal(right)) || (right.wide === true && isReal(left));
}

function isReal({ kind }: ValueType): boolean {
  return kind === "double" || kind === "float";
}

/** `x in list`, where the list is a value of the row. */
export function checkListMember(ast: Binary, left: Checked, list: Checked): Checked {
  const items = list.type.kind === "null" ? undefined : valuesIn({ ...list.type, kind: list.type.kind });
  if (items === undefined || list.type.kind !== "list") {
    const text = printAst(list.ast);
    const hint = list.type.kind === "map" ? `write ${text}[${printAst(left.ast)}] != null` : "write x in [a, b]";
    throw new ExpressionFault(
      list.ast.at,
      `${quote(text)} is ${typeName(list.type)}, and right of ${quote("in")} stands a list`,
      hint,
    );
  }
  guarded(ast, left);
  guarded(ast, list);
  const item = plain({ ...readType(items), nullable: false }, list.ast);
  comparisonType("in", ast, left, item);
  const how = isMixedComparison(left.type, item.type) ? ({ how: "mixed" } as const) : {};
  return plain(typeOf("boolean"), { ...without(ast), left: left.ast, right: list.ast, ...how });
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

const comparable: ReadonlySet<string> = new Set(["number", "text", "boolean", "timestamp"]);

/** Boolean, when the operands can be compared by `operator`: the same family, and an order for all but == and !=. */
export function comparisonType(operator: string, ast: Ast, left: Checked, right: Checked): ValueType {
  const family = familyOf(left.type);
  const names = `${typeName(left.type)} and ${typeName(right.type)}`;
  if (family !== familyOf(right.type)) {
    const at = operator === "in" ? right.ast.at : ast.at;
    throw new ExpressionFault(at, `${names} cannot be compared in ${quote(printAst(ast))}`, mismatch(left, right));
  }
  if (!comparable.has(family)) {
    throw new ExpressionFault(
      ast.at,
      `${quote(operator)} does not take ${names} in ${quote(printAst(ast))}`,
      family === "record"
        ? `compare its fields, such as ${printAst(left.ast)}.name`
        : "such a field can only be compared with null",
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

/** The sign `-`. */
export function checkSign(ast: Ast & { node: "unary" }, operand: Checked): Checked {
  guarded(ast, operand);
  if (familyOf(operand.type) !== "number") {
    throw new ExpressionFault(
      ast.at,
      `${quote("-")} does not take ${typeName(operand.type)} in ${quote(printAst(ast))}`,
    );
  }
  const { type, ast: inner } = asNumber(ast, operand);
  const { kind, nullable, avro, bound } = type;
  const limits = bound === undefined ? {} : { bound };
  const { how: _, ...source } = ast;
  const how = isWhole(type) ? ({ how: "whole" } as const) : {};
  return plain({ kind, nullable, avro, ...limits }, { ...source, operand: inner, ...how });
}

interface Operation {
  readonly type: ValueType;
  readonly how: How | undefined;
}

function operationOf(operator: string, left: ValueType, right: ValueType): Operation | undefined {
  const [a, b] = [familyOf(left), familyOf(right)];
  if (a === "number" && b === "number") return numberOperation(operator, left, right);
  if (operator === "+") {
    if (a === "text" && b === "text") return { type: typeOf("string"), how: "text" };
    if (a === "timestamp" && b === "number") return { type: typeOf("timestamp"), how: "time-first" };
    return a === "number" && b === "timestamp" ? { type: typeOf("timestamp"), how: "time-last" } : undefined;
  }
  if (operator !== "-" || a !== "timestamp") return undefined;
  if (b === "timestamp") return { type: typeOf("long"), how: "times" };
  return b === "number" ? { type: typeOf("timestamp"), how: "time-first" } : undefined;
}

/** Whole numbers stay whole, and are checked where the largest ones would pass 2^53. */
function numberOperation(operator: string, left: ValueType, right: ValueType): Operation {
  const type = operator === "/" ? typeOf("double") : arithmeticType(left, right);
  if (!isWhole(type)) return { type, how: undefined };
  const [a, b] = [left.bound ?? wholeMax, right.bound ?? wholeMax];
  const most = operator === "*" ? a * b : operator === "%" ? a : a + b;
  return most <= wholeMax ? { type: { ...type, bound: most }, how: "whole" } : { type, how: "checked" };
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
