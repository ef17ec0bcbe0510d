import {
  type Ast,
  type CompiledProgram,
  checkExpression,
  compileProgram,
  literal,
  type Passing,
  type Program,
  type RowContext,
  type RowMemory,
  type RowOp,
  ref,
  type TypedExpression,
} from "../expression/index.ts";
import {
  AssertionError,
  type Clock,
  cutOff,
  MillraceError,
  messageOf,
  OperationError,
  RecordError,
} from "../kernel/index.ts";
import { type ModelInput, microBatchRows } from "../model/index.ts";
import type { Field, Row, RowShape } from "../schema/index.ts";
import type { PlannedInfer, PlannedStage } from "../topology/index.ts";
import { FeatureRows } from "./feature-rows.ts";
import { checkSignature, modelInputsOf, type ServedModel } from "./served-model.ts";

/**
 * Rows that a scorer may refuse one after the other, each scored alone, before the scorer itself is held to be
 * broken and the stage halts: a model that fails for everything must not turn a topic into dead letters.
 */
const scorerFailuresMax = 64;

/** How long one call of a scorer may take. */
export interface ScorerLimit {
  readonly clock: Clock;
  readonly afterMs: number;
}

/** A scorer does not answer. It may again: the chunk is done anew. */
export class ScorerSilentError extends MillraceError {
  override readonly name = "ScorerSilentError";
  override readonly code = "MR_MODEL";
  override readonly disposition = "retry";
}

