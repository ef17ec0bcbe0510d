import type { Reads } from "../schema/index.ts";
import { type Ast, partsOf, pathOf } from "./ast.ts";

/** Only whether a value is there. */
const presence: Reads = new Map();

/** Tells every path that an expression reads, and how much of what is there: a test for null asks only whether it is. */
export function eachRead(ast: Ast, tell: (path: readonly string[], reads: Reads) => void): void {
  const tested = nullTested(ast);
  const path = pathOf(tested ?? ast);
  if (path !== undefined) tell(path, tested === undefined ? "whole" : presence);
  else for (const part of partsOf(tested ?? ast)) eachRead(part, tell);
}

/** What a path reads, from the row down. */
export function readsAlong([name = "", ...rest]: readonly string[], reads: Reads): ReadonlyMap<string, Reads> {
  return new Map([[name, rest.length === 0 ? reads : readsAlong(rest, reads)]]);
}

/** What a node compares with null, and does nothing else with. */
function nullTested(ast: Ast): Ast | undefined {
  if (ast.node === "call" && ast.name === "is_null") return ast.args[0];
  if (ast.node !== "binary" || (ast.operator !== "==" && ast.operator !== "!=")) return undefined;
  if (ast.right.node === "literal" && ast.right.value === null) return ast.left;
  return ast.left.node === "literal" && ast.left.value === null ? ast.right : undefined;
}
