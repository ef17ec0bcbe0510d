import type { Ast, BinaryOperator } from "../../src/expression/index.ts";
import { type FieldType, fieldsIn, type Row, type RowShape, valuesIn } from "../../src/schema/index.ts";
import { callFunction } from "./exact-functions.ts";
import { exactQuotient, Fault, limited, numberOf, realOf, safe, Time, type Value } from "./exact-values.ts";

/** What kind of value an expression has; of numbers only whether they are whole. */
export type Kind = "whole" | "real" | "text" | "boolean" | "time" | "other";

/**
 * The language as docs/reference/expressions.md describes it, computed with whole numbers of any size. It was written
 * from that page and shares nothing with the compiler but the form of the tree.
 */
export class ExactInterpreter {
  readonly #types: ReadonlyMap<string, FieldType>;
  #row: Row = {};

  constructor(shape: RowShape) {
    this.#types = new Map(shape.map(({ name, type }) => [name, type]));
  }

  /** @throws Fault with the code that the record fails with */
  evaluate(ast: Ast, row: Row): Value {
    this.#row = row;
    return this.#value(ast);
  }

  kindOf(ast: Ast): Kind {
    switch (ast.node) {
      case "literal":
        return literalKind(ast);
      case "field":
      case "member":
      case "index":
        return kindOfType(this.#typeOf(ast));
      case "number":
        return this.kindOf(ast.of);
      case "unary":
        return ast.operator === "!" ? "boolean" : this.kindOf(ast.operand);
      case "binary":
        return this.#binaryKind(ast);
      case "conditional":
        return commonKind([ast.whenTrue, ast.whenFalse].map((part) => this.kindOf(part)));
      case "call":
        return this.#callKind(ast);
      case "list":
        return "other";
    }
  }

  #binaryKind({ operator, left, right }: Ast & { node: "binary" }): Kind {
    if (operator === "/") return "real";
    if (!["+", "-", "*", "%"].includes(operator)) return "boolean";
    const [a, b] = [this.kindOf(left), this.kindOf(right)];
    if (a === "time" && b === "time") return "whole";
    if (a === "time" || b === "time") return "time";
    return a === "text" ? "text" : commonKind([a, b]);
  }

