import { compileProgram, type RowContext } from "../expression/index.ts";
import { OperationError } from "../kernel/index.ts";
import { inputKindOf, type Scorer } from "../model/index.ts";
import { modelInputsOf, type ServedModel } from "../runtime/index.ts";
import type { Field, Row } from "../schema/index.ts";
import type { ModelStub, PlannedInfer, PlannedStage } from "../topology/index.ts";

/** What stands in for a model: its score for every row, what a test of a topology file says, or a scorer. */
export type StandInModel = number | ModelStub | Scorer;

/** Version of every model that a testing driver serves. */
const stubVersion = 1;

/** A version of `infer`'s model that answers as `standIn` says. */
export function servedStandIn(stage: PlannedStage, infer: PlannedInfer, standIn: StandInModel): ServedModel {
  return { version: stubVersion, scorer: scorerOf(stage, infer, standIn) };
}

function scorerOf(stage: PlannedStage, infer: PlannedInfer, standIn: StandInModel): Scorer {
  if (typeof standIn === "object" && "signature" in standIn) return standIn;
  const fields = infer.features.map((name) => fieldNamed(stage, name));
  const texts = new Texts();
  const score = typeof standIn === "number" ? () => standIn : scoreOf(standIn, fields, texts);
  return {
    signature: { task: "binary", inputs: modelInputsOf(stage, infer.features) },
    code: (_, value) => texts.codeOf(value),
    score(rows, rowCount, into, intoAt) {
      for (let i = 0; i < rowCount; i++) {
        into[intoAt + i] = score(rows.subarray(i * fields.length, (i + 1) * fields.length));
      }
    },
  };
}

/** A stub knows every text: the code of one is its place in the order in which they were met. */
class Texts {
  readonly #texts: string[] = [];
  readonly #codes = new Map<string, number>();

  codeOf(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    this.#codes.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  textOf(code: number): string | null {
    return this.#texts[code] ?? null;
  }
}

function scoreOf(stub: ModelStub, fields: readonly Field[], texts: Texts): (inputs: Float64Array) => number {
  if (stub.kind === "score") return () => stub.score;
  const program = compileProgram(stub.program, []);
  const context: RowContext = { offset: 0, streamTimeMs: 0, processingTimeMs: 0, out: null };
  return (inputs) => {
    const row: Row = {};
    for (const [i, field] of fields.entries()) row[field.name] = inputValue(field, inputs[i] ?? Number.NaN, texts);
    // A stub without a value is a model without a score: MR_INFER.
    return program.run(row, context) === 0 ? Number(context.out?.["score"]) : Number.NaN;
  };
}

function inputValue(field: Field, input: number, texts: Texts): number | boolean | string | null {
  if (Number.isNaN(input)) return null;
  if (inputKindOf(field.type.kind) === "category") return texts.textOf(input);
  return field.type.kind === "boolean" ? input !== 0 : input;
}

function fieldNamed(stage: PlannedStage, name: string): Field {
  const field = stage.program.output.find((candidate) => candidate.name === name);
  if (field !== undefined) return field;
  throw new OperationError("MR_REFERENCE", `testing stage ${stage.name}: there is no feature ${name}`);
}
