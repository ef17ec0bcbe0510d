import { type EpochMs, formatIsoTime } from "../../kernel/index.ts";
import type { AlertKind } from "../alert-kind.ts";
import type { AlertPhase, AlertRules, Evaluation } from "../alert-machine.ts";
import { Incidents } from "../incidents.ts";
import type { MonitorSpec } from "../monitor-spec.ts";
import type { AlertEvent } from "../records/alert-event.ts";
import { type Cause, causes, type VerdictKind, type VerdictRecord } from "../records/verdict-record.ts";
import { fingerprintOf } from "./commands.ts";
import { type DraftVerdict, isQuiet } from "./window-verdicts.ts";

/** Of `LEARNING` and `SUPPRESSED` the alert takes no note. */
const evaluationKinds: Readonly<Record<VerdictKind, Evaluation["kind"]>> = {
  OK: "ok",
  DRIFT: "drift",
  INSUFFICIENT: "insufficient",
  NO_DATA: "no-data",
  SUPPRESSED: "suppressed",
  LEARNING: "suppressed",
};

/** A field that drifts, from the first window that said so until its alert is well again. */
export interface DriftRun {
  /** Begin of the first window. */
  readonly fromMs: EpochMs;
  /** A cause that shows at the beginning alone, and then is the cause of all that follows. */
  readonly cause: "deployment" | "schema" | undefined;
}

/** Of a monitor, what its alerts need. */
type Alerted = Pick<MonitorSpec, "name" | "kind" | "severity">;

export type CausedVerdict = DraftVerdict & Pick<VerdictRecord, "cause">;

/** The alerts and incidents of one monitor: what windows say becomes verdicts with a phase, and events. */
export class MonitorAlerts {
  readonly #topology: string;
  readonly #spec: Alerted;
  readonly #incidents: Incidents;
  /** Id of the open incident. */
  #incident: string | undefined;
  readonly #runs = new Map<string, DriftRun>();
  /** Fields of which the last judged window was ill. */
  readonly #ill = new Set<string>();
  /** Ends of the windows that paged. */
  readonly #pagesMs: EpochMs[] = [];

  /** @param rulesOf fields that have rules of their own */
  constructor(topology: string, spec: Alerted, rules: AlertRules, rulesOf?: ReadonlyMap<string, AlertRules>) {
    this.#topology = topology;
    this.#spec = spec;
    this.#incidents = new Incidents(rules, rulesOf);
  }

  /** Since when a field drifts; undefined while all of its last windows are well. */
  runOf(field: string): DriftRun | undefined {
    return this.#runs.get(field);
  }

  /** Whether the last window was ill that said anything of the field, or its alert fires. */
  isIll(field: string): boolean {
    return this.#ill.has(field) || this.#incidents.isFiring(field);
  }

  /** Pages since that time. */
  pagesSince(ms: EpochMs): number {
    return this.#pagesMs.filter((at) => at >= ms).length;
  }

