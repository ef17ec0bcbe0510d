export {
  type Changes,
  type ClusterState,
  changesFor,
  printChanges,
  reasonsText,
  startProblems,
} from "./changes/changes.ts";
export type { ClusterDescription, ClusterTopic, TopicToCreate } from "./changes/cluster.ts";
export { type HeldStore, onHeldStores, parseHeldStore, storeKey } from "./changes/held-stores.ts";
export {
  changelogsOf,
  clusterNamesOf,
  partOf,
  recordOverheadBytes,
  schemasNeeded,
  topicsNeeded,
} from "./changes/needed.ts";
export { graphOf } from "./plan/graph.ts";
export { monitorsOfModel } from "./plan/model-monitors.ts";
export {
  type BaselineOrigin,
  countedMonitors,
  type MonitoringTopic,
  type NotifyTarget,
  type PlannedAlerts,
  type PlannedMonitor,
  type PlannedMonitoring,
  type PlannedPerformance,
  type PlannedTap,
} from "./plan/monitoring.ts";
export {
  type DeliveryMode,
  type ErrorPlace,
  errorPoliciesDefault,
  type Plan,
  type PlannedChangelog,
  type PlannedInfer,
  type PlannedModel,
  type PlannedStage,
  type PlannedStore,
  type PlannedTopic,
  type StartPosition,
  type ValueFormat,
} from "./plan/plan.ts";
export type { ModelStub, PlannedTest } from "./plan/planned-test.ts";
export { printPlan } from "./plan/print.ts";
export { inferredSubjects, type RegisteredVersions, widenedBy } from "./plan/registered.ts";
export {
  type PlanRequest,
  type PlanResult,
  parseTopology,
  planTopology,
  topologyLanguage,
} from "./planner/plan-topology.ts";
export { formatProblem, type LocatedProblem } from "./problems.ts";
export { topologyJsonSchema, topologyReference } from "./spec/reference.ts";
