/**
 * The hot path of one stage on one partition.
 *
 * In one file because all that a chunk changes is made, kept and undone here, and has to be read together.
 */
import type { CompiledProgram, RowContext } from "../expression/index.ts";
import {
  AssertionError,
  type EpochMs,
  MillraceError,
  messageOf,
  type Offset,
  RecordError,
  type RecordErrorCode,
  topicPartitionKey,
} from "../kernel/index.ts";
import { type Row, readSchemaId, transcoderOf } from "../schema/index.ts";
import type { Store } from "../state/index.ts";
import { type ErrorPlace, recordOverheadBytes } from "../topology/index.ts";
import { type Outgoing, partitionOf, type RawBatch } from "../wire/index.ts";
import type { TaskModel } from "./adoption/task-model.ts";
import type { Changelog } from "./changelog.ts";
import { CountTally } from "./counts.ts";
import type { RecordFailure } from "./dead-letters.ts";
import type { FailurePolicy } from "./failure-policy.ts";
import type { Inference } from "./inference.ts";
import type { InputReader } from "./input-reader.ts";
import type { Outbox, RefusalOutcome } from "./outbox.ts";
import type { OutputBatches } from "./output-batches.ts";
import { tooLarge } from "./output-encoder.ts";
import type { RecordRefusedError } from "./port.ts";
import type { Position } from "./position.ts";
import { ScoringPiece } from "./scoring-piece.ts";
import type { ServedModel } from "./served-model.ts";
import type { ShadowScorer } from "./shadow-scorer.ts";
import type { StageTaskParts } from "./stage-task-parts.ts";
import type { TaskTap } from "./tap/task-tap.ts";
import type { TaskNote } from "./task-note.ts";

/** The clock is asked once per so many records: asking costs as much as a cheap step. */
const recordsPerClockLook = 32;

/** Which part of the work on a record is under way; names the code of an error that nobody foresaw. */
type Phase = "decode" | "steps" | "encode" | "written";

const unforeseenCode: Readonly<Record<Phase, RecordErrorCode>> = {
  decode: "MR_DECODE_BODY",
  steps: "MR_EXPRESSION",
  encode: "MR_CAST",
  written: "MR_REFUSED",
};

/** Which policy a failure in each of them is under. */
const placeOf: Readonly<Record<Phase, ErrorPlace>> = {
  decode: "decode",
  steps: "process",
  encode: "process",
  written: "produce",
};

/**
 * One stage on one input partition: the hot path, and all that a chunk changes until it is kept or undone.
 *
 * Per piece: while `unresolvedId` is set, `await resolve`; `compute`; `await infer` when it answers a promise;
 * `finish`. `take` gives the batches that are full, or that `sealBatches` closed; `seal` closes the rest at the end of
 * the chunk. Then `keep`, or `undo`, or `clear`.
 *
 * Fields are plain and the code per record is flat on purpose: there is one call of `#work` per record and no
 * promise, closure or object of ours, the row aside.
 */
export class StageTask {
  readonly partition: number;
  /** What became of the records of the chunk in hand. */
  readonly tally = new CountTally();
  /** Key, value and header bytes that the chunk in hand has read. */
  bytesIn = 0;
  /** Event time of the last record of the chunk in hand that has one; undefined when none has. */
  eventTimeMs: EpochMs | undefined;
  /** Counts from 1; goes into dead letters. */
  attempt = 1;

