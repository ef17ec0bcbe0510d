export { type BaselinesRead, readBaselines, type WriteOptions, writeBaseline } from "./baselines-topic.ts";
export {
  type BaselinedMonitor,
  type ClosedWindow,
  type Ensured,
  type EnsureOptions,
  ensureBaseline,
} from "./ensure-baseline.ts";
export { judgeOptionsOf, stagePartitions } from "./judge-options.ts";
export { isInService, type KeepOptions, keepBaselines } from "./keep-baselines.ts";
export {
  type MeasuredBaseline,
  type MeasuredMonitor,
  type MeasureOptions,
  measureBaseline,
} from "./measure-baseline.ts";
export { type OwnRecord, ownRecords } from "./own-topic.ts";
export { readVerdicts, type VerdictsRead } from "./read-verdicts.ts";
export { type Replay, type ReplayRequest, replayMonitors } from "./replay.ts";
export type { ReplayedIncident, ReplayedMonitor } from "./replay-tally.ts";
