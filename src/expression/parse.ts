import { type Ast, type BinaryOperator, comparisonPrecedence, pathOf, precedence, reservedWords } from "./ast.ts";
import { catching, ExpressionFault, type ExpressionProblem, quote } from "./problem.ts";
import { longEnd, type Token, tokenize } from "./tokens.ts";

/** Longest text read as an expression, in UTF-16 code units. */
export const expressionLengthMax = 4_096;
/** Deepest nesting of brackets, calls, signs and conditionals. */
export const expressionDepthMax = 64;
/** Most operators, calls, fields and constants in one expression. */
export const expressionNodesMax = 1_000;
/** Most names in one path: `a.b.c` has three. */
export const pathNamesMax = 8;

/**
 * Parses an expression; the first problem ends it.
 *
 * Linear in the length of the text, which is bounded like depth and size, so that no text stalls or overflows
 * the stack. Which names exist is the checker's matter: any `name(...)` is a call.
 */
export function parseExpression(text: string): { readonly ast: Ast } | { readonly problem: ExpressionProblem } {
  return catching(() => {
    if (text.length > expressionLengthMax) {
      throw new ExpressionFault(
        expressionLengthMax,
        `the expression has ${text.length} characters; at most ${expressionLengthMax} are read`,
        "derive parts of it as fields of their own",
      );
    }
    return { ast: new Parser(tokenize(text)).whole() };
  });
}

const wordOperators: Readonly<Record<string, string>> = {
  and: "write &&",
  or: "write ||",
  not: "write !(a in [...])",
  is: "compare with == null or != null",
  eq: "compare with ==",
  ne: "write !=",
  mod: "write %",
  like: "use starts_with, ends_with or contains",
  between: "write a >= low && a <= high",
  if: "write test ? a : b",
};

/** A Pratt parser: one loop climbs the binary operators by precedence, one function per other construct. */
class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #nodes = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Ast {
    if (this.#peek().kind === "end") throw new ExpressionFault(this.#peek().at, "the expression is empty");
    const ast = this.#expression();
    const left = this.#peek();
    if (left.kind !== "end") throw unexpectedAfterValue(left);
    return ast;
  }

  #expression(): Ast {
    const test = this.#binary(0);
    const mark = this.#peek();
    if (!this.#take("?")) return test;
    this.#enter(mark.at);
    const whenTrue = this.#expression();
    this.#expect(":", mark, "a conditional is test ? a : b");
    const whenFalse = this.#expression();
    this.#depth--;
    return this.#made({ node: "conditional", test, whenTrue, whenFalse, at: mark.at });
  }

  #binary(above: number): Ast {
    let left = this.#operand();
    while (true) {
      const token = this.#peek();
      const operator = binaryOperatorOf(token);
      if (operator === undefined || precedence[operator] <= above) return left;
      this.#next++;
      const right = operator === "in" ? this.#choices(token) : this.#binary(precedence[operator]);
      left = this.#made({ node: "binary", operator, left, right, at: token.at });
      if (precedence[operator] === comparisonPrecedence) this.#refuseChain();
    }
  }

  #refuseChain(): void {
    const token = this.#peek();
    const operator = binaryOperatorOf(token);
    if (operator === undefined || precedence[operator] !== comparisonPrecedence) return;
    throw new ExpressionFault(
      token.at,
      `${quote(token.text)} follows another comparison`,
      "join comparisons with &&, or put one in brackets",
    );
  }

  #operand(): Ast {
    let operand = this.#primary();
    while (true) {
      const token = this.#peek();
      if (token.kind !== "symbol") return operand;
      if (this.#take(".")) operand = this.#member(operand, token, false);
      else if (this.#take("?.")) operand = this.#member(operand, token, true);
      else if (this.#take("[")) operand = this.#index(operand, token);
      else return operand;
    }
  }

  #member(of: Ast, point: Token, safe: boolean): Ast {
    const token = this.#peek();
    this.#next++;
    if (token.kind !== "word") throw nameMissing(token, point);
    const name = token.quoted ? token.text.slice(1, -1) : token.text;
    if (this.#peek().text === "(") {
      throw new ExpressionFault(
        point.at,
        `${quote(token.text)} is called like a method`,
        `functions take their operand first: ${name}(x)`,
      );
    }
    const member: Ast = { node: "member", of, name, safe, at: point.at };
    if ((pathOf(member)?.length ?? 0) > pathNamesMax) {
      throw new ExpressionFault(
        point.at,
        `the path has more than ${pathNamesMax} names`,
        "take the value out by extract in the ingest stage",
      );
    }
    return this.#made(member);
  }

  #index(of: Ast, open: Token): Ast {
    this.#enter(open.at);
    const key = this.#expression();
    this.#expect("]", open, 'the key of a map stands in brackets: map["key"]');
    this.#depth--;
    return this.#made({ node: "index", of, key, at: open.at });
  }

  #primary(): Ast {
    const token = this.#peek();
    this.#next++;
    if (token.kind === "number") return this.#number(token, token.at, false);
    if (token.kind === "string")
      return this.#made({ node: "literal", value: token.value, integer: false, at: token.at });
    if (token.kind === "word") return this.#word(token);
    if (token.text === "-" || token.text === "!") return this.#unary(token.text, token.at);
    if (token.text === "(") {
      this.#enter(token.at);
      const inner = this.#expression();
      this.#expect(")", token, "close the bracket");
      this.#depth--;
      return inner;
    }
    throw unexpectedForValue(token, this.#tokens[this.#next - 2]);
  }

  #number(token: Token & { kind: "number" }, at: number, isNegative: boolean): Ast {
    const { value, integer, text } = token;
    if (value === longEnd && !isNegative) {
      throw new ExpressionFault(
        at,
        `${quote(text)} is beyond 2^63, which no long is`,
        `write ${quote(`${text}.0`)} for a double`,
      );
    }
    // A whole number has no negative zero.
    const signed = isNegative && !(integer && value === 0) ? -value : value;
    return this.#made({ node: "literal", value: signed, integer, at });
  }

  #unary(operator: "-" | "!", at: number): Ast {
    const number = this.#peek();
    // `-5` is a constant, so that lists and printed negative literals stay what they were.
    if (operator === "-" && number.kind === "number") {
      this.#next++;
      return this.#number(number, at, true);
    }
    this.#enter(at);
    const operand = this.#operand();
    this.#depth--;
    return this.#made({ node: "unary", operator, operand, at });
  }

  #word(token: Token & { kind: "word" }): Ast {
    const { at } = token;
    const name = token.quoted ? token.text.slice(1, -1) : token.text;
    if (token.quoted) return this.#made({ node: "field", name, at });
    if (name === "true" || name === "false") {
      return this.#made({ node: "literal", value: name === "true", integer: false, at });
    }
    if (name === "null") return this.#made({ node: "literal", value: null, integer: false, at });
    if (reservedWords.has(name)) throw unexpectedForValue(token, this.#tokens[this.#next - 2]);
    const following = this.#peek();
    if (following.text === "(" && following.kind === "symbol") return this.#call(name, at);
    if (name.toLowerCase() === "not" && following.kind !== "end" && following.kind !== "symbol") {
      throw new ExpressionFault(at, `${quote(name)} is not an operator`, "write !");
    }
    return this.#made({ node: "field", name, at });
  }

  #call(name: string, at: number): Ast {
    const open = this.#peek();
    this.#next++;
    const args = this.#items(open, ")", `close the bracket of ${name}(`);
    return this.#made({ node: "call", name, args, at });
  }

  /** What stands right of `in`: a list of constants or expressions, or a field that holds one. */
  #choices(operator: Token): Ast {
    const open = this.#peek();
    if (!this.#take("[")) return this.#binary(comparisonPrecedence);
    const items = this.#items(open, "]", "close the list");
    if (items.length === 0) throw new ExpressionFault(operator.at, "the list of `in` is empty", "write x in [a, b]");
    return this.#made({ node: "list", items, at: open.at });
  }

  #items(open: Token, close: ")" | "]", hint: string): readonly Ast[] {
    this.#enter(open.at);
    const items: Ast[] = [];
    if (!this.#take(close)) {
      do items.push(this.#expression());
      while (this.#take(","));
      this.#expect(close, open, hint);
    }
    this.#depth--;
    return items;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", at: 0, text: "" };
  }

  #take(symbol: string): boolean {
    const token = this.#peek();
    if (token.kind !== "symbol" || token.text !== symbol) return false;
    this.#next++;
    return true;
  }

  #expect(symbol: string, open: Token, hint: string): void {
    if (this.#take(symbol)) return;
    const token = this.#peek();
    if (token.kind !== "end") throw unexpectedAfterValue(token);
    throw new ExpressionFault(token.at, `${quote(symbol)} is missing for ${quote(open.text)} at ${open.at}`, hint);
  }

  #enter(at: number): void {
    this.#depth++;
    if (this.#depth <= expressionDepthMax) return;
    throw new ExpressionFault(
      at,
      `the expression nests deeper than ${expressionDepthMax} levels`,
      "derive parts of it as fields of their own",
    );
  }

  #made(ast: Ast): Ast {
    this.#nodes++;
    if (this.#nodes <= expressionNodesMax) return ast;
    throw new ExpressionFault(
      ast.at,
      `the expression has more than ${expressionNodesMax} parts`,
      "derive parts of it as fields of their own",
    );
  }
}

