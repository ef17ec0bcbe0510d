import { type Hasher, OperationError } from "../kernel/index.ts";
import { type ModelArtefact, openArtefact } from "./artefact.ts";
import type { ArtefactFiles } from "./artefact-json.ts";
import { learnerOf } from "./learners/catalogue.ts";
import type { Scorer } from "./scorer.ts";

/** Opens a version of a kind that needs a library of its own; loaded only when one is served. */
export type ScorerOpener = (artefact: ModelArtefact, where: string) => Promise<Scorer>;

/**
 * A version's files as a scorer: what serves it, and what tries it before an alias may point at it.
 *
 * @param where names the version in messages, such as `card-fraud/3`
 * @throws OperationError MR_MODEL when it is damaged or does not fit its own signature
 */
export async function openVersion(
  files: ArtefactFiles,
  where: string,
  hasher: Hasher,
  openTfjs: ScorerOpener,
): Promise<Scorer> {
  const artefact = openArtefact(files, where, hasher);
  if (artefact.kind === "tfjs-layers") return openTfjs(artefact, where);
  const learner = learnerOf(artefact.kind);
  return learner.scorer(learner.read(artefact, where), artefact.signature);
}

/**
 * Scores one row with an opened version.
 *
 * @throws OperationError MR_MODEL unless it answers exactly `expected`, a probability
 */
export async function tryScorer(
  scorer: Scorer,
  where: string,
  sample: { readonly inputs: Float64Array; readonly score: number },
): Promise<void> {
  const into = Float64Array.of(Number.NaN);
  await scorer.score(sample.inputs, 1, into, 0);
  const score = into[0] ?? Number.NaN;
  if (score === sample.score && score >= 0 && score <= 1) return;
  throw new OperationError(
    "MR_MODEL",
    `trying model ${where}: it scores a row as ${score}, and gave it ${sample.score} before it was written`,
  );
}
