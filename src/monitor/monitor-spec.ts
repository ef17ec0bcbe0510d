import type { AlertKind } from "./alert-kind.ts";
import type { Season } from "./baseline.ts";
import type { QualitySpec } from "./quality/quality-spec.ts";

/** A field whose values a monitor counts. */
export interface MonitoredField {
  readonly name: string;
  readonly kind: "numbers" | "categories";
  /** Its values stand in no verdict, alert or report. */
  readonly isSensitive: boolean;
}

/** A monitor as far as those need it who count and those who judge. */
export interface MonitorSpec {
  readonly name: string;
  readonly fields: readonly MonitoredField[];
  /** At least a minute; windows are aligned to the epoch, their start belongs to them, their end does not. */
  readonly windowMs: number;
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
  /** 16 hex digits of all that changes what is counted. */
  readonly version: string;
}
