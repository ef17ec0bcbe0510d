export type { Ast, BinaryOperator } from "./ast.ts";
export type { CompiledProgram, Fate, Program, RowContext, RowMemory, RowOp, TypedExpression } from "./program.ts";
