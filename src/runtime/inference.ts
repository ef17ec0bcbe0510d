import type { CompiledProgram, RowContext } from "../expression/index.ts";
import { compileProgram } from "../expression/index.ts";
import { AssertionError, MillraceError, messageOf, OperationError, RecordError } from "../kernel/index.ts";
import { microBatchRows } from "../model/index.ts";
import type { Row, RowShape } from "../schema/index.ts";
import type { PlannedInfer, PlannedStage } from "../topology/index.ts";
import { checkSignature, type ServedModel } from "./served-model.ts";

/**
 * Rows that a scorer may refuse one after the other, each scored alone, before the scorer itself is held to be
 * broken and the stage halts: a model that fails for everything must not turn a topic into dead letters.
 */
const scorerFailuresMax = 64;

/** Where a field of the prediction record comes from. */
type PredictionField =
  | { readonly from: "row"; readonly name: string; readonly source: string }
  | { readonly from: "decided"; readonly name: string }
  | { readonly from: "constant"; readonly name: string; readonly value: string | number }
  | { readonly from: "score"; readonly name: string };

/** Scores the rows of a piece in micro-batches and makes prediction records of them. One per task. */
export class Inference {
  /** The model version that makes every prediction of this task. */
  readonly version: number;
  readonly #model: ServedModel;
  readonly #infer: PlannedInfer;
  readonly #fields: readonly PredictionField[];
  readonly #decide: CompiledProgram | undefined;
  readonly #features: Float64Array;
  readonly #scores = new Float64Array(microBatchRows);
  readonly #context: RowContext = { offset: 0, streamTimeMs: 0, processingTimeMs: 0, out: null };
  #failuresInRow = 0;

  constructor(stage: PlannedStage, infer: PlannedInfer, model: ServedModel) {
    checkSignature(infer.model, model, infer.features);
    this.#infer = infer;
    this.#model = model;
    this.version = model.version;
    this.#features = new Float64Array(microBatchRows * infer.features.length);
    this.#decide = infer.decideNames.length === 0 ? undefined : compileProgram(infer.decide, []);
    this.#fields = predictionFields(stage.to.schema?.shape ?? [], stage, infer, model.version);
  }

  /**
   * Replaces each row in `rows` by its prediction. One that gets no finite score becomes null, and entry i of
   * `errors` says why; rows that are null already are left alone.
   *
   * `breathe` is called between micro-batches. Rejects when the scorer fails as a whole.
   */
  async run(
    rows: (Row | null)[],
    errors: (RecordError | null)[],
    breathe: () => Promise<void> | undefined,
  ): Promise<void> {
    const chosen: number[] = [];
    for (let i = 0; i <= rows.length; i++) {
      if (i < rows.length && rows[i] !== null) chosen.push(i);
      if (chosen.length < microBatchRows && i < rows.length) continue;
      if (chosen.length === 0) break;
      const scoring = this.#score(rows, chosen);
      let failure: unknown;
      if (scoring !== undefined) failure = await scoring;
      if (failure === undefined) this.#finish(rows, errors, chosen);
      else await this.#scoreAlone(rows, errors, chosen, failure);
      chosen.length = 0;
      const pause = breathe();
      if (pause !== undefined) await pause;
    }
  }

