/** What happens to retrainings, on `<topology>.retraining`: JSON values, keyed by incident, else by request. */
import type { RetrainCause } from "./retrain-cause.ts";

const types = [
  "requested",
  "suppressed",
  "started",
  "trained",
  "rejected",
  "undecided",
  "waiting",
  "promoted",
  "failed",
  "cancelled",
  "reset",
  "reported",
  "resolved",
] as const;

const causes = [
  "drift",
  "performance",
  "estimate",
  "quality",
  "age",
  "labels",
  "schedule",
  "webhook",
  "manual",
] as const;

/** `reported` and `resolved`: somebody else's alert fires, or does no more. They ask for nothing; the policy answers them. */
export type RetrainingEventType = (typeof types)[number];

export interface RetrainingEvent {
  readonly type: RetrainingEventType;
  /** The same for the same happening, however often it is written. */
  readonly id: string;
  /** What was asked for, or was not: one id from the request to its end. */
  readonly request: string;
  readonly model: string;
  /** ISO 8601, by the clock of who wrote it. */
  readonly at: string;
  readonly cause: RetrainCause;
  /** `policy`, `trainer`, or who asked. */
  readonly by: string;
  readonly incident?: string | undefined;
  /** Alerts that it answers, with blanks between. */
  readonly alert?: string | undefined;
  /** Why it was not asked for, or ended so; one sentence. */
  readonly reason?: string | undefined;
  /** Which guard held it back. */
  readonly guard?: Guard | undefined;
  /** Event time of the policy, epoch milliseconds; absent where none was known. */
  readonly timeMs?: number | undefined;
  /** Labels on the topic then, counted as offsets; at an end of the trainer those with which its training began. */
  readonly labels?: number | undefined;
  /** Predictions on their topics then, counted as offsets. */
  readonly predictions?: number | undefined;
  /**
   * What was made, and what was in service: when the training began, and what the version was compared with; where it was
   * promoted, what it came after.
   */
  readonly version?: number | undefined;
  readonly champion?: number | undefined;
  /** What the training is to begin with, where whoever asked says so; else as the topology says. */
  readonly mode?: "full" | "warm" | undefined;
  /** What the gate found, check by check. */
  readonly checks?: readonly { readonly name: string; readonly outcome: string; readonly text: string }[];
}

/** What holds a request back. */
export type Guard =
  | "open"
  | "breaker"
  | "veto"
  | "cooldown"
  | "per-day"
  | "labels"
  | "deployment"
  | "over"
  | "not-asked";

/** What ends a request. */
const ends: ReadonlySet<RetrainingEventType> = new Set([
  "rejected",
  "undecided",
  "promoted",
  "failed",
  "cancelled",
  "suppressed",
]);

export function isEnd({ type }: RetrainingEvent): boolean {
  return ends.has(type);
}

/** The record of an event, as it is written. */
export function retrainingRecord(event: RetrainingEvent): { readonly key: Buffer; readonly value: Buffer } {
  return { key: Buffer.from(event.incident ?? event.request), value: Buffer.from(JSON.stringify(event)) };
}

/** Undefined for what is no such event. */
export function readRetrainingEvent(text: string): RetrainingEvent | undefined {
  let value: { readonly [Key in keyof RetrainingEvent]?: unknown } | null;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { type, cause, id, request, model, at, by, incident, alert, reason, mode } = value;
  const { timeMs, labels, predictions, version } = value;
  const isText = (one: unknown): boolean => typeof one === "string" && one !== "";
  const isOne =
    types.some((known) => known === type) &&
    causes.some((known) => known === cause) &&
    [id, request, model, at, by].every(isText) &&
    [incident, alert, reason].every((one) => one === undefined || typeof one === "string") &&
    [undefined, "full", "warm"].some((known) => known === mode) &&
    [timeMs, labels, predictions, version].every((one) => one === undefined || Number.isFinite(one));
  return isOne ? (value as RetrainingEvent) : undefined;
}
