import { RecordError } from "../kernel/index.ts";
import { type AvroField, type AvroType, isTimestamp, type RecordType } from "./avro-type.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { ByteSink } from "./byte-sink.ts";
import { branchFor, canRead } from "./compatibility.ts";
import { conversionOf } from "./logical-type.ts";
import type { Reads, RowReads } from "./reads.ts";
import { type LenientRules, Resolution, targetsOf, type ValueReader, writtenFor } from "./resolved-reader.ts";
import { branchesPerPart, type SameTypes } from "./same-type.ts";
import { type Skipper, Skippers } from "./skipper.ts";
import { isWideUnion } from "./union-value.ts";
import { valueWriter } from "./value-writer.ts";

/** Reads a written field under its own rules (a cast); undefined for fields that have none. */
export type FieldRule = (field: AvroField, written: AvroType) => ValueReader | undefined;

/** What an ingest adds to the plan. */
export interface IngestPlanRules extends LenientRules {
  readonly fieldRule: FieldRule;
  /** Name of the written field that a field is taken out of, whatever its own name; undefined for most. */
  readonly writtenName: (field: AvroField) => string | undefined;
  /** Fields that the caller sets in the row. */
  readonly supplied: ReadonlySet<string>;
  /** Field that must be written and not null. */
  readonly key: string | undefined;
}

export interface PlanRequest {
  readonly writer: RecordType;
  /** What steps see: names and defaults. */
  readonly reader: RecordType;
  /** What is read of rows of `reader`; all of it for `whole`. */
  readonly reads: RowReads | "whole";
  /** Undefined when there is nothing to encode. */
  readonly output: RecordType | undefined;
  /** Fields of the output that the row to encode holds as values. */
  readonly values: ReadonlySet<string>;
  /** False decodes and encodes what could be copied. */
  readonly copies: boolean;
  /** False where only Millrace has written, so that text which nobody reads need not be looked at. */
  readonly checksText: boolean;
  readonly ingest: IngestPlanRules | undefined;
}

/** A value that is decoded out of a written field. */
export interface Consumer {
  /** Index of the value; the same for nobody else. */
  readonly slot: number;
  readonly wanted: AvroType;
  readonly read: ValueReader;
  /** True when reading it is nothing but Avro's own resolution, so that code can be generated for it. */
  readonly isPlain: boolean;
}

/** What happens to one written field, in written order. */
export interface FieldStep {
  readonly written: AvroType;
  /** In order; all begin at the field's first byte. Empty: the field is skipped. */
  readonly consumers: readonly Consumer[];
  readonly skip: Skipper;
  /** True when skipping looks at nothing but the bytes, so that code can be generated for it. */
  readonly isPlainSkip: boolean;
}

/** A property of the decoded row. */
export type RowPart =
  | { readonly name: string; readonly from: "slot"; readonly slot: number }
  | { readonly name: string; readonly from: "absent"; readonly make: () => unknown };

/** One part of the encoded body, in order. `from` and `to` count written fields: what lies between is copied. */
export type OutputOp =
  | { readonly op: "copy"; readonly from: number; readonly to: number }
  /** A union of null and one type whose branches are the other way round. */
  | { readonly op: "swap"; readonly field: number; readonly nullFirst: boolean }
  | {
      readonly op: "value";
      readonly of: "row" | "source";
      readonly name: string;
      readonly label: string;
      readonly type: AvroType;
    }
  | { readonly op: "constant"; readonly bytes: Buffer };

export interface TranscodePlan {
  readonly steps: readonly FieldStep[];
  readonly row: readonly RowPart[];
  readonly slotCount: number;
  readonly output: readonly OutputOp[];
  /** Called for each record, and throw for one that lacks what it must have. */
  readonly demands: readonly (() => unknown)[];
  /** Written fields that an ingest drops. */
  readonly unknownFields: number;
}

/** Fields looked at between two breaths. */
const fieldsPerPart = 200;

