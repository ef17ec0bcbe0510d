export { type Ast, type BinaryOperator, partsOf } from "./ast.ts";
export { binary, call, conditional, isNull, literal, not, oneOf, ref } from "./build.ts";
export { checkExpression } from "./check.ts";
export { type CompileOptions, compileProgram, readsOf } from "./compile.ts";
export { aggregateNames } from "./foreign-names.ts";
export { type FunctionDefinition, type FunctionName, functionTable, type Parameter } from "./functions.ts";
export { assignedBy } from "./layout.ts";
export { expressionLengthMax, parseExpression } from "./parse.ts";
export { printAst } from "./print.ts";
export type { ExpressionProblem } from "./problem.ts";
export type {
  CompiledProgram,
  Fate,
  Passing,
  Program,
  RowContext,
  RowMemory,
  RowOp,
  TypedExpression,
} from "./program.ts";
