import {
  type AlertPhase,
  type AlertRules,
  type AlertState,
  type Evaluation,
  newAlert,
  nextAlert,
} from "./alert-machine.ts";

/** What a window says of a field, as far as its alert is concerned. */
export interface FieldEvaluation {
  readonly field: string;
  readonly kind: Evaluation["kind"];
  readonly score: number;
  readonly threshold: number;
}

/** What happened to the incidents of a monitor in one window. */
export interface IncidentStep {
  /** Index of the incident that was opened: a page. */
  readonly opened: number | undefined;
  /** Fields that began to fire, and those that ended. */
  readonly fired: readonly string[];
  readonly resolved: readonly string[];
  /** Index of the incident that ended with its last field. */
  readonly closed: number | undefined;
}

/**
 * The alerts of all fields of one monitor, and the incidents they make: who is paged is told of an incident, and a field
 * that joins an open one is no further page.
 */
export class Incidents {
  readonly #rules: AlertRules;
  readonly #rulesOf: ReadonlyMap<string, AlertRules>;
  readonly #alerts = new Map<string, AlertState>();
  readonly #firing = new Set<string>();
  #count = 0;
  #open: number | undefined;

  /** @param rulesOf fields that have rules of their own */
  constructor(rules: AlertRules, rulesOf: ReadonlyMap<string, AlertRules> = new Map()) {
    this.#rules = rules;
    this.#rulesOf = rulesOf;
  }

  /** How many have been opened. */
  get count(): number {
    return this.#count;
  }

  /** State of a field's alert. */
  alertOf(field: string): AlertState {
    return this.#alerts.get(field) ?? newAlert;
  }

  /** Whether a field's alert fires or recovers. */
  isFiring(field: string): boolean {
    return this.#firing.has(field);
  }

  /** Fields whose alert fires or recovers. */
  get firing(): readonly string[] {
    return [...this.#firing];
  }

  /** Whether an incident is open. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** A field is in that phase, as was written down when more was known of it; `isOpen` of an incident that it is part of. */
  restore(field: string, phase: AlertPhase, isOpen: boolean): void {
    this.#alerts.set(field, { ...this.alertOf(field), phase, behind: phase });
    if (phase === "firing" || phase === "recovering") this.#firing.add(field);
    else this.#firing.delete(field);
    if (isOpen) this.#open ??= this.#count++;
    else if (this.#firing.size === 0) this.#open = undefined;
  }

  /** Takes what one window says of all fields. @param atMs end of the window */
  add(verdicts: readonly FieldEvaluation[], atMs: number): IncidentStep {
    const fired: string[] = [];
    const resolved: string[] = [];
    let isPage = false;
    for (const { field, kind, score, threshold } of verdicts) {
      const step = nextAlert(
        this.alertOf(field),
        { atMs, kind, ratio: score / threshold },
        this.#rulesOf.get(field) ?? this.#rules,
      );
      this.#alerts.set(field, step.state);
      if (step.event === "fired" || step.event === "quiet") {
        this.#firing.add(field);
        fired.push(field);
        isPage ||= step.event === "fired";
      } else if (step.event === "resolved") {
        this.#firing.delete(field);
        resolved.push(field);
      }
    }
    const opened = isPage && this.#open === undefined ? this.#count++ : undefined;
    this.#open ??= opened;
    const closed = this.#firing.size === 0 ? this.#open : undefined;
    if (closed !== undefined) this.#open = undefined;
    return { opened, fired, resolved, closed };
  }
}
