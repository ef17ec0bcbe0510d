import { type Ast, comparisonPrecedence, precedence, reservedWords } from "./ast.ts";

const conditionalPrecedence = 1;
const unaryPrecedence = 7;
const postfixPrecedence = 8;
const atomPrecedence = 9;

/**
 * The canonical text of an expression: one space around binary operators, only the brackets that are needed,
 * double quotes. Parsing it gives the same tree again, positions aside.
 */
export function printAst(ast: Ast): string {
  switch (ast.node) {
    case "literal":
      return printLiteral(ast);
    case "field":
      return reservedWords.has(ast.name) ? `\`${ast.name}\`` : ast.name;
    case "member": {
      const name = reservedWords.has(ast.name) ? `\`${ast.name}\`` : ast.name;
      return `${printAbove(ast.of, postfixPrecedence - 1)}${ast.safe ? "?." : "."}${name}`;
    }
    case "index":
      return `${printAbove(ast.of, postfixPrecedence - 1)}[${printAst(ast.key)}]`;
    case "number":
      return printAst(ast.of);
    case "unary":
      return ast.operator + printUnaryOperand(ast.operator, ast.operand);
    case "binary": {
      const own = precedence[ast.operator];
      // Comparisons do not chain, so equal strength needs brackets on both sides.
      const left = printAbove(ast.left, own === comparisonPrecedence ? own : own - 1);
      return `${left} ${ast.operator} ${printAbove(ast.right, own)}`;
    }
    case "conditional":
      return `${printAbove(ast.test, conditionalPrecedence)} ? ${printAst(ast.whenTrue)} : ${printAst(ast.whenFalse)}`;
    case "call":
      return `${ast.name}(${ast.args.map(printAst).join(", ")})`;
    case "list":
      return `[${ast.items.map(printAst).join(", ")}]`;
  }
}

function printLiteral(ast: Ast & { readonly node: "literal" }): string {
  const { value } = ast;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "number") return String(value);
  const digits = Object.is(value, -0) ? "-0" : String(value);
  return ast.integer || /[.e]/.test(digits) ? digits : `${digits}.0`;
}

function printUnaryOperand(operator: "-" | "!", operand: Ast): string {
  // `-5` would be read as one constant where the tree has a sign before the constant 5.
  const isNumber =
    operand.node === "literal" && (typeof operand.value === "number" || typeof operand.value === "bigint");
  const positive = isNumber && !printLiteral(operand).startsWith("-");
  return operator === "-" && positive ? `(${printAst(operand)})` : printAbove(operand, unaryPrecedence - 1);
}

function printAbove(ast: Ast, strength: number): string {
  return strengthOf(ast) > strength ? printAst(ast) : `(${printAst(ast)})`;
}

function strengthOf(ast: Ast): number {
  if (ast.node === "number") return strengthOf(ast.of);
  if (ast.node === "member" || ast.node === "index") return postfixPrecedence;
  // A sign or a digit right before a point would be read as part of what follows.
  if (ast.node === "literal" && typeof ast.value !== "string" && typeof ast.value !== "boolean") return unaryPrecedence;
  if (ast.node === "binary") return precedence[ast.operator];
  if (ast.node === "conditional") return conditionalPrecedence;
  return ast.node === "unary" ? unaryPrecedence : atomPrecedence;
}
