import { assert, formatDurationMs, type RecordErrorCode, unreachable } from "../kernel/index.ts";
import { type Field, type FieldKind, type Reads, type RowReads, unionOfReads } from "../schema/index.ts";
import { type Ast, namePattern, partsOf } from "./ast.ts";
import { call } from "./build.ts";
import { FateTable, failureOf, foldConstants, nonFiniteMessage, timeMessage, wholeMessage } from "./faults.ts";
import { printAst } from "./print.ts";
import { quote } from "./problem.ts";
import type { Fate, Passing, Program, RowOp, TypedExpression } from "./program.ts";
import { eachRead, readsAlong } from "./reads.ts";
import { familyOf } from "./types.ts";

/**
 * A program with every decision made that the two back ends, generated code and closures, must share:
 * which slot a field lives in, which fate each way to fail has, and how numbers are held to their fields.
 */
export interface Layout {
  /** Fields to read from the input row, each with its slot. */
  readonly loads: readonly SlottedName[];
  /** What of its input rows a program reads. */
  readonly reads: RowReads;
  readonly slotCount: number;
  readonly ops: readonly LaidOp[];
  /** What the output row holds as values. */
  readonly output: readonly SlottedName[];
  /** Where the rest of the output row is to be found; undefined when `output` is all of it. */
  readonly source: Passing["from"] | undefined;
  readonly fates: readonly Fate[];
  readonly slotOf: ReadonlyMap<string, number>;
}

export interface SlottedName {
  readonly name: string;
  readonly slot: number;
}

/** An expression with constants folded, and the fate of every place in it that can fail the record. */
export interface LaidExpression {
  readonly ast: Ast;
  readonly kind: FieldKind;
  readonly nullable: boolean;
  /** The value may be a bigint. */
  readonly wide: boolean;
  readonly faults: ReadonlyMap<Ast, number>;
}

/** Where a value goes and what it must be there: `unfit` when it is not, `missing` when it is null and may not be. */
export interface Target {
  readonly slot: number;
  readonly kind: FieldKind;
  readonly nullable: boolean;
  readonly unfit: number;
  readonly missing: number;
}

export type LaidOp =
  | { readonly op: "assign"; readonly target: Target; readonly value: LaidExpression }
  | { readonly op: "leaveIf"; readonly fate: number; readonly when: LaidExpression }
  | {
      readonly op: "late";
      readonly slot: number;
      readonly withinMs: number;
      readonly late: number;
      /** Fate when the time is null; 0 when it cannot be. */
      readonly missing: number;
      /** Fate when the time is beyond 2^53. */
      readonly wide: number;
    }
  | {
      readonly op: "call";
      readonly memory: number;
      readonly texts: readonly LaidExpression[];
      readonly numbers: readonly LaidExpression[];
      readonly results: readonly Target[];
      readonly drops: readonly number[];
    };

/** Lays a program out. Crashes on what no checked program has: unknown fields, unsafe names, values of a wrong family. */
export function layOut(program: Program, passing?: Passing): Layout {
  const builder = new LayoutBuilder(program);
  const ops = program.ops.flatMap((op) => builder.op(op) ?? []);
  const output = program.output
    .filter(({ name }) => passing === undefined || builder.assigned.has(name) || passing.carried.has(name))
    .map(({ name }) => ({ name, slot: builder.handOn(name) }));
  return {
    ops,
    output,
    source: passing?.from,
    loads: builder.loads,
    reads: builder.reads,
    slotCount: builder.slotOf.size,
    slotOf: builder.slotOf,
    fates: builder.fates.all,
  };
}

/** Names of the fields that operations set. What only narrows a type, as `require` does, sets nothing. */
export function assignedBy(ops: readonly RowOp[]): Set<string> {
  return new Set(
    ops.flatMap((op) => {
      if (op.op === "call") return op.results.map(({ name }) => name);
      return op.op === "assign" && !isNarrowing(op.field, op.value) ? [op.field.name] : [];
    }),
  );
}

/** Whether an assignment changes a field's type alone: its value is neither read nor set. */
function isNarrowing({ name, type }: Field, { ast, type: from }: TypedExpression): boolean {
  return ast.node === "field" && ast.name === name && from.kind === type.kind && (type.nullable || !from.nullable);
}

