/**
 * The life of one alert (one field of one monitor), as a pure function of what its windows say:
 *
 *   learning -> ok -> suspect -> firing -> recovering -> ok
 *
 * `insufficient` and `no-data` are what a window says that nothing can be said of; the state before is gone back to with
 * the next that says something. A suppressed window counts for nothing at all.
 *
 * A1 Only a window that says `drift` leads to firing.
 * A2 Firing is left through recovering alone, after `clear.windows` in a row below `clear.below` of the threshold.
 * A3 A page is asked for at the beginning of firing, once, and not within `cooldownMs` of the end of the one before.
 */
export type AlertPhase = "learning" | "ok" | "suspect" | "firing" | "recovering" | "insufficient" | "no-data";

export interface AlertRules {
  /** So many of the last `of` windows that could be judged. */
  readonly fire: { readonly windows: number; readonly of: number };
  /** So many in a row whose score is below that share of its threshold. */
  readonly clear: { readonly windows: number; readonly below: number };
  readonly cooldownMs: number;
}

export const defaultRules: AlertRules = {
  fire: { windows: 3, of: 5 },
  clear: { windows: 3, below: 0.8 },
  cooldownMs: 3_600_000,
};

/** What a window says, as far as the alert is concerned. */
export interface Evaluation {
  /** End of the window. */
  readonly atMs: number;
  readonly kind: "ok" | "drift" | "insufficient" | "no-data" | "suppressed";
  /** Score over threshold; of `ok` and `drift` alone. */
  readonly ratio: number;
}

/** All of an alert that has to survive a restart. */
export interface AlertState {
  readonly phase: AlertPhase;
  /** The phase that `insufficient` and `no-data` hide. */
  readonly behind: AlertPhase;
  /** The last `fire.of` judged windows: whether each said drift; the newest last. */
  readonly recent: readonly boolean[];
  /** Windows in a row that were clear of the threshold. */
  readonly clear: number;
  /** End of the last firing; -Infinity when there was none. */
  readonly endedMs: number;
}

export interface AlertStep {
  readonly state: AlertState;
  /** What happened: `fired` begins an alert, `quiet` begins one within the cool-down, `resolved` ends one. */
  readonly event: "fired" | "quiet" | "resolved" | undefined;
}

export const newAlert: AlertState = {
  phase: "learning",
  behind: "learning",
  recent: [],
  clear: 0,
  endedMs: Number.NEGATIVE_INFINITY,
};

/** One window further. */
export function nextAlert(state: AlertState, evaluation: Evaluation, rules: AlertRules): AlertStep {
  const { kind } = evaluation;
  if (kind === "suppressed") return { state, event: undefined };
  if (kind === "insufficient" || kind === "no-data") return { state: { ...state, phase: kind }, event: undefined };
  const { fire } = rules;
  const judged = { ...state, recent: [...state.recent, kind === "drift"].slice(-fire.of) };
  return state.behind === "firing" || state.behind === "recovering"
    ? whileFiring(judged, evaluation, rules)
    : whileQuiet(judged, evaluation, rules);
}

function whileQuiet(state: AlertState, { atMs }: Evaluation, { fire, cooldownMs }: AlertRules): AlertStep {
  const drifted = state.recent.filter(Boolean).length;
  if (drifted >= fire.windows) {
    const isQuiet = atMs - state.endedMs < cooldownMs;
    return { state: { ...inPhase(state, "firing"), clear: 0 }, event: isQuiet ? "quiet" : "fired" };
  }
  return { state: inPhase(state, drifted > 0 ? "suspect" : "ok"), event: undefined };
}

function whileFiring(state: AlertState, { atMs, kind, ratio }: Evaluation, { clear }: AlertRules): AlertStep {
  if (kind === "drift") return { state: { ...inPhase(state, "firing"), clear: 0 }, event: undefined };
  // Between the two levels nothing is decided: what was cleared before does not count.
  const cleared = ratio < clear.below ? state.clear + 1 : 0;
  if (cleared < clear.windows) return { state: { ...inPhase(state, "recovering"), clear: cleared }, event: undefined };
  return { state: { ...inPhase(state, "ok"), clear: 0, recent: [], endedMs: atMs }, event: "resolved" };
}

function inPhase(state: AlertState, phase: AlertPhase): AlertState {
  return { ...state, phase, behind: phase };
}
