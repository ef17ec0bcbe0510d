import type { Ast } from "./ast.ts";
import type { Facts } from "./narrowing.ts";
import type { ValueType } from "./types.ts";

/** A part of an expression once checked. */
export interface Checked {
  readonly type: ValueType;
  /** The same tree, with everything resolved that depends on types. */
  readonly ast: Ast;
  /** What is not null when the part is true. */
  readonly ifTrue: Facts;
  /** What is not null when the part is false. */
  readonly ifFalse: Facts;
}

/** A part whose value tells nothing about nulls. */
export function plain(type: ValueType, ast: Ast): Checked {
  return { type, ast, ifTrue: nothing, ifFalse: nothing };
}

const nothing: Facts = new Set();