function binaryOperatorOf(token: Token): BinaryOperator | undefined {
  if (token.kind !== "symbol" && token.kind !== "word") return undefined;
  return Object.hasOwn(precedence, token.text) ? (token.text as BinaryOperator) : undefined;
}

function unexpectedAfterValue(token: Token): ExpressionFault {
  const { at, text, kind } = token;
  if (kind === "word") {
    const lower = text.toLowerCase();
    if (Object.hasOwn(wordOperators, lower)) {
      return new ExpressionFault(at, `${quote(text)} is not an operator`, wordOperators[lower]);
    }
  }
  if (kind !== "symbol") return new ExpressionFault(at, `an operator is missing before ${quote(text)}`);
  if (text === "(")
    return new ExpressionFault(
      at,
      "an operator is missing before `(`",
      "only a function name stands right before a bracket",
    );
  if (text === ")" || text === "]") return new ExpressionFault(at, `no bracket is open for ${quote(text)}`);
  if (text === ",") return new ExpressionFault(at, "`,` does not fit here", "a list stands in brackets: x in [a, b]");
  return new ExpressionFault(at, `${quote(text)} does not fit here`);
}

function nameMissing(token: Token, point: Token): ExpressionFault {
  const found = token.kind === "end" ? "" : `, before ${quote(token.text)}`;
  return new ExpressionFault(
    token.at,
    `the name of a field is missing after ${quote(point.text)}${found}`,
    token.kind === "number" ? "a list has no index here; take an item out by extract in the ingest stage" : undefined,
  );
}

function unexpectedForValue(token: Token, before: Token | undefined): ExpressionFault {
  if (token.text === "[") return new ExpressionFault(token.at, "a list stands only right of `in`", "write x in [a, b]");
  const after = before === undefined || before.kind === "end" ? "" : ` after ${quote(before.text)}`;
  if (token.kind === "end") return new ExpressionFault(token.at, `a value is missing${after}`);
  return new ExpressionFault(token.at, `a value is missing${after}, before ${quote(token.text)}`);
}
