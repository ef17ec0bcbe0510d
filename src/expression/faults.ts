import type { RecordErrorCode } from "../kernel/index.ts";
import { type Ast, withParts } from "./ast.ts";
import { functionNamed } from "./functions.ts";
import type { Fate } from "./program.ts";
import { tooLongMessage } from "./text-operations.ts";

/** Why a division, a function or an assignment fails the record. */
export const nonFiniteMessage = "the result is not a finite number";
/** Why whole-number arithmetic does. */
export const wholeMessage = "the result is not a whole number within 2^53";
export const timeMessage = "the result is not a time";

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

/** A way in which computing one node itself fails the record. */
export interface Failure {
  /** `wide`: a long beyond 2^53 is taken as a number, which is the fault of the input. */
  readonly code: RecordErrorCode | "wide";
  readonly why: string;
}

/**
 * How computing this node itself can fail the record; undefined when it cannot. Sums and products of doubles that
 * overflow fail when they are assigned.
 */
export function failureOf(ast: Ast): Failure | undefined {
  if (ast.node === "number") {
    return {
      code: "wide",
      why: "a whole number beyond 2^53 cannot be taken as a number; ==, in and to_string are exact",
    };
  }
  if (ast.node === "call") {
    const fails = functionNamed(ast.name)?.fails;
    if (fails === undefined) return undefined;
    if (fails.how === "cast") return { code: "MR_CAST", why: "the value does not convert" };
    return { code: "MR_EXPRESSION", why: fails.how === "domain" ? fails.why : nonFiniteMessage };
  }
  if (ast.node !== "binary") return undefined;
  if (ast.operator === "/" || ast.operator === "%") return { code: "MR_EXPRESSION", why: nonFiniteMessage };
  if (ast.how === "checked" || ast.how === "times") return { code: "MR_EXPRESSION", why: wholeMessage };
  if (ast.how === "time-first" || ast.how === "time-last") return { code: "MR_EXPRESSION", why: timeMessage };
  return ast.how === "text" ? { code: "MR_EXPRESSION", why: tooLongMessage } : undefined;
}

/** Computes calls of constants once, at compile time. What would fail is left to fail for each record that reaches it. */
export function foldConstants(ast: Ast): Ast {
  const folded = withParts(ast, foldConstants);
  if (folded.node === "call") return foldCall(folded);
  const isNumber = folded.node === "number" && folded.of.node === "literal" && typeof folded.of.value === "number";
  return isNumber ? folded.of : folded;
}

function foldCall(ast: Ast & { node: "call" }): Ast {
  const definition = functionNamed(ast.name);
  const values = ast.args.flatMap((arg) => (arg.node === "literal" ? [arg.value] : []));
  const isFoldable = definition?.run !== undefined && definition.repeats === undefined && ast.overload === undefined;
  if (!isFoldable || values.length < ast.args.length) return ast;
  const run = definition.run as (...args: unknown[]) => unknown;
  const value = run(...values);
  if (typeof value === "bigint") return { node: "literal", value, integer: true, at: ast.at };
  if (typeof value === "number" && Number.isFinite(value)) {
    const integer = Number.isSafeInteger(value) && !Object.is(value, -0);
    return { node: "literal", value, integer, at: ast.at };
  }
  return typeof value === "string" || typeof value === "boolean"
    ? { node: "literal", value, integer: false, at: ast.at }
    : ast;
}
