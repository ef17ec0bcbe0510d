import type { Ast } from "./ast.ts";
import type { ValueType } from "./types.ts";

/** Names of fields that are known not to be null. */
export type Names = ReadonlySet<string>;

/** A part of an expression once checked. */
export interface Checked {
  readonly type: ValueType;
  /** The same tree, with overloads resolved. */
  readonly ast: Ast;
  /** Fields that are not null when the part is true. */
  readonly ifTrue: Names;
  /** Fields that are not null when the part is false. */
  readonly ifFalse: Names;
}