  /** What this window says of every field, in the monitor's order. @param isMuted whether a field pages nobody */
  add(verdicts: readonly CausedVerdict[], isMuted: (field: string) => boolean) {
    const [first] = verdicts;
    if (first === undefined) return { verdicts: [], events: [] };
    const step = this.#step(verdicts, first);
    const { opened, closed, fired, told, resolved } = step;
    if (opened !== undefined) this.#incident = this.#idOf(first);
    const incident = this.#incident;
    const of = (field: string) => verdicts.find((verdict) => verdict.field === field) ?? first;
    const events: AlertEvent[] = [];
    if (opened !== undefined && incident !== undefined) {
      const opening = [...new Set([...told, ...fired.filter((field) => !isQuiet(of(field)))])];
      const isPage = this.#spec.severity === "page" && !opening.every(isMuted);
      if (isPage) this.restorePage(first.toMs);
      events.push(this.#incidentEvent("opened", opening.map(of), { incident, isPage }));
    }
    for (const field of new Set([...fired, ...told]))
      events.push(this.#alertEvent(isMuted(field) ? "suppressed" : "firing", of(field)));
    for (const field of resolved) events.push(this.#alertEvent("resolved", of(field)));
    if (closed !== undefined && incident !== undefined) {
      events.push(this.#incidentEvent("closed", resolved.map(of), { incident, isPage: false }));
      this.#incident = undefined;
    }
    return { verdicts: this.stamped(verdicts), events };
  }

  /** Says of a field that fires what it said when it began to. @param isMuted whether a field pages nobody */
  again(verdict: CausedVerdict, isMuted: (field: string) => boolean): AlertEvent[] {
    const { field } = verdict;
    if (!this.#incidents.isFiring(field)) return [];
    return [this.#alertEvent(isMuted(field) ? "suppressed" : "firing", verdict)];
  }

  /** With phase and incident as they are. */
  stamped(verdicts: readonly CausedVerdict[]): VerdictRecord[] {
    return verdicts.map((verdict) => {
      const { phase } = this.#incidents.alertOf(verdict.field);
      const { field } = verdict;
      const isPart = this.#incidents.isFiring(field) && !this.#incidents.isUntold(field);
      return { ...verdict, phase, incident: isPart ? this.#incident : undefined };
    });
  }

  /** Takes a window that was judged before, as it was written down. */
  restore(verdicts: readonly VerdictRecord[]): void {
    const [first] = verdicts;
    if (first === undefined) return;
    const { closed } = this.#step(verdicts, first);
    if (closed !== undefined) this.#incident = undefined;
    // What was written down knew more than what is still there to be read: it counts.
    for (const { field, phase, incident } of verdicts) {
      if (incident !== undefined) this.#incident = incident;
      if (isSettled(phase) && this.#incidents.alertOf(field).phase !== phase)
        this.#incidents.restore(field, phase, incident !== undefined);
    }
  }

  /** Ends what was told of fields that nobody asks for any more. @param verdicts the last that was said of them */
  ended(verdicts: readonly VerdictRecord[]): AlertEvent[] {
    const told = verdicts.filter(({ phase }) => phase === "firing" || phase === "recovering");
    const summaryOf = (what: string): string => `${what} of ${this.#spec.name} is not watched any more.`;
    const events = told.map((verdict): AlertEvent => {
      const { field, incident } = verdict;
      return { ...this.#alertEvent("resolved", verdict), incident, summary: summaryOf(field) };
    });
    // One that fields are part of which are still watched goes on.
    const incidents = new Set(told.flatMap(({ incident }) => incident ?? []).filter((id) => id !== this.#incident));
    for (const incident of incidents) {
      const of = told.filter((verdict) => verdict.incident === incident);
      const summary = summaryOf(listed(of.map(({ field }) => field)));
      events.push({ ...this.#incidentEvent("closed", of, { incident, isPage: false }), summary });
    }
    return events;
  }

  /** An incident that somebody was woken by before, as its event tells it. */
  restorePage(atMs: EpochMs): void {
    if (!this.#pagesMs.includes(atMs)) this.#pagesMs.push(atMs);
  }

  #step(verdicts: readonly CausedVerdict[], { fromMs, toMs }: CausedVerdict) {
    const evaluations = verdicts.map((verdict) => {
      const { field, kind, score, threshold } = verdict;
      return { field, kind: evaluationOf(kind, score, threshold), score, threshold, isUsual: isQuiet(verdict) };
    });
    const step = this.#incidents.add(evaluations, toMs);
    for (const { field, kind } of evaluations) {
      if (kind === "drift") this.#ill.add(field);
      else if (kind === "ok") this.#ill.delete(field);
    }
    for (const verdict of verdicts) {
      const { field, kind, cause } = verdict;
      if (this.#incidents.alertOf(field).phase === "ok") this.#runs.delete(field);
      else if (kind === "DRIFT" && !isQuiet(verdict)) {
        const shown = cause === "deployment" || cause === "schema" ? cause : undefined;
        this.#runs.set(field, { fromMs: this.#runs.get(field)?.fromMs ?? fromMs, cause: shown });
      }
    }
    return step;
  }

  /** Of its incidents: those of a topic's quality are others than those of its values, and what is estimated is not measured. */
  get #fingerprint(): string {
    const { name, kind } = this.#spec;
    return `${this.#topology}/${name}${kind === "quality" || kind === "estimate" ? `.${kind}` : ""}`;
  }

  #idOf({ fromMs }: CausedVerdict): string {
    return `${this.#fingerprint}/${formatIsoTime(fromMs).replace(/[-:]|\.\d+/g, "")}`;
  }

  #alertEvent(kind: "firing" | "resolved" | "suppressed", verdict: CausedVerdict): AlertEvent {
    const { field, score, threshold, n, m, cause } = verdict;
    const isArrival = verdict.unit === "windows";
    const numbers =
      Number.isNaN(score) || isArrival ? "" : `: score ${shown(score)}, threshold ${shown(threshold)}, ${m} rows`;
    const ill = isArrival ? emptyText(verdict) : illNames[this.#spec.kind].one;
    const said = { firing: ill, resolved: "is as it was", suppressed: `${ill}, and is silenced` }[kind];
    return {
      ...this.#base(verdict),
      ...(kind !== "resolved" && isQuiet(verdict) ? { severity: "ticket" as const } : {}),
      type: `millrace.alert.${kind}`,
      id: `${verdict.eventId}/${kind}`,
      fingerprint: fingerprintOf(this.#topology, this.#spec.name, field),
      field,
      // What nobody is told of is part of no incident: it asks for nothing, and keeps none open.
      incident: kind !== "resolved" && this.#incidents.isUntold(field) ? undefined : this.#incident,
      isPage: false,
      cause: kind === "resolved" ? undefined : cause,
      score: finite(score),
      threshold: finite(threshold),
      n,
      m,
      summary: `${field} of ${this.#spec.name} ${said}${numbers}${said === "is as it was" ? "" : causeText(cause)}.`,
      fields: [],
    };
  }

  #incidentEvent(
    kind: "opened" | "closed",
    verdicts: readonly CausedVerdict[],
    { incident, isPage }: { readonly incident: string; readonly isPage: boolean },
  ): AlertEvent {
    const [first] = verdicts as readonly [CausedVerdict, ...CausedVerdict[]];
    const fields = verdicts.map(({ field }) => field);
    const cause = causes.find((known) => verdicts.some((verdict) => verdict.cause === known));
    const ill =
      first.unit === "windows" ? emptyText(first) : illNames[this.#spec.kind][fields.length === 1 ? "one" : "many"];
    const said = kind === "opened" ? `${listed(fields)} ${ill}` : "all fields are as they were";
    return {
      ...this.#base(first),
      type: `millrace.incident.${kind}`,
      id: `${incident}/${kind}`,
      fingerprint: this.#fingerprint,
      field: undefined,
      incident,
      isPage,
      cause: kind === "opened" ? cause : undefined,
      score: undefined,
      threshold: undefined,
      n: undefined,
      m: undefined,
      summary: `${this.#spec.name}: ${said}${kind === "opened" ? causeText(cause) : ""}.`,
      fields,
    };
  }

  #base({ fromMs, toMs }: CausedVerdict) {
    const { name, severity, kind } = this.#spec;
    const to = formatIsoTime(toMs);
    return { topology: this.#topology, monitor: name, kind, severity, at: to, from: formatIsoTime(fromMs), to };
  }
}

/** A window without rows is ill where so many of them in a row are. */
function evaluationOf(kind: VerdictKind, score: number, threshold: number): Evaluation["kind"] {
  return kind === "NO_DATA" && score >= threshold ? "drift" : evaluationKinds[kind];
}

/** Phases that say what an alert is, not what hides it. */
function isSettled(phase: string): phase is AlertPhase {
  return phase === "ok" || phase === "suspect" || phase === "firing" || phase === "recovering";
}

function causeText(cause: Cause | undefined): string {
  return cause === undefined || cause === "world" ? "" : `, and the cause looks like: ${causeNames[cause]}`;
}

const causeNames: Readonly<Record<Cause, string>> = {
  deployment: "a deployment of ours",
  schema: "a writer's new schema",
  partition: "a few partitions",
  nulls: "nulls",
  season: "the time of the day or the week",
  world: "the world",
};

/** What is said of one field that fires, and of several. */
const illNames: Readonly<Record<AlertKind, { readonly one: string; readonly many: string }>> = {
  drift: { one: "drifts", many: "drift" },
  performance: { one: "is worse than it was", many: "are worse than they were" },
  estimate: { one: "is worse than on the validation rows", many: "are worse than on the validation rows" },
  quality: { one: "is not what it was", many: "are not what they were" },
  lag: { one: "is behind", many: "are behind" },
};

function emptyText({ score }: Pick<CausedVerdict, "score">): string {
  return `has had no row in ${score === 1 ? "a window" : `${score} windows in a row`}`;
}

function listed(fields: readonly string[]): string {
  const shownMax = 3;
  const named = fields.slice(0, shownMax).join(", ");
  return fields.length > shownMax ? `${named} and ${fields.length - shownMax} more` : named;
}

function shown(value: number): string {
  return Number(value.toPrecision(3)).toString();
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
