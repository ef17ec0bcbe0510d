import type { Passing } from "../expression/index.ts";
import { type Clock, type Facts, messageOf, type Offset, type RecordError } from "../kernel/index.ts";
import type { Row } from "../schema/index.ts";
import type { PlannedInfer, PlannedStage } from "../topology/index.ts";
import { Inference } from "./inference.ts";
import type { Outlet } from "./outbox.ts";
import { OutputBatches, type OutputTopic } from "./output-batches.ts";
import type { ServedModel } from "./served-model.ts";

/** How long a challenger may take for a micro-batch: the version in service waits behind it. */
const answerMsMax = 5_000;

export interface ShadowScorerOptions {
  readonly stage: PlannedStage;
  readonly infer: PlannedInfer;
  readonly topic: OutputTopic;
  readonly partition: number;
  readonly passing: Passing | undefined;
  readonly clock: Clock;
  readonly facts: Facts;
}

/**
 * Scores with a challenger what the version in service has scored, and makes prediction records of it.
 *
 * Whatever goes wrong here is said once and ends it: the version has failed, and scores nothing more.
 */
export class ShadowScorer {
  readonly outlet: Outlet;
  readonly batches: OutputBatches;
  readonly #options: ShadowScorerOptions;
  /** Made when there is a first challenger: most tasks never meet one. */
  #inference: Inference | undefined;
  #version = 0;
  #failed = 0;
  #rows: (Row | null)[] = [];

  constructor(options: ShadowScorerOptions) {
    this.#options = options;
    this.batches = new OutputBatches(options.topic, "output", undefined);
    // Not asked for: the task takes a refusal of its records for the challenger's failure.
    this.outlet = { batches: this.batches, onRefusal: "halt" };
  }

  /** The version that has failed last; 0 when none has. */
  get failed(): number {
    return this.#failed;
  }

  /** The version that scores; 0 while none does. */
  get version(): number {
    return this.#version;
  }

  /** True while there is somebody to score. */
  get isServing(): boolean {
    return this.#version !== 0;
  }

  /** @throws OperationError MR_MODEL when it was trained on other inputs */
  serve(model: ServedModel | undefined): void {
    this.#rows = [];
    this.#version = 0;
    if (model === undefined) return;
    const { stage, infer, passing, clock } = this.#options;
    this.#inference ??= new Inference(stage, infer, passing, { clock, afterMs: answerMsMax });
    this.#inference.serve(model);
    this.#version = model.version;
  }

  /** Keeps the rows of a piece as they are before they are scored. */
  begin(rows: readonly (Row | null)[]): void {
    this.#rows = this.isServing ? rows.slice() : [];
  }

  /**
   * Scores the rows that were kept, as far as the version in service has scored them.
   *
   * @param scored what became of them there
   * @param offsetOf of a row, by its index
   * @throws the signal's reason, and nothing else
   */
  async score(
    scored: readonly (Row | null)[],
    offsetOf: (index: number) => Offset,
    breathe: () => Promise<void> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const inference = this.#inference;
    if (inference === undefined || !this.isServing) return;
    const errors: (RecordError | null)[] = [];
    for (let i = 0; i < this.#rows.length; i++) if (scored[i] === null) this.#rows[i] = null;
    const first = this.#rows.findIndex((row) => row !== null);
    try {
      await inference.run(this.#rows, errors, breathe, signal);
    } catch (thrown) {
      signal?.throwIfAborted();
      if (first !== -1) this.fail(this.#version, offsetOf(first), messageOf(thrown));
      return;
    }
    const failing = errors.findIndex((error) => error !== null && error !== undefined);
    if (failing === -1) return;
    const kept = this.#rows.slice(0, failing);
    this.fail(this.#version, offsetOf(failing), errors[failing]?.message ?? "");
    this.#rows = kept;
  }

  /** What it made of a row of the piece; null where it made nothing. */
  rowAt(index: number): Row | null {
    return this.#rows[index] ?? null;
  }

  /** The piece is done with. */
  clear(): void {
    this.#rows = [];
  }

  /** The version failed at an offset: it scores no more. */
  fail(version: number, offset: Offset, reason: string): void {
    this.#version = 0;
    this.#rows = [];
    this.#failed = version;
    const { partition, infer, facts } = this.#options;
    facts.emit("challengerFailed", { task: partition, model: infer.model, version, offset, reason });
  }
}
