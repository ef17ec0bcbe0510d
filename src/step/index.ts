export {
  type CastTarget,
  defineStep,
  type InferConfig,
  type LoweringContext,
  type MemorySpec,
  type StepDefinition,
  type StepMemory,
} from "./contract.ts";
