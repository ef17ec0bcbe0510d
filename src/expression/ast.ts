import { unreachable } from "../kernel/index.ts";

/** A parsed expression. Offsets are 0-based positions in the source text. */
export type Ast =
  | {
      readonly node: "literal";
      /** A bigint is a whole number beyond 2^53 - 1, and nothing else is one. */
      readonly value: null | boolean | number | bigint | string;
      /** Written without point and exponent: an int, or a long beyond 32 bits. False for all but numbers. */
      readonly integer: boolean;
      readonly at: number;
    }
  | { readonly node: "field"; readonly name: string; readonly at: number }
  /** `of.name`, or `of?.name`, which is null when `of` is. */
  | {
      readonly node: "member";
      readonly of: Ast;
      readonly name: string;
      readonly safe: boolean;
      /** Position of the point. */
      readonly at: number;
    }
  /** `of["key"]`: the entry of a map. */
  | { readonly node: "index"; readonly of: Ast; readonly key: Ast; readonly at: number }
  /** Set by the checker where a value that may be a bigint is taken as a number. Nobody writes it. */
  | { readonly node: "number"; readonly of: Ast; readonly at: number }
  | {
      readonly node: "unary";
      readonly operator: "-" | "!";
      readonly operand: Ast;
      readonly at: number;
      /** Set by the checker: the sign of a whole number, of which zero has none. */
      readonly how?: "whole";
    }
  | {
      readonly node: "binary";
      readonly operator: BinaryOperator;
      readonly left: Ast;
      readonly right: Ast;
      /** Position of the operator. */
      readonly at: number;
      /** Set by the checker, which knows the operands' types; a plain IEEE 754 operation or comparison without it. */
      readonly how?: How;
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

/**
 * How an operation is computed where that depends on types: `whole` numbers exactly, `checked` when the exact result
 * could pass 2^53; times with numbers (`time-first`, `time-last`) and with `times`; `text` end to end; `mixed` is a
 * comparison of a long, which may be a bigint, with a double.
 */
export type How = "whole" | "checked" | "time-first" | "time-last" | "times" | "text" | "mixed";

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

/** The names of a path from a field of the row, such as `after.amount`; undefined for anything else. */
export function pathOf(ast: Ast): readonly string[] | undefined {
  if (ast.node === "field") return [ast.name];
  if (ast.node !== "member") return undefined;
  const before = pathOf(ast.of);
  return before && [...before, ast.name];
}

/** The same expression with each direct part replaced. */
export function withParts(ast: Ast, of: (part: Ast) => Ast): Ast {
  switch (ast.node) {
    case "literal":
    case "field":
      return ast;
    case "member":
    case "number":
      return { ...ast, of: of(ast.of) };
    case "index":
      return { ...ast, of: of(ast.of), key: of(ast.key) };
    case "unary":
      return { ...ast, operand: of(ast.operand) };
    case "binary":
      return { ...ast, left: of(ast.left), right: of(ast.right) };
    case "conditional":
      return { ...ast, test: of(ast.test), whenTrue: of(ast.whenTrue), whenFalse: of(ast.whenFalse) };
    case "call":
      return { ...ast, args: ast.args.map(of) };
    case "list":
      return { ...ast, items: ast.items.map(of) };
    default:
      return unreachable(ast);
  }
}

/** The direct parts of an expression, in the order they are computed. */
export function partsOf(ast: Ast): readonly Ast[] {
  switch (ast.node) {
    case "literal":
    case "field":
      return [];
    case "member":
    case "number":
      return [ast.of];
    case "index":
      return [ast.of, ast.key];
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
