/** What is wrong with an expression: what, where and why, and how to mend it. */
export interface ExpressionProblem {
  readonly message: string;
  /** 0-based position in the text, in UTF-16 code units. */
  readonly at: number;
  readonly hint?: string;
}

/** Leaves the parser or the checker at the first problem; caught at their only entries. */
export class ExpressionFault extends Error {
  override readonly name = "ExpressionFault";
  readonly problem: ExpressionProblem;

  constructor(at: number, message: string, hint?: string) {
    super(message);
    this.problem = hint === undefined ? { message, at } : { message, at, hint };
  }
}

/** Runs `work`, turning an `ExpressionFault` into its problem. */
export function catching<T extends object>(work: () => T): T | { readonly problem: ExpressionProblem } {
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
