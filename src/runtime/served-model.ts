import { OperationError } from "../kernel/index.ts";
import type { Scorer } from "../model/index.ts";

/** One version of a model, ready to score. */
export interface ServedModel {
  /** At least 1. */
  readonly version: number;
  readonly scorer: Scorer;
}

/** Where models come from: the alias records on the control topic and the models directory behind them. */
export interface ModelSource {
  /**
   * Resolves with the version that the alias points at, waiting until there is one.
   * @param onWaiting called once when the alias is known not to exist yet
   */
  load(model: string, alias: string, signal: AbortSignal, onWaiting?: () => void): Promise<ServedModel>;
  /** The version that the alias points at now; undefined while there is none. */
  peek(model: string, alias: string): ServedModel | undefined;
}

/** Halts with MR_MODEL unless the model was trained on exactly these inputs, in this order. */
export function checkSignature(model: string, served: ServedModel, features: readonly string[]): void {
  const inputs = served.scorer.signature.inputs.map((input) => input.name);
  if (inputs.length === features.length && inputs.every((name, index) => name === features[index])) return;
  throw new OperationError(
    "MR_MODEL",
    `opening version ${served.version} of model ${model}: it was trained on ${inputs.join(", ")}; the stage has ${features.join(", ")}`,
  );
}
