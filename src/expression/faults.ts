import type { Ast } from "./ast.ts";
import { functionNamed } from "./functions.ts";
import type { Fate } from "./program.ts";

/** Why a division, a function or an assignment fails the record. */
export const nonFiniteMessage = "the result is not a finite number";

/** The fates of a program, each once; index 0 is `out`. */
export class FateTable {
  readonly all: Fate[] = [{ kind: "out" }];
  readonly #indexOf = new Map<string, number>();

  add(fate: Fate): number {
    const key = JSON.stringify(fate);
    const known = this.#indexOf.get(key);
    if (known !== undefined) return known;
    const index = this.all.push(fate) - 1;
    this.#indexOf.set(key, index);
    return index;
  }
}

/**
 * Whether computing this node itself can fail the record: conversions, functions outside their domain,
 * divisions and remainders. Sums and products that overflow fail when they are assigned.
 */
export function mayFault(ast: Ast): boolean {
  if (ast.node === "call") return functionNamed(ast.name)?.fails !== undefined;
  return ast.node === "binary" && (ast.operator === "/" || ast.operator === "%");
}

/** Computes calls of constants once, at compile time. What would fail is left to fail for each record that reaches it. */
export function foldConstants(ast: Ast): Ast {
  switch (ast.node) {
    case "unary":
      return { ...ast, operand: foldConstants(ast.operand) };
    case "binary":
      return { ...ast, left: foldConstants(ast.left), right: foldConstants(ast.right) };
    case "conditional":
      return {
        ...ast,
        test: foldConstants(ast.test),
        whenTrue: foldConstants(ast.whenTrue),
        whenFalse: foldConstants(ast.whenFalse),
      };
    case "list":
      return { ...ast, items: ast.items.map(foldConstants) };
    case "call":
      return foldCall({ ...ast, args: ast.args.map(foldConstants) });
    default:
      return ast;
  }
}

function foldCall(ast: Ast & { readonly node: "call" }): Ast {
  const definition = functionNamed(ast.name);
  const values = ast.args.flatMap((arg) => (arg.node === "literal" ? [arg.value] : []));
  const isFoldable = definition?.run !== undefined && definition.repeats === undefined && ast.overload === undefined;
  if (!isFoldable || values.length < ast.args.length) return ast;
  const run = definition.run as (...args: unknown[]) => unknown;
  const value = run(...values);
  if (typeof value === "number" && Number.isFinite(value)) {
    return { node: "literal", value, integer: Number.isSafeInteger(value), at: ast.at };
  }
  return typeof value === "string" || typeof value === "boolean"
    ? { node: "literal", value, integer: false, at: ast.at }
    : ast;
}