/** Scores the rows of a piece in micro-batches and makes prediction records of them. One per task. */
export class Inference {
  #model: ServedModel | undefined;
  readonly #inputs: readonly ModelInput[];
  readonly #infer: PlannedInfer;
  /** Makes the prediction of a row and `#given`: the score, and the version that gave it. */
  readonly #predict: CompiledProgram;
  readonly #given: RowMemory = {
    texts: [],
    numbers: new Float64Array(0),
    results: new Float64Array(2),
    update: () => 0,
  };
  /** Appends the features of a row to `#features`. */
  readonly #take: CompiledProgram;
  readonly #features: FeatureRows;
  readonly #limit: ScorerLimit | undefined;
  #scores = new Float64Array(microBatchRows);
  readonly #context: RowContext = { offset: 0, streamTimeMs: 0, processingTimeMs: 0, out: null };
  #failuresInRow = 0;

  /**
   * @param passing of the program that makes predictions; left out, every field is carried as a value
   * @param limit left out, the scorer may take as long as it likes
   */
  constructor(stage: PlannedStage, infer: PlannedInfer, passing?: Passing, limit?: ScorerLimit) {
    this.#inputs = modelInputsOf(stage, infer.features);
    this.#infer = infer;
    this.#limit = limit;
    this.#features = new FeatureRows(this.#inputs, microBatchRows);
    this.#take = compileProgram(featureProgram(stage, infer), [this.#features]);
    const options = passing === undefined ? {} : { passing };
    this.#predict = compileProgram(predictionProgram(stage, infer), [this.#given], options);
  }

  /** Name of the model. */
  get model(): string {
    return this.#infer.model;
  }

  /** The model version that makes predictions now; 0 before there is one. */
  get version(): number {
    return this.#model?.version ?? 0;
  }

  /**
   * Rows from here on are scored with this version; between two pieces.
   * @throws OperationError MR_MODEL when it was trained on other inputs
   */
  serve(model: ServedModel): void {
    checkSignature(this.#infer.model, model, this.#inputs);
    this.#model = model;
    this.#given.results[1] = model.version;
    this.#features.serve(model.scorer);
    this.#failuresInRow = 0;
  }

  /**
   * Replaces each row in `rows` by its prediction. One that gets no finite score becomes null, and entry i of
   * `errors` says why; rows that are null already are left alone.
   *
   * `breathe` is called between micro-batches. Rejects when the scorer fails as a whole, with a
   * {@link ScorerSilentError} when it does not answer within its limit, and with the signal's reason when that is
   * aborted while the scorer is waited for; nothing that it answers then is looked at.
   */
  async run(
    rows: (Row | null)[],
    errors: (RecordError | null)[],
    breathe: () => Promise<void> | undefined,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<void> {
    const chosen: number[] = [];
    for (let i = 0; i <= rows.length; i++) {
      if (i < rows.length && rows[i] !== null) chosen.push(i);
      if (chosen.length < microBatchRows && i < rows.length) continue;
      if (chosen.length === 0) break;
      const scoring = this.#score(rows, errors, chosen, signal);
      let failure: unknown;
      if (scoring !== undefined) failure = await scoring;
      if (failure === undefined) this.#finish(rows, errors, chosen);
      else await this.#scoreAlone(rows, errors, chosen, failure, signal);
      chosen.length = 0;
      const pause = breathe();
      if (pause !== undefined) await pause;
    }
  }

  /**
   * Answers what went wrong, wrapped, or undefined; a promise of it when the scorer takes its time. A row whose
   * features are no numbers fails by itself and leaves `chosen`.
   */
  #score(
    rows: (Row | null)[],
    errors: (RecordError | null)[],
    chosen: number[],
    signal: AbortSignal,
  ): Promise<ScorerFault | undefined> | ScorerFault | undefined {
    const model = this.#model;
    if (model === undefined) throw new AssertionError("a row is scored before there is a version");
    this.#features.clear();
    let taken = 0;
    for (const index of chosen) {
      const answer = this.#take.run(rows[index] as Row, this.#context);
      if (answer === 0) chosen[taken++] = index;
      else {
        rows[index] = null;
        errors[index] = errorOf(this.#take, answer);
      }
    }
    chosen.length = taken;
    if (taken === 0) return undefined;
    this.#scores.fill(Number.NaN, 0, chosen.length);
    try {
      const done = model.scorer.score(this.#features.rows, chosen.length, this.#scores, 0);
      if (done === undefined) return undefined;
      return this.#inTime(done, signal);
    } catch (thrown) {
      return new ScorerFault(thrown);
    }
  }

  /** A scorer that is cut off may still read its rows and write its scores: neither is used again. */
  async #inTime(done: Promise<void>, signal: AbortSignal): Promise<ScorerFault | undefined> {
    let fault: ScorerFault | undefined;
    const answered = done.catch((thrown: unknown) => {
      fault = new ScorerFault(thrown);
    });
    try {
      if (this.#limit === undefined) await answered;
      else await cutOff(answered, { ...this.#limit, late: () => this.#silent() }, signal);
    } catch (thrown) {
      this.#scores = new Float64Array(microBatchRows);
      this.#features.renew();
      throw thrown;
    }
    return fault;
  }

  #silent(): ScorerSilentError {
    const seconds = Math.round((this.#limit?.afterMs ?? 0) / 1_000);
    return new ScorerSilentError(
      `scoring with version ${this.version} of model ${this.#infer.model}: no answer for ${seconds} s`,
    );
  }

  /** Finds the rows that the scorer throws for, so that one bad row does not take its whole micro-batch with it. */
  async #scoreAlone(
    rows: (Row | null)[],
    errors: (RecordError | null)[],
    chosen: readonly number[],
    fault: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    this.#rethrowUnlessRecord(fault);
    for (const index of chosen) {
      const alone = await this.#score(rows, errors, [index], signal);
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
      this.#given.results[0] = score;
      const answer = this.#predict.run(row, this.#context);
      if (answer === 0) rows[index] = this.#context.out;
      else errors[index] = errorOf(this.#predict, answer);
    }
  }
}

function errorOf({ fates }: CompiledProgram, answer: number): RecordError {
  const fate = fates[answer];
  return fate?.kind === "failed"
    ? new RecordError(fate.code, fate.message)
    : new RecordError("MR_EXPRESSION", "a decision has no value");
}

/** Wraps what a scorer threw, which can be anything, undefined too. */
class ScorerFault {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    this.thrown = thrown;
  }
}

/** Hands the features of a row to memory 0. */
export function featureProgram(stage: PlannedStage, { features }: PlannedInfer): Program {
  const { output: input } = stage.program;
  const of = (isText: boolean): TypedExpression[] =>
    modelInputsOf(stage, features)
      .filter(({ kind }) => (kind === "category") === isText)
      .map(({ name }) => typed(ref(name), input));
  const call: RowOp = { op: "call", memory: 0, texts: of(true), numbers: of(false), results: [], drops: [] };
  return { ...wideCodeOf(stage), input, ops: [call], output: [] };
}

/** From a row, its score and the version, which are the results of memory 0, to the record of the contract. */
export function predictionProgram(stage: PlannedStage, infer: PlannedInfer): Program {
  const output = stage.to.schema?.shape ?? [];
  const score: Field = { name: "score", type: { kind: "double", nullable: false, avro: "double" } };
  const version: Field = { name: "model_version", type: { kind: "int", nullable: false, avro: "int" } };
  const input = stage.program.output.filter(({ name }) => name !== score.name && name !== version.name);
  const scored = [...input, score];
  const results = [score, version];
  const call: RowOp = { op: "call", memory: 0, texts: [], numbers: [], results, drops: [] };
  const sources: Readonly<Record<string, Ast>> = {
    event_time: ref(stage.eventTimeField ?? "event_time"),
    model: literal(infer.model),
  };
  const ops = output.flatMap((field): RowOp[] => {
    const source = Object.hasOwn(sources, field.name) ? sources[field.name] : undefined;
    return source === undefined ? [] : [{ op: "assign", field, value: typed(source, scored) }];
  });
  return { ...wideCodeOf(stage), input, ops: [call, ...infer.decide.ops, ...ops], output };
}

function wideCodeOf({ program }: PlannedStage): Pick<Program, "wideCode"> {
  return program.wideCode === undefined ? {} : { wideCode: program.wideCode };
}

function typed(ast: Ast, shape: RowShape): TypedExpression {
  const checked = checkExpression(ast, shape);
  if ("expr" in checked) return checked.expr;
  throw new AssertionError(`reading a field of a checked plan: ${checked.problem.message}`);
}
