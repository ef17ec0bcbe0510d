import { unreachable } from "../kernel/index.ts";
import type { Field, RowShape } from "../schema/index.ts";
import type { Ast } from "./ast.ts";
import { checkCall } from "./check-call.ts";
import {
  checkListMember,
  checkOperator,
  checkSign,
  comparisonType,
  isMixedComparison,
  logicalOperand,
  without,
} from "./check-operator.ts";
import { checkIndex, checkMember } from "./check-path.ts";
import { checkSymbol, guarded, held, mismatch, nameHint } from "./check-rules.ts";
import { type Checked, plain } from "./checked.ts";
import { cureOf } from "./cure.ts";
import { both, either, keyOf, knownWith, type Names, nothing, presentWith } from "./narrowing.ts";
import { printAst } from "./print.ts";
import { catching, ExpressionFault, type ExpressionProblem, quote, type Unguarded } from "./problem.ts";
import type { TypedExpression } from "./program.ts";
import { isIllFormed, loneSurrogate } from "./tokens.ts";
import { commonType, literalType, readType, typeName, typeOf, type ValueType } from "./types.ts";

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
  const checked = typed(ast, shape, text);
  if ("expr" in checked || checked.problem.unguarded === undefined) return checked;
  const { message, at, unguarded } = checked.problem;
  const hint = cureOf(ast, unguarded, (cured) => typed(cured, shape));
  return { problem: { message, at, ...(hint === undefined ? {} : { hint }) } };
}

function typed(
  ast: Ast,
  shape: RowShape,
  text?: string,
): { readonly expr: TypedExpression } | { readonly problem: ExpressionProblem & { readonly unguarded?: Unguarded } } {
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
        ...(type.wide === true ? { wide: true } : {}),
      },
    };
  });
}

class Checker {
  readonly read = new Set<string>();
  readonly #fields: ReadonlyMap<string, Field>;

  constructor(shape: RowShape) {
    this.#fields = new Map(shape.map((field) => [field.name, field]));
  }

  /** @param known what is not null where this part is computed */
  check(ast: Ast, known: Names): Checked {
    const checked = this.#check(ast, known);
    const { type } = checked;
    if (!type.nullable || type.kind === "null" || known.size === 0 || !known.has(keyOf(ast))) return checked;
    return { ...checked, type: { ...type, nullable: false } };
  }

  #check(ast: Ast, known: Names): Checked {
    switch (ast.node) {
      case "literal":
        return checkLiteral(ast);
      case "field":
        return plain(this.#field(ast), ast);
      case "member":
        return checkMember(ast, this.check(ast.of, known));
      case "index":
        return checkIndex(ast, this.check(ast.of, known), this.check(ast.key, known));
      case "number":
        // A tree that was checked before: whoever takes this part as a number says so again.
        return this.check(ast.of, known);
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

  #field(ast: Ast & { node: "field" }): ValueType {
    const field = this.#fields.get(ast.name);
    if (field === undefined) throw this.#unknownField(ast.name, ast.at);
    this.read.add(ast.name);
    return readType(field.type);
  }

  #unknownField(name: string, at: number): ExpressionFault {
    const lower = name.toLowerCase();
    const message = `there is no field ${quote(name)} here`;
    if (["null", "nil", "none", "undefined"].includes(lower))
      return new ExpressionFault(at, message, "did you mean null?");
    if (lower === "true" || lower === "false") return new ExpressionFault(at, message, `did you mean ${lower}?`);
    return new ExpressionFault(at, message, nameHint(name, [...this.#fields.keys()]));
  }

  #unary(ast: Ast & { node: "unary" }, known: Names): Checked {
    const operand = this.check(ast.operand, known);
    if (ast.operator === "!") {
      logicalOperand(ast, operand);
      const resolved: Ast = { ...ast, operand: operand.ast };
      return { type: typeOf("boolean"), ast: resolved, ifTrue: operand.ifFalse, ifFalse: operand.ifTrue };
    }
    return checkSign(ast, operand);
  }

  #binary(ast: Ast & { node: "binary" }, known: Names): Checked {
    const left = this.check(ast.left, known);
    if (ast.operator === "in") return this.#membership(ast, left, known);
    if (ast.operator === "&&" || ast.operator === "||") return this.#logical(ast, left, known);
    const right = this.check(ast.right, known);
    if (ast.operator !== "==" && ast.operator !== "!=") return checkOperator(ast, left, right);
    const tested = nullTested(ast);
    if (tested === undefined) return withTruth(ast.operator, left, right, checkOperator(ast, left, right));
    const resolved: Ast = { ...ast, left: left.ast, right: right.ast };
    const names = presentWith(tested);
    const [ifTrue, ifFalse] = ast.operator === "==" ? [nothing, names] : [names, nothing];
    return { type: typeOf("boolean"), ast: resolved, ifTrue, ifFalse };
  }

  #logical(ast: Ast & { node: "binary" }, left: Checked, known: Names): Checked {
    logicalOperand(ast, left);
    const isAnd = ast.operator === "&&";
    const right = this.check(ast.right, knownWith(known, isAnd ? left.ifTrue : left.ifFalse));
    logicalOperand(ast, right);
    const resolved: Ast = { ...ast, left: left.ast, right: right.ast };
    // A true `a && b` means both were true; a false one only that one of them was false.
    return {
      type: typeOf("boolean"),
      ast: resolved,
      ifTrue: isAnd ? both(left.ifTrue, right.ifTrue) : either(left.ifTrue, both(left.ifFalse, right.ifTrue)),
      ifFalse: isAnd ? either(left.ifFalse, both(left.ifTrue, right.ifFalse)) : both(left.ifFalse, right.ifFalse),
    };
  }

