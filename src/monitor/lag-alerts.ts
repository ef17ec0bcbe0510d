/**
 * The alerts of how far stages are behind, as a pure function of looks at them, ten seconds apart.
 *
 * L1 Each stage has an alert per monitor and level. One of severity `page` opens and closes an incident, a ticket has none.
 * L2 A look that failed says nothing: neither that all is well nor that it is not.
 *    The level `held` is of records that a reader may not see: no lag, and none of its group's doing.
 * L3 What was told before ({@link LagAlerts.takeEvent}) goes on: it is not told again, and it ends.
 */
import { type EpochMs, formatIsoTime, parseIsoTimeMs } from "../kernel/index.ts";
import { theilSenSlope } from "../stats/index.ts";
import { type AlertRules, type AlertState, type Evaluation, newAlert, nextAlert } from "./alert-machine.ts";
import type { AlertEvent } from "./records/alert-event.ts";

/** A lag that is too much: of records or of seconds, whichever is reached first. */
export interface LagLevel {
  readonly records: number | undefined;
  readonly seconds: number | undefined;
  /** Only while it grows. */
  readonly isGrowing: boolean;
}

/** How far stages may fall behind; at least one of the levels is there. */
export interface LagMonitorSpec {
  readonly name: string;
  readonly warn: LagLevel | undefined;
  readonly page: LagLevel | undefined;
  /** How long an open transaction may hold records back; undefined: for as long as it likes. */
  readonly heldSeconds: number | undefined;
}

/** Records that an open transaction keeps from every reader that reads what is committed. */
export interface HeldRecords {
  readonly records: number;
  /** Since it was seen first that nothing moves; 0 where nothing is held. */
  readonly seconds: number;
}

/** How far a stage is behind at one time. */
export interface SeenLag {
  readonly stage: string;
  readonly records: number;
  /** Since the oldest record that waits was written; 0 when none waits, undefined where it could not be read. */
  readonly seconds: number | undefined;
  readonly held: HeldRecords;
  /** What its group makes of it, in a word. */
  readonly status: string;
}

type LevelName = "warn" | "page" | "held";

/** Looks that tell whether a lag grows, and the last of them that all have to be above the level. */
const slopeLooks = 30;
const aboveLooks = 5;

interface LagAlert {
  readonly monitor: string;
  readonly stage: string;
  readonly level: LevelName;
  readonly bounds: LagLevel;
  readonly severity: "page" | "ticket";
  state: AlertState;
  /** What was seen over what is allowed, of the last looks. */
  ratios: readonly number[];
  /** Id of the incident that is open. */
  incident: string | undefined;
}

export interface LagAlertsOptions {
  readonly topology: string;
  readonly monitors: readonly LagMonitorSpec[];
  readonly stages: readonly string[];
  readonly rules: AlertRules;
}

export class LagAlerts {
  readonly #topology: string;
  readonly #rules: AlertRules;
  readonly #alerts = new Map<string, LagAlert>();
  /** What was told of monitors and stages that are not there any more, and has not ended. */
  readonly #orphans = new Map<string, AlertEvent>();

  constructor({ topology, monitors, stages, rules }: LagAlertsOptions) {
    this.#topology = topology;
    this.#rules = rules;
    for (const monitor of monitors)
      for (const stage of stages)
        for (const own of levelsOf(monitor)) {
          const key = `${monitor.name}/${fieldOf(stage, own.level)}`;
          const alert = { monitor: monitor.name, stage, state: newAlert, ratios: [], incident: undefined };
          this.#alerts.set(key, { ...alert, ...own });
        }
  }

  /** An event that was told before, in their order; those of other kinds are passed over. */
  takeEvent(event: AlertEvent): void {
    const { kind, type, monitor, field, incident } = event;
    if (kind !== "lag" || field === undefined) return;
    const key = `${monitor}/${field}`;
    const alert = this.#alerts.get(key);
    const isOver = type === "millrace.alert.resolved";
    if (alert === undefined) {
      if (isOver) this.#orphans.delete(key);
      else this.#orphans.set(key, event);
      return;
    }
    const phase = isOver ? "ok" : "firing";
    const endedMs = isOver ? (parseIsoTimeMs(event.at) ?? alert.state.endedMs) : alert.state.endedMs;
    alert.state = { ...newAlert, phase, behind: phase, endedMs };
    alert.incident = isOver ? undefined : incident;
  }

