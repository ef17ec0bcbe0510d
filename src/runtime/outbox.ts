import { AssertionError, type Offset } from "../kernel/index.ts";
import type { Outgoing } from "../wire/index.ts";
import type { OutputBatches } from "./output-batches.ts";
import type { RecordRefusedError } from "./port.ts";
import { type RefusalReason, RefusedRecords } from "./refused-records.ts";

/**
 * What follows when the broker refuses a record for good.
 *
 * - `set-aside`: its input becomes a dead letter.
 * - `shorten`: the record goes without its value; refused even then, the offset stops there.
 * - `halt`: the stage halts. Nobody could say what the records behind it would mean without it.
 */
export type RefusalPolicy = "set-aside" | "shorten" | "halt";

/** One topic that a stage writes: its batches of the chunk in hand, which carry topic and role, and what a refusal means. */
export interface Outlet {
  readonly batches: OutputBatches;
  readonly onRefusal: RefusalPolicy;
}

/**
 * What the pump does after a record was refused.
 *
 * - `marked`: do the chunk again at once; what was refused will not be in it.
 * - `again`: write it once more, after a pause.
 * - `stuck`: no input can be named, or what was tried did not help: the offset stops here.
 * - `halt`: the outlet's refusals halt the stage.
 */
export type RefusalOutcome = "marked" | "again" | "stuck" | "halt";

/**
 * All that a task writes: a list of outlets, and the inputs whose records the broker refused.
 *
 * The marks outlive their chunk, which is done again with them.
 */
export class Outbox {
  readonly outlets: readonly Outlet[];
  /** By outlet. */
  readonly #refused: readonly RefusedRecords[];
  #hasRefused = false;

  /** @param inputCount how many inputs the task has, at least 1 */
  constructor(outlets: readonly Outlet[], inputCount: number) {
    this.outlets = outlets;
    this.#refused = outlets.map(() => new RefusedRecords(inputCount));
  }

  /** The records that are written from here on are made of this input's. */
  readFrom(input: number): void {
    for (const { batches } of this.outlets) batches.input = input;
  }

  /** The batches of an outlet, for whoever writes to it. */
  batchesOf(outlet: number): OutputBatches {
    const found = this.outlets[outlet];
    if (found === undefined) throw new AssertionError(`there is no outlet ${outlet}`);
    return found.batches;
  }

  /** True when the chunk in hand has anything to write. */
  get hasRecords(): boolean {
    for (const { batches } of this.outlets) if (batches.recordCount > 0) return true;
    return false;
  }

  /** True when records were made that no finished batch holds yet. */
  get hasUnsealed(): boolean {
    for (const { batches } of this.outlets) if (batches.openCount > 0) return true;
    return false;
  }

  /** Closes every batch under construction. */
  sealAll(): void {
    for (const { batches } of this.outlets) batches.sealAll();
  }

  /** Moves the finished batches that were not taken yet to the end of `into`, outlet by outlet. */
  take(into: Outgoing[]): void {
    for (const { batches } of this.outlets) batches.take(into);
  }

  /** The chunk is settled, one way or the other: nothing of it is left here. */
  reset(): void {
    for (const { batches } of this.outlets) batches.reset();
  }

  /** True while any input is marked; asked per record, so that the look-ups are not. */
  get hasRefused(): boolean {
    return this.#hasRefused;
  }

  /** Why the record that an outlet had for an input was refused; undefined when it was not. */
  refusalOf(outlet: number, input: number, offset: Offset): RefusalReason | undefined {
    return this.#hasRefused ? this.#refused[outlet]?.reasonOf(input, offset) : undefined;
  }

  /** Marks the input of a record that the broker refused, in the outlet whose record it is. */
  mark(error: RecordRefusedError): RefusalOutcome {
    for (const [index, { batches, onRefusal }] of this.outlets.entries()) {
      if (error.topic !== batches.topic.topic) continue;
      if (onRefusal === "halt") return "halt";
      if (this.#refused[index]?.mark(error, batches) !== true) return "stuck";
      this.#hasRefused = true;
      return "marked";
    }
    return "stuck";
  }

  /** Forgets the marks of what is committed. @param offsetsNext by input */
  forgetBelow(offsetsNext: readonly Offset[]): void {
    if (!this.#hasRefused) return;
    for (const refused of this.#refused) refused.forgetBelow(offsetsNext);
    this.#hasRefused = this.#refused.some((refused) => !refused.isEmpty);
  }

  clearMarks(): void {
    for (const refused of this.#refused) refused.clear();
    this.#hasRefused = false;
  }
}
