export {
  type AlertSummary,
  alertSummaries,
  type IncidentSummary,
  incidentSummaries,
  type LoggedEvent,
  readAlertEvents,
  readMonitorCommands,
} from "./alert-log.ts";
export { AlertsSince } from "./alerts-since.ts";
export { alertEventsIn } from "./alerts-topic.ts";
export { type BaselinesRead, readBaselines, type WriteOptions, writeBaseline } from "./baselines-topic.ts";
export {
  type FieldReport,
  fieldReports,
  type ModelReport,
  modelReports,
  type ReportedCell,
  type ReportedWindow,
  reportedWindows,
} from "./drift-report.ts";
export {
  type BaselinedMonitor,
  type ClosedWindow,
  type Ensured,
  type EnsureOptions,
  ensureBaseline,
  measureAndWrite,
  rangeText,
} from "./ensure-baseline.ts";
export { type FieldStatus, fieldStatuses, performanceStatuses } from "./field-status.ts";
export type { JudgeGaugesOptions } from "./judge-gauges.ts";
export { judgeOptionsOf, stagePartitions } from "./judge-options.ts";
export { createJudgeRunner, type JudgeRunnerOptions } from "./judge-runner.ts";
export type { JudgeTopics, LagWatcher, WindowJudge } from "./judge-work.ts";
export { isInService, type KeepOptions, keepBaselines } from "./keep-baselines.ts";
export { createLabeller, type LabellerOptions } from "./labels/labeller.ts";
export { readExpectation } from "./labels/read-expectation.ts";
export { readReference } from "./labels/read-reference.ts";
export { LagWatch, type StageLag } from "./lag-watch.ts";
export { type LagWatcherOptions, StageLagWatcher } from "./lag-watcher.ts";
export { LearntWindows } from "./learnt-windows.ts";
export {
  type MeasuredBaseline,
  type MeasuredMonitor,
  type MeasureOptions,
  measureBaseline,
} from "./measure-baseline.ts";
export type { NotificationSender, SendOutcome } from "./notification-lane.ts";
export { createNotifier, type NotifierOptions, targetName } from "./notifier.ts";
export { type OwnRecord, ownRecords } from "./own-topic.ts";
export { readPartials } from "./read-partials.ts";
export { readVerdicts, type VerdictsRead } from "./read-verdicts.ts";
export { type Replay, type ReplayRequest, replayMonitors } from "./replay.ts";
export type { ReplayedIncident, ReplayedMonitor } from "./replay-tally.ts";
export { type ReportPage, reportPage } from "./report-page.ts";
export { TopicTail } from "./topic-tail.ts";
