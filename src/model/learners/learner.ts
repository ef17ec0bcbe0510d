import type { z } from "zod";
import type { ArtefactFiles, VersionParts } from "../artefact-json.ts";
import type { Encoder } from "../encoder.ts";
import type { Scaler } from "../scaler.ts";
import type { DirectScorer, Signature } from "../scorer.ts";

/** Labelled rows in time order: row-major inputs with NaN for null and the code of a category, and 0 or 1 per row. */
export interface LabelledRows {
  readonly inputs: Float64Array;
  readonly labels: Float64Array;
  readonly width: number;
  /** Default: every input is a number. */
  readonly encoder?: Encoder;
}

/** What a fit came to: plain values, which go from one thread to another, beside the preparation that all share. */
export interface LearnerModel {
  readonly scaler: Scaler;
  readonly encoder: Encoder;
}

/** From nothing, or on from a model that is there. */
export type FitMode = "full" | "warm";

export interface FitOptions<Model extends LearnerModel = LearnerModel> {
  /** Same rows, config and seed: the same model. */
  readonly seed?: number;
  /** A warm start: scaler and encoder stay those of this model, so rows hold the codes of its encoder. */
  readonly start?: Model;
  /** The inputs may be overwritten: a copy of many rows would be the largest thing that the fit needs. */
  readonly mayOverwrite?: boolean;
  /** Looked at between iterations; the fit throws what it was aborted with. */
  readonly signal?: AbortSignal;
  /** Called after each pass over the rows with the mean log loss that it came to, in nats. */
  readonly onIteration?: (iteration: number, loss: number) => void;
}

/**
 * One kind of model: how it is fitted, written, read and served. Pure: what it needs it is given, and what it answers
 * depends on nothing else.
 */
export interface Learner<Config, Model extends LearnerModel> {
  /** As it stands in a topology and in `signature.json`. */
  readonly kind: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  readonly tasks: readonly Signature["task"][];
  /** Parses `{}` to what counts where a topology says nothing. */
  readonly config: z.ZodType<Config>;
  readonly example: Config;
  readonly modes: readonly FitMode[];
  /** @throws what the signal was aborted with */
  fit(rows: LabelledRows, config: Config, options: FitOptions<Model>): Model;
  /** The input whose numbers make the model not finite, or what else does; such a model must not be written. */
  fault(model: Model): { readonly input: number } | { readonly what: string } | undefined;
  /** Its own files, beside those that every version has. */
  files(model: Model): ArtefactFiles;
  /** @throws OperationError MR_MODEL when its files do not fit the signature */
  read(version: VersionParts, where: string): Model;
  scorer(model: Model, signature: Signature): DirectScorer;
}

/** Whether the scaler holds a number for an input that is none. */
export function isScaled({ mean, scale, low, high }: Scaler, input: number): boolean {
  return [mean[input], scale[input], low[input], high[input]].every(Number.isFinite);
}
