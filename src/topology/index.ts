export { type Changes, type ClusterState, changesFor, printChanges, reasonsText, startProblems } from "./changes.ts";
export type { ClusterDescription, ClusterTopic, TopicToCreate } from "./cluster.ts";
export { graphOf } from "./graph.ts";
export { type HeldStore, onHeldStores, parseHeldStore, storeKey } from "./held-stores.ts";
export { changelogsOf, clusterNamesOf, partOf, recordOverheadBytes, schemasNeeded, topicsNeeded } from "./needed.ts";
export type {
  DeliveryMode,
  Plan,
  PlannedChangelog,
  PlannedInfer,
  PlannedModel,
  PlannedStage,
  PlannedStore,
  PlannedTopic,
  StartPosition,
  ValueFormat,
} from "./plan.ts";
export { type PlanRequest, type PlanResult, parseTopology, planTopology, topologyLanguage } from "./plan-topology.ts";
export type { ModelStub, PlannedTest } from "./planned-test.ts";
export { printPlan } from "./print.ts";
export { formatProblem, type LocatedProblem } from "./problems.ts";
export { topologyJsonSchema, topologyReference } from "./reference.ts";
export { inferredSubjects, type RegisteredVersions, widenedBy } from "./registered.ts";
