export { type StepKind, stepCatalogue, stepNamed, stepNamesLater } from "./catalogue.ts";
export {
  type CastTarget,
  defineStep,
  type LoweringContext,
  lateOps,
  type MemorySpec,
  type StepDefinition,
  type StepMemory,
  shapeAfter,
} from "./contract.ts";
export { decideOps, type InferConfig, parseModelReference, predictionFieldNames } from "./score/infer.ts";