class LayoutBuilder {
  readonly fates = new FateTable();
  readonly slotOf = new Map<string, number>();
  readonly loads: SlottedName[] = [];
  /** Names of the fields that operations so far have set. */
  readonly assigned = new Set<string>();
  reads: RowReads = new Map();
  readonly #wideCode: RecordErrorCode;
  readonly #inputs: ReadonlySet<string>;
  /** Types as they stand after the operations so far. */
  readonly #nullable: Map<string, boolean>;

  constructor(program: Program) {
    this.#wideCode = program.wideCode ?? "MR_DECODE_BODY";
    this.#inputs = new Set(program.input.map((field) => field.name));
    this.#nullable = new Map(program.input.map((field) => [field.name, field.type.nullable]));
  }

  /** Undefined for an operation that does nothing to a row. */
  op(op: RowOp): LaidOp | undefined {
    switch (op.op) {
      case "assign":
        return this.#assign(op.field, op.value);
      case "dropIf":
        return this.#leaveIf(op.when, { kind: "filtered", reason: op.reason }, op.when.fields[0] ?? "");
      case "failIf":
        return this.#leaveIf(
          op.when,
          { kind: "failed", code: op.code, field: op.field, message: op.message },
          op.field,
        );
      case "late":
        return this.#late(op.time, op.withinMs);
      case "call":
        return {
          op: "call",
          memory: op.memory,
          texts: op.texts.map((text) => this.#text(text)),
          numbers: op.numbers.map((number) => this.#number(number)),
          results: op.results.map((field) => this.#target(field, field.name)),
          drops: op.drops.map((reason) => this.fates.add({ kind: "filtered", reason })),
        };
      default:
        return unreachable(op);
    }
  }

  #assign(field: Field, given: TypedExpression): LaidOp | undefined {
    const { kind, nullable } = field.type;
    assert(
      familyOf(given.type) === familyOf(field.type) || isTimeNumber(given.type.kind, kind),
      `assigning ${given.type.kind} to ${field.name}, which is ${kind}`,
    );
    if (isNarrowing(field, given)) {
      this.#nullable.set(field.name, nullable);
      return undefined;
    }
    const keepsWide = kind === "long" || kind === "timestamp";
    const value = this.#expression(keepsWide ? given : narrow(given), field.name);
    return { op: "assign", value, target: this.#target(field, `${field.name} = ${quote(given.text)}`) };
  }

  /** The slot of a field that the output row holds as a value. */
  handOn(name: string): number {
    const slot = this.slot(name);
    this.#read([name], "whole");
    return slot;
  }

  #read(path: readonly string[], reads: Reads): void {
    const [root = ""] = path;
    if (this.assigned.has(root)) return;
    const union = unionOfReads(this.reads, readsAlong(path, reads));
    if (union !== "whole") this.reads = union;
  }

  /** The slot of a field that is there by now; an input field is loaded when it is first asked for. */
  slot(name: string): number {
    const known = this.slotOf.get(name);
    if (known !== undefined) return known;
    assert(this.#inputs.has(name), `no field ${name} at this point of the program`);
    const slot = this.#newSlot(name);
    this.loads.push({ name, slot });
    return slot;
  }

  #newSlot(name: string): number {
    assertSafe(name);
    const slot = this.slotOf.size;
    this.slotOf.set(name, slot);
    return slot;
  }

  #target({ name, type }: Field, what: string): Target {
    const slot = this.slotOf.get(name) ?? this.#newSlot(name);
    this.assigned.add(name);
    this.#nullable.set(name, type.nullable);
    const failed = (message: string): number =>
      this.fates.add({ kind: "failed", code: "MR_EXPRESSION", field: name, message: `${what}: ${message}` });
    const limits = unfitMessages[type.kind];
    return {
      slot,
      kind: type.kind,
      nullable: type.nullable,
      unfit: limits === undefined ? 0 : failed(limits),
      missing: type.nullable ? 0 : failed("the result is null"),
    };
  }

