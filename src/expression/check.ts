import { closest, unreachable } from "../kernel/index.ts";
import type { Field, RowShape } from "../schema/index.ts";
import type { Ast } from "./ast.ts";
import { checkCall } from "./check-call.ts";
import { comparisonType, logicalOperand, operatorType } from "./check-operator.ts";
import { checkSymbol, guarded, mismatch } from "./check-rules.ts";
import type { Checked, Names } from "./checked.ts";
import { printAst } from "./print.ts";
import { catching, ExpressionFault, type ExpressionProblem, quote } from "./problem.ts";
import type { TypedExpression } from "./program.ts";
import { commonType, typeName, typeOf, type ValueType } from "./types.ts";

/**
 * Checks an expression against the fields in scope and gives it its type; the first problem ends it.
 *
 * Every operand that may be null must be guarded: by `x != null && ...`, `x == null || ...`, a conditional,
 * `coalesce` or `is_null`. Linear in the size of the tree.
 *
 * @param text as the user wrote it; the canonical print when left out
 */
export function checkExpression(
  ast: Ast,
  shape: RowShape,
  text?: string,
): { readonly expr: TypedExpression } | { readonly problem: ExpressionProblem } {
  return catching(() => {
    const checker = new Checker(shape);
    const { type, ast: resolved } = checker.check(ast, nothing);
    if (type.kind === "null") {
      throw new ExpressionFault(
        ast.at,
        "the expression is always null and has no type",
        "give it a value for some records",
      );
    }
    return {
      expr: {
        ast: resolved,
        type: { kind: type.kind, nullable: type.nullable, avro: type.avro },
        text: text ?? printAst(ast),
        fields: [...checker.read],
      },
    };
  });
}

const nothing: Names = new Set();

class Checker {
  readonly read = new Set<string>();
  readonly #fields: ReadonlyMap<string, Field>;

  constructor(shape: RowShape) {
    this.#fields = new Map(shape.map((field) => [field.name, field]));
  }

  /** @param known fields that are not null where this part is computed */
  check(ast: Ast, known: Names): Checked {
    switch (ast.node) {
      case "literal":
        return plain(literalType(ast), ast);
      case "field":
        return plain(this.#field(ast, known), ast);
      case "unary":
        return this.#unary(ast, known);
      case "binary":
        return this.#binary(ast, known);
      case "conditional":
        return this.#conditional(ast, known);
      case "call":
        return this.#call(ast, known);
      case "list":
        throw new ExpressionFault(ast.at, "a list stands only right of `in`", "write x in [a, b]");
      default:
        return unreachable(ast);
    }
  }

  #field(ast: Ast & { node: "field" }, known: Names): ValueType {
    const field = this.#fields.get(ast.name);
    if (field === undefined) throw this.#unknownField(ast.name, ast.at);
    this.read.add(ast.name);
    const { kind, nullable, avro } = field.type;
    return { kind, avro, nullable: nullable && !known.has(ast.name) };
  }

  #unknownField(name: string, at: number): ExpressionFault {
    const lower = name.toLowerCase();
    const message = `there is no field ${quote(name)} here`;
    if (["null", "nil", "none", "undefined"].includes(lower))
      return new ExpressionFault(at, message, "did you mean null?");
    if (lower === "true" || lower === "false") return new ExpressionFault(at, message, `did you mean ${lower}?`);
    const near = closest(name, this.#fields.keys());
    if (near !== undefined) return new ExpressionFault(at, message, `did you mean ${near}?`);
    const names = [...this.#fields.keys()];
    const listed = names.length > 8 ? `${names.slice(0, 8).join(", ")}, ...` : names.join(", ");
    return new ExpressionFault(at, message, names.length === 0 ? undefined : `fields are ${listed}`);
  }

  #unary(ast: Ast & { node: "unary" }, known: Names): Checked {
    const operand = this.check(ast.operand, known);
    const resolved: Ast = { ...ast, operand: operand.ast };
    if (ast.operator === "!") {
      logicalOperand(ast, operand);
      return { type: typeOf("boolean"), ast: resolved, ifTrue: operand.ifFalse, ifFalse: operand.ifTrue };
    }
    return plain(operatorType(ast, [operand]), resolved);
  }

