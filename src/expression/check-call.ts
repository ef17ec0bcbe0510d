import { closest } from "../kernel/index.ts";
import type { Ast } from "./ast.ts";
import { checkSymbol, guarded, mismatch } from "./check-rules.ts";
import type { Checked } from "./checked.ts";
import { toTimestamp } from "./conversions.ts";
import {
  aggregateNames,
  type FunctionDefinition,
  foreignFunctions,
  functionNamed,
  functionTable,
  type Parameter,
} from "./functions.ts";
import { printAst } from "./print.ts";
import { ExpressionFault, quote } from "./problem.ts";
import { type Family, familyOf, typeName, type ValueType } from "./types.ts";

type Call = Ast & { readonly node: "call" };

/** The type of a call; refuses unknown functions, wrong counts and arguments that do not fit. */
export function checkCall(
  ast: Call,
  args: readonly Checked[],
): { readonly type: ValueType; readonly overload: { readonly overload?: "timestamp" } } {
  const definition = functionNamed(ast.name);
  if (definition === undefined) throw unknownFunction(ast);
  checkCount(ast, definition);
  args.forEach((arg, index) => {
    const parameter = definition.parameters[Math.min(index, definition.parameters.length - 1)];
    if (parameter !== undefined) checkArgument(ast, definition, parameter, arg);
  });
  checkConstants(ast, args);
  const type = definition.result(args.map((arg) => arg.type));
  if (type === undefined) {
    const names = args.map((arg) => typeName(arg.type)).join(", ");
    const [first, other] = [args[0], args.find((arg) => args[0] && familyOf(arg.type) !== familyOf(args[0].type))];
    const hint = first !== undefined && other !== undefined ? mismatch(first, other) : undefined;
    throw new ExpressionFault(
      ast.at,
      `the arguments of ${quote(printAst(ast))} are of different types: ${names}`,
      hint,
    );
  }
  const onTime = ast.name === "to_string" && args[0]?.type.kind === "timestamp";
  return { type, overload: onTime ? { overload: "timestamp" } : {} };
}

function unknownFunction({ name, at }: Call): ExpressionFault {
  const message = `there is no function ${quote(`${name}()`)}`;
  const lower = name.toLowerCase();
  if (aggregateNames.has(lower))
    return new ExpressionFault(at, message, "aggregates stand only under the features of rolling");
  const foreign = foreignFunctions.get(lower);
  if (foreign !== undefined) return new ExpressionFault(at, message, foreign);
  const near = closest(name, Object.keys(functionTable));
  return new ExpressionFault(
    at,
    message,
    near === undefined ? `functions are ${Object.keys(functionTable).join(", ")}` : `did you mean ${near}?`,
  );
}

function checkCount(ast: Call, definition: FunctionDefinition): void {
  const least = definition.parameters.length;
  const fits = definition.repeats === true ? ast.args.length >= least : ast.args.length === least;
  if (fits) return;
  const wanted = `${least}${definition.repeats === true ? " or more" : ""}`;
  throw new ExpressionFault(
    ast.at,
    `${ast.name}() takes ${wanted} argument${wanted === "1" ? "" : "s"}, not ${ast.args.length}`,
    `write ${definition.signature}`,
  );
}

function checkArgument(ast: Call, definition: FunctionDefinition, parameter: Parameter, arg: Checked): void {
  if (parameter.nullable !== true || (arg.type.kind === "null" && parameter.families !== undefined)) guarded(ast, arg);
  const family = familyOf(arg.type);
  if (parameter.families === undefined || parameter.families.includes(family)) return;
  const wanted = parameter.families.map((accepted) => familyNames[accepted]).join(" or ");
  throw new ExpressionFault(
    arg.ast.at,
    `${quote(printAst(arg.ast))} is ${typeName(arg.type)}, and ${definition.signature} takes ${wanted} for ${parameter.name}`,
    conversionHint(parameter.families, arg),
  );
}

const familyNames: Readonly<Record<Family, string>> = {
  number: "a number",
  text: "text",
  boolean: "a boolean",
  timestamp: "a time",
  bytes: "bytes",
  other: "anything",
  null: "null",
};

function conversionHint(wanted: readonly Family[], arg: Checked): string | undefined {
  const family = familyOf(arg.type);
  const text = printAst(arg.ast);
  if (family === "bytes" || family === "other" || text.length > 60) return undefined;
  if (wanted.includes("number")) return family === "timestamp" ? `write to_long(${text})` : `write to_double(${text})`;
  if (wanted.includes("text")) return `write to_string(${text})`;
  return family === "boolean" ? undefined : `write to_timestamp(${text})`;
}

/** What is wrong with constants whatever the row: found here rather than in every record. */
function checkConstants(ast: Call, args: readonly Checked[]): void {
  const [first, second, third] = args;
  if (
    ast.name === "to_timestamp" &&
    first?.type.constant !== undefined &&
    toTimestamp(first.type.constant) === undefined
  ) {
    throw new ExpressionFault(
      first.ast.at,
      `${quote(printAst(first.ast))} is no time from 1970 up to 2100`,
      'write ISO 8601: "2026-01-31T08:00:00Z"',
    );
  }
  if (ast.name === "clamp" && isAbove(second, third)) {
    throw new ExpressionFault(ast.at, `low exceeds high in ${quote(printAst(ast))}`, "write clamp(x, low, high)");
  }
  if (ast.name === "coalesce") {
    const [pivot] = args.filter((arg) => arg.type.kind === "enum");
    if (pivot !== undefined) for (const arg of args) checkSymbol(pivot, arg);
  }
}

function isAbove(low: Checked | undefined, high: Checked | undefined): boolean {
  const [a, b] = [low?.type.constant, high?.type.constant];
  return typeof a === "number" && typeof b === "number" && a > b;
}