  /** Answers what went wrong, wrapped, or undefined; a promise of it when the scorer takes its time. */
  #score(
    rows: readonly (Row | null)[],
    chosen: readonly number[],
  ): Promise<ScorerFault | undefined> | ScorerFault | undefined {
    const { features } = this.#infer;
    let at = 0;
    for (const index of chosen) {
      const row = rows[index] as Row;
      for (const name of features) this.#features[at++] = numberOf(row[name]);
    }
    this.#scores.fill(Number.NaN, 0, chosen.length);
    try {
      const done = this.#model.scorer.score(this.#features, chosen.length, this.#scores, 0);
      if (done === undefined) return undefined;
      return done.then(
        () => undefined,
        (thrown: unknown) => new ScorerFault(thrown),
      );
    } catch (thrown) {
      return new ScorerFault(thrown);
    }
  }

  /** Finds the rows that the scorer throws for, so that one bad row does not take its whole micro-batch with it. */
  async #scoreAlone(
    rows: (Row | null)[],
    errors: (RecordError | null)[],
    chosen: readonly number[],
    fault: unknown,
  ): Promise<void> {
    this.#rethrowUnlessRecord(fault);
    for (const index of chosen) {
      const alone = await this.#score(rows, [index]);
      if (alone === undefined) {
        this.#failuresInRow = 0;
        this.#finish(rows, errors, [index]);
        continue;
      }
      this.#rethrowUnlessRecord(alone);
      this.#failuresInRow++;
      if (this.#failuresInRow >= scorerFailuresMax)
        throw new OperationError(
          "MR_MODEL",
          `scoring with version ${this.version} of model ${this.#infer.model}: it failed for ${this.#failuresInRow} rows in a row: ${messageOf(alone.thrown)}`,
          { cause: alone.thrown },
        );
      rows[index] = null;
      errors[index] = new RecordError(
        "MR_INFER",
        `model ${this.#infer.model} version ${this.version} failed for the record`,
      );
    }
  }

  /** An error that says of itself that it is not the record's is not turned into dead letters. */
  #rethrowUnlessRecord(fault: unknown): void {
    const thrown = fault instanceof ScorerFault ? fault.thrown : fault;
    if (thrown instanceof AssertionError) throw thrown;
    if (thrown instanceof MillraceError && thrown.disposition !== "quarantine") throw thrown;
  }

  #finish(rows: (Row | null)[], errors: (RecordError | null)[], chosen: readonly number[]): void {
    for (let i = 0; i < chosen.length; i++) {
      const index = chosen[i] as number;
      const row = rows[index] as Row;
      const score = this.#scores[i] as number;
      rows[index] = null;
      if (!Number.isFinite(score)) {
        errors[index] = new RecordError(
          "MR_INFER",
          `model ${this.#infer.model} version ${this.version} gave no finite score`,
        );
        continue;
      }
      const decided = this.#decideFor(row, score, errors, index);
      if (decided !== undefined) rows[index] = this.#prediction(row, score, decided);
    }
  }

  #decideFor(row: Row, score: number, errors: (RecordError | null)[], index: number): Row | undefined {
    if (this.#decide === undefined) return row;
    row["score"] = score;
    const answer = this.#decide.run(row, this.#context);
    if (answer === 0 && this.#context.out !== null) return this.#context.out;
    const fate = this.#decide.fates[answer];
    errors[index] =
      fate?.kind === "failed"
        ? new RecordError(fate.code, fate.message)
        : new RecordError("MR_EXPRESSION", "a decision has no value");
    return undefined;
  }

  #prediction(row: Row, score: number, decided: Row): Row {
    const prediction: Row = {};
    for (const field of this.#fields) {
      switch (field.from) {
        case "row":
          prediction[field.name] = row[field.source] ?? null;
          break;
        case "decided":
          prediction[field.name] = decided[field.name];
          break;
        case "constant":
          prediction[field.name] = field.value;
          break;
        case "score":
          prediction[field.name] = score;
          break;
      }
    }
    return prediction;
  }
}

/** Wraps what a scorer threw, which can be anything, undefined too. */
class ScorerFault {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    this.thrown = thrown;
  }
}

/** NaN stands for null: the scorer puts the training mean there. */
function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return Number.NaN;
}

function predictionFields(
  shape: RowShape,
  stage: PlannedStage,
  infer: PlannedInfer,
  version: number,
): readonly PredictionField[] {
  return shape.map(({ name }): PredictionField => {
    if (name === "event_time") return { from: "row", name, source: stage.eventTimeField ?? name };
    if (name === "model") return { from: "constant", name, value: infer.model };
    if (name === "model_version") return { from: "constant", name, value: version };
    if (name === "score") return { from: "score", name };
    if (infer.decideNames.includes(name)) return { from: "decided", name };
    return { from: "row", name, source: name };
  });
}
