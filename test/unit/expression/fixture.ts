import {
  type Ast,
  checkExpression,
  type ExpressionProblem,
  parseExpression,
  type RowContext,
  type TypedExpression,
} from "../../../src/expression/index.ts";
import type { Field, FieldKind, FieldType, RowShape } from "../../../src/schema/index.ts";

export function type(kind: FieldKind, nullable = false): FieldType {
  if (kind === "timestamp") return { kind, nullable, avro: { type: "long", logicalType: "timestamp-millis" } };
  if (kind === "enum")
    return { kind, nullable, avro: { type: "enum", name: "Kind", symbols: ["landing", "departure"] } };
  if (kind === "other") return { kind, nullable, avro: { type: "array", items: "string" } };
  return { kind, nullable, avro: kind };
}

export function field(name: string, kind: FieldKind, nullable = false): Field {
  return { name, type: type(kind, nullable) };
}

/** One field of each kind, and a nullable one of most. */
export const payment: RowShape = [
  field("amount", "double", true),
  field("total", "double"),
  field("ratio", "float"),
  field("units", "int"),
  field("spare", "int", true),
  field("cents", "long"),
  field("country", "string", true),
  field("city", "string"),
  field("kind", "enum"),
  field("paid_at", "timestamp"),
  field("seen_at", "timestamp", true),
  field("ok", "boolean"),
  field("sure", "boolean", true),
  field("raw", "bytes", true),
  field("tags", "other", true),
];

export function parsed(text: string): Ast {
  const result = parseExpression(text);
  if ("problem" in result) throw new Error(`${text}: ${result.problem.message} at ${result.problem.at}`);
  return result.ast;
}

export function expression(text: string, shape: RowShape = payment): TypedExpression {
  const result = checkExpression(parsed(text), shape, text);
  if ("problem" in result) throw new Error(`${text}: ${result.problem.message} at ${result.problem.at}`);
  return result.expr;
}

/** The problem of a text that does not parse or does not check. */
export function problemOf(text: string, shape: RowShape = payment): ExpressionProblem | undefined {
  const result = parseExpression(text);
  if ("problem" in result) return result.problem;
  const checked = checkExpression(result.ast, shape, text);
  return "problem" in checked ? checked.problem : undefined;
}

export function freshContext(): RowContext {
  return { offset: 0, streamTimeMs: Number.NEGATIVE_INFINITY, processingTimeMs: 0, out: null };
}

/** The same tree without positions, which printing does not keep. */
export function withoutPositions(ast: Ast): unknown {
  return JSON.parse(
    JSON.stringify(ast, (key, value: unknown) => {
      if (key === "at") return undefined;
      return Object.is(value, -0) ? "-0" : typeof value === "bigint" ? `${value}n` : value;
    }),
  );
}
