import type { AlertKind } from "./alert-kind.ts";
import type { Season } from "./baseline.ts";
import type { QualitySpec } from "./quality/quality-spec.ts";
import type { SequenceDetector } from "./sequence-detector.ts";

/** A field whose values a monitor counts. */
export interface MonitoredField {
  readonly name: string;
  readonly kind: "numbers" | "categories";
  /** Its values stand in no verdict, alert or report. */
  readonly isSensitive: boolean;
}

/** Which fields detectors watch, window by window. */
export interface FieldDetectorsSpec {
  readonly detectors: readonly SequenceDetector[];
  /** Numbers and booleans, in the monitor's order. */
  readonly fields: readonly string[];
}

/** A monitor as far as those need it who count and those who judge. */
export interface MonitorSpec {
  readonly name: string;
  readonly fields: readonly MonitoredField[];
  /** At least a minute; windows are aligned to the epoch, their start belongs to them, their end does not. */
  readonly windowMs: number;
  /** Of windows of so many rows at least: then `windowMs` is the length of the slices that they are made of. */
  readonly windowRows?: number | undefined;
  /** A window of a task is closed when its stream time has come to the window's end and as much further. */
  readonly lateMs: number;
  /** How long a partition may say nothing before windows close without it. */
  readonly idleAfterMs: number;
  readonly season: Season;
  /** A stability index below this is of no practical interest, in nats. */
  readonly practical: number;
  /** What its alerts are about. */
  readonly kind: AlertKind;
  readonly severity: "page" | "ticket";
  /** What is said of the rows' quality; nothing when left out. */
  readonly quality?: QualitySpec | undefined;
  /** What watches the sequence of windows; nothing when left out. */
  readonly detectors?: FieldDetectorsSpec | undefined;
  /**
   * `scores`: its one field is counted in the same cells for every version, each version under its own name. Left out:
   * in the cells of the baseline in service.
   */
  readonly cells?: "scores" | undefined;
  /** 16 hex digits of all that changes what is counted. */
  readonly version: string;
}