  #leaveIf(when: TypedExpression, fate: Fate, field: string): LaidOp {
    const laid = this.#expression(when, field);
    assert(laid.kind === "boolean", `a condition must be boolean, not ${laid.kind}: ${when.text}`);
    return { op: "leaveIf", when: laid, fate: this.fates.add(fate) };
  }

  #late(time: string, withinMs: number): LaidOp {
    const message = `${time} is older than stream time minus ${formatDurationMs(withinMs)}`;
    const nullable = this.#nullable.get(time) ?? false;
    this.#read([time], "whole");
    return {
      op: "late",
      slot: this.slot(time),
      wide: this.fates.add({
        kind: "failed",
        code: this.#wideCode,
        field: time,
        message: `${time}, the event time, is beyond 2^53`,
      }),
      withinMs,
      late: this.fates.add({ kind: "late", field: time, message }),
      missing: nullable
        ? this.fates.add({
            kind: "failed",
            code: "MR_REQUIRED",
            field: time,
            message: `${time}, the event time, is null`,
          })
        : 0,
    };
  }

  #text(expression: TypedExpression): LaidExpression {
    const { kind } = expression.type;
    if (kind === "string" || kind === "enum") return this.#expression(expression, expression.fields[0] ?? "");
    assert(textKinds.has(kind), `a memory cannot take ${kind} as text: ${expression.text}`);
    const asText = call("to_string", expression.ast);
    const ast = kind === "timestamp" && asText.node === "call" ? { ...asText, overload: "timestamp" as const } : asText;
    return this.#expression({ ...expression, ast }, expression.fields[0] ?? "");
  }

  #number(expression: TypedExpression): LaidExpression {
    const family = familyOf(expression.type);
    const isNumber = family === "number" || family === "timestamp" || family === "boolean";
    assert(isNumber, `a memory cannot take ${expression.type.kind} as a number: ${expression.text}`);
    return this.#expression(narrow(expression), expression.fields[0] ?? "");
  }

  #expression(expression: TypedExpression, field: string): LaidExpression {
    const ast = foldConstants(expression.ast);
    const faults = new Map<Ast, number>();
    eachRead(ast, (path, reads) => this.#read(path, reads));
    this.#visit(ast, field, faults);
    const { kind, nullable } = expression.type;
    return { ast, kind, nullable, wide: expression.wide === true, faults };
  }

  #visit(ast: Ast, field: string, faults: Map<Ast, number>): void {
    for (const part of partsOf(ast)) this.#visit(part, field, faults);
    if (ast.node === "field") this.slot(ast.name);
    if (ast.node === "member") assertSafe(ast.name);
    const failure = failureOf(ast);
    if (failure === undefined) return;
    const fate: Fate = {
      kind: "failed",
      code: failure.code === "wide" ? this.#wideCode : failure.code,
      field: failure.code === "wide" ? printAst(ast) : field,
      message: `${quote(printAst(ast))}: ${failure.why}`,
    };
    faults.set(ast, this.fates.add(fate));
  }
}

const textKinds: ReadonlySet<FieldKind> = new Set([
  "boolean",
  "int",
  "long",
  "float",
  "double",
  "string",
  "enum",
  "timestamp",
]);

/** The expression as a number, where it may be a bigint. */
function narrow(expression: TypedExpression): TypedExpression {
  if (expression.wide !== true) return expression;
  const { ast } = expression;
  return { ...expression, ast: { node: "number", of: ast, at: ast.at }, wide: false };
}

// Names become property names of generated code, and `__proto__` there would set the prototype.
function assertSafe(name: string): void {
  assert(namePattern.test(name) && name !== "__proto__", `not a field name: ${JSON.stringify(name)}`);
}

/** Whether a time meets a whole number, which is the same thing in a row. */
function isTimeNumber(a: FieldKind, b: FieldKind): boolean {
  return (
    (a === "timestamp" && familyOf({ kind: b }) === "number") ||
    (b === "timestamp" && familyOf({ kind: a }) === "number")
  );
}

const unfitMessages: Readonly<Partial<Record<FieldKind, string>>> = {
  int: "the result is not a whole number of 32 bits",
  long: wholeMessage,
  timestamp: timeMessage,
  float: nonFiniteMessage,
  double: nonFiniteMessage,
};
