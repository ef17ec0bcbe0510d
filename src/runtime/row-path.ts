import { assignedBy, type Passing, readsOf } from "../expression/index.ts";
import type { RowReads } from "../schema/index.ts";
import type { PlannedStage } from "../topology/index.ts";
import { featureProgram, predictionProgram } from "./inference.ts";

/** How the rows of a stage go from the decoder through its programs to the encoder. */
export interface RowPath {
  /** Of the program of the steps. */
  readonly steps: Passing;
  /** Of the program that makes predictions. */
  readonly prediction: Passing;
  /** Output fields that the row to encode holds as values; the rest is taken out of its source. */
  readonly values: ReadonlySet<string>;
  /** What is read of input rows. */
  readonly reads: RowReads;
}

/**
 * The path on which nothing is a value that no step assigns or reads. Features, the event time and whatever a decision
 * looks at are carried as values through the scoring.
 */
export function rowPathOf(stage: PlannedStage): RowPath {
  const { program, infer, keyField } = stage;
  const assigned = assignedBy(program.ops);
  const key = keyField === undefined ? [] : [keyField];
  if (infer === undefined) {
    const steps: Passing = { from: "row", carried: new Set(key) };
    return { steps, prediction: steps, values: assigned, reads: withIngestReads(readsOf(program, steps), stage) };
  }
  const predict = predictionProgram(stage, infer);
  const isOutput = new Set(predict.output.map(({ name }) => name));
  const prediction: Passing = {
    from: "source",
    carried: new Set([...assigned, ...key].filter((name) => isOutput.has(name))),
  };
  const needed = [...readsOf(predict, prediction).keys(), ...readsOf(featureProgram(stage, infer)).keys()];
  const steps: Passing = { from: "row", carried: new Set(needed) };
  const values = new Set([...assignedBy(predict.ops), ...assigned]);
  return { steps, prediction, values, reads: withIngestReads(readsOf(program, steps), stage) };
}

/** What the reader of an ingest looks at itself: key and event time. */
function withIngestReads(reads: RowReads, { ingest, keyField, eventTimeField }: PlannedStage): RowReads {
  if (ingest === undefined) return reads;
  const own = [keyField, eventTimeField].filter((name) => name !== undefined);
  return new Map([...reads, ...own.map((name) => [name, "whole"] as const)]);
}