  readonly #parts: StageTaskParts;
  readonly #reader: InputReader;
  readonly #program: CompiledProgram;
  readonly #inference: Inference | undefined;
  readonly #keyField: string | undefined;
  readonly #stores: readonly Store[];
  readonly #tap: TaskTap | undefined;
  /** What records are read as has a writer's schema each. */
  readonly #hasSchemas: boolean;
  /** Stores of the steps and of the tap. */
  readonly #allStores: readonly Store[];
  readonly #outbox: Outbox;
  /** The outlet of the rows, in the hot path's hand. */
  readonly #outputs: OutputBatches;
  readonly #recordBytesMax: number;
  readonly #failures: FailurePolicy;
  /** Offset of the first record of the chunk in hand, in its input; -1 in an empty one. */
  #firstOffset: Offset = -1;
  #firstInput = 0;
  #isCutShort = false;
  readonly #context: RowContext = {
    offset: 0,
    streamTimeMs: Number.NEGATIVE_INFINITY,
    processingTimeMs: 0,
    out: null,
  };
  /** Stream time at the end of the last chunk that was kept. */
  #streamTimeKeptMs: EpochMs = Number.NEGATIVE_INFINITY;
  /** Records per fate of the program in the chunk in hand. */
  readonly #fateCounts: Float64Array;
  #outCount = 0;
  #tombstoneCount = 0;

  /** Which input the piece under way is read from. */
  #input = 0;
  #phase: Phase = "decode";
  #nowMs = 0;
  /** The row of the record under way, for its event id when it fails. */
  #row: Row | undefined;

  /** Used by a stage that infers only. */
  readonly #piece = new ScoringPiece();

  constructor(parts: StageTaskParts) {
    this.partition = parts.partition;
    this.#parts = parts;
    this.#stores = parts.memories.map(({ store }) => store);
    this.#tap = parts.tap;
    this.#hasSchemas = parts.hasSchemas;
    this.#allStores = [...this.#stores, ...(parts.tap?.counters ?? []).map(({ store }) => store)];
    this.#reader = parts.reader;
    this.#program = parts.program;
    this.#inference = parts.inference;
    this.#keyField = parts.keyField;
    this.#outbox = parts.outbox;
    this.#outputs = parts.outbox.batchesOf(parts.outputOutlet);
    this.#recordBytesMax = parts.recordBytesMax;
    this.#failures = parts.failures;
    this.#fateCounts = new Float64Array(parts.program.fates.length);
    if (parts.model !== undefined) this.serve(parts.model);
  }

  /** What says which version it scores with; undefined where that never changes. */
  get following(): TaskModel | undefined {
    return this.#parts.following;
  }

  /**
   * Scores with this version from here on; between two chunks.
   * @throws OperationError MR_MODEL when it was trained on other inputs
   */
  serve(model: ServedModel): void {
    this.#inference?.serve(model);
    if (this.#inference !== undefined) this.#tap?.serve(`${this.#inference.model}/${model.version}`);
  }

  /** What was written beside any chunk is committed. */
  writtenAside(): void {
    this.#outbox.reset();
  }

  /** Keys of its input topic-partitions. */
  get inputs(): readonly string[] {
    return this.#parts.inputs;
  }

  /** What it runs in: whoever drives it goes by the same clock. */
  get surroundings(): Pick<StageTaskParts, "clock" | "facts" | "yieldToLoop" | "timeSliceMs"> {
    return this.#parts;
  }

  /** The stores of its steps, in the order of the plan. */
  get stores(): readonly Store[] {
    return this.#stores;
  }

  /** True when a store of its steps is written down nowhere. */
  get hasVolatile(): boolean {
    const written = new Set(this.changelogs.map(({ store }) => store));
    return this.#stores.some((store) => !written.has(store));
  }

  /** What the monitors of its output see; undefined where there is none. */
  get tap(): TaskTap | undefined {
    return this.#tap;
  }

  /** Where those of its stores that are written down are, and those of its tap. */
  get changelogs(): readonly Changelog[] {
    return this.#parts.changelogs;
  }

  /** The latest event time that was met, of the chunk in hand too; -Infinity before there was one. */
  get streamTimeMs(): EpochMs {
    return this.#context.streamTimeMs;
  }

  /** Writer schema that `compute` stopped at; -1 when there is none. */
  get unresolvedId(): number {
    return this.#reader.unresolvedId;
  }

  /** True when the chunk in hand has to end where it is: a writer schema is not known, or the next record is to be done by itself. */
  get endsHere(): boolean {
    return this.#isCutShort || this.#reader.unresolvedId !== -1;
  }

  /** True while a record that failed is tried again. */
  get isHeldUp(): boolean {
    return this.#failures.isHeldUp;
  }

  /** True when the chunk in hand has anything to write. */
  get hasOutput(): boolean {
    return this.#outbox.hasRecords;
  }

  /** True when records were made that no finished batch holds yet. */
  get hasUnsealed(): boolean {
    return this.#outbox.hasUnsealed;
  }

  /** Entries that each store holds, in the order of the plan. */
  get storeEntries(): readonly number[] {
    return this.#parts.memories.map(({ store }) => store.entryCount);
  }

  /** Asks the registry for the schema that `compute` stopped at, and waits while the registry is down. */
  async resolve(signal: AbortSignal): Promise<void> {
    await this.#parts.writers.resolve(this.#reader.unresolvedId, signal);
    this.#reader.unresolvedId = -1;
  }

  /**
   * Works off the records `from` to `to` of a batch; answers the index of the first that was not worked off: `to`,
   * or earlier when `untilMs` (monotonic) has passed or a writer schema has to be resolved first.
   */
  compute(batch: RawBatch, from: number, to: number, untilMs: number): number {
    const { clock } = this.#parts;
    this.#nowMs = clock.now();
    this.#context.processingTimeMs = this.#nowMs;
    // The last record of another piece says nothing of this one.
    this.#row = undefined;
    this.#input = this.#inputOf(batch);
    this.#outbox.readFrom(this.#input);
    if (this.#inference !== undefined) this.#piece.batch = batch;
    const isChunkEmpty = this.tally.in === 0;
    if (isChunkEmpty) {
      this.#firstOffset = batch.offsets[from] as number;
      this.#firstInput = this.#input;
      this.#tap?.beginChunk();
    }
    const end = this.#failures.endOf(batch, this.#input, from, to, isChunkEmpty);
    this.#isCutShort = end < to;
    let looked = 0;
    for (let index = from; index < end; index++) {
      if (++looked > recordsPerClockLook) {
        looked = 1;
        if (clock.monotonicMs() >= untilMs) return this.#endPiece(index);
      }
      if (!this.#work(batch, index)) return this.#endPiece(index);
      this.tally.in++;
    }
    return this.#endPiece(end);
  }

  /** Looks at the time of the piece's last record: once per piece, so that it costs the others nothing. */
  #endPiece(end: number): number {
    const { eventTimeField } = this.#parts;
    const row = this.#row;
    if (row === undefined || eventTimeField === undefined) return end;
    const timeMs = row[eventTimeField] ?? transcoderOf(row)?.laterOf(row, eventTimeField);
    if (typeof timeMs === "number") this.eventTimeMs = timeMs;
    return end;
  }

  /**
   * Scores the piece; undefined when there is nothing to wait for. Rejects when the scorer fails as a whole, when it
   * does not answer in time, and with the reason of the signal.
   */
  infer(signal?: AbortSignal): Promise<void> | undefined {
    if (this.#inference === undefined || this.#piece.indices.length === 0) return undefined;
    return this.#score(this.#inference, signal);
  }

  async #score(inference: Inference, signal: AbortSignal | undefined): Promise<void> {
    const { clock, facts, yieldToLoop, timeSliceMs } = this.#parts;
    const beganMs = clock.monotonicMs();
    let untilMs = beganMs + timeSliceMs;
    const breathe = (): Promise<void> | undefined => {
      if (clock.monotonicMs() < untilMs) return undefined;
      untilMs = clock.monotonicMs() + timeSliceMs;
      return yieldToLoop();
    };
    const { rows, errors, indices, batch } = this.#piece;
    const { shadow } = this.#parts;
    shadow?.begin(rows);
    await inference.run(rows, errors, breathe, signal);
    facts.emit("rowsScored", { seconds: (clock.monotonicMs() - beganMs) / 1_000 });
    const offsetOf = (i: number): Offset => batch?.offsets[indices[i] as number] ?? -1;
    await shadow?.score(rows, offsetOf, breathe, signal);
  }

  /** Encodes what `infer` scored. Does nothing in a stage that does not infer: its rows are encoded as they come. */
  finish(): void {
    const { batch, indices, rows, hadRows, errors, eventIds } = this.#piece;
    if (batch === undefined) return;
    this.#phase = "encode";
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] as number;
      const row = rows[i];
      const eventId = eventIds[i] as string;
      if (row === null || row === undefined) {
        const error = errors[i];
        if (error === null || error === undefined) throw new AssertionError("a record has neither a row nor an error");
        // What failed before has been judged.
        if (hadRows[i] === true) this.#judge("process", batch, index, error);
        this.#deadLetter(batch, index, error, eventId);
        continue;
      }
      try {
        this.#emit(batch, index, row);
      } catch (thrown) {
        const error = this.#errorOf(thrown);
        this.#judge("process", batch, index, error);
        this.#deadLetter(batch, index, error, eventId);
        continue;
      }
      if (this.#parts.shadow !== undefined) this.#emitBeside(this.#parts.shadow, batch, index, i);
    }
    this.#parts.shadow?.clear();
    this.#piece.clear();
  }

  /** What a challenger made of a record. Nothing that goes wrong with it becomes the record's. */
  #emitBeside(shadow: ShadowScorer, batch: RawBatch, index: number, at: number): void {
    const row = shadow.rowAt(at);
    if (row === null) return;
    const offset = batch.offsets[index] as number;
    try {
      this.#append(shadow.batches, batch, index, row);
    } catch (thrown) {
      shadow.fail(Number(row["model_version"]), offset, messageOf(thrown));
    }
  }

  /** Moves the batches that are finished to the end of `into`. */
  take(into: Outgoing[]): void {
    this.#outbox.take(into);
  }

  /** Closes the batches under construction; the chunk goes on. */
  sealBatches(): void {
    this.#outbox.sealAll();
  }

  /** Ends the chunk: writes down what its stores have changed, closes its batches, and adds up its counts in `tally`. */
  seal(): void {
    this.#tap?.seal(this.#parts.clock.now(), this.#parts.clock.monotonicMs());
    for (const changelog of this.#parts.changelogs) changelog.writeChanges(this.#nowMs);
    this.sealBatches();
    this.tally.out += this.#outCount;
    this.#outCount = 0;
    if (this.#tombstoneCount > 0) this.tally.addFiltered("tombstone", this.#tombstoneCount);
    this.#tombstoneCount = 0;
    for (let answer = 1; answer < this.#fateCounts.length; answer++) {
      const count = this.#fateCounts[answer] as number;
      if (count === 0) continue;
      this.#fateCounts[answer] = 0;
      const fate = this.#program.fates[answer];
      if (fate?.kind === "filtered") this.tally.addFiltered(fate.reason, count);
      else if (fate?.kind === "late") this.tally.late += count;
    }
  }

  /** Tells what its tap has counted and not told, in the chunk in hand, which was sealed. */
  leavePartials(): void {
    this.#tap?.report(this.#parts.clock.now());
    this.sealBatches();
  }

  /** True when it is time that the task's account goes with a chunk. */
  get isAccountDue(): boolean {
    return this.#parts.accountLog?.isDue(this.#parts.clock.monotonicMs()) ?? false;
  }

  /** True when more was committed than the account that was left says. */
  get isAccountBehind(): boolean {
    return this.#parts.accountLog?.isBehind ?? false;
  }

  /** Adds the account that goes with the chunk in hand, which was sealed. Does nothing for a task that leaves none. */
  leaveAccount(note: TaskNote, offsetNext: Offset): void {
    const { accountLog, clock } = this.#parts;
    accountLog?.leave(note, offsetNext, clock.now());
    accountLog?.outlet.batches.sealAll();
  }

  /** The stores have taken in what was written down of them: the task goes on from there, at this stream time. */
  restored(streamTimeMs: EpochMs): void {
    this.#context.streamTimeMs = streamTimeMs;
    this.#streamTimeKeptMs = streamTimeMs;
    for (const store of this.#allStores) store.keep(streamTimeMs);
  }

  /** The chunk up to `position` is durable: its changes are final. `tally` has been read before. */
  keep(position: Position): void {
    const { streamTimeMs } = this.#context;
    this.#streamTimeKeptMs = streamTimeMs;
    for (const store of this.#allStores) store.keep(streamTimeMs);
    this.#tap?.keep(this.#parts.clock.monotonicMs());
    this.#parts.accountLog?.keep(this.#parts.clock.monotonicMs());
    const offsetsNext = this.#parts.inputs.map((input) => position.get(input) ?? 0);
    this.#outbox.forgetBelow(offsetsNext);
    this.#failures.keep(offsetsNext);
    this.#forgetChunk();
  }

  /** The chunk failed: no trace of it is left (R2). Records that were refused stay marked. */
  undo(): void {
    for (const store of this.#allStores) store.undo();
    this.#tap?.undo();
    this.#parts.accountLog?.undo();
    this.#context.streamTimeMs = this.#streamTimeKeptMs;
    this.#forgetChunk();
  }

  /** Another owner has been there: starts as on a restart. */
  clear(): void {
    for (const store of this.#allStores) store.clear();
    this.#tap?.clear();
    this.#streamTimeKeptMs = Number.NEGATIVE_INFINITY;
    this.#context.streamTimeMs = Number.NEGATIVE_INFINITY;
    this.#outbox.clearMarks();
    this.#failures.clear();
    this.#parts.accountLog?.clear();
    this.#forgetChunk();
  }

  /**
   * Marks the inputs of records that the broker refused: they fail when the chunk is done again. Where the stage says so,
   * what was refused is written again before.
   */
  markRefused(error: RecordRefusedError): RefusalOutcome {
    const { shadow } = this.#parts;
    if (shadow !== undefined && error.topic === shadow.batches.topic.topic) {
      // The chunk is done again without it.
      shadow.fail(shadow.version, this.#firstOffset, `the broker refused a score: ${error.message}`);
      return "again";
    }
    if (error.topic === this.#outputs.topic.topic && this.#failures.rewrites()) return "again";
    return this.#outbox.mark(error);
  }

  #inputOf({ topic, partition }: RawBatch): number {
    const { inputs } = this.#parts;
    if (inputs.length === 1) return 0;
    const input = inputs.indexOf(topicPartitionKey(topic, partition));
    if (input === -1) throw new AssertionError(`a batch of ${topic}-${partition}, which is no input of the task`);
    return input;
  }

  #checkRefused(offset: Offset): void {
    const refused = this.#outbox.refusalOf(this.#parts.outputOutlet, this.#input, offset);
    if (refused === undefined) return;
    this.#phase = "written";
    throw new RecordError(refused.code, `the broker refused the record that was made of this one: ${refused.reason}`);
  }

  /** Answers false, and has done nothing, when a writer schema has to be resolved first. */
  #work(batch: RawBatch, index: number): boolean {
    const offset = batch.offsets[index] as number;
    this.#phase = "decode";
    this.#row = undefined;
    try {
      if (batch.damage !== undefined) throw new RecordError("MR_BATCH_CORRUPT", batch.damage.reason);
      const bytes = sizeOf(batch, index);
      this.bytesIn += bytes;
      if (bytes > this.#recordBytesMax) throw tooLarge(bytes, this.#recordBytesMax);
      if (this.#outbox.hasRefused) this.#checkRefused(offset);
      if (batch.valueFrom[index] === -1 && this.#parts.dropsTombstones) {
        this.#tombstoneCount++;
        return true;
      }
      const row = this.#reader.read(batch, index);
      if (row === undefined) {
        this.bytesIn -= bytes;
        return false;
      }
      this.#row = row;
      this.#phase = "steps";
      const context = this.#context;
      context.offset = offset;
      const answer = this.#program.run(row, context);
      if (answer !== 0) {
        this.#setAside(batch, index, answer);
        return true;
      }
      const out = context.out as Row;
      if (this.#inference !== undefined) {
        this.#piece.add(index, out, null, this.#eventIdOf(batch, index));
        return true;
      }
      this.#phase = "encode";
      this.#emit(batch, index, out);
    } catch (thrown) {
      this.#fail(batch, index, this.#errorOf(thrown));
    }
    return true;
  }

  #emit(batch: RawBatch, index: number, row: Row): void {
    const valueTo = this.#append(this.#outputs, batch, index, row);
    this.#outCount++;
    if (this.#tap !== undefined) this.#count(this.#tap, batch, index, valueTo);
  }

  /**
   * Encodes a row straight into the batch of its partition; answers the end of its value. Throws a RecordError before
   * anything is written.
   */
  #append(outputs: OutputBatches, batch: RawBatch, index: number, row: Row): number {
    const { encoder } = this.#parts;
    const valueTo = encoder.encode(row);
    let key: Uint8Array | null = batch.bytes;
    let keyFrom = batch.keyFrom[index] as number;
    let keyTo = batch.keyTo[index] as number;
    if (this.#keyField !== undefined) {
      keyTo = encoder.encodeKey(row[this.#keyField]);
      if (keyTo === -1) throw new RecordError("MR_REQUIRED", `field ${this.#keyField}: the key of the output is null`);
      key = encoder.key;
      keyFrom = 0;
    } else if (keyFrom === -1) {
      key = null;
      keyFrom = 0;
      keyTo = 0;
    }
    const headersFrom = batch.headersFrom[index] as number;
    const headersTo = batch.headersTo[index] as number;
    const bytes = keyTo - keyFrom + valueTo + headersTo - headersFrom;
    if (bytes > this.#recordBytesMax) throw tooLarge(bytes, this.#recordBytesMax);
    if (bytes + recordOverheadBytes > outputs.topic.messageBytesMax)
      throw tooLarge(bytes, outputs.topic.messageBytesMax - recordOverheadBytes);
    const { partitions } = outputs.topic;
    const partition = key === null ? batch.partition % partitions : partitionOf(key, keyFrom, keyTo, partitions);
    outputs.append(
      batch.offsets[index] as number,
      partition,
      this.#nowMs,
      key,
      keyFrom,
      keyTo,
      encoder.value,
      0,
      valueTo,
      batch.bytes,
      headersFrom,
      headersTo,
      batch.headerCounts[index] as number,
    );
    return valueTo;
  }

  /** Shows the row that was encoded last to the monitors. */
  #count(tap: TaskTap, batch: RawBatch, index: number, valueTo: number): void {
    const schema = this.#hasSchemas
      ? readSchemaId(batch.bytes, batch.valueFrom[index] as number, batch.valueTo[index] as number)
      : -1;
    try {
      tap.count(this.#parts.encoder.value, valueTo, batch, index, schema);
    } catch (cause) {
      // The row is written: what a monitor throws must not make a dead letter of it too.
      throw new AssertionError(`a monitor of stage output ${this.#outputs.topic.topic} could not count a row`, {
        cause,
      });
    }
  }

  /** A record that the program did not let through. */
  #setAside(batch: RawBatch, index: number, answer: number): void {
    const fate = this.#program.fates[answer];
    if (fate === undefined || fate.kind === "out") throw new AssertionError(`a program answered fate ${answer}`);
    if (fate.kind === "failed") {
      this.#fail(batch, index, new RecordError(fate.code, fate.message));
      return;
    }
    this.#fateCounts[answer] = (this.#fateCounts[answer] as number) + 1;
    if (fate.kind === "late") this.#fail(batch, index, new RecordError("MR_LATE", fate.message));
  }

  #fail(batch: RawBatch, index: number, error: RecordError): void {
    this.#judge(placeOf[this.#phase], batch, index, error);
    const eventId = this.#eventIdOf(batch, index);
    // In a stage that infers, dead letters wait for their piece, so that they keep the order of the input.
    if (this.#inference === undefined) this.#deadLetter(batch, index, error, eventId);
    else this.#piece.add(index, null, error, eventId);
  }

  /** Returns when the record becomes a dead letter; throws what holds up its chunk, or halts the stage. */
  #judge(place: ErrorPlace, batch: RawBatch, index: number, error: RecordError): void {
    const isFirst = batch.offsets[index] === this.#firstOffset && this.#input === this.#firstInput;
    this.#failures.judge(place, error, { batch, index, input: this.#input, isFirst });
  }

  #deadLetter(batch: RawBatch, index: number, error: RecordError, eventId: string): void {
    const failure: RecordFailure = { code: error.code, message: error.message, errorName: error.name, eventId };
    // R4: a late record counts as late, which the program's fate has done already.
    if (error.code !== "MR_LATE") {
      this.tally.addDeadLetter(error.code);
      this.#tap?.fail(batch, index);
    }
    this.#parts.deadLetters.add(batch, index, failure, {
      nowMs: this.#nowMs,
      attempt: this.attempt,
      dropsValue: this.#isRefusedLetter(batch.offsets[index] as number),
    });
  }

  #isRefusedLetter(offset: Offset): boolean {
    return this.#outbox.refusalOf(this.#parts.deadLetterOutlet, this.#input, offset) !== undefined;
  }

  #eventIdOf(batch: RawBatch, index: number): string {
    const row = this.#row;
    const id = row && (row["event_id"] ?? transcoderOf(row)?.laterOf(row, "event_id"));
    return typeof id === "string" && id !== "" ? id : `${this.#parts.eventIdStem}-${batch.offsets[index]}`;
  }

  /** R5: whatever one record makes our code throw is that record's dead letter; only broken promises go up. */
  #errorOf(thrown: unknown): RecordError {
    if (thrown instanceof RecordError) return thrown;
    if (thrown instanceof AssertionError || thrown instanceof MillraceError) throw thrown;
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    const code = unforeseenCode[this.#phase];
    this.#parts.facts.emit("recordUnforeseen", { partition: this.partition, code, error: name });
    // The error's own message may quote the record.
    return new RecordError(code, `an unforeseen ${name} in the ${this.#phase} phase`, { cause: thrown });
  }

  #forgetChunk(): void {
    this.#outbox.reset();
    this.#fateCounts.fill(0);
    this.#outCount = 0;
    this.#tombstoneCount = 0;
    this.#piece.clear();
    this.#parts.shadow?.clear();
    this.tally.reset();
    this.bytesIn = 0;
    this.eventTimeMs = undefined;
    this.#firstOffset = -1;
    this.#isCutShort = false;
  }
}

/** Key, value and headers of a record, in bytes. */
function sizeOf(batch: RawBatch, index: number): number {
  return (
    (batch.keyTo[index] as number) -
    (batch.keyFrom[index] as number) +
    (batch.valueTo[index] as number) -
    (batch.valueFrom[index] as number) +
    (batch.headersTo[index] as number) -
    (batch.headersFrom[index] as number)
  );
}
