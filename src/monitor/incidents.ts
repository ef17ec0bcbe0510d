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
  /** Of a drift: the same hour has held such values before. It fires, and wakes nobody. */
  readonly isUsual?: boolean;
}

/** What happened to the incidents of a monitor in one window. */
export interface IncidentStep {
  /** Index of the incident that was opened: a page. */
  readonly opened: number | undefined;
  /** Fields that began to fire. */
  readonly fired: readonly string[];
  /** Fields somebody is to be told of: those that began to fire, and those that fired already and are not usual any more. */
  readonly told: readonly string[];
  /** Fields that ended. */
  readonly resolved: readonly string[];
  /** Index of the incident that ended with its last field; those that fire and were told to nobody are no part of it. */
  readonly closed: number | undefined;
}

/**
 * The alerts of all fields of one monitor, and the incidents they make: who is paged is told of an incident, and a field
 * that joins an open one is no further page.
 *
 * I1 A field whose drift is usual opens no incident, for as long as it is: only as many windows that are not as it takes
 *    to fire do, also when its alert fires already.
 * I2 An alert that nobody was paged for keeps the next one from nobody: no cool-down begins with it.
 */
export class Incidents {
  readonly #rules: AlertRules;
  readonly #rulesOf: ReadonlyMap<string, AlertRules>;
  readonly #alerts = new Map<string, AlertState>();
  readonly #firing = new Set<string>();
  /** Of each field, which of the last judged windows drifted beyond what is usual; the newest last. */
  readonly #unusual = new Map<string, readonly boolean[]>();
  /** Fields that fire and have opened no incident, because what they do is usual. */
  readonly #untold = new Set<string>();
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

  /** Whether a field's alert fires and is part of no incident, because what it does is usual. */
  isUntold(field: string): boolean {
    return this.#untold.has(field);
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
    if (isOpen || !this.#firing.has(field)) this.#untold.delete(field);
    if (isOpen) this.#open ??= this.#count++;
    else if (this.#firing.size === 0) this.#open = undefined;
  }

  /** Takes what one window says of all fields. @param atMs end of the window */
  add(verdicts: readonly FieldEvaluation[], atMs: number): IncidentStep {
    const fired: string[] = [];
    const told: string[] = [];
    const resolved: string[] = [];
    for (const evaluation of verdicts) {
      const { field, kind, score, threshold } = evaluation;
      const rules = this.#rulesOf.get(field) ?? this.#rules;
      const before = this.alertOf(field);
      const step = nextAlert(before, { atMs, kind, ratio: score / threshold }, rules);
      this.#alerts.set(field, step.state);
      if (step.event === "fired" || step.event === "quiet") {
        this.#firing.add(field);
        fired.push(field);
        if (step.event === "fired") this.#untold.add(field);
      } else if (step.event === "resolved") {
        this.#firing.delete(field);
        resolved.push(field);
        if (this.#untold.delete(field)) this.#alerts.set(field, { ...step.state, endedMs: before.endedMs });
      }
      const isUnusual = this.#isUnusual(evaluation, rules);
      if (isUnusual && this.#untold.delete(field)) {
        told.push(field);
      }
    }
    const opened = told.length > 0 && this.#open === undefined ? this.#count++ : undefined;
    this.#open ??= opened;
    const isOver = [...this.#firing].every((field) => this.#untold.has(field));
    const closed = isOver ? this.#open : undefined;
    if (closed !== undefined) this.#open = undefined;
    return { opened, fired, told, resolved, closed };
  }

  /** Whether as many of the last windows drift beyond what is usual as it takes to fire. */
  #isUnusual({ field, kind, isUsual = false }: FieldEvaluation, { fire }: AlertRules): boolean {
    const before = this.#unusual.get(field) ?? [];
    const isJudged = kind === "ok" || kind === "drift";
    const recent = isJudged ? [...before, kind === "drift" && !isUsual].slice(-fire.of) : before;
    this.#unusual.set(field, recent);
    return recent.filter(Boolean).length >= fire.windows;
  }
}
