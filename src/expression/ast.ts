/** A parsed expression. Offsets are 0-based positions in the source text. */
export type Ast =
  | {
      readonly node: "literal";
      readonly value: null | boolean | number | string;
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
      readonly at: number;
    }
  | {
      readonly node: "conditional";
      readonly test: Ast;
      readonly then: Ast;
      readonly otherwise: Ast;
      readonly at: number;
    }
  | { readonly node: "call"; readonly name: string; readonly args: readonly Ast[]; readonly at: number }
  | { readonly node: "list"; readonly items: readonly Ast[]; readonly at: number };

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||" | "in";
