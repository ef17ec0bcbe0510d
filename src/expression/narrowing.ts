import type { Ast } from "./ast.ts";
import { functionNamed } from "./functions.ts";
import { printAst } from "./print.ts";

/** Expressions that are known not to be null, by {@link keyOf}. */
export type Names = ReadonlySet<string>;

/** What is known where a part has a certain value; `never` when it never has that value. */
export type Facts = Names | "never";

export const nothing: Names = new Set();

/** What both know together. */
export function both(a: Facts, b: Facts): Facts {
  if (a === "never" || b === "never") return "never";
  if (a.size === 0) return b;
  return b.size === 0 ? a : new Set([...a, ...b]);
}

/** What is known when one of the two holds, and nobody knows which. */
export function either(a: Facts, b: Facts): Facts {
  if (a === "never") return b;
  if (b === "never") return a;
  return a.size === 0 || b.size === 0 ? nothing : new Set([...a].filter((name) => b.has(name)));
}

/** What is known at a place that is computed only where `facts` hold. */
export function knownWith(known: Names, facts: Facts): Names {
  const all = both(known, facts);
  return all === "never" ? known : all;
}

/** One text for the same value however it is written: `a?.b` and `a.b` are the same where neither is null. */
export function keyOf(ast: Ast): string {
  return printAst(withoutSafe(ast));
}

function withoutSafe(ast: Ast): Ast {
  return ast.node === "member" ? { ...ast, safe: false, of: withoutSafe(ast.of) } : ast;
}

/** All that is not null when `ast` is not. */
export function presentWith(ast: Ast): Names {
  const names = new Set<string>();
  let part: Ast | undefined = ast;
  while (part !== undefined) {
    names.add(keyOf(part));
    if (part.node === "member" || part.node === "index" || part.node === "number") part = part.of;
    else if (part.node === "call" && functionNamed(part.name)?.nullAsFirst === true) part = part.args[0];
    else part = undefined;
  }
  return names;
}