/** Plans one pair of writer and stage. Yields between parts, so that thousands of fields do not hold up the process. */
export function* planTranscoding(request: PlanRequest, same: SameTypes): Generator<void, TranscodePlan> {
  const planner = new Planner(request, same);
  const { reader, output, reads } = request;
  for (const [i, field] of reader.fields.entries()) {
    yield* planner.read(field, reads === "whole" ? "whole" : reads.get(field.name));
    if (i % fieldsPerPart === fieldsPerPart - 1) yield;
  }
  for (const [i, field] of (output?.fields ?? []).entries()) {
    yield* planner.write(field);
    if (i % fieldsPerPart === fieldsPerPart - 1) yield;
  }
  return yield* planner.finish();
}

class Planner {
  readonly #request: PlanRequest;
  readonly #same: SameTypes;
  readonly #skippers: Skippers;
  readonly #writerIndex: ReadonlyMap<string, number>;
  readonly #readerFields: ReadonlyMap<string, AvroField>;
  /** The field that each written one fills, by the written name. */
  readonly #targets: ReadonlyMap<string, AvroField>;
  readonly #consumers = new Map<number, Consumer[]>();
  readonly #row: RowPart[] = [];
  readonly #output: OutputOp[] = [];
  readonly #demands: (() => unknown)[] = [];
  /** Written fields that something is made of. */
  readonly #used = new Set<number>();
  /** Written fields that are read as a whole, and so with all that is in them. */
  readonly #readWhole = new Set<number>();
  #slotCount = 0;

  constructor(request: PlanRequest, same: SameTypes) {
    this.#request = request;
    this.#same = same;
    this.#skippers = new Skippers({ text: request.checksText });
    this.#writerIndex = new Map(request.writer.fields.map((field, i) => [field.name, i]));
    this.#readerFields = new Map(request.reader.fields.map((field) => [field.name, field]));
    // What the caller sets, or a path leads to, has no use for a written field of its name.
    const { ingest, reader, writer } = request;
    const takers = reader.fields.filter(
      (field) => ingest === undefined || !(ingest.supplied.has(field.name) || ingest.writtenName(field) !== undefined),
    );
    this.#targets = targetsOf(writer, takers);
  }

  /** Plans what steps see of a field. */
  *read(field: AvroField, reads: Reads | undefined): Generator<void, void> {
    const { ingest } = this.#request;
    if (ingest?.supplied.has(field.name)) {
      this.#row.push({ name: field.name, from: "absent", make: () => null });
      return;
    }
    const index = this.#indexFor(field);
    if (index === undefined) {
      const make = ingest?.key === field.name ? () => missingKey(field.name) : this.#absent(field);
      if (reads !== undefined) this.#row.push({ name: field.name, from: "absent", make });
      else if (ingest !== undefined) this.#demand(make);
      return;
    }
    if (ingest !== undefined) this.#used.add(index);
    if (reads === undefined) return;
    yield* this.#prepare(index, field.type);
    this.#row.push({ name: field.name, from: "slot", slot: yield* this.#consume(index, field, field.type, reads) });
  }

  /** Plans one field of the output. */
  *write(field: AvroField): Generator<void, void> {
    const { name, type } = field;
    const { values, ingest } = this.#request;
    if (values.has(name)) {
      this.#output.push({ op: "value", of: "row", name, label: name, type });
      return;
    }
    const seen = this.#readerFields.get(name) ?? field;
    if (ingest?.supplied.has(name)) {
      this.#output.push({ op: "value", of: "source", name, label: name, type });
      return;
    }
    const index = this.#indexFor(seen);
    if (index === undefined) {
      this.#output.push({ op: "constant", bytes: this.#encodedAbsent(seen, type) });
      return;
    }
    if (yield* this.#copy(index, seen, type)) return;
    yield* this.#prepare(index, type);
    yield* this.#recode(index, seen, field);
  }

  /** Chooses the branches of a union that has very many, a part of them at a time; the choices are remembered. */
  *#prepare(index: number, wanted: AvroType): Generator<void, void> {
    const written = this.#typeAt(index);
    if (written.kind !== "union" || wanted.kind !== "union") return;
    for (const [i, branch] of written.branches.entries()) {
      branchFor(branch, wanted);
      if (i % branchesPerPart === branchesPerPart - 1) yield;
    }
  }

