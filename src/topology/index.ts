export type { ClusterDescription, ClusterTopic } from "./cluster.ts";
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
