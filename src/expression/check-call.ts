import { closest } from "../kernel/index.ts";
import { toTime } from "../schema/index.ts";
import type { Ast } from "./ast.ts";
import { asNumber, checkSymbol, guarded, held, mismatch } from "./check-rules.ts";
import { type Checked, plain } from "./checked.ts";
import { aggregateNames, foreignFunctions } from "./foreign-names.ts";
import { type FunctionDefinition, functionNamed, functionTable, type Parameter } from "./functions.ts";
import { both, presentWith } from "./narrowing.ts";
import { printAst } from "./print.ts";
import { ExpressionFault, quote } from "./problem.ts";
import { type Family, familyOf, isWhole, typeName } from "./types.ts";

type Call = Ast & { readonly node: "call" };

/** A call, its arguments checked; refuses unknown functions, wrong counts and arguments that do not fit. */
export function checkCall(ast: Call, given: readonly Checked[]): Checked {
  const definition = functionNamed(ast.name);
  if (definition === undefined) throw unknownFunction(ast);
  checkCount(ast, definition);
  given.forEach((arg, index) => {
    const parameter = definition.parameters[Math.min(index, definition.parameters.length - 1)];
    if (parameter !== undefined) checkArgument(ast, definition, parameter, arg);
  });
  checkConstants(ast, given);
  const narrow = definition.takesWide === true ? given : given.map((arg) => asNumber(ast, arg));
  const type = definition.result(narrow.map((arg) => arg.type));
  if (type === undefined) throw differentTypes(ast, given);
  const args = ast.name === "coalesce" ? narrow.map((arg) => held(arg, type)) : narrow;
  const isConversion = ast.name === "to_string" || ast.name === "to_timestamp";
  const onTime = isConversion && args[0]?.type.kind === "timestamp";
  const overload = onTime ? ({ overload: "timestamp" } as const) : {};
  const resolved: Ast = { node: "call", name: ast.name, args: args.map((arg) => arg.ast), at: ast.at, ...overload };
  return { ...plain(type, resolved), ...factsOf(ast, given) };
}

/** What a call that is true or false tells of nulls. */
function factsOf({ name, args }: Call, checked: readonly Checked[]): Partial<Pick<Checked, "ifTrue" | "ifFalse">> {
  const [first, second] = args;
  if (name === "is_null" && first !== undefined) return { ifFalse: presentWith(first) };
  // `coalesce(test, false)` is true only where the test was.
  if (name !== "coalesce" || first === undefined || second?.node !== "literal" || args.length !== 2) return {};
  const facts = checked[0];
  if (facts === undefined || typeof second.value !== "boolean") return {};
  return second.value
    ? { ifFalse: both(presentWith(first), facts.ifFalse) }
    : { ifTrue: both(presentWith(first), facts.ifTrue) };
}

function differentTypes(ast: Call, args: readonly Checked[]): ExpressionFault {
  const names = args.map((arg) => typeName(arg.type)).join(", ");
  const [first, other] = [args[0], args.find((arg) => args[0] && familyOf(arg.type) !== familyOf(args[0].type))];
  const hint = first !== undefined && other !== undefined ? mismatch(first, other) : undefined;
  return new ExpressionFault(ast.at, `the arguments of ${quote(printAst(ast))} are of different types: ${names}`, hint);
}

function unknownFunction({ name, args, at }: Call): ExpressionFault {
  const message = `there is no function ${quote(`${name}()`)}`;
  const lower = name.toLowerCase();
  const aggregate = aggregateNames.get(lower);
  if (aggregate !== undefined) {
    const written = `${aggregate}(${args.map(printAst).join(", ")})`;
    return new ExpressionFault(
      at,
      message,
      `${written} is an aggregate over many records, and stands only under the features of a rolling step`,
    );
  }
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
  const most = definition.parameters.length;
  const least = most - (definition.optional ?? 0);
  const fits = ast.args.length >= least && (definition.repeats === true || ast.args.length <= most);
  if (fits) return;
  const wanted = `${least}${definition.repeats === true ? " or more" : least < most ? ` or ${most}` : ""}`;
  throw new ExpressionFault(
    ast.at,
    `${ast.name}() takes ${wanted} argument${wanted === "1" ? "" : "s"}, not ${ast.args.length}`,
    `write ${definition.signature}`,
  );
}

function checkArgument(ast: Call, definition: FunctionDefinition, parameter: Parameter, arg: Checked): void {
  if (parameter.nullable !== true || (arg.type.kind === "null" && parameter.families !== undefined)) guarded(ast, arg);
  const family = familyOf(arg.type);
  if (parameter.families === undefined || parameter.families.includes(family)) {
    checkWhole(definition, parameter, arg);
    return;
  }
  const wanted = parameter.families.map((accepted) => familyNames[accepted]).join(" or ");
  throw new ExpressionFault(
    arg.ast.at,
    `${quote(printAst(arg.ast))} is ${typeName(arg.type)}, and ${definition.signature} takes ${wanted} for ${parameter.name}`,
    conversionHint(parameter.families, arg),
  );
}

/** Positions and counts are whole numbers; a constant out of their range is found before any record. */
function checkWhole(definition: FunctionDefinition, parameter: Parameter, arg: Checked): void {
  if (parameter.whole !== true) return;
  const text = quote(printAst(arg.ast));
  if (!isWhole(arg.type)) {
    throw new ExpressionFault(
      arg.ast.at,
      `${text} is ${typeName(arg.type)}, and ${definition.signature} takes a whole number for ${parameter.name}`,
      `write to_int(round(${printAst(arg.ast)}))`,
    );
  }
  const least = parameter.name === "count" ? 0 : 1;
  if (typeof arg.type.constant !== "number" || arg.type.constant >= least) return;
  throw new ExpressionFault(
    arg.ast.at,
    `${text} is below ${least}, the least ${parameter.name} of ${definition.signature}`,
    "positions and parts count from 1",
  );
}

const familyNames: Readonly<Record<Family, string>> = {
  number: "a number",
  text: "text",
  boolean: "a boolean",
  timestamp: "a time",
  bytes: "bytes",
  record: "a record",
  list: "a list",
  map: "a map",
  other: "anything",
  null: "null",
};

function conversionHint(wanted: readonly Family[], arg: Checked): string | undefined {
  const family = familyOf(arg.type);
  const text = printAst(arg.ast);
  if (!["number", "text", "boolean", "timestamp"].includes(family) || text.length > 60) return undefined;
  if (wanted.includes("number")) return family === "timestamp" ? `write to_long(${text})` : `write to_double(${text})`;
  if (wanted.includes("text")) return `write to_string(${text})`;
  if (!wanted.includes("timestamp")) return undefined;
  return family === "boolean" ? undefined : `write to_timestamp(${text})`;
}

/** What is wrong with constants whatever the row: found here rather than in every record. */
function checkConstants(ast: Call, args: readonly Checked[]): void {
  const [first, second, third] = args;
  if (ast.name === "to_timestamp" && first?.type.constant !== undefined && toTime(first.type.constant) === undefined) {
    throw new ExpressionFault(
      first.ast.at,
      `${quote(printAst(first.ast))} is no time up to 2100`,
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