  *finish(): Generator<void, TranscodePlan> {
    const { writer, ingest } = this.#request;
    const steps: FieldStep[] = [];
    for (const [i, field] of writer.fields.entries()) {
      steps.push({
        written: field.type,
        consumers: this.#consumers.get(i) ?? [],
        skip: yield* this.#skipperOf(i, field),
        isPlainSkip: ingest === undefined || !branchesOf(field.type).some(isTimestamp),
      });
      if (i % fieldsPerPart === fieldsPerPart - 1) yield;
    }
    return {
      steps,
      row: this.#row,
      slotCount: this.#slotCount,
      output: merged(this.#output),
      demands: this.#demands,
      unknownFields: ingest === undefined ? 0 : writer.fields.length - this.#used.size,
    };
  }

  #indexFor(field: AvroField): number | undefined {
    const named = this.#request.ingest?.writtenName(field);
    if (named !== undefined) return this.#writerIndex.get(named);
    const written = writtenFor(field, this.#request.writer);
    if (written === undefined || (this.#targets.get(written.name) ?? field).name !== field.name) return undefined;
    return this.#writerIndex.get(written.name);
  }

  #typeAt(index: number): AvroType {
    return this.#request.writer.fields[index]?.type ?? { kind: "null", attributes: {} };
  }

  *#consume(index: number, field: AvroField, wanted: AvroType, reads: Reads): Generator<void, number> {
    const written = this.#typeAt(index);
    const { ingest } = this.#request;
    const rule = ingest?.fieldRule(field, written);
    const resolution = new Resolution(this.#skippers, ingest);
    const read = rule ?? (yield* resolution.readingParts(written, wanted, reads, field.name));
    const isPlain = rule === undefined && reads === "whole" && isPlainPair(written, wanted, ingest !== undefined);
    if (reads === "whole") this.#readWhole.add(index);
    return this.#addConsumer(index, { wanted, read, isPlain });
  }

  #addConsumer(index: number, consumer: Omit<Consumer, "slot">): number {
    const slot = this.#slotCount++;
    const consumers = this.#consumers.get(index) ?? [];
    consumers.push({ slot, ...consumer });
    this.#consumers.set(index, consumers);
    return slot;
  }

  *#copy(index: number, seen: AvroField, type: AvroType): Generator<void, boolean> {
    const { copies, ingest } = this.#request;
    const written = this.#typeAt(index);
    if (!copies || ingest?.fieldRule(seen, written) !== undefined) return false;
    if (yield* this.#same.sameParts(written, type)) this.#output.push({ op: "copy", from: index, to: index + 1 });
    else if (this.#same.swapped(written, type)) {
      this.#output.push({
        op: "swap",
        field: index,
        nullFirst: written.kind === "union" && written.branches[0]?.kind === "null",
      });
    } else return false;
    this.#checkTimes(index, seen);
    return true;
  }

  /** Of a field of an ingest that is copied and read in part, the rest is held to the bounds of times as well. */
  #checkTimes(index: number, { name }: AvroField): void {
    const written = this.#typeAt(index);
    const isSkipped = !this.#consumers.has(index) || this.#readWhole.has(index);
    if (this.#request.ingest === undefined || isSkipped || !holdsTime(written)) return;
    this.#addConsumer(index, { wanted: written, read: this.#timeSkippers(name).make(written), isPlain: false });
  }

  /** Decodes as the output has it, straight from the writer; where only the steps' type leads there, as that. */
  *#recode(index: number, seen: AvroField, field: AvroField): Generator<void, void> {
    const written = this.#typeAt(index);
    const isDirect = this.#request.ingest !== undefined || canRead(field.type, written);
    const wanted = isDirect ? field.type : seen.type;
    const property = `#${this.#row.length}`;
    this.#row.push({ name: property, from: "slot", slot: yield* this.#consume(index, seen, wanted, "whole") });
    this.#output.push({ op: "value", of: "source", name: property, label: field.name, type: field.type });
  }

  #absent(field: AvroField): () => unknown {
    return new Resolution(this.#skippers, this.#request.ingest).absentMaker(field, field.name);
  }

  #demand(make: () => unknown): void {
    try {
      make();
    } catch {
      this.#demands.push(make);
    }
  }

  /** The default as the output has it; made once. Nothing where the record is refused for the lack of it. */
  #encodedAbsent(seen: AvroField, type: AvroType): Buffer {
    let value: unknown;
    try {
      value = this.#absent(seen)();
    } catch {
      this.#demand(this.#absent(seen));
      return Buffer.alloc(0);
    }
    const bytes = encoded(seen.type, value, seen.name);
    if (seen.type === type || !canRead(type, seen.type)) return encoded(type, value, seen.name);
    const cursor = new ByteCursor();
    cursor.reset(bytes, 0, bytes.length);
    return encoded(type, new Resolution(this.#skippers).resolve(seen.type, type, seen.name)(cursor), seen.name);
  }

  /** In an ingest the times in a field that is copied must lie in range, like those that are read. */
  *#skipperOf(index: number, field: AvroField): Generator<void, Skipper> {
    const isKept = this.#request.ingest !== undefined && this.#used.has(index);
    return yield* (isKept ? this.#timeSkippers(field.name) : this.#skippers).parts(field.type);
  }

  #timeSkippers(name: string): Skippers {
    const { ingest, checksText } = this.#request;
    return new Skippers({ text: checksText, time: (value) => ingest?.time(value, name) });
  }
}