  /**
   * Takes one look at all stages, and answers what comes of it.
   *
   * @param seen undefined when the look failed
   * @param isMuted whether nobody is to be told of a stage's level, `<stage>/<level>`
   */
  look(
    seen: readonly SeenLag[] | undefined,
    nowMs: EpochMs,
    isMuted: (monitor: string, field: string) => boolean,
  ): readonly AlertEvent[] {
    const events: AlertEvent[] = [...this.#orphans.values()].flatMap((event) => this.#orphaned(event, nowMs));
    this.#orphans.clear();
    for (const alert of this.#alerts.values()) {
      const lag = seen?.find(({ stage }) => stage === alert.stage);
      const step = nextAlert(alert.state, evaluate(alert, lag, nowMs), this.#rules);
      alert.state = step.state;
      if (lag === undefined || step.event === undefined) continue;
      const { monitor, stage, level } = alert;
      if (step.event === "resolved") events.push(...this.#ended(alert, lag, nowMs));
      else events.push(...this.#begun(alert, lag, nowMs, step.event, isMuted(monitor, fieldOf(stage, level))));
    }
    return events;
  }

  #begun(alert: LagAlert, lag: SeenLag, nowMs: EpochMs, event: "fired" | "quiet", isMuted: boolean): AlertEvent[] {
    const { monitor, stage, level, severity } = alert;
    const isIncident = severity === "page" && event === "fired";
    if (isIncident) alert.incident = `${this.#topology}/${monitor}/${incidentOf(stage, level)}/${compactTime(nowMs)}`;
    const summary = `${stage} ${level === "held" ? heldText(lag.held) : `is ${behind(lag)}`}; ${allowed(alert.bounds)}.`;
    const type = isMuted ? "suppressed" : "firing";
    const told = this.#alertEvent(alert, type, nowMs, isMuted ? `${summary.slice(0, -1)}, and is silenced.` : summary);
    if (!isIncident) return [told];
    return [this.#incidentEvent(alert, "opened", nowMs, !isMuted, `${monitor}: ${summary}`), told];
  }

  #ended(alert: LagAlert, lag: SeenLag, nowMs: EpochMs): AlertEvent[] {
    const { monitor, stage, level, incident } = alert;
    const isOver = level === "held" ? lag.held.records === 0 : lag.records === 0;
    const over = level === "held" ? "gets what a transaction held back" : "has caught up";
    const said = isOver ? over : `is ${behind(lag)}, which is less than too much`;
    const events: AlertEvent[] = [this.#alertEvent(alert, "resolved", nowMs, `${stage} ${said}.`)];
    if (incident !== undefined)
      events.push(this.#incidentEvent(alert, "closed", nowMs, false, `${monitor}: ${stage} ${said}.`));
    alert.incident = undefined;
    return events;
  }

  /** Ends what nobody watches any more. */
  #orphaned(event: AlertEvent, nowMs: EpochMs): AlertEvent[] {
    const at = formatIsoTime(nowMs);
    const summary = `${event.field} of ${event.monitor} is not watched any more.`;
    const over = { ...event, at, from: undefined, to: undefined, isPage: false, summary };
    const id = `${event.fingerprint}/${at}`;
    const resolved: AlertEvent = { ...over, type: "millrace.alert.resolved", id: `${id}/resolved` };
    if (event.incident === undefined) return [resolved];
    const fingerprint = event.fingerprint.slice(0, event.fingerprint.lastIndexOf("/"));
    const closed = { ...over, id: `${event.incident}/closed`, fingerprint, field: undefined };
    return [resolved, { ...closed, type: "millrace.incident.closed", fields: [stageOf(event.field ?? "")] }];
  }

  #alertEvent(alert: LagAlert, type: "firing" | "resolved" | "suppressed", nowMs: EpochMs, summary: string) {
    const { monitor, stage, level, incident } = alert;
    const field = fieldOf(stage, level);
    const fingerprint = `${this.#topology}/${monitor}/${field}`;
    const id = `${fingerprint}/${formatIsoTime(nowMs)}/${type}`;
    const ratio = alert.ratios.at(-1);
    const score = ratio !== undefined && Number.isFinite(ratio) ? ratio : undefined;
    return {
      ...this.#base(alert, nowMs),
      ...{ type: `millrace.alert.${type}` as const, id, fingerprint, field, incident },
      ...{ isPage: false, score, threshold: 1, summary, fields: [] },
    };
  }

  #incidentEvent(alert: LagAlert, type: "opened" | "closed", nowMs: EpochMs, isPage: boolean, summary: string) {
    const { monitor, stage, level, incident } = alert;
    const fingerprint = `${this.#topology}/${monitor}/${incidentOf(stage, level)}`;
    return {
      ...this.#base(alert, nowMs),
      ...{ type: `millrace.incident.${type}` as const, id: `${incident}/${type}`, fingerprint, field: undefined },
      ...{ incident, isPage, score: undefined, threshold: undefined, summary, fields: [stage] },
    };
  }

  #base({ monitor, severity }: LagAlert, nowMs: EpochMs) {
    const nothing = { from: undefined, to: undefined, cause: undefined, n: undefined, m: undefined };
    const kind = "lag" as const;
    return {
      ...{ topology: this.#topology, monitor, kind, severity, at: formatIsoTime(nowMs) },
      ...nothing,
    };
  }
}

/** What one look says of an alert, of which it remembers the look. */
function evaluate(alert: LagAlert, lag: SeenLag | undefined, atMs: EpochMs): Evaluation {
  const nothing: Evaluation = { atMs, kind: "insufficient", ratio: Number.NaN };
  if (lag === undefined) return nothing;
  const { bounds, level } = alert;
  const { records, seconds } = level === "held" ? lag.held : lag;
  const byRecords = bounds.records === undefined ? 0 : records / bounds.records;
  const bySeconds = bounds.seconds === undefined ? 0 : (seconds ?? Number.NaN) / bounds.seconds;
  // What is too much in records is so whatever the seconds are.
  const ratio = Number.isNaN(bySeconds) && byRecords >= 1 ? byRecords : Math.max(byRecords, bySeconds);
  if (Number.isNaN(ratio)) return nothing;
  alert.ratios = [...alert.ratios, ratio].slice(-slopeLooks);
  if (ratio < 1 || !bounds.isGrowing) return { atMs, kind: ratio >= 1 ? "drift" : "ok", ratio };
  const last = alert.ratios.slice(-aboveLooks);
  if (last.length < aboveLooks) return { ...nothing, ratio };
  const grows = theilSenSlope(alert.ratios) > 0 && last.every((one) => one >= 1);
  return { atMs, kind: grows ? "drift" : "ok", ratio };
}

function levelsOf({ warn, page, heldSeconds }: LagMonitorSpec): Pick<LagAlert, "level" | "bounds" | "severity">[] {
  const held = { records: undefined, seconds: heldSeconds, isGrowing: false };
  // Whoever is woken by a lag is woken by this, which is none only because nobody may see the records.
  const heldSeverity = page === undefined ? "ticket" : "page";
  return [
    ...(warn === undefined ? [] : [{ level: "warn", bounds: warn, severity: "ticket" } as const]),
    ...(page === undefined ? [] : [{ level: "page", bounds: page, severity: "page" } as const]),
    ...(heldSeconds === undefined ? [] : [{ level: "held", bounds: held, severity: heldSeverity } as const]),
  ];
}

/** A stage has an incident of its lag and one of what is held back: one ends without the other. */
const incidentOf = (stage: string, level: LevelName): string => (level === "held" ? fieldOf(stage, level) : stage);
const fieldOf = (stage: string, level: LevelName): string => `${stage}/${level}`;
const stageOf = (field: string): string => field.slice(0, field.lastIndexOf("/"));

function behind({ records, seconds, status }: SeenLag): string {
  const since = seconds === undefined ? "" : `, the oldest for ${Math.round(seconds)} s`;
  return `${records} records behind${since}${status === "" || status === "ok" ? "" : ` (${status})`}`;
}

function heldText({ records, seconds }: HeldRecords): string {
  return `gets nothing of ${records} records that an open transaction holds back for ${Math.round(seconds)} s`;
}

function allowed({ records, seconds, isGrowing }: LagLevel): string {
  const bounds = [
    ...(records === undefined ? [] : [`${records} records`]),
    ...(seconds === undefined ? [] : [`${seconds} s`]),
  ];
  return `too much is ${bounds.join(" or ")}${isGrowing ? " and growing" : ""}`;
}

function compactTime(ms: EpochMs): string {
  return formatIsoTime(ms).replace(/[-:]|\.\d+/g, "");
}
