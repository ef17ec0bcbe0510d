import { type Hasher, OperationError } from "../../kernel/index.ts";
import { type ArtefactStore, type ModelInput, openVersion, type ScorerOpener } from "../../model/index.ts";
import type { Plan } from "../../topology/index.ts";
import { checkSignature, modelInputsOf, type ServedModel } from "../served-model.ts";

export interface ProofOptions {
  readonly plan: Pick<Plan, "stages" | "models">;
  readonly artefacts: Pick<ArtefactStore, "read">;
  readonly hasher: Hasher;
  readonly openTfjs: ScorerOpener;
}

/**
 * Opens a version, holds its signature to all stages that score with the model, and has it score a row in which every
 * input is null. Nothing that is not proven may be what an alias points at.
 *
 * @throws OperationError MR_MODEL when there is no such version, or one of it does not hold
 */
export async function proveVersion(
  model: string,
  version: number,
  { plan, artefacts, hasher, openTfjs }: ProofOptions,
  signal: AbortSignal,
): Promise<ServedModel> {
  const where = `${model}/${version}`;
  const files = await artefacts.read(model, version, signal);
  if (files === undefined)
    throw new OperationError("MR_MODEL", `opening model ${where}: the models directory has no such version`);
  const served = { version, scorer: await openVersion(files, where, hasher, openTfjs) };
  for (const inputs of inputsAsked(plan, model)) checkSignature(model, served, inputs);
  const into = Float64Array.of(Number.NaN);
  const row = new Float64Array(served.scorer.signature.inputs.length).fill(Number.NaN);
  await served.scorer.score(row, 1, into, 0);
  const score = into[0] ?? Number.NaN;
  if (score >= 0 && score <= 1) return served;
  throw new OperationError(
    "MR_MODEL",
    `trying model ${where}: it scores a row of nulls as ${score}, which is no probability`,
  );
}

/** What each stage hands to the model; what the model is declared with where no stage does. */
function inputsAsked({ stages, models }: ProofOptions["plan"], model: string): (readonly ModelInput[])[] {
  const asked = stages.flatMap((stage) =>
    stage.infer?.model === model ? [modelInputsOf(stage, stage.infer.features)] : [],
  );
  return asked.length > 0 ? asked : models.flatMap(({ name, features }) => (name === model ? [features] : []));
}
