export { type Changes, type ClusterState, changesFor, printChanges } from "./changes.ts";
export type { ClusterDescription, ClusterTopic, TopicToCreate } from "./cluster.ts";
export { graphOf } from "./graph.ts";
export { clusterNamesOf, subjectsOf, topicsNeeded } from "./needed.ts";
export type {
  DeliveryMode,
  IngestReading,
  Plan,
  PlannedInfer,
  PlannedModel,
  PlannedStage,
  PlannedTopic,
  StartPosition,
  ValueFormat,
} from "./plan.ts";
export { type PlanRequest, type PlanResult, parseTopology, planTopology, topologyLanguage } from "./plan-topology.ts";
export type { GivenRecord, ModelStub, PlannedTest } from "./planned-test.ts";
export { printPlan } from "./print.ts";
export { formatPath, formatProblem, inFileOrder, type LocatedProblem } from "./problems.ts";
export { topologyJsonSchema, topologyReference } from "./reference.ts";
export type { Environment } from "./yaml/environment.ts";
export type { SourceDocument } from "./yaml/read.ts";
