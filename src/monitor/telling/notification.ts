/** What of alerts is told whom, and how much of it at once. */
import { formatIsoTime } from "../../kernel/index.ts";
import type { AlertEvent } from "../records/alert-event.ts";
import type { TestAlert } from "./test-alert.ts";

/** Ways to be told. */
export type NotifyKind = "webhook" | "alertmanager" | "slack" | "pagerduty";

/** One thing that somebody is told. */
export type Notification =
  | { readonly kind: "event"; readonly event: AlertEvent }
  /** So that somebody sees whether they can be told; everybody is, and nothing is wrong. */
  | { readonly kind: "test"; readonly test: TestAlert }
  /** In place of so many that would have been too many. */
  | {
      readonly kind: "summary";
      readonly id: string;
      readonly topology: string;
      /** ISO 8601. */
      readonly at: string;
      readonly count: number;
      /** Sentences of the first of them. */
      readonly first: readonly string[];
    };

/** Whether something begins, ends, or just happened. */
export function turnOf({ type }: AlertEvent): "opens" | "closes" | "happens" {
  if (type === "millrace.alert.firing" || type === "millrace.incident.opened") return "opens";
  return type === "millrace.alert.suppressed" ? "happens" : "closes";
}

/** What an event belongs to: the incident or the alert that it opens or closes. */
export function subjectOf({ type, incident, fingerprint }: AlertEvent): string {
  return type.startsWith("millrace.incident.") ? (incident ?? fingerprint) : fingerprint;
}

/**
 * Whether a way to be told is for an event: machines get everything, Alertmanager, which groups by itself, every alert,
 * people the incident and not each field of it, and PagerDuty pages alone.
 */
export function isTold(kind: NotifyKind, event: AlertEvent): boolean {
  const isIncident = event.type.startsWith("millrace.incident.");
  switch (kind) {
    case "webhook":
      return true;
    case "alertmanager":
      return !isIncident && event.type !== "millrace.alert.suppressed";
    case "slack":
      return isIncident || (event.incident === undefined && event.type !== "millrace.alert.suppressed");
    case "pagerduty":
      return isIncident && event.severity === "page" && (event.isPage || turnOf(event) === "closes");
  }
}

const minuteMs = 60_000;
/** Sentences that a summary repeats. */
const firstMax = 5;
/** Subjects that are remembered as not told. */
const untoldMax = 10_000;

/**
 * Lets so many notifications through within a minute, and gathers the rest for one summary at its end.
 *
 * The end of something that was told is always told: whoever is called out has to hear that it is over. The end of
 * something that only a summary has counted is counted by a summary too.
 */
export class NotificationPace {
  readonly #perMinute: number;
  #sentMs: number[] = [];
  #gathered: AlertEvent[] = [];
  #gatheredSinceMs = 0;
  readonly #untold = new Set<string>();

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** True when the event is to be told now; else it is gathered. @param nowMs monotonic */
  admits(event: AlertEvent, nowMs: number): boolean {
    this.#sentMs = this.#sentMs.filter((sentMs) => nowMs - sentMs < minuteMs);
    const subject = subjectOf(event);
    const isEnd = turnOf(event) === "closes";
    const isLetThrough = isEnd ? !this.#untold.has(subject) : this.#sentMs.length < this.#perMinute;
    if (isLetThrough) {
      if (!isEnd) this.#sentMs.push(nowMs);
      this.#untold.delete(subject);
      return true;
    }
    if (isEnd) this.#untold.delete(subject);
    else if (turnOf(event) === "opens" && this.#untold.size < untoldMax) this.#untold.add(subject);
    if (this.#gathered.length === 0) this.#gatheredSinceMs = nowMs;
    this.#gathered.push(event);
    return false;
  }

  /** The summary of what was gathered, a minute after the first of it; undefined before. @param atMs wall clock */
  summary(nowMs: number, atMs: number): Notification | undefined {
    const [first] = this.#gathered;
    if (first === undefined || nowMs - this.#gatheredSinceMs < minuteMs) return undefined;
    const gathered = this.#gathered;
    this.#gathered = [];
    return {
      kind: "summary",
      id: `${first.id}/and-${gathered.length - 1}-more`,
      topology: first.topology,
      at: formatIsoTime(atMs),
      count: gathered.length,
      first: gathered.slice(0, firstMax).map(({ summary }) => summary),
    };
  }
}
