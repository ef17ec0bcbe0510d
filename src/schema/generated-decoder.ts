import { type AvroType, splitNullable } from "./avro-type.ts";
import { type ByteCursor, damaged, longEnd } from "./byte-cursor.ts";
import { readStatement, skipStatement } from "./flat-reading.ts";
import { doubleOf, type ValueReader } from "./resolved-reader.ts";
import type { Row } from "./row-shape.ts";
import { readText } from "./short-text.ts";
import { checkText, type Skipper } from "./skipper.ts";
import type { FieldStep, TranscodePlan } from "./transcode-plan.ts";

/** Decodes `bytes[from, to)`. Not to be entered again from inside. */
export type GeneratedDecoder = (bytes: Buffer, from: number, to: number) => Row;

/** Where a decoder leaves what an encoder copies. */
export interface Marks {
  /** Index into `positions` by written field: the position before it; the field after the last is the body's end. */
  readonly indexOf: ReadonlyMap<number, number>;
  readonly positions: Int32Array;
  /** True gives each row positions of its own, for rows that live longer than the next one. */
  readonly areKept: boolean;
  /** What the row refers to under `#plan`. */
  readonly owner: unknown;
}

/** Fields in one function: V8 does not optimise larger ones. */
export const fieldsPerFunction = 200;

/**
 * One function for one plan, which reads flat fields without a call per field, steps over what nobody reads, and makes
 * the row in one literal, so that all rows have one hidden class. Wide schemas get several functions, which share
 * arrays; it yields after each.
 *
 * The code is made of field names (checked to be Avro names, quoted all the same) and numbers, and of nothing else
 * from the schema.
 */
export function* generateDecoder(
  plan: TranscodePlan,
  cursor: ByteCursor,
  checksText: boolean,
  marks?: Marks,
): Generator<void, GeneratedDecoder> {
  const isSplit = plan.steps.length > fieldsPerFunction || plan.row.length > fieldsPerFunction;
  const emitter = new DecoderEmitter(plan, cursor, checksText, marks, isSplit);
  if (!isSplit) return emitter.whole();
  return yield* emitter.split();
}

class DecoderEmitter {
  readonly #plan: TranscodePlan;
  readonly #checksText: boolean;
  readonly #marks: Marks | undefined;
  readonly #slot: (slot: number) => string;
  /** By slot and by field; filled with the code that uses them, so that thousands are no part of their own. */
  readonly #readers: ValueReader[] = [];
  readonly #symbols: ReturnType<typeof symbolsOf>[] = [];
  readonly #skips: Skipper[] = [];
  readonly #names: readonly string[];
  readonly #values: readonly unknown[];

  constructor(
    plan: TranscodePlan,
    cursor: ByteCursor,
    checksText: boolean,
    marks: Marks | undefined,
    isSplit: boolean,
  ) {
    this.#plan = plan;
    this.#checksText = checksText;
    this.#marks = marks;
    this.#slot = isSplit ? (slot) => `V[${slot}]` : (slot) => `v${slot}`;
    const tools: Readonly<Record<string, unknown>> = {
      c: cursor,
      damaged,
      doubleOf,
      readText,
      longEnd,
      checkText,
      viewOf: keptView(),
      readers: this.#readers,
      symbols: this.#symbols,
      skips: this.#skips,
      absent: plan.row.map((part) => (part.from === "absent" ? part.make : undefined)),
      demands: plan.demands,
      P: marks?.positions,
      owner: marks?.owner,
      V: isSplit ? new Array<unknown>(plan.slotCount).fill(undefined) : undefined,
    };
    this.#names = Object.keys(tools);
    this.#values = Object.values(tools);
  }

