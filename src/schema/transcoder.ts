import { RecordError } from "../kernel/index.ts";
import type { AvroType, RecordType } from "./avro-type.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { ByteSink } from "./byte-sink.ts";
import { type GeneratedDecoder, generateDecoder, type Marks } from "./generated-decoder.ts";
import { type GeneratedEncoder, generateEncoder } from "./generated-encoder.ts";
import { Resolution, targetsOf, type ValueReader, writtenFor } from "./resolved-reader.ts";
import type { Row } from "./row-shape.ts";
import { SameTypes } from "./same-type.ts";
import { Skippers } from "./skipper.ts";
import { type OutputOp, type PlanRequest, planTranscoding, type TranscodePlan } from "./transcode-plan.ts";
import { type ValueWriter, valueWriter } from "./value-writer.ts";

export interface TranscoderRequest extends PlanRequest {
  /** True for rows that live longer than the next one that is decoded. */
  readonly keepsRows: boolean;
  /** Fields that are read only now and then, by {@link Transcoder.laterOf}. */
  readonly later: readonly string[];
}

/** What was done to make a transcoder: a test counts it, so that thousands of fields stay cheap. */
export interface PlanningEffort {
  parts: number;
  comparisons: number;
}

/**
 * Takes records of one writer's schema through one stage. Decodes what the stage reads, steps over the rest with all
 * checks, and encodes the output out of values and copied bytes.
 */
export interface Transcoder {
  /** Written fields that an ingest drops from each record; those of nested records are counted as they come. */
  readonly unknownFields: number;
  /** What the output copies and does not, for tests and messages. */
  readonly output: readonly OutputOp[];
  /**
   * The row of the body in `bytes[from, to)`. It holds what is read, and under names that no field has what
   * {@link encode} needs; `bytes` must live and stay as they are until then.
   * @throws RecordError MR_DECODE_BODY for damage, MR_CAST and MR_REQUIRED for values that do not fit
   */
  decode(bytes: Buffer, from: number, to: number): Row;
  /**
   * Encodes at `at` and answers the end; -(missing bytes) when `into` is too small.
   * @param row holds the values, and under `#source` a row that {@link decode} made
   */
  encode(row: Row, into: Buffer, at: number): number;
  /** The value of one of the fields `later` of a row that {@link decode} made; undefined when it cannot be read. */
  laterOf(row: Row, name: string): unknown;
}

/** Makes a transcoder, yielding between parts so that the caller can let others run. */
export function* transcoderParts(
  request: TranscoderRequest,
  effort: PlanningEffort = { parts: 0, comparisons: 0 },
): Generator<void, Transcoder> {
  const same = new SameTypes();
  const plan = yield* counted(planTranscoding(request, same), effort);
  effort.comparisons += same.comparisons;
  const transcoder = new PlannedTranscoder(request, plan);
  yield* counted(transcoder.generate(), effort);
  return transcoder;
}

function* counted<T>(parts: Generator<void, T>, effort: PlanningEffort): Generator<void, T> {
  for (;;) {
    const next = parts.next();
    effort.parts++;
    if (next.done) return next.value;
    yield;
  }
}

class PlannedTranscoder implements Transcoder {
  readonly unknownFields: number;
  readonly output: readonly OutputOp[];
  readonly #plan: TranscodePlan;
  readonly #checksText: boolean;
  readonly #cursor = new ByteCursor();
  readonly #marks: Marks;
  readonly #exact: ExactEncoder;
  readonly #later = new Map<string, { readonly index: number; readonly read: ValueReader }>();
  #decode: GeneratedDecoder = () => notGenerated();
  #encode: GeneratedEncoder = () => notGenerated();

  constructor(request: TranscoderRequest, plan: TranscodePlan) {
    this.#plan = plan;
    this.unknownFields = plan.unknownFields;
    this.output = plan.output;
    this.#checksText = request.checksText;
    const marked = new Set(plan.output.flatMap(boundariesOf));
    const later = laterFields(request);
    for (const { field } of later) marked.add(field);
    const indexOf = new Map([...marked].sort((a, b) => a - b).map((field, i) => [field, i]));
    const positions = new Int32Array(indexOf.size);
    this.#marks = { indexOf, positions, areKept: request.keepsRows, owner: this };
    for (const { name, field, read } of later) this.#later.set(name, { index: indexOf.get(field) ?? 0, read });
    this.#exact = new ExactEncoder(plan.output, indexOf);
  }

