import { chiSquarePoint, psi } from "../stats/index.ts";
import type { AlertRules } from "./alert-machine.ts";
import type { Baseline, CountedWindow } from "./baseline.ts";
import { type FieldEvaluation, Incidents } from "./incidents.ts";
import { nullPointAt } from "./null-score.ts";
import { type Score, scoreOf } from "./verdict.ts";

/** How many pages somebody is ready to get while nothing is wrong. */
export interface PageBudget {
  readonly pages: number;
  readonly perMs: number;
}

/** The share of the budget that chance may use up: the rest is for what the reference does not show. */
const shareOfChance = 0.75;
const halvingsMax = 30;
/** However large a budget few fields have: no more than one window in so many says drift while nothing changes. */
const probabilityMax = 0.02;

export interface BudgetQuestion {
  readonly fields: readonly string[];
  readonly baseline: Baseline;
  /** The reference's windows in the order of time, which are judged again. */
  readonly windows: readonly CountedWindow[];
  readonly windowMs: number;
  readonly practical: number;
  readonly rules: AlertRules;
  readonly budget: PageBudget;
  /** All lines that share the budget; those of the fields alone when left out. */
  readonly lines?: number | undefined;
}

/**
 * The probability of a window's alarm at which the budget is kept: what independent windows would allow, halved until
 * the reference itself, judged again, would have paged no more than three quarters of the budget.
 *
 * The reference is scored once, which costs a few microseconds per field and window.
 */
export function budgetProbability(question: BudgetQuestion): number {
  const { fields, baseline, windows, lines = fields.length } = question;
  const scored = windows.map((window) => scoresOf(fields, baseline, window));
  return probabilityWithin({ ...question, lines, windows: windows.length }, (probability) =>
    pagesAt(question, scored, probability),
  );
}

/** @param pagesOf the reference when it is judged again at a probability */
export function probabilityWithin(
  {
    lines,
    windows,
    windowMs,
    rules,
    budget,
  }: Pick<BudgetQuestion, "windowMs" | "rules" | "budget"> & { readonly lines: number; readonly windows: number },
  pagesOf: (probability: number) => number,
): number {
  const perPeriod = budget.perMs / windowMs;
  // With three windows of five: a sequence of them begins in one of six ways.
  const ways = waysToFire(rules.fire.windows, rules.fire.of);
  const independent = (budget.pages / (ways * lines * perPeriod)) ** (1 / rules.fire.windows);
  const pagesMax = (shareOfChance * budget.pages * windows) / perPeriod;
  let probability = Math.min(probabilityMax, independent);
  for (let i = 0; i < halvingsMax && pagesOf(probability) > pagesMax; i++) probability /= 2;
  return probability;
}

interface ScoredWindow {
  readonly fromMs: number;
  /** 1/n + 1/m of its rows and those of what it is compared with. */
  readonly unit: number;
  /** The same beside those of the same hour on other days. */
  readonly unitOfHour: number;
  readonly scores: readonly (Score & { readonly field: string; readonly ofHour: number })[];
}

/** Hours that are the same, the window's own among them, before they say that its values are usual. */
const sameHourMin = 4;

function scoresOf(fields: readonly string[], baseline: Baseline, { fromMs, partial }: CountedWindow): ScoredWindow {
  const reference = baseline.referenceAt(fromMs).partial;
  const hour = baseline.sameHour.restAt(fromMs, sameHourMin);
  const scores = fields.map((field, i) => {
    const ofHour = hour === undefined ? Number.POSITIVE_INFINITY : psi(hour.counts[i] ?? [], partial.counts[i] ?? []);
    return { field, ofHour, ...scoreOf(reference, partial, i) };
  });
  const unitOf = (rows: number): number => 1 / rows + 1 / partial.rows;
  return { fromMs, unit: unitOf(reference.rows), unitOfHour: unitOf(hour?.rows ?? 0), scores };
}

/** Pages of the reference when it is judged as later windows are. */
function pagesAt(question: BudgetQuestion, scored: readonly ScoredWindow[], probability: number): number {
  const { baseline, windowMs, practical, rules } = question;
  const points = baseline.nulls.map(({ freedom }) => chiSquarePoint(probability, freedom));
  const incidents = new Incidents(rules);
  for (const { fromMs, unit, unitOfHour, scores } of scored) {
    const evaluations = scores.map(({ field, score, ofHour, isEnough }, i): FieldEvaluation => {
      const [nullScore, point] = [baseline.nullOf(i), points[i] ?? 0];
      const threshold = Math.max(practical, nullPointAt(nullScore, point, unit));
      const isUsual = ofHour < Math.max(practical, nullPointAt({ ...nullScore, apart: 0 }, point, unitOfHour));
      const kind = !isEnough ? "insufficient" : score >= threshold ? "drift" : "ok";
      return { field, kind, score, threshold, isUsual };
    });
    incidents.add(evaluations, fromMs + windowMs);
  }
  return incidents.count;
}

/** In how many ways `windows` alarms lie within `of` windows of which the last is one of them. */
function waysToFire(windows: number, of: number): number {
  let ways = 1;
  for (let i = 1; i < windows; i++) ways = (ways * (of - i)) / i;
  return ways;
}
