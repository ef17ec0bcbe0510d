import { unreachable } from "../kernel/index.ts";
import type { Row } from "../schema/index.ts";
import { checkedDrop, isSafeInteger } from "./checks.ts";
import { ExpressionEmitter } from "./emit.ts";
import type { LaidExpression, LaidOp, Layout, Target } from "./layout.ts";
import { type RowContext, type RowMemory, sourceKey } from "./program.ts";

/** What runs a program: the answer indexes its fates, 0 leaves the output row in `context.out`. */
export type RunRow = (row: Row, context: RowContext) => number;

/** Source of the function that `generate` makes, for messages and tests. */
export interface GeneratedSource {
  /** Body of a function of `c` (constants) and `m` (memories) that returns the function of a row. */
  readonly body: string;
  readonly constants: readonly unknown[];
}

/** Compiles a layout into one function. Throws EvalError where the process forbids code generation. */
export function generate(layout: Layout, memories: readonly RowMemory[]): RunRow {
  const { body, constants } = generateSource(layout, memories.length);
  // The body holds nothing but what ExpressionEmitter and ProgramEmitter write: no text of a user.
  const factory = new Function("c", "m", body) as (c: readonly unknown[], m: readonly RowMemory[]) => RunRow;
  return factory(constants, memories);
}

/** The source alone. */
export function generateSource(layout: Layout, memoryCount: number): GeneratedSource {
  const emitter = new ProgramEmitter(layout);
  const statements = layout.ops.map((op) => emitter.op(op));
  const loads = layout.loads.map(({ name, slot }) => `let f${slot} = ${emitter.load(name)};`);
  const loaded = new Set(layout.loads.map(({ slot }) => slot));
  const made = Array.from({ length: layout.slotCount }, (_, slot) => slot).filter((slot) => !loaded.has(slot));
  const { constants, temporaryCount } = emitter.expressions;
  const temporaries = Array.from({ length: temporaryCount }, (_, index) => `t${index}`);
  const lines = [
    '"use strict";',
    ...constants.map((_, index) => `const c${index} = c[${index}];`),
    ...Array.from(
      { length: memoryCount },
      (_, i) => `const m${i} = m[${i}], x${i} = m${i}.texts, n${i} = m${i}.numbers, r${i} = m${i}.results;`,
    ),
    "return function run(row, context) {",
    "let fault = 0;",
    ...(temporaries.length === 0 ? [] : [`let ${temporaries.join(", ")};`]),
    ...loads,
    ...made.map((slot) => `let f${slot} = null;`),
    ...statements,
    `context.out = { ${[...layout.output.map(({ name, slot }) => `${name}: f${slot}`), ...sourceOf(layout)].join(", ")} };`,
    "return 0;",
    "};",
  ];
  return { body: lines.join("\n"), constants };
}

function sourceOf({ source }: Layout): string[] {
  if (source === undefined) return [];
  return [`"${sourceKey}": ${source === "row" ? "row" : `row["${sourceKey}"]`}`];
}

class ProgramEmitter {
  readonly expressions: ExpressionEmitter;

  constructor(layout: Layout) {
    this.expressions = new ExpressionEmitter(layout.slotOf);
  }

  /** Reads an input field; a name that every object has from its prototype counts only when the row has its own. */
  load(name: string): string {
    return name in {}
      ? `${this.expressions.constant(Object.hasOwn)}(row, "${name}") ? row.${name} : null`
      : `row.${name} ?? null`;
  }

  op(op: LaidOp): string {
    switch (op.op) {
      case "assign":
        return `{ ${this.#value(op.value)} ${this.#store(op.target, op.value)} }`;
      case "leaveIf":
        return `{ ${this.#value(op.when)} if (v === true) return ${op.fate}; }`;
      case "late": {
        const time = `f${op.slot}`;
        const missing = op.missing === 0 ? "" : `if (${time} === null) return ${op.missing}; `;
        const wide = `if (typeof ${time} === "bigint") return ${op.wide}; `;
        return `${missing}${wide}if (${time} > context.streamTimeMs) context.streamTimeMs = ${time}; else if (${time} < context.streamTimeMs - ${op.withinMs}) return ${op.late};`;
      }
      case "call":
        return this.#callMemory(op);
      default:
        return unreachable(op);
    }
  }

  #callMemory(op: LaidOp & { op: "call" }): string {
    const { memory } = op;
    const texts = op.texts.map((text, i) => `{ ${this.#value(text)} x${memory}[${i}] = v; }`);
    const numbers = op.numbers.map((number, i) => `{ ${this.#value(number)} n${memory}[${i}] = ${asNumber(number)}; }`);
    const drops = `${this.expressions.constant(op.drops)}`;
    const drop = `{ const d = m${memory}.update(context); if (d !== 0) return ${this.expressions.constant(checkedDrop)}(${drops}, d); }`;
    const results = op.results.map((target, i) => `{ let v = r${memory}[${i}]; ${this.#storeResult(target)} }`);
    return [...texts, ...numbers, drop, ...results].join("\n");
  }

  #value({ ast, faults }: LaidExpression): string {
    const source = this.expressions.expression(ast, faults);
    return `let v = ${source};${faults.size === 0 ? "" : " if (fault !== 0) return fault;"}`;
  }

  #storeResult(target: Target): string {
    if (target.kind === "boolean") {
      const nan = target.nullable ? "null" : `false`;
      const refuse = target.nullable ? "" : `if (v !== v) return ${target.missing}; `;
      return `${refuse}f${target.slot} = v !== v ? ${nan} : v !== 0;`;
    }
    return target.nullable ? `if (v !== v) f${target.slot} = null; else { ${this.#fit(target)} }` : this.#fit(target);
  }

  #store(target: Target, { nullable, wide }: LaidExpression): string {
    const fit = wide
      ? `if (typeof v === "bigint") f${target.slot} = v; else { ${this.#fit(target)} }`
      : this.#fit(target);
    if (!nullable) return fit;
    const onNull = target.nullable ? `f${target.slot} = null;` : `return ${target.missing};`;
    return `if (v === null) ${onNull} else { ${fit} }`;
  }

  /** Puts `v`, which is not null, into its slot, or returns when the field cannot hold it. `checks.ts` says the same. */
  #fit({ kind, slot, unfit }: Target): string {
    switch (kind) {
      case "int":
        return `if ((v | 0) !== v) return ${unfit}; f${slot} = v | 0;`;
      case "long":
        return `if (!${this.expressions.constant(isSafeInteger)}(v)) return ${unfit}; f${slot} = v + 0;`;
      case "timestamp":
        return `v = ${this.expressions.constant(Math.floor)}(v); if (!${this.expressions.constant(isSafeInteger)}(v)) return ${unfit}; f${slot} = v + 0;`;
      case "float":
        return `v = ${this.expressions.constant(Math.fround)}(v); if (v - v !== 0) return ${unfit}; f${slot} = v;`;
      case "double":
        return `if (v - v !== 0) return ${unfit}; f${slot} = v;`;
      default:
        return `f${slot} = v;`;
    }
  }
}

function asNumber({ kind, nullable }: LaidExpression): string {
  const number = kind === "boolean" ? "v ? 1 : 0" : "v";
  return nullable ? `v === null ? NaN : ${number}` : number;
}