  #callKind({ name, args }: Ast & { node: "call" }): Kind {
    if (name === "is_null") return "boolean";
    const known = resultKinds[name];
    return known ?? commonKind(args.map((arg) => this.kindOf(arg)));
  }

  #typeOf(ast: Ast): FieldType {
    const type =
      ast.node === "field"
        ? this.#types.get(ast.name)
        : ast.node === "member"
          ? fieldsIn(this.#typeOf(ast.of))?.get(ast.name)
          : ast.node === "index"
            ? valuesIn(this.#typeOf(ast.of))
            : undefined;
    if (type === undefined) throw new Error(`no type for ${ast.node}`);
    return type;
  }

  #value(ast: Ast): Value {
    switch (ast.node) {
      case "literal":
        return ast.integer ? BigInt(ast.value as number) : ast.value;
      case "field":
        return fromRow(this.#typeOf(ast), this.#row[ast.name]);
      case "member": {
        const record = this.#value(ast.of) as Row | null;
        return record === null ? null : fromRow(this.#typeOf(ast), record[ast.name]);
      }
      case "index": {
        const map = this.#value(ast.of) as unknown as Row;
        const key = this.#value(ast.key) as string;
        return Object.keys(map).includes(key) ? fromRow(this.#typeOf(ast), map[key]) : null;
      }
      case "number":
        return this.#value(ast.of);
      case "unary": {
        const operand = this.#value(ast.operand);
        if (ast.operator === "!") return operand !== true;
        const number = numberOf(operand);
        return -number;
      }
      case "conditional":
        return this.#as(this.kindOf(ast), this.#value(ast.test) === true ? ast.whenTrue : ast.whenFalse);
      case "binary":
        return this.#binary(ast);
      case "call":
        return this.#call(ast);
      case "list":
        throw new Error("a list has no value");
    }
  }

  /** The value where its neighbours decide the kind: a whole number among doubles is taken as a double. */
  #as(kind: Kind, ast: Ast): Value {
    const value = this.#value(ast);
    return kind === "real" && value !== null ? realOf(value) : value;
  }

  #call(ast: Ast & { node: "call" }): Value {
    const kind = this.kindOf(ast);
    if (ast.name === "coalesce") {
      for (const arg of ast.args) {
        const value = this.#as(kind, arg);
        if (value !== null) return value;
      }
      return null;
    }
    if (ast.name === "is_null") return this.#value(ast.args[0] as Ast) === null;
    const isExact = ast.name.startsWith("to_");
    const values = ast.args.map((arg) => {
      const value = this.#value(arg);
      if (isExact) return value;
      if (value instanceof Time) return limited(value);
      return typeof value === "bigint" ? numberOf(value) : value;
    });
    return callFunction(ast.name, kind, values);
  }

  #binary(ast: Ast & { node: "binary" }): Value {
    const { operator, left, right } = ast;
    if (operator === "&&") return this.#value(left) === true && this.#value(right) === true;
    if (operator === "||") return this.#value(left) === true || this.#value(right) === true;
    const a = this.#value(left);
    if (operator === "in") return this.#isIn(a, right);
    if (operator === "==" || operator === "!=") return same(a, this.#value(right)) === (operator === "==");
    const [x] = [typeof a === "string" || typeof a === "boolean" ? a : numeric(a)];
    const b = this.#value(right);
    const y = typeof b === "string" || typeof b === "boolean" ? b : numeric(b);
    if (["<", "<=", ">", ">="].includes(operator)) return ordered(operator, plain(x), plain(y));
    return arithmetic(operator, x, y);
  }

  #isIn(value: Value, right: Ast): boolean {
    if (right.node === "list") {
      for (const item of right.items) if (same(value, this.#value(item))) return true;
      return false;
    }
    const type = valuesIn(this.#typeOf(right));
    if (type === undefined) throw new Error("no list");
    const list = this.#value(right) as unknown as readonly unknown[];
    return list.some((item) => item !== null && same(value, fromRow(type, item)));
  }
}

function numeric(value: Value): Value {
  return value instanceof Time ? limited(value) : numberOf(value);
}

function literalKind({ value, integer }: Ast & { node: "literal" }): Kind {
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "boolean";
  if (value === null) return "other";
  return integer ? "whole" : "real";
}

function kindOfType({ kind }: FieldType): Kind {
  if (kind === "int" || kind === "long") return "whole";
  if (kind === "float" || kind === "double") return "real";
  if (kind === "string" || kind === "enum") return "text";
  if (kind === "timestamp") return "time";
  return kind === "boolean" ? "boolean" : "other";
}

function commonKind(kinds: readonly Kind[]): Kind {
  const known = kinds.filter((kind) => kind !== "other");
  return known.includes("real") ? "real" : (known[0] ?? "other");
}

const of = (kind: Kind, ...names: string[]): readonly [string, Kind][] => names.map((name) => [name, kind]);

const resultKinds: Readonly<Record<string, Kind>> = Object.fromEntries([
  ...of("real", "sqrt", "ln", "log1p", "exp", "pow", "to_double"),
  ...of("whole", "hour", "minute", "day_of_week", "day_of_month", "month", "length", "size", "to_int", "to_long"),
  ...of("text", "upper", "lower", "trim", "substring", "replace", "split_part", "to_string"),
  ...of("boolean", "starts_with", "ends_with", "contains", "to_boolean"),
  ...of("time", "to_timestamp"),
]);

/** A value of the row as the language sees it. */
function fromRow({ kind }: FieldType, value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (kind === "int" || kind === "long") return BigInt(value as number | bigint);
  if (kind === "timestamp") return new Time(BigInt(value as number | bigint));
  return value as Value;
}

function same(a: Value, b: Value): boolean {
  if (a === null || b === null) return a === b;
  if (a instanceof Time && b instanceof Time) return a.ms === b.ms;
  if (typeof a === "bigint" && typeof b === "number") return Number.isInteger(b) && BigInt(b) === a;
  if (typeof a === "number" && typeof b === "bigint") return same(b, a);
  return a === b;
}

function plain(value: Value): number | string {
  if (value instanceof Time) return Number(value.ms);
  return typeof value === "string" ? value : Number(value);
}

function ordered(operator: BinaryOperator, a: number | string, b: number | string): boolean {
  if (operator === "<") return a < b;
  if (operator === "<=") return a <= b;
  return operator === ">" ? a > b : a >= b;
}

function arithmetic(operator: BinaryOperator, a: Value, b: Value): Value {
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (a instanceof Time && b instanceof Time) return safe(a.ms - b.ms);
  if (a instanceof Time) return new Time(safe(operator === "+" ? a.ms + floor(b) : a.ms - ceil(b)));
  if (b instanceof Time) return new Time(safe(floor(a) + b.ms));
  if (typeof a === "bigint" && typeof b === "bigint") return wholeArithmetic(operator, a, b);
  return realArithmetic(operator, realOf(a), realOf(b));
}

function wholeArithmetic(operator: BinaryOperator, a: bigint, b: bigint): Value {
  if ((operator === "/" || operator === "%") && b === 0n) throw new Fault("MR_EXPRESSION");
  if (operator === "/") return exactQuotient(a, b);
  if (operator === "%") return a % b;
  return safe(operator === "+" ? a + b : operator === "-" ? a - b : a * b);
}

function realArithmetic(operator: BinaryOperator, a: number, b: number): number {
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  if (operator === "*") return a * b;
  const result = operator === "/" ? a / b : a % b;
  if (!Number.isFinite(result)) throw new Fault("MR_EXPRESSION");
  return result;
}

/** Whole milliseconds of a number, towards the past. */
function floor(value: Value): bigint {
  return typeof value === "bigint" ? value : finite(Math.floor(value as number));
}

function ceil(value: Value): bigint {
  return typeof value === "bigint" ? value : finite(Math.ceil(value as number));
}

function finite(value: number): bigint {
  if (!Number.isFinite(value)) throw new Fault("MR_EXPRESSION");
  return BigInt(value);
}
