import type { EpochMs } from "../../kernel/index.ts";
import type { EstimateSpec } from "../estimate/estimate-spec.ts";
import type { SequenceDetector } from "../sequence-detector.ts";

/** What a window says of a model: each a number, and whether more of it is better. */
export const performanceMetrics = ["accuracy", "auc", "average_precision", "log_loss", "brier", "ece"] as const;
export type PerformanceMetric = (typeof performanceMetrics)[number];

/** Metrics of which less is better. */
export const losses: ReadonlySet<PerformanceMetric> = new Set(["log_loss", "brier", "ece"]);

/**
 * By how much a metric has to be worse to be of interest: hundredths of rows decided wrongly, of area or of
 * probability, and of nats for the log loss.
 */
export const practicalDefaults: Readonly<Record<PerformanceMetric, number>> = {
  accuracy: 0.02,
  auc: 0.03,
  average_precision: 0.05,
  log_loss: 0.05,
  brier: 0.02,
  ece: 0.05,
};

/** A monitor of predictions beside what came true, as far as those need it who join and those who judge. */
export interface PerformanceSpec {
  readonly name: string;
  readonly kind: "performance";
  readonly severity: "page" | "ticket";
  /** Of the records that it is about on the topic of labelled predictions. */
  readonly join: string;
  /** At least a minute, aligned to the epoch as windows of other monitors are. */
  readonly windowMs: number;
  /** How long after an event a label may come: a window is mature when the labels' own time is so far behind its end. */
  readonly waitMs: number;
  /** A label counts for events at most so long before it, and for none after it; undefined: for all of its key. */
  readonly withinMs: number | undefined;
  /** No label means 0 when a window is mature. */
  readonly isAbsenceNegative: boolean;
  /** How far behind the newest prediction another may come. */
  readonly lateMs: number;
  readonly metrics: readonly PerformanceMetric[];
  readonly practical: Readonly<Record<PerformanceMetric, number>>;
  readonly detectors: readonly SequenceDetector[];
  /** What is estimated before labels are there; nothing when left out. */
  readonly estimate?: EstimateSpec | undefined;
  /** 16 hex digits of all that changes what is joined and counted. */
  readonly version: string;
}

/** What was measured of a version before it served. */
export interface PerformanceReference {
  readonly rows: number;
  readonly positives: number;
  /** By metric; those that are not there, nobody has measured. */
  readonly values: Readonly<Partial<Record<PerformanceMetric, number>>>;
}

export interface MeasuredMetric {
  readonly metric: PerformanceMetric;
  /** NaN where a class is missing. */
  readonly value: number;
  /** Standard error of the value, from the rows of the window. */
  readonly error: number;
}

/** What a detector has said of the errors of a version up to the end of a window. */
export interface DetectorState {
  readonly kind: string;
  /** Labelled rows of the version that it was given. */
  readonly rows: number;
  /** Row, from 1 on, at which it alarmed first; undefined while it has not. It stays until another version serves. */
  readonly sinceRow: number | undefined;
  /** Event time of the prediction at which it alarmed. */
  readonly sinceMs: EpochMs | undefined;
  /** How often it has alarmed: it begins anew behind each alarm. */
  readonly alarms: number;
}

/** What the predictions of one version in one window came to. */
export interface VersionPerformance {
  readonly model: string;
  readonly version: number;
  /** Predictions, whether they are held or not. */
  readonly rows: number;
  /** Of those the held ones: all of them, but where there were more than can wait. */
  readonly kept: number;
  /** Of the held ones, those whose label is known. */
  readonly labelled: number;
  readonly positives: number;
  readonly metrics: readonly MeasuredMetric[];
  readonly detectors: readonly DetectorState[];
  readonly reference: PerformanceReference | undefined;
}

/** A mature window of predictions, or one that was given up. */
export interface WindowPerformance {
  /** Most predictions last. */
  readonly versions: readonly VersionPerformance[];
  /** Labels are missing: too few came, or none for long. */
  readonly isOutage: boolean;
  /** Predictions and labels that came for windows that were closed without them, since the window before. */
  readonly late: number;
}
