import { assert } from "../kernel/index.ts";
import type { Ast, BinaryOperator } from "./ast.ts";

/** A field of the row. */
export function ref(name: string): Ast {
  return { node: "field", name, at: 0 };
}

/** A constant. Whole numbers, bigints beyond 2^53 among them, are integers, as if written without a point; others are doubles. Finite only. */
export function literal(value: null | boolean | number | bigint | string): Ast {
  assert(typeof value !== "number" || Number.isFinite(value), `a literal must be finite, not ${String(value)}`);
  // Whole numbers have no negative zero: it is a double's.
  const integer = typeof value === "bigint" || (Number.isSafeInteger(value) && !Object.is(value, -0));
  return { node: "literal", value, integer, at: 0 };
}

/** A call of a function of the table; name and arguments are checked by `checkExpression`. */
export function call(name: string, ...args: readonly Ast[]): Ast {
  return { node: "call", name, args, at: 0 };
}

export function binary(operator: BinaryOperator, left: Ast, right: Ast): Ast {
  return { node: "binary", operator, left, right, at: 0 };
}

export function not(operand: Ast): Ast {
  return { node: "unary", operator: "!", operand, at: 0 };
}

/** True when `operand` is null; narrows a field like `field == null`. */
export function isNull(operand: Ast): Ast {
  return call("is_null", operand);
}

/** `test ? whenTrue : whenFalse`. */
export function conditional(test: Ast, whenTrue: Ast, whenFalse: Ast): Ast {
  return { node: "conditional", test, whenTrue, whenFalse, at: 0 };
}

/** `operand in [items]`. */
export function oneOf(operand: Ast, items: readonly Ast[]): Ast {
  return binary("in", operand, { node: "list", items, at: 0 });
}
