export { type AlertKind, alertKinds } from "./alert-kind.ts";
export { type AlertRules, defaultRules } from "./alert-machine.ts";
export { Baseline, type CountedWindow, type Season } from "./baseline.ts";
export { baselineBytesMax, baselineFields } from "./baseline-fields.ts";
export { type Cells, categoryCells, numberCells, quantileEdges } from "./cells.ts";
export { detectorCatalogue } from "./detectors/catalogue.ts";
export type { Detector, DetectorDefinition, Signal } from "./detectors/detector.ts";
export { type FieldSample, fieldSample, type MonitoredValue } from "./field-sample.ts";
export { type IncidentStep, Incidents } from "./incidents.ts";
export { Judge, type Judgement, type JudgeOptions } from "./judge.ts";
export {
  type AckCommand,
  commandRecord,
  fingerprintOf,
  type MonitorCommand,
  Mutes,
  readCommand,
  type SilenceCommand,
} from "./judging/commands.ts";
export { LagAlerts, type LagAlertsOptions, type LagLevel, type LagMonitorSpec, type SeenLag } from "./lag-alerts.ts";
export { CommitHistory, type LagStatus } from "./lag-status.ts";
export type { MonitoredField, MonitorSpec } from "./monitor-spec.ts";
export { isTold, type Notification, NotificationPace, type NotifyKind, subjectOf, turnOf } from "./notification.ts";
export { budgetProbability, type PageBudget } from "./page-budget.ts";
export { merged, type Partial, PartialCounter } from "./partial.ts";
export { type AlertEvent, alertRecord, readAlertEvent } from "./records/alert-event.ts";
export {
  type BaselineFieldRecord,
  type BaselineHeadRecord,
  baselineKey,
  baselineSchema,
  type CellsSource,
  decodeBaseline,
  encodeBaseline,
  isBaselineHead,
  type ReferenceWindow,
} from "./records/baseline-record.ts";
export { BaselineSet, type HeldBaseline } from "./records/baseline-set.ts";
export { cellsOf } from "./records/cells-of.ts";
export {
  decodePartial,
  encodeHeartbeat,
  encodePartial,
  type HeartbeatRecord,
  heartbeatKey,
  isHeartbeat,
  type MetSchema,
  type PartialRecord,
  partialKey,
  partialSchema,
} from "./records/partial-record.ts";
export { RecordCodec, whole } from "./records/record-codec.ts";
export {
  type Cause,
  type Culprit,
  causes,
  decodeVerdict,
  encodeVerdict,
  type PartitionShare,
  type VerdictKind,
  type VerdictRecord,
  verdictKey,
  verdictKinds,
  verdictSchema,
} from "./records/verdict-record.ts";
export { ReferenceWindows, referenceWindowsMax } from "./reference-windows.ts";
export { judge, type Thresholds, type Verdict } from "./verdict.ts";
