import {
  type Ast,
  aggregateNames,
  conditional,
  isNull,
  literal,
  parseExpression,
  printAst,
} from "../expression/index.ts";
import { closest } from "../kernel/index.ts";
import { kindText } from "../schema/index.ts";
import type { RollingStore } from "../state/index.ts";
import {
  meanOf,
  momentsCount,
  momentsMax,
  momentsMin,
  needExtremes,
  needSpread,
  needSum,
  stdOf,
  sumOf,
} from "../stats/index.ts";
import type { LoweringContext } from "./contract.ts";
import { isNumeric } from "./fields.ts";

type AggregateName = "count" | "sum" | "mean" | "min" | "max" | "std";

interface AggregateKind {
  /** What the store must compute of the argument. */
  readonly needs: number;
  /** The value from a summary; NaN where it is null. */
  readonly of: (summaries: Float64Array, at: number) => number;
}

const aggregates: Readonly<Record<AggregateName, AggregateKind>> = {
  count: { needs: 0, of: (summaries, at) => summaries[at + momentsCount] ?? 0 },
  sum: { needs: needSum, of: sumOf },
  mean: { needs: needSum, of: meanOf },
  min: { needs: needExtremes, of: (summaries, at) => extremeOf(summaries, at, momentsMin) },
  max: { needs: needExtremes, of: (summaries, at) => extremeOf(summaries, at, momentsMax) },
  std: { needs: needSpread, of: stdOf },
};

function extremeOf(summaries: Float64Array, at: number, position: number): number {
  return (summaries[at + momentsCount] ?? 0) === 0 ? Number.NaN : (summaries[at + position] ?? Number.NaN);
}

/** A feature of `rolling`, read: `count()` alone has no argument. */
export interface Aggregate {
  readonly kind: AggregateName;
  readonly argument: Ast | undefined;
  /** Canonical print of the argument, so that equal arguments share a column. */
  readonly argumentText: string;
}

/** What the store must compute for it. */
export function needsOf(aggregate: Aggregate): number {
  return aggregates[aggregate.kind].needs;
}

/** Reads its value from the store's last query: NaN for null. `summaryAt` is not looked at for `count()`. */
export function readerOf(aggregate: Aggregate): (store: RollingStore, window: number, summaryAt: number) => number {
  if (aggregate.argument === undefined) return (store, window) => store.rowCounts[window] ?? 0;
  const { of } = aggregates[aggregate.kind];
  return (store, _window, summaryAt) => of(store.summaries, summaryAt);
}

/** Reads `mean(amount)`, and checks its argument against the fields in scope; what is wrong is reported. */
export function parseAggregate(
  text: string,
  context: LoweringContext,
  path: readonly (string | number)[],
): Aggregate | undefined {
  const parsed = parseExpression(text);
  if ("problem" in parsed) {
    context.problem({ code: "MR_EXPRESSION_SYNTAX", path, ...parsed.problem });
    return undefined;
  }
  const { ast } = parsed;
  const refuse = (message: string, hint: string, at = ast.at): undefined => {
    context.problem({ code: "MR_EXPRESSION_TYPE", path, message, hint, at });
    return undefined;
  };
  const names = Object.keys(aggregates).join(", ");
  if (ast.node !== "call") {
    return refuse(
      `a feature is one of ${names} of an expression`,
      "compute with its result in a derive step after this",
    );
  }
  if (!isAggregate(ast.name)) {
    const near = aggregateNames.get(ast.name.toLowerCase()) ?? closest(ast.name, Object.keys(aggregates));
    return refuse(
      `there is no aggregate ${ast.name}`,
      near === undefined ? `use one of ${names}` : `did you mean ${near}?`,
    );
  }
  const [argument, surplus] = ast.args;
  if (surplus !== undefined) return refuse(`${ast.name} takes one argument`, `write ${ast.name}(x)`, surplus.at);
  if (argument === undefined) {
    if (ast.name === "count") return { kind: "count", argument, argumentText: "" };
    return refuse(`${ast.name} needs what to aggregate`, `write ${ast.name}(x)`);
  }
  const typed = context.expression(argument, path);
  if (typed === undefined) return undefined;
  if (isNumeric(typed.type.kind) || typed.type.kind === "boolean") {
    return { kind: ast.name, argument, argumentText: printAst(argument) };
  }
  if (ast.name === "count") {
    // Values of other types are only counted: 1 for each that is not null.
    const present = conditional(isNull(argument), literal(null), literal(1));
    return { kind: "count", argument: present, argumentText: printAst(present) };
  }
  return refuse(
    `${ast.name} takes numbers, and ${printAst(argument)} is ${kindText(typed.type)}`,
    "count(x) takes any type",
  );
}

function isAggregate(name: string): name is AggregateName {
  return Object.hasOwn(aggregates, name);
}