  *generate(): Generator<void, void> {
    yield;
    this.#decode = yield* generateDecoder(this.#plan, this.#cursor, this.#checksText, this.#marks);
    yield;
    this.#encode = yield* generateEncoder(this.#plan.output, this.#marks.indexOf);
  }

  decode(bytes: Buffer, from: number, to: number): Row {
    return this.#decode(bytes, from, to);
  }

  encode(row: Row, into: Buffer, at: number): number {
    const end = this.#encode(row, into, at);
    return end >= 0 ? end : this.#exact.encode(row, into, at);
  }

  laterOf(row: Row, name: string): unknown {
    const later = this.#later.get(name);
    if (later === undefined) return undefined;
    const { bytes, positions } = spansOf(row);
    this.#cursor.reset(bytes, positions[later.index] ?? 0, bytes.length);
    try {
      return later.read(this.#cursor);
    } catch (thrown) {
      if (thrown instanceof RecordError) return undefined;
      throw thrown;
    }
  }
}

/** The transcoder that made a row; undefined for rows of values alone. */
export function transcoderOf(row: Row): Transcoder | undefined {
  return row["#plan"] as Transcoder | undefined;
}

function spansOf(source: Row): { readonly bytes: Buffer; readonly positions: ArrayLike<number> } {
  return { bytes: source["#bytes"] as Buffer, positions: source["#at"] as ArrayLike<number> };
}

function notGenerated(): never {
  throw new TypeError("a transcoder is used before it is whole");
}

/** The fields before which an operation needs the position. */
function boundariesOf(op: OutputOp): readonly number[] {
  if (op.op === "copy") return [op.from, op.to];
  return op.op === "swap" ? [op.field, op.field + 1] : [];
}

function laterFields({ later, reader, writer, ingest }: TranscoderRequest) {
  if (ingest !== undefined) return [];
  const targets = targetsOf(writer, reader.fields);
  return later.flatMap((name) => {
    const field = reader.fields.find((candidate) => candidate.name === name);
    const written = field && writtenFor(field, writer);
    if (field === undefined || written === undefined || targets.get(written.name) !== field) return [];
    const read = new Resolution(new Skippers({ text: false })).resolve(written.type, field.type, field.name);
    return [{ name, field: writer.fields.indexOf(written), read }];
  });
}

/** Encodes part by part, and tells exactly how much room is missing: the generated way asks for more than it may need. */
class ExactEncoder {
  readonly #ops: readonly OutputOp[];
  readonly #indexOf: ReadonlyMap<number, number>;
  readonly #sink = new ByteSink();
  readonly #writers = new Map<AvroType, ValueWriter>();

  constructor(ops: readonly OutputOp[], indexOf: ReadonlyMap<number, number>) {
    this.#ops = ops;
    this.#indexOf = indexOf;
  }

  encode(row: Row, into: Buffer, at: number): number {
    const sink = this.#sink;
    sink.reset();
    for (const op of this.#ops) this.#write(op, row);
    const missing = sink.byteLength - (into.length - at);
    if (missing > 0) return -missing;
    sink.copyTo(into, at);
    return at + sink.byteLength;
  }

  #write(op: OutputOp, row: Row): void {
    const sink = this.#sink;
    switch (op.op) {
      case "constant":
        sink.raw(op.bytes);
        break;
      case "copy":
        sink.raw(this.#span(row, op.from, op.to));
        break;
      case "swap": {
        const span = this.#span(row, op.field, op.field + 1);
        let index = 0;
        while ((span[index] ?? 0) > 127) index++;
        sink.byte(((span[0] ?? 0) & 127) === 0 ? 2 : 0);
        sink.raw(span.subarray(index + 1));
        break;
      }
      default: {
        const value = op.of === "row" ? row[op.name] : (row["#source"] as Row)[op.name];
        this.#writer(op.type)(sink, value, op.label);
      }
    }
  }

  #span(row: Row, from: number, to: number): Buffer {
    const { bytes, positions } = spansOf(row["#source"] as Row);
    return bytes.subarray(positions[this.#indexOf.get(from) ?? 0], positions[this.#indexOf.get(to) ?? 0]);
  }

  #writer(type: AvroType): ValueWriter {
    const made = this.#writers.get(type) ?? valueWriter(type);
    this.#writers.set(type, made);
    return made;
  }
}

/** A request that decodes every field of `reader` and encodes nothing. */
export function wholeRows(writer: RecordType, reader: RecordType): PlanRequest {
  return {
    writer,
    reader,
    reads: "whole",
    output: undefined,
    values: new Set(),
    copies: false,
    checksText: true,
    ingest: undefined,
  };
}
