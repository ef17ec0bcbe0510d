import { type Hasher, OperationError } from "../kernel/index.ts";
import { type ArtefactFiles, type ModelArtefact, openArtefact, readLogistic } from "./artefact.ts";
import { logisticScorer } from "./logistic.ts";
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
  return artefact.kind === "logistic"
    ? logisticScorer(readLogistic(artefact, where), artefact.signature)
    : openTfjs(artefact, where);
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
