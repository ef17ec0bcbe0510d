import { unreachable } from "../kernel/index.ts";

/** A parsed expression. Offsets are 0-based positions in the source text. */
export type Ast =
  | {
      readonly node: "literal";
      readonly value: null | boolean | number | string;
      /** Written without point and exponent: an int, or a long beyond 32 bits. False for all but numbers. */
      readonly integer: boolean;
      readonly at: number;
    }
  | { readonly node: "field"; readonly name: string; readonly at: number }
  | { readonly node: "unary"; readonly operator: "-" | "!"; readonly operand: Ast; readonly at: number }
  | {
      readonly node: "binary";
      readonly operator: BinaryOperator;
      readonly left: Ast;
      readonly right: Ast;
      /** Position of the operator. */
      readonly at: number;
    }
  | {
      readonly node: "conditional";
      readonly test: Ast;
      readonly whenTrue: Ast;
      readonly whenFalse: Ast;
      /** Position of the question mark. */
      readonly at: number;
    }
  | {
      readonly node: "call";
      readonly name: string;
      readonly args: readonly Ast[];
      readonly at: number;
      /** Set by the checker where the type of an argument, which the value alone does not show, decides the result. */
      readonly overload?: "timestamp";
    }
  | { readonly node: "list"; readonly items: readonly Ast[]; readonly at: number };

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||" | "in";

/** How tightly each binary operator binds; a larger number binds tighter. Parser and printer agree by this table. */
export const precedence: Readonly<Record<BinaryOperator, number>> = {
  "||": 2,
  "&&": 3,
  "==": 4,
  "!=": 4,
  "<": 4,
  "<=": 4,
  ">": 4,
  ">=": 4,
  in: 4,
  "+": 5,
  "-": 5,
  "*": 6,
  "/": 6,
  "%": 6,
};

/** Comparisons do not chain: `a < b < c` is refused by the parser. */
export const comparisonPrecedence = 4;

/** Words that are not field names unless they stand between backticks. */
export const reservedWords: ReadonlySet<string> = new Set(["true", "false", "null", "in"]);

/** What a field may be called in an expression: an Avro name. */
export const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The direct parts of an expression, in the order they are computed. */
export function partsOf(ast: Ast): readonly Ast[] {
  switch (ast.node) {
    case "literal":
    case "field":
      return [];
    case "unary":
      return [ast.operand];
    case "binary":
      return [ast.left, ast.right];
    case "conditional":
      return [ast.test, ast.whenTrue, ast.whenFalse];
    case "call":
      return ast.args;
    case "list":
      return ast.items;
    default:
      return unreachable(ast);
  }
}
