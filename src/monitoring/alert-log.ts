import { type EpochMs, formatIsoTime, type Offset } from "../kernel/index.ts";
import { type AlertEvent, type Cause, type MonitorCommand, readAlertEvent, readCommand } from "../monitor/index.ts";
import { type Broker, readControl } from "../runtime/index.ts";
import { ownRecords } from "./own-topic.ts";

/** An event as it stands on the alerts topic. */
export interface LoggedEvent {
  readonly offset: Offset;
  readonly event: AlertEvent;
}

/** One alert, as its last event leaves it. */
export interface AlertSummary {
  /** What `ack` takes. */
  readonly alert: string;
  readonly monitor: string;
  readonly field: string | null;
  /** `suppressed` fires, and nobody was told. */
  readonly state: "firing" | "suppressed" | "resolved";
  readonly severity: "page" | "ticket";
  /** ISO 8601: since when it is so. */
  readonly since: string;
  readonly incident: string | null;
  readonly cause: Cause | null;
  /** Of the window that made it so, with the rows of its reference and its own. */
  readonly score: number | null;
  readonly threshold: number | null;
  readonly n: number | null;
  readonly m: number | null;
  /** Who has seen it or silenced it, and until when nobody is paged. */
  readonly mutedBy: string | null;
  readonly mutedUntil: string | null;
  readonly summary: string;
}

/** One incident, as its events tell it. */
export interface IncidentSummary {
  readonly incident: string;
  readonly monitor: string;
  readonly state: "open" | "closed";
  readonly severity: "page" | "ticket";
  /** Whether somebody was to be woken. */
  readonly isPage: boolean;
  /** ISO 8601. */
  readonly opened: string | null;
  readonly closed: string | null;
  /** Fields that fired in it, in the order in which they began. */
  readonly fields: readonly string[];
  readonly cause: Cause | null;
  readonly summary: string;
}

/** The events on the alerts topic up to its end as it is now; an event that was written twice is told once. */
export async function readAlertEvents(broker: Broker, topic: string, signal: AbortSignal): Promise<LoggedEvent[]> {
  const events = new Map<string, LoggedEvent>();
  for await (const { offset, value } of ownRecords(broker, topic, signal)) {
    const event = value === null ? undefined : readAlertEvent(value.toString("utf8"));
    if (event !== undefined && !events.has(event.id)) events.set(event.id, { offset, event });
  }
  return [...events.values()];
}

/** What people have told the judge and not taken back. */
export async function readMonitorCommands(
  broker: Broker,
  controlTopic: string,
  signal: AbortSignal,
): Promise<readonly MonitorCommand[]> {
  const commands = new Map<string, MonitorCommand>();
  const take = (record: { readonly key: string; readonly value: string | null }): void => {
    const command = readCommand(record);
    if (command === undefined) commands.delete(record.key);
    else commands.set(record.key, command);
  };
  await readControl(broker, controlTopic, take, signal);
  return [...commands.values()];
}

/** Every alert that ever was on the log, those that fire first, the latest first. */
export function alertSummaries(
  events: readonly LoggedEvent[],
  commands: readonly MonitorCommand[],
  nowMs: EpochMs,
): AlertSummary[] {
  const last = new Map<string, AlertEvent>();
  for (const { event } of events) {
    if (!event.type.startsWith("millrace.alert.")) continue;
    last.delete(event.fingerprint);
    last.set(event.fingerprint, event);
  }
  const summaries = [...last.values()].reverse().map((event): AlertSummary => {
    const muted = mutedBy(event, commands, nowMs);
    return {
      alert: event.fingerprint,
      monitor: event.monitor,
      field: event.field ?? null,
      state: stateOf(event),
      severity: event.severity,
      since: event.at,
      incident: event.incident ?? null,
      cause: event.cause ?? null,
      score: event.score ?? null,
      threshold: event.threshold ?? null,
      n: event.n ?? null,
      m: event.m ?? null,
      mutedBy: muted?.who ?? null,
      mutedUntil: muted === undefined ? null : formatIsoTime(muted.untilMs),
      summary: event.summary,
    };
  });
  const isOver = ({ state }: AlertSummary): number => (state === "resolved" ? 1 : 0);
  return summaries.sort((a, b) => isOver(a) - isOver(b));
}

function stateOf({ type }: AlertEvent): AlertSummary["state"] {
  if (type === "millrace.alert.resolved") return "resolved";
  return type === "millrace.alert.suppressed" ? "suppressed" : "firing";
}

/** The command that mutes an alert for longest; undefined when none does. */
function mutedBy(
  { fingerprint, monitor, field }: AlertEvent,
  commands: readonly MonitorCommand[],
  nowMs: EpochMs,
): MonitorCommand | undefined {
  return commands
    .filter((command) => {
      if (command.untilMs <= nowMs) return false;
      if (command.kind === "ack") return command.fingerprint === fingerprint;
      return (command.monitor ?? monitor) === monitor && (command.field ?? field) === field;
    })
    .sort((a, b) => b.untilMs - a.untilMs)[0];
}

/** Every incident on the log, the latest first. */
export function incidentSummaries(events: readonly LoggedEvent[]): IncidentSummary[] {
  const incidents = new Map<string, IncidentSummary>();
  for (const { event } of events) {
    const { incident } = event;
    if (incident === undefined) continue;
    const known = incidents.get(incident);
    incidents.set(incident, withEvent(known, incident, event));
  }
  return [...incidents.values()].reverse();
}

function withEvent(known: IncidentSummary | undefined, incident: string, event: AlertEvent): IncidentSummary {
  const { type, monitor, severity, isPage, at, cause, summary } = event;
  const isOpening = type === "millrace.incident.opened";
  const isClosing = type === "millrace.incident.closed";
  // A field that ends firing was named when it began; what an incident ends with adds nothing.
  const begins = type === "millrace.alert.firing" || type === "millrace.alert.suppressed";
  const named = isOpening ? event.fields : begins && event.field !== undefined ? [event.field] : [];
  return {
    incident,
    monitor,
    severity,
    state: isClosing ? "closed" : (known?.state ?? "open"),
    isPage: (known?.isPage ?? false) || isPage,
    opened: isOpening ? at : (known?.opened ?? null),
    closed: isClosing ? at : (known?.closed ?? null),
    fields: [...new Set([...(known?.fields ?? []), ...named])],
    cause: known?.cause ?? cause ?? null,
    summary: isOpening || known === undefined ? summary : known.summary,
  };
}
