import { assert, unreachable } from "../kernel/index.ts";
import type { Ast } from "./ast.ts";
import { entryOf, fieldOf, isEqual, isEqualItem, isItem } from "./checks.ts";
import { onTime } from "./conversions.ts";
import { functionNamed } from "./functions.ts";
import { textLengthMax } from "./text-operations.ts";
import { wholeMax } from "./types.ts";

/** Lists of at least this many constants become a Set; shorter ones are compared one by one. */
const setSizeMin = 4;

/**
 * Writes expressions as JavaScript. Nothing of the user's text reaches the source: operators come from the
 * closed set of the tree, strings through JSON, numbers through their own printing, fields as numbered locals.
 */
export class ExpressionEmitter {
  /** Values that the source refers to as `c0`, `c1`, ... */
  readonly constants: unknown[] = [];
  /** Temporaries `t0`, `t1`, ... in use; the function declares them. */
  temporaryCount = 0;
  readonly #slotOf: ReadonlyMap<string, number>;
  #faults: ReadonlyMap<Ast, number> = new Map();

  constructor(slotOf: ReadonlyMap<string, number>) {
    this.#slotOf = slotOf;
  }

  /** The name of a value inside the source. */
  constant(value: unknown): string {
    const known = this.constants.indexOf(value);
    return `c${known >= 0 ? known : this.constants.push(value) - 1}`;
  }

  /** @param faults fate of each node that can fail; the source sets `fault` to the first and goes on */
  expression(ast: Ast, faults: ReadonlyMap<Ast, number>): string {
    this.#faults = faults;
    return this.#emit(ast);
  }

