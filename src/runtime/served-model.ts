import { assert, OperationError } from "../kernel/index.ts";
import { inputKindOf, type ModelInput, type Scorer } from "../model/index.ts";
import type { PlannedStage } from "../topology/index.ts";
import type { Alias } from "./control/aliases.ts";

/** One version of a model, ready to score. */
export interface ServedModel {
  /** At least 1. */
  readonly version: number;
  readonly scorer: Scorer;
}

/** What is said of a model while it is waited for. */
export interface LoadListener {
  /** Called once when the alias is known not to exist yet. */
  readonly onWaiting?: () => void;
  /** Called with the reason when the store of the versions does not answer, and with undefined when it does again. */
  readonly onSilent?: (reason: string | undefined) => void;
}

/** Where models come from: the alias records on the control topic and the models directory behind them. */
export interface ModelSource {
  /**
   * Resolves with the version that the alias points at, waiting until there is one, and until whatever holds it answers.
   */
  load(model: string, alias: string, signal: AbortSignal, listener?: LoadListener): Promise<ServedModel>;
  /** What follows an alias over its moves; a source without it serves one version for good. */
  readonly followed?: FollowedModels;
}

/** Aliases that move, and the versions that they have pointed at. */
export interface FollowedModels {
  /** Resolves when the alias exists. */
  exists(model: string, alias: string, signal: AbortSignal, listener?: LoadListener): Promise<void>;
  /** Where it points, as far as was read; undefined when it does not exist. */
  now(model: string, alias: string): Alias | undefined;
  /**
   * Calls `moved` with each move of the alias, the last first where one was made before, until the signal ends it; with
   * undefined when there is no such alias any more.
   */
  onMoved(model: string, alias: string, moved: (alias: Alias | undefined) => void, signal: AbortSignal): void;
  /** Everything that the control topic holds now is known when it resolves. */
  catchUp(signal: AbortSignal): Promise<void>;
  /**
   * Opens a version, waiting until the store of the versions answers.
   * @throws OperationError MR_MODEL_MISSING when the store does not have it, MR_MODEL when it is damaged
   */
  open(model: string, version: number, signal: AbortSignal, listener?: LoadListener): Promise<ServedModel>;
}

/** What the stage hands to its model: the features in the model's order, each as what its field can be taken for. */
export function modelInputsOf(stage: PlannedStage, features: readonly string[]): readonly ModelInput[] {
  return features.map((name) => {
    const field = stage.program.output.find((candidate) => candidate.name === name);
    const kind = field === undefined ? undefined : inputKindOf(field.type.kind);
    assert(kind !== undefined, "a plan whose features are fields that a model can take");
    return { name, kind };
  });
}

/**
 * Halts with MR_MODEL unless the model was trained on exactly these inputs, in this order, and takes as text what is
 * text. A boolean is 1 or 0 to a model that was trained on a number.
 */
export function checkSignature(model: string, served: ServedModel, features: readonly ModelInput[]): void {
  const { inputs } = served.scorer.signature;
  const fits = (input: ModelInput, index: number): boolean => {
    const feature = features[index];
    return input.name === feature?.name && (input.kind === "category") === (feature.kind === "category");
  };
  if (inputs.length === features.length && inputs.every(fits)) {
    assert(
      served.scorer.code !== undefined || inputs.every(({ kind }) => kind !== "category"),
      "a scorer that knows the codes of its categories",
    );
    return;
  }
  const listed = (all: readonly ModelInput[]): string =>
    all.map(({ name, kind }) => (kind === "category" ? `${name} (category)` : name)).join(", ");
  throw new OperationError(
    "MR_MODEL",
    `opening version ${served.version} of model ${model}: it was trained on ${listed(inputs)}; the stage has ${listed(features)}`,
  );
}