  #binary(ast: Ast & { node: "binary" }, known: Names): Checked {
    const left = this.check(ast.left, known);
    if (ast.operator === "in") return this.#membership(ast, left, known);
    if (ast.operator === "&&" || ast.operator === "||") return this.#logical(ast, left, known);
    const right = this.check(ast.right, known);
    const resolved: Ast = { ...ast, left: left.ast, right: right.ast };
    if (ast.operator === "==" || ast.operator === "!=") {
      const tested = nullTested(ast);
      if (tested !== undefined) {
        const names = tested.node === "field" ? new Set([tested.name]) : nothing;
        const [ifTrue, ifFalse] = ast.operator === "==" ? [nothing, names] : [names, nothing];
        return { type: typeOf("boolean"), ast: resolved, ifTrue, ifFalse };
      }
    }
    return plain(operatorType(ast, [left, right]), resolved);
  }

  #logical(ast: Ast & { node: "binary" }, left: Checked, known: Names): Checked {
    logicalOperand(ast, left);
    const isAnd = ast.operator === "&&";
    const right = this.check(ast.right, union(known, isAnd ? left.ifTrue : left.ifFalse));
    logicalOperand(ast, right);
    const resolved: Ast = { ...ast, left: left.ast, right: right.ast };
    // A true `a && b` means both were true; a false one only that one of them was false.
    return {
      type: typeOf("boolean"),
      ast: resolved,
      ifTrue: isAnd ? union(left.ifTrue, right.ifTrue) : intersection(left.ifTrue, right.ifTrue),
      ifFalse: isAnd ? intersection(left.ifFalse, right.ifFalse) : union(left.ifFalse, right.ifFalse),
    };
  }

  #membership(ast: Ast & { node: "binary" }, left: Checked, known: Names): Checked {
    guarded(ast, left);
    if (ast.right.node !== "list")
      throw new ExpressionFault(ast.at, "`in` is not followed by a list", "write x in [a, b]");
    const items = ast.right.items.map((item) => {
      const checked = this.check(item, known);
      guarded(ast, checked);
      comparisonType("in", ast, left, checked);
      return checked.ast;
    });
    return plain(typeOf("boolean"), { ...ast, left: left.ast, right: { ...ast.right, items } });
  }

  #conditional(ast: Ast & { node: "conditional" }, known: Names): Checked {
    const test = this.check(ast.test, known);
    logicalOperand(ast, test);
    const whenTrue = this.check(ast.whenTrue, union(known, test.ifTrue));
    const whenFalse = this.check(ast.whenFalse, union(known, test.ifFalse));
    checkSymbol(whenTrue, whenFalse);
    const type = commonType(whenTrue.type, whenFalse.type);
    if (type === undefined) {
      const names = `${typeName(whenTrue.type)} and ${typeName(whenFalse.type)}`;
      throw new ExpressionFault(
        ast.at,
        `the two values of ${quote(printAst(ast))} are ${names}`,
        mismatch(whenTrue, whenFalse),
      );
    }
    return plain(type, { ...ast, test: test.ast, whenTrue: whenTrue.ast, whenFalse: whenFalse.ast });
  }

  #call(ast: Ast & { node: "call" }, known: Names): Checked {
    const args = ast.args.map((arg) => this.check(arg, known));
    const [first] = ast.args;
    const { type, overload } = checkCall(ast, args);
    const resolved: Ast = { node: "call", name: ast.name, args: args.map((arg) => arg.ast), at: ast.at, ...overload };
    const ifFalse = ast.name === "is_null" && first?.node === "field" ? new Set([first.name]) : nothing;
    return { type, ast: resolved, ifTrue: nothing, ifFalse };
  }
}

function plain(type: ValueType, ast: Ast): Checked {
  return { type, ast, ifTrue: nothing, ifFalse: nothing };
}

function literalType({ value, integer }: Ast & { node: "literal" }): ValueType {
  if (value === null) return { kind: "null", nullable: true, avro: "null" };
  if (typeof value === "string") return { ...typeOf("string"), constant: value };
  if (typeof value === "boolean") return { ...typeOf("boolean"), constant: value };
  if (!integer) return { ...typeOf("double"), constant: value };
  return { ...typeOf((value | 0) === value ? "int" : "long"), constant: value };
}

/** The side of `x == null` that is not the constant; undefined when no side is. */
function nullTested({ left, right }: Ast & { node: "binary" }): Ast | undefined {
  if (right.node === "literal" && right.value === null) return left;
  return left.node === "literal" && left.value === null ? right : undefined;
}

function union(a: Names, b: Names): Names {
  if (a.size === 0) return b;
  return b.size === 0 ? a : new Set([...a, ...b]);
}

function intersection(a: Names, b: Names): Names {
  return a.size === 0 || b.size === 0 ? nothing : new Set([...a].filter((name) => b.has(name)));
}
