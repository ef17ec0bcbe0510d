export {
  type Adoption,
  adoptionKey,
  adoptionSchema,
  decodeAdoption,
  encodeAdoption,
} from "./adoption-record.ts";
export {
  type ArtefactStore,
  type CandidateMetrics,
  checksumsFile,
  learnedUntilOf,
  type Manifest,
  type ModelArtefact,
  type ModelKind,
  openArtefact,
  type TrainedModel,
  trainingRowsOf,
  versionFiles,
  withChecksums,
} from "./artefact.ts";
export type { ArtefactFiles } from "./artefact-json.ts";
export {
  type Calibration,
  calibrationBytes,
  calibrationFile,
  calibrationOf,
  expectedCalibrationError,
  fitCalibration,
  type ScoreMap,
} from "./calibration.ts";
export { type DenseActivation, type DenseLayer, denseActivations } from "./dense/dense-layer.ts";
export { denseScorer } from "./dense/dense-scorer.ts";
export {
  categoryCodes,
  columnCount,
  type Encoder,
  expandRows,
  numbersEncoder,
  vocabularyOf,
} from "./encoder.ts";
export { inputKindOf } from "./feature-kind.ts";
export { calibrated, fitIsotonic, poolAdjacentViolators } from "./isotonic.ts";
export { isLearnerKind, type LearnerKind, learnerCatalogue, learnerKinds, learnerOf } from "./learners/catalogue.ts";
export type { FitMode, FitOptions, LabelledRows, Learner, LearnerModel } from "./learners/learner.ts";
export {
  fitLogistic,
  type LogisticModel,
  type LogisticOptions,
  logisticScorer,
} from "./learners/logistic-fit.ts";
export type { MlpConfig, MlpModel } from "./learners/mlp.ts";
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
export { tellingHeld } from "./telling-held.ts";