function missingKey(name: string): never {
  throw new RecordError("MR_REQUIRED", `field ${name}: the key is missing or null`);
}

function encoded(type: AvroType, value: unknown, path: string): Buffer {
  const sink = new ByteSink();
  valueWriter(type)(sink, value, path);
  const bytes = Buffer.alloc(sink.byteLength);
  sink.copyTo(bytes, 0);
  return bytes;
}

/** Whether reading needs no more than the kinds: no conversion, no range of times, no null that is refused. */
function isPlainPair(written: AvroType, wanted: AvroType, isIngest: boolean): boolean {
  if (isWideUnion(written) || isWideUnion(wanted)) return false;
  const from = branchesOf(written);
  const to = branchesOf(wanted);
  if (isIngest && (!canRead(wanted, written) || to.some(isTimestamp))) return false;
  return from.every((type) => to.every((other) => conversionOf(type, other) === "raw"));
}

/** Whether a time stands anywhere in a type. */
function holdsTime(type: AvroType, seen = new Set<AvroType>()): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  switch (type.kind) {
    case "record":
      return type.fields.some((field) => holdsTime(field.type, seen));
    case "union":
      return type.branches.some((branch) => holdsTime(branch, seen));
    case "array":
      return holdsTime(type.items, seen);
    case "map":
      return holdsTime(type.values, seen);
    default:
      return isTimestamp(type);
  }
}

function branchesOf(type: AvroType): readonly AvroType[] {
  return type.kind === "union" ? type.branches : [type];
}

/** Neighbours that are copied are one copy, and so are constants. */
function merged(ops: readonly OutputOp[]): OutputOp[] {
  const result: OutputOp[] = [];
  for (const op of ops) {
    const last = result.at(-1);
    if (op.op === "copy" && last?.op === "copy" && last.to === op.from) {
      result[result.length - 1] = { op: "copy", from: last.from, to: op.to };
    } else if (op.op === "constant" && last?.op === "constant") {
      result[result.length - 1] = { op: "constant", bytes: Buffer.concat([last.bytes, op.bytes]) };
    } else result.push(op);
  }
  return result;
}