  whole(): GeneratedDecoder {
    const { steps, slotCount } = this.#plan;
    const slots = Array.from({ length: slotCount }, (_, i) => `v${i}`);
    return this.#compile([
      "return (b, from, to) => {",
      "  c.reset(b, from, to);",
      this.#view(),
      `  let p = from, k = 0${slots.map((slot) => `, ${slot}`).join("")};`,
      ...this.#demands(),
      ...this.#steps(0, steps.length),
      this.#end(),
      `  return { ${[...this.#properties(0, this.#plan.row.length), ...this.#source()].join(", ")} };`,
      "}",
    ]) as GeneratedDecoder;
  }

  *split(): Generator<void, GeneratedDecoder> {
    const { steps, row } = this.#plan;
    const reads: unknown[] = [];
    for (let from = 0; from < steps.length; from += fieldsPerFunction) {
      const to = Math.min(from + fieldsPerFunction, steps.length);
      reads.push(
        this.#compilePart([
          "return (b, p, to) => {",
          compiledOnly("b", "p"),
          this.#view(),
          "  let k = 0;",
          ...this.#steps(from, to),
          "  return p;",
          "}",
        ]),
      );
      yield;
    }
    const fills: unknown[] = [];
    for (let from = fieldsPerFunction; from < row.length; from += fieldsPerFunction) {
      const to = Math.min(from + fieldsPerFunction, row.length);
      const sets = this.#assignments(from, to);
      fills.push(this.#compilePart(["return (row) => {", compiledOnly("row", ""), ...sets, "}"]));
      yield;
    }
    const source = [
      "return (b, from, to) => {",
      "  c.reset(b, from, to);",
      "  let p = from;",
      ...this.#demands(),
      "  for (const read of reads) p = read(b, p, to);",
      this.#end(),
      `  const row = { ${[...this.#properties(0, Math.min(row.length, fieldsPerFunction)), ...this.#source()].join(", ")} };`,
      "  for (const fill of fills) fill(row);",
      "  return row;",
      "}",
    ];
    const make = new Function(...this.#names, "reads", "fills", source.join("\n"));
    return make(...this.#values, reads, fills) as GeneratedDecoder;
  }

  #compile(lines: readonly string[]): unknown {
    return new Function(...this.#names, lines.join("\n"))(...this.#values);
  }

  /** One of several functions, compiled here and now. */
  #compilePart(lines: readonly string[]): unknown {
    const part = this.#compile(lines) as () => unknown;
    part();
    return part;
  }

  #steps(from: number, to: number): string[] {
    const lines: string[] = [];
    for (let i = from; i < to; i++) {
      const step = this.#plan.steps[i];
      if (step === undefined) break;
      this.#skips[i] = step.skip;
      for (const { slot, read, wanted } of step.consumers) {
        this.#readers[slot] = read;
        this.#symbols[slot] = symbolsOf(step.written, wanted);
      }
      lines.push(this.#mark(i), ...this.#step(i, step));
    }
    if (to === this.#plan.steps.length) lines.push(this.#mark(to));
    return lines.filter((line) => line !== "");
  }

  /** Records in a row lie in one buffer: its view is kept. */
  #view(): string {
    return "  const view = viewOf(b);";
  }

  #mark(field: number): string {
    const index = this.#marks?.indexOf.get(field);
    return index === undefined ? "" : `  P[${index}] = p;`;
  }

  #step(i: number, step: FieldStep): string[] {
    const [first, ...others] = step.consumers;
    if (first === undefined) {
      return [
        step.isPlainSkip
          ? `  ${skipStatement(step.written, `skips[${i}]`, this.#checksText)}`
          : `  c.at = p; skips[${i}](c); p = c.at;`,
      ];
    }
    // Every further value is read out of the same bytes before the first moves on.
    const before = others.map(({ slot }) => `  c.at = p; ${this.#slot(slot)} = readers[${slot}](c);`);
    const target = {
      into: this.#slot(first.slot),
      reader: `readers[${first.slot}]`,
      symbols: `symbols[${first.slot}]`,
    };
    const read = first.isPlain
      ? readStatement(step.written, first.wanted, target)
      : `c.at = p; ${target.into} = ${target.reader}(c); p = c.at;`;
    return [...before, `  ${read}`];
  }

  #demands(): string[] {
    return this.#plan.demands.length === 0 ? [] : ["  for (const demand of demands) demand();"];
  }

  #end(): string {
    return '  if (p !== to) damaged(p > to ? "the value ends too early" : "bytes are left after the last field");';
  }

  #value(i: number): string {
    const part = this.#plan.row[i];
    return part?.from === "slot" ? this.#slot(part.slot) : `absent[${i}]()`;
  }

  #properties(from: number, to: number): string[] {
    return this.#plan.row.slice(from, to).map(({ name }, i) => `${JSON.stringify(name)}: ${this.#value(from + i)}`);
  }

  #assignments(from: number, to: number): string[] {
    return this.#plan.row
      .slice(from, to)
      .map(({ name }, i) => `  row[${JSON.stringify(name)}] = ${this.#value(from + i)};`);
  }

  #source(): string[] {
    if (this.#marks === undefined) return [];
    return [
      '"#plan": owner',
      '"#bytes": b',
      `"#at": ${this.#marks.areKept ? keptPositions(this.#marks.positions.length) : "P"}`,
    ];
  }
}

/**
 * V8 compiles a function when it is called first, and all of one schema's would be called first by one record. Called
 * without arguments, a function that begins with this does nothing: it has been compiled, in its own part.
 */
export function compiledOnly(argument: string, result: string): string {
  return `  if (${argument} === undefined) return ${result};`;
}

/** Views of buffers; most records lie in the same one as the record before. */
export function keptView(): (bytes: Buffer) => DataView<ArrayBufferLike> {
  let last: Buffer | undefined;
  let view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));
  return (bytes) => {
    if (bytes === last) return view;
    last = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return view;
  };
}

/** The reader's symbol for each of the writer's. */
function symbolsOf(written: AvroType, wanted: AvroType): readonly (string | undefined)[] | undefined {
  const [from, to] = [splitNullable(written).type, splitNullable(wanted).type];
  if (from.kind !== "enum") return undefined;
  const target = to.kind === "enum" ? to : from;
  return from.symbols.map((symbol) => (target.symbols.includes(symbol) ? symbol : target.default));
}

/** Up to so many positions a row keeps them in a list, which costs a tenth of a typed array. */
const listedPositionsMax = 16;

function keptPositions(count: number): string {
  return count > listedPositionsMax
    ? "P.slice()"
    : `[${Array.from({ length: count }, (_, i) => `P[${i}]`).join(", ")}]`;
}
