export { type AlertRules, defaultRules } from "./alert-machine.ts";
export { Baseline, type CountedWindow, type Season } from "./baseline.ts";
export { baselineBytesMax, baselineFields } from "./baseline-fields.ts";
export { type Cells, categoryCells, numberCells, quantileEdges } from "./cells.ts";
export { detectorCatalogue } from "./detectors/catalogue.ts";
export { createDetector } from "./detectors/create-detector.ts";
export type { Detector } from "./detectors/detector.ts";
export { fieldSample, type MonitoredValue } from "./field-sample.ts";
export { Incidents } from "./incidents.ts";
export { Judge, type Judgement, type JudgeOptions } from "./judge.ts";
export {
  commandRecord,
  commandRequest,
  type MonitorCommand,
  Mutes,
  readCommand,
} from "./judging/commands.ts";
export { type HeldRecords, LagAlerts, type LagLevel, type LagMonitorSpec, type SeenLag } from "./lag-alerts.ts";
export { CommitHistory, type LagStatus } from "./lag-status.ts";
export type { FieldDetectorsSpec, MonitoredField, MonitorSpec } from "./monitor-spec.ts";
export { budgetProbability, type PageBudget } from "./page-budget.ts";
export { merged, type Partial, PartialCounter } from "./partial.ts";
export {
  type DetectorState,
  losses,
  type MeasuredMetric,
  type PerformanceMetric,
  type PerformanceReference,
  type PerformanceSpec,
  performanceMetrics,
  practicalDefaults,
  type VersionPerformance,
  type WindowPerformance,
} from "./performance/performance-spec.ts";
export { arrivalLine, isBrokenLine, qualityDefaults, qualityLines, qualityMetrics } from "./quality/quality-spec.ts";
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
} from "./records/baseline-record.ts";
export { BaselineSet, type HeldBaseline } from "./records/baseline-set.ts";
export { cellsOf } from "./records/cells-of.ts";
export {
  decodeLabelled,
  isJoinedLabel,
  type JoinedLabel,
  type JoinedPrediction,
  type LabelledRecord,
  labelledSchema,
} from "./records/labelled-record.ts";
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
  causes,
  decodeVerdict,
  encodeVerdict,
  type VerdictKind,
  type VerdictRecord,
  verdictKey,
  verdictSchema,
} from "./records/verdict-record.ts";
export { ReferenceWindows } from "./reference-windows.ts";
export type { SequenceDetector } from "./sequence-detector.ts";
export { judge, type Thresholds, type Verdict } from "./verdict.ts";
