export { stepCatalogue, stepNamed, stepNamesLater } from "./catalogue.ts";
export {
  type LoweringContext,
  type MemorySpec,
  type StepDefinition,
  type StepMemory,
  type StoreShape,
  shapeAfter,
} from "./contract.ts";
export { decideOps, type InferConfig, parseModelReference } from "./score/infer.ts";
