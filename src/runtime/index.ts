export { accountKey, type LeftAccount, readAccount } from "./account-log.ts";
export { type BoundedRun, feedStage, runBounded, type StageYield } from "./bounded.ts";
export { BufferBudget, type BufferShare } from "./buffer-budget.ts";
export { CatchUp, type CatchUpOptions, type WatchedStage } from "./catch-up.ts";
export { type CompiledStage, compileStage, type StageDeps } from "./compile-stage.ts";
export { type AliasModelSource, createAliasModelSource } from "./control/alias-models.ts";
export { readAliases, writeAlias } from "./control/aliases.ts";
export { type ControlRecord, controlRecordsIn, readControl, writeControl } from "./control/control-topic.ts";
export type { StageCounts } from "./counts.ts";
export { Follower, type FollowerOptions } from "./follower.ts";
export type { FollowerTurn, FollowerWork } from "./follower-work.ts";
export { eventIdStem } from "./input-reader.ts";
export { messageBytesDefault, OutputBatches, type OutputTopic } from "./output-batches.ts";
export { OwnValues } from "./own-values.ts";
export {
  type BatchWriter,
  type Broker,
  type ClusterAdmin,
  type CommittedPosition,
  type Epoch,
  type GroupSink,
  type GroupSpec,
  type HandleFailure,
  type Membership,
  type OffsetRange,
  type OwnedBatch,
  type OwnedTask,
  RecordRefusedError,
  type Room,
  type SnapshotClaim,
  TaskFatalError,
  type TaskHandle,
  TaskHandleError,
  type TaskId,
  TaskLostError,
  TaskReopenError,
  type TaskSource,
  type TransactionalWriter,
  type TroubledPartition,
} from "./port.ts";
export { type ReadinessCheck, type ReadyStage, readinessOf } from "./readiness.ts";
export {
  type AccountedRange,
  type DatedAccount,
  differencesOf,
  type FoundFates,
  type Recount,
  rangeOf,
  recount,
} from "./reconciliation.ts";
export { resetCommand } from "./reset-command.ts";
export { type LoadListener, type ModelSource, modelInputsOf, type ServedModel } from "./served-model.ts";
export { SnapshotTurns } from "./snapshot-turns.ts";
export type {
  HeldShelf,
  SnapshotName,
  SnapshotShelf,
  SnapshotWriting,
  StageShelf,
} from "./snapshots.ts";
export { type LagAdmin, lagsOf, type PartitionLag } from "./stage-lag.ts";
export { type GaugeReading, lagsInTime, type MeasuredStage, type MetricReading, readMetrics } from "./stage-metrics.ts";
export { createStageRunner, type SnapshotOptions, type StageRunner, type StageRunnerOptions } from "./stage-runner.ts";
export type { StageTask } from "./stage-task.ts";
export { type MemberClaim, shareOut, shareTasks, type TaskShares } from "./task-shares.ts";
export { TimeSlices } from "./time-slices.ts";
export { RowReader, readTopicRows } from "./topic-rows.ts";
export { patientRegistry } from "./wait-out.ts";
export { Wake } from "./wake.ts";