  #membership(ast: Ast & { node: "binary" }, left: Checked, known: Names): Checked {
    if (ast.right.node !== "list") return checkListMember(ast, left, this.check(ast.right, known));
    guarded(ast, left);
    const items = ast.right.items.map((item) => {
      const checked = this.check(item, known);
      guarded(ast, checked);
      comparisonType("in", ast, left, checked);
      return checked;
    });
    const isMixed = items.some((item) => isMixedComparison(left.type, item.type));
    const right: Ast = { ...ast.right, items: items.map((item) => item.ast) };
    return plain(typeOf("boolean"), { ...without(ast), left: left.ast, right, ...(isMixed ? { how: "mixed" } : {}) });
  }

  #conditional(ast: Ast & { node: "conditional" }, known: Names): Checked {
    const test = this.check(ast.test, known);
    logicalOperand(ast, test);
    const whenTrue = this.check(ast.whenTrue, knownWith(known, test.ifTrue));
    const whenFalse = this.check(ast.whenFalse, knownWith(known, test.ifFalse));
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
    const [a, b] = [held(whenTrue, type), held(whenFalse, type)];
    return {
      type,
      ast: { ...ast, test: test.ast, whenTrue: a.ast, whenFalse: b.ast },
      ifTrue: either(both(test.ifTrue, whenTrue.ifTrue), both(test.ifFalse, whenFalse.ifTrue)),
      ifFalse: either(both(test.ifTrue, whenTrue.ifFalse), both(test.ifFalse, whenFalse.ifFalse)),
    };
  }

  #call(ast: Ast & { node: "call" }, known: Names): Checked {
    const args = ast.args.map((arg) => this.check(arg, known));
    return checkCall(ast, args);
  }
}

/** A constant boolean is never the other one. */
function checkLiteral(ast: Ast & { node: "literal" }): Checked {
  const { value, integer, at } = ast;
  if (typeof value === "string" && isIllFormed(value)) throw loneSurrogate(at);
  const checked = plain(literalType(value, integer), ast);
  if (typeof value !== "boolean") return checked;
  return value ? { ...checked, ifFalse: "never" } : { ...checked, ifTrue: "never" };
}

/** `test == true` and the like tell what the test tells. */
function withTruth(operator: "==" | "!=", left: Checked, right: Checked, compared: Checked): Checked {
  const [test, constant] =
    typeof right.type.constant === "boolean" ? [left, right.type.constant] : [right, left.type.constant];
  if (typeof constant !== "boolean" || typeof test.type.constant === "boolean") return compared;
  const isSame = constant === (operator === "==");
  return {
    ...compared,
    ifTrue: isSame ? test.ifTrue : test.ifFalse,
    ifFalse: isSame ? test.ifFalse : test.ifTrue,
  };
}

/** The side of `x == null` that is not the constant; undefined when no side is. */
function nullTested({ left, right }: Ast & { node: "binary" }): Ast | undefined {
  if (right.node === "literal" && right.value === null) return left;
  return left.node === "literal" && left.value === null ? right : undefined;
}
