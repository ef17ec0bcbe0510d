import { type Offset, OperationError, type RecordError, topicPartitionKey } from "../kernel/index.ts";
import type { ErrorPlace, PlannedStage } from "../topology/index.ts";
import type { RawBatch } from "../wire/index.ts";
import { resetCommand } from "./reset-command.ts";

/**
 * One record keeps its chunk from going on. The task is opened again: what came before the record is committed by itself,
 * and then the record is tried as the first of its chunk.
 */
export class RecordHeldUpError extends OperationError {
  /** False when the record is to be tried again after a pause. */
  readonly isAtOnce: boolean;

  constructor(failure: RecordError, message: string, isAtOnce: boolean) {
    super(failure.code, message, { cause: failure, disposition: "retry" });
    this.isAtOnce = isAtOnce;
  }
}

/** A record that failed where it may not become a dead letter, or not yet. */
interface HeldUp {
  readonly input: number;
  readonly offset: Offset;
  /** How often it was tried again. */
  retries: number;
}

/**
 * What becomes of a record that fails, by the place where it does.
 *
 * A record that halts its stage, or is tried again, is a chunk of its own: everything before it is committed first, so that
 * a halt stands exactly at the record, and a retry repeats nothing else. That costs good records one
 * comparison per piece.
 */
export class FailurePolicy {
  readonly #stage: PlannedStage;
  /** The record that is begun as the first of its chunk; undefined while all is well. */
  #heldUp: HeldUp | undefined;
  /** Refusals of the chunk in hand that were answered by writing it again. */
  #rewrites = 0;

  constructor(stage: PlannedStage) {
    this.#stage = stage;
  }

  /** True while a record is tried again: its task is not well, though it opens. */
  get isHeldUp(): boolean {
    return this.#heldUp !== undefined;
  }

  /** Where a piece of the batch has to end, so that a record that is held up is a chunk of its own; `to` else. */
  endOf(batch: RawBatch, input: number, from: number, to: number, isChunkEmpty: boolean): number {
    const heldUp = this.#heldUp;
    if (heldUp === undefined || heldUp.input !== input) return to;
    for (let index = from; index < to; index++)
      if ((batch.offsets[index] as number) >= heldUp.offset) return index === from && isChunkEmpty ? index + 1 : index;
    return to;
  }

  /**
   * Returns when the record becomes a dead letter now.
   *
   * @param isFirst it is the first of its chunk
   * @throws RecordHeldUpError when it is to be tried again; OperationError that halts the stage
   */
  judge(
    place: ErrorPlace,
    failure: RecordError,
    at: { batch: RawBatch; index: number; input: number; isFirst: boolean },
  ): void {
    const policy = this.#stage.errors[place];
    // Late is no failure: what becomes of it stands under `late`.
    if (policy === "dead-letter" || failure.code === "MR_LATE") return;
    // That one was written again as often as it may be before it was given up.
    if (place === "produce" && policy !== "halt") return;
    const { batch, index, input, isFirst } = at;
    const offset = batch.offsets[index] as number;
    const where = `record ${topicPartitionKey(batch.topic, batch.partition)} at offset ${offset}`;
    if (!isFirst) {
      this.#heldUp = { input, offset, retries: 0 };
      throw new RecordHeldUpError(failure, `${where} fails, and is done by itself: ${failure.message}`, true);
    }
    if (policy === "halt") throw this.#halt(place, failure, where, batch, offset);
    const retries = this.#heldUp?.offset === offset ? this.#heldUp.retries : 0;
    if (retries >= policy.retry) return;
    this.#heldUp = { input, offset, retries: retries + 1 };
    const times = `${retries + 1} of ${policy.retry}`;
    throw new RecordHeldUpError(failure, `${where} fails, and is tried again (${times}): ${failure.message}`, false);
  }

  /** True when a chunk of which a record was refused is to be written once more before the record is given up. */
  rewrites(): boolean {
    const { produce } = this.#stage.errors;
    if (typeof produce === "string" || this.#rewrites >= produce.retry) return false;
    this.#rewrites++;
    return true;
  }

  /** @param offsetsNext by input */
  keep(offsetsNext: readonly Offset[]): void {
    this.#rewrites = 0;
    if (this.#heldUp !== undefined && this.#heldUp.offset < (offsetsNext[this.#heldUp.input] ?? 0))
      this.#heldUp = undefined;
  }

  clear(): void {
    this.#rewrites = 0;
    this.#heldUp = undefined;
  }

  #halt(place: ErrorPlace, failure: RecordError, where: string, batch: RawBatch, offset: Offset): OperationError {
    const { name, group } = this.#stage;
    const next = (batch.damage?.last ?? offset) + 1;
    const command = resetCommand(group, batch, `--to-offset ${next}`);
    return new OperationError(
      failure.code,
      `stage ${name} halts at ${where}, as errors.${place} says: ${failure.message}; mend the cause, write errors: { ${place}: dead-letter }, or, to pass over it, end the workers and run: ${command}`,
      { cause: failure },
    );
  }
}
