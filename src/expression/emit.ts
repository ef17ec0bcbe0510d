import { assert, unreachable } from "../kernel/index.ts";
import type { Ast } from "./ast.ts";
import { timeToText } from "./conversions.ts";
import { functionNamed } from "./functions.ts";

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
      case "unary":
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

  #binary(ast: Ast & { node: "binary" }): string {
    if (ast.operator === "in") return this.#membership(ast);
    const source = `(${this.#emit(ast.left)} ${javaScriptOperators[ast.operator]} ${this.#emit(ast.right)})`;
    const fate = this.#faults.get(ast);
    return fate === undefined ? source : this.#finite(source, fate);
  }

  #membership(ast: Ast & { node: "binary" }): string {
    assert(ast.right.node === "list", "`in` needs a list");
    const { items } = ast.right;
    const left = this.#emit(ast.left);
    const values = items.flatMap((item) => (item.node === "literal" ? [item.value] : []));
    if (values.length === items.length && values.length >= setSizeMin) {
      return `${this.constant(new Set(values))}.has(${left})`;
    }
    const held = this.#temporary();
    return `(${held} = ${left}, ${items.map((item) => `${held} === ${this.#emit(item)}`).join(" || ")})`;
  }

  #call(ast: Ast & { node: "call" }): string {
    const args = ast.args.map((arg) => this.#emit(arg));
    if (ast.name === "coalesce") return `(${args.join(" ?? ")})`;
    if (ast.name === "is_null") return `(${args.join("")} === null)`;
    const definition = functionNamed(ast.name);
    assert(definition?.run !== undefined, `no function ${ast.name}`);
    const run = this.constant(ast.overload === "timestamp" ? timeToText : definition.run);
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

function emitLiteral(value: null | boolean | number | string): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "number") return String(value);
  assert(Number.isFinite(value), "a literal must be finite");
  return Object.is(value, -0) ? "(-0)" : `(${value})`;
}
