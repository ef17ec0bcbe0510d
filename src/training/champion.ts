import { type EpochMs, type Hasher, MillraceError } from "../kernel/index.ts";
import {
  type ArtefactStore,
  type LearnerKind,
  type LearnerModel,
  learnedUntilOf,
  learnerOf,
  type ModelInput,
  openArtefact,
  type Signature,
} from "../model/index.ts";

/** The version in service as a challenger meets it; plain data, so that it can go to another thread. */
export type Champion =
  | { readonly kind: "none" }
  | {
      readonly kind: "opened";
      readonly version: number;
      readonly learner: LearnerKind;
      readonly model: LearnerModel;
      /** Every row that it was fitted on lies before it; undefined where that is not known. */
      readonly learnedUntilMs: EpochMs | undefined;
    }
  /** It cannot serve the topology as it is now, so that any other version may be better. */
  | {
      readonly kind: "unusable";
      readonly version: number;
      readonly learnedUntilMs: EpochMs | undefined;
      readonly reason: string;
    }
  /** It serves, and a training cannot score with it. */
  | { readonly kind: "foreign"; readonly version: number; readonly reason: string };

interface ChampionSource {
  readonly model: string;
  readonly artefacts: ArtefactStore;
  readonly hasher: Hasher;
}

/** Opens the version in service; what is wrong with it is an answer and not an error. */
export async function openChampion(
  { model, artefacts, hasher }: ChampionSource,
  { inputs }: Signature,
  version: number | undefined,
  signal: AbortSignal,
): Promise<Champion> {
  if (version === undefined) return { kind: "none" };
  const where = `${model}/${version}`;
  const files = await artefacts.read(model, version, signal);
  const learnedUntilMs = files === undefined ? undefined : learnedUntilOf(files);
  const unusable = (reason: string): Champion => ({ kind: "unusable", version, learnedUntilMs, reason });
  if (files === undefined) return unusable("the models directory has no such version");
  try {
    const artefact = openArtefact(files, where, hasher);
    const [had, wanted] = [inputsText(artefact.signature.inputs), inputsText(inputs)];
    if (had !== wanted) return unusable(`its inputs are ${had}, and those of the topology are ${wanted}`);
    const learner = artefact.kind;
    if (learner === "tfjs-layers") return { kind: "foreign", version, reason: "it was not trained here" };
    return { kind: "opened", version, learner, model: learnerOf(learner).read(artefact, where), learnedUntilMs };
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.code === "MR_MODEL") return unusable(thrown.message);
    throw thrown;
  }
}

/** Every row that the champion was fitted on lies before it; undefined where there are none, or it is not known. */
export function championLearnedUntil(champion: Champion): EpochMs | undefined {
  return champion.kind === "opened" || champion.kind === "unusable" ? champion.learnedUntilMs : undefined;
}

/** Inputs with their kinds, in their order. */
export function inputsText(inputs: readonly ModelInput[]): string {
  return inputs.map(({ name, kind }) => `${name} (${kind})`).join(", ");
}
