import type { Ast, BinaryOperator } from "../../../src/expression/index.ts";
import type { Row } from "../../../src/schema/index.ts";

/** A record set aside by the oracle. */
export class Fault extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** A naive interpreter, written from the documents and sharing nothing with the compiler but the form of the tree. */
export function evaluate(ast: Ast, row: Row): unknown {
  switch (ast.node) {
    case "literal":
      return ast.value;
    case "field":
      return row[ast.name];
    case "unary":
      return ast.operator === "!" ? !evaluate(ast.operand, row) : -(evaluate(ast.operand, row) as number);
    case "conditional":
      return evaluate(evaluate(ast.test, row) ? ast.whenTrue : ast.whenFalse, row);
    case "binary":
      return evaluateBinary(ast, row);
    case "call":
      return evaluateCall(ast, row);
    case "list":
      throw new Error("a list has no value");
  }
}

function evaluateBinary({ operator, left, right }: Ast & { node: "binary" }, row: Row): unknown {
  const a = evaluate(left, row) as number;
  if (operator === "&&") return a ? evaluate(right, row) : false;
  if (operator === "||") return a ? true : evaluate(right, row);
  if (operator === "in") {
    if (right.node !== "list") throw new Error("no list");
    return right.items.map((item) => (): boolean => evaluate(item, row) === a).some((test) => test());
  }
  return operations[operator](a, evaluate(right, row) as number);
}

const operations: Readonly<Record<Exclude<BinaryOperator, "&&" | "||" | "in">, (a: number, b: number) => unknown>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => finite(a / b),
  "%": (a, b) => finite(a % b),
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Fault("MR_EXPRESSION");
  return value;
}

function evaluateCall(ast: Ast & { node: "call" }, row: Row): unknown {
  if (ast.name === "coalesce") {
    for (const arg of ast.args) {
      const value = evaluate(arg, row);
      if (value !== null) return value;
    }
    return null;
  }
  const values = ast.args.map((arg) => evaluate(arg, row));
  if (ast.name === "is_null") return values[0] === null;
  if (ast.name.startsWith("to_")) return values[0] === null ? null : convert(ast, values[0]);
  if (typeof values[0] === "string") return onText(ast.name, values[0], String(values[1]));
  return onNumbers(ast.name, values as number[]);
}

function onText(name: string, text: string, part: string): unknown {
  if (name === "upper") return text.toUpperCase();
  if (name === "lower") return text.toLowerCase();
  if (name === "trim") return text.trim();
  if (name === "length") return text.length;
  if (name === "starts_with") return text.indexOf(part) === 0;
  if (name === "ends_with") return text.slice(text.length - part.length) === part && part.length <= text.length;
  if (name === "contains") return text.indexOf(part) >= 0;
  throw new Error(name);
}

function onNumbers(name: string, values: number[]): unknown {
  const [x = Number.NaN, y = Number.NaN, z = Number.NaN] = values;
  if (name === "min") return Math.min(...values);
  if (name === "max") return Math.max(...values);
  const compute = numerical[name];
  if (compute === undefined) throw new Error(name);
  return compute(x, y, z);
}

const numerical: Readonly<Record<string, (x: number, y: number, z: number) => unknown>> = {
  clamp: (x, y, z) => (x < y ? y : x > z ? z : x),
  abs: Math.abs,
  floor: Math.floor,
  ceil: Math.ceil,
  round: (x) => Math.sign(x) * Math.round(Math.abs(x)),
  sqrt: (x) => finite(Math.sqrt(x)),
  ln: (x) => finite(Math.log(x)),
  log1p: (x) => finite(Math.log1p(x)),
  exp: (x) => finite(Math.exp(x)),
  pow: (x, y) => finite(x ** y),
  hour: (x) => finite(new Date(Math.floor(x)).getUTCHours()),
  day_of_week: (x) => ((finite(new Date(Math.floor(x)).getUTCDay()) + 6) % 7) + 1,
};

function convert(ast: Ast & { node: "call" }, value: unknown): unknown {
  const number = (): number => {
    if (typeof value === "string" && !/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value)) throw new Fault("MR_CAST");
    const result = Number(value);
    if (!Number.isFinite(result)) throw new Fault("MR_CAST");
    return result;
  };
  const require = (fits: boolean): void => {
    if (!fits) throw new Fault("MR_CAST");
  };
  if (ast.name === "to_double") return number();
  if (ast.name === "to_int" || ast.name === "to_long") {
    const whole = number();
    const limit = ast.name === "to_int" ? 2 ** 31 : 2 ** 53;
    require(Number.isInteger(whole) && whole < limit && (ast.name === "to_int" ? whole >= -limit : whole > -limit));
    return whole === 0 ? 0 : whole;
  }
  if (ast.name === "to_boolean") {
    const text = String(Object.is(value, -0) ? 0 : value).toLowerCase();
    require(["true", "false", "1", "0"].includes(text));
    return text === "true" || text === "1";
  }
  if (ast.name === "to_timestamp") {
    require(typeof value === "number" && Number.isInteger(value) && value >= 0 && value < Date.UTC(2100));
    return value;
  }
  if (ast.overload === "timestamp") {
    require(Number(value) >= Date.UTC(2000) - 2000 * 365.2425 * 86_400_000 && Number(value) < Date.UTC(10_000));
    return new Date(Math.floor(Number(value))).toISOString();
  }
  require(typeof value !== "number" || Number.isFinite(value));
  return String(value);
}
