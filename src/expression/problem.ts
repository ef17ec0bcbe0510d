import type { Ast } from "./ast.ts";
import type { ValueType } from "./types.ts";

/** What is wrong with an expression: what, where and why, and how to mend it. */
export interface ExpressionProblem {
  readonly message: string;
  /** 0-based position in the text, in UTF-16 code units. */
  readonly at: number;
  readonly hint?: string;
}

/** An operand that may be null where that does not do. */
export interface Unguarded {
  readonly operand: Ast;
  readonly type: ValueType;
  /** The path that goes on from it, as `after.amount` from `after`. */
  readonly member?: Ast;
}

/** Leaves the parser or the checker at the first problem; caught at their only entries. */
export class ExpressionFault extends Error {
  override readonly name = "ExpressionFault";
  readonly problem: ExpressionProblem & { readonly unguarded?: Unguarded };

  constructor(at: number, message: string, hint?: string | Unguarded) {
    super(message);
    if (typeof hint === "object") this.problem = { message, at, unguarded: hint };
    else this.problem = hint === undefined ? { message, at } : { message, at, hint };
  }
}

/** Runs `work`, turning an `ExpressionFault` into its problem. */
export function catching<T extends object>(work: () => T): T | { readonly problem: ExpressionFault["problem"] } {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof ExpressionFault) return { problem: thrown.problem };
    throw thrown;
  }
}

/** Longest piece of an expression that a message repeats. */
const excerptLengthMax = 60;

/** A piece of an expression between backticks, cut when long. */
export function quote(text: string): string {
  return `\`${text.length > excerptLengthMax ? `${text.slice(0, excerptLengthMax - 3)}...` : text}\``;
}
