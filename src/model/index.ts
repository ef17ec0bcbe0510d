export { microBatchRows, type Scorer, type Signature } from "./scorer.ts";
