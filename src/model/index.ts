export {
  type ArtefactFiles,
  type ArtefactStore,
  checksumsFile,
  logisticArtefact,
  type Manifest,
  type ModelArtefact,
  type ModelKind,
  openArtefact,
  readLogistic,
  type TrainedModel,
  trainingRowsOf,
  withChecksums,
} from "./artefact.ts";
export {
  categoryCodes,
  columnCount,
  type Encoder,
  expandRows,
  numbersEncoder,
  vocabularyOf,
} from "./encoder.ts";
export { inputKindOf } from "./feature-kind.ts";
export {
  fitLogistic,
  type LabelledRows,
  type LogisticModel,
  type LogisticOptions,
  logisticScorer,
} from "./logistic.ts";
export { auc, averagePrecision, type BinaryMetrics, binaryMetrics } from "./metrics.ts";
export { openVersion, type ScorerOpener, tryScorer } from "./open-version.ts";
export { applyScaler, fitScaler, type Scaler } from "./scaler.ts";
export {
  type DirectScorer,
  type InputKind,
  type ModelInput,
  microBatchRows,
  type Scorer,
  type Signature,
} from "./scorer.ts";
