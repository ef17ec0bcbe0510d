import { type Hasher, OperationError } from "../kernel/index.ts";
import { type ArtefactStore, learnerOf, openArtefact, type Signature } from "../model/index.ts";
import { inputsText } from "./champion.ts";
import type { FitPlan } from "./training-run.ts";

interface WarmSource {
  readonly model: string;
  readonly artefacts: ArtefactStore;
  readonly hasher: Hasher;
}

/**
 * The model of a version, to go on from.
 *
 * @throws OperationError MR_TRAINING when there is no such version, its learner cannot go on from a model, or it takes
 *   other inputs, or the same in another order: its weights would mean something else
 */
export async function warmStart(
  { model, artefacts, hasher }: WarmSource,
  { inputs }: Signature,
  version: number,
  signal: AbortSignal,
): Promise<Required<Pick<FitPlan, "candidates" | "start">>> {
  const where = `${model}/${version}`;
  const refused = (why: string): OperationError =>
    new OperationError("MR_TRAINING", `going on from model ${where}: ${why}; train from nothing instead`);
  const files = await artefacts.read(model, version, signal);
  if (files === undefined) throw refused("the models directory has no such version");
  const artefact = openArtefact(files, where, hasher);
  const { kind } = artefact;
  if (kind === "tfjs-layers") throw refused("it was not trained here");
  const learner = learnerOf(kind);
  if (!learner.modes.includes("warm")) throw refused(`a ${kind} learns from nothing only`);
  const [had, wanted] = [inputsText(artefact.signature.inputs), inputsText(inputs)];
  if (had !== wanted) throw refused(`its inputs are ${had}, and those of the topology are ${wanted}`);
  return { candidates: [kind], start: { learner: kind, model: learner.read(artefact, where) } };
}