  #emit(ast: Ast): string {
    switch (ast.node) {
      case "literal":
        return emitLiteral(ast.value);
      case "field": {
        const slot = this.#slotOf.get(ast.name);
        assert(slot !== undefined, `no slot for field ${ast.name}`);
        return `f${slot}`;
      }
      case "member":
        return this.#member(ast);
      case "index":
        return `${this.constant(entryOf)}(${this.#emit(ast.of)}, ${this.#emit(ast.key)})`;
      case "number":
        return this.#number(ast);
      case "unary":
        if (ast.how === "whole") return `(0 - ${this.#emit(ast.operand)})`;
        return `(${ast.operator === "-" ? "-" : "!"}${this.#emit(ast.operand)})`;
      case "binary":
        return this.#binary(ast);
      case "conditional":
        return `(${this.#emit(ast.test)} ? ${this.#emit(ast.whenTrue)} : ${this.#emit(ast.whenFalse)})`;
      case "call":
        return this.#call(ast);
      case "list":
        throw new TypeError("a list stands only right of `in`");
      default:
        return unreachable(ast);
    }
  }

  #member(ast: Ast & { node: "member" }): string {
    const of = this.#emit(ast.of);
    const isLocal = ast.of.node === "field";
    const held = isLocal ? of : this.#temporary();
    const field =
      ast.name in {} ? `${this.constant(fieldOf)}(${held}, "${ast.name}")` : `(${held}.${ast.name} ?? null)`;
    const first = isLocal ? of : `(${held} = ${of})`;
    if (ast.safe) return `(${first} === null ? null : ${field})`;
    return isLocal ? field : `(${first}, ${field})`;
  }

  #number(ast: Ast & { node: "number" }): string {
    const fate = this.#faults.get(ast) ?? 0;
    const of = this.#emit(ast.of);
    const held = this.#temporary();
    return `(typeof (${held} = ${of}) === "bigint" ? (fault ||= ${fate}, 0) : ${held})`;
  }

  #binary(ast: Ast & { node: "binary" }): string {
    if (ast.operator === "in") return this.#membership(ast);
    const [left, right] = [this.#emit(ast.left), this.#emit(ast.right)];
    const fate = this.#faults.get(ast);
    if (ast.how === "mixed") {
      return `${ast.operator === "!=" ? "!" : ""}${this.constant(isEqual)}(${left}, ${right})`;
    }
    const source = this.#operation(ast, left, right);
    if (fate === undefined) return source;
    if (ast.how === "text") return this.#bounded(source, fate);
    return ast.how === undefined || ast.operator === "%" ? this.#finite(source, fate) : this.#whole(source, fate);
  }

  #operation({ how, operator }: Ast & { node: "binary" }, left: string, right: string): string {
    const plain = `(${left} ${javaScriptOperators[operator as keyof typeof javaScriptOperators]} ${right})`;
    // Whole numbers have no negative zero, which products and remainders of theirs could become.
    if (how === "whole" || how === "checked") return operator === "*" || operator === "%" ? `(${plain} + 0)` : plain;
    // A time moves by whole milliseconds: the exact sum, floored.
    if (how === "time-first")
      return operator === "+"
        ? `(${left} + ${this.constant(Math.floor)}(${right}))`
        : `(${left} - ${this.constant(Math.ceil)}(${right}))`;
    return how === "time-last" ? `(${this.constant(Math.floor)}(${left}) + ${right})` : plain;
  }

  #membership(ast: Ast & { node: "binary" }): string {
    const left = this.#emit(ast.left);
    const isMixed = ast.how === "mixed";
    const held = this.#temporary();
    if (ast.right.node !== "list") {
      const list = this.#emit(ast.right);
      return `(${held} = ${left}, ${this.constant(isMixed ? isEqualItem : isItem)}(${list}, ${held}))`;
    }
    const { items } = ast.right;
    const values = items.flatMap((item) => (item.node === "literal" ? [item.value] : []));
    if (!isMixed && values.length === items.length && values.length >= setSizeMin) {
      return `${this.constant(new Set(values))}.has(${left})`;
    }
    const same = (item: string): string =>
      isMixed ? `${this.constant(isEqual)}(${held}, ${item})` : `${held} === ${item}`;
    return `(${held} = ${left}, ${items.map((item) => same(this.#emit(item))).join(" || ")})`;
  }

  #call(ast: Ast & { node: "call" }): string {
    const args = ast.args.map((arg) => this.#emit(arg));
    if (ast.name === "coalesce") return `(${args.join(" ?? ")})`;
    if (ast.name === "is_null") return `(${args.join("")} === null)`;
    const definition = functionNamed(ast.name);
    assert(definition?.run !== undefined, `no function ${ast.name}`);
    const run = this.constant(ast.overload === "timestamp" ? onTime(ast.name) : definition.run);
    const [first = "", ...rest] = args;
    const source = definition.repeats
      ? rest.reduce((all, next) => `${run}(${all}, ${next})`, first)
      : `${run}(${args.join(", ")})`;
    const fate = this.#faults.get(ast);
    if (fate === undefined || definition.fails === undefined) return source;
    if (definition.fails.how === "finite") return this.#finite(source, fate);
    const held = this.#temporary();
    const otherwise = emitLiteral(definition.fails.otherwise);
    return `((${held} = ${source}) === undefined ? (fault ||= ${fate}, ${otherwise}) : ${held})`;
  }

  /** A number minus itself is 0 only when it is finite. */
  #finite(source: string, fate: number): string {
    const held = this.#temporary();
    return `((${held} = ${source}) - ${held} === 0 ? ${held} : (fault ||= ${fate}, 0))`;
  }

  /** Beyond 2^53 a double is not exact, and its rounding never comes back below. */
  #whole(source: string, fate: number): string {
    const held = this.#temporary();
    return `((${held} = ${source}) <= ${wholeMax} && ${held} >= ${-wholeMax} ? ${held} : (fault ||= ${fate}, 0))`;
  }

  #bounded(source: string, fate: number): string {
    const held = this.#temporary();
    return `((${held} = ${source}).length <= ${textLengthMax} ? ${held} : (fault ||= ${fate}, ""))`;
  }

  #temporary(): string {
    return `t${this.temporaryCount++}`;
  }
}

const javaScriptOperators = {
  "+": "+",
  "-": "-",
  "*": "*",
  "/": "/",
  "%": "%",
  "==": "===",
  "!=": "!==",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
  "&&": "&&",
  "||": "||",
} as const;

function emitLiteral(value: null | boolean | number | bigint | string): string {
  if (typeof value === "bigint") return `(${value}n)`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "number") return String(value);
  assert(Number.isFinite(value), "a literal must be finite");
  return Object.is(value, -0) ? "(-0)" : `(${value})`;
}
