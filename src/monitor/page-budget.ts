import { chiSquarePoint } from "../stats/index.ts";
import type { AlertRules } from "./alert-machine.ts";
import type { Baseline, CountedWindow } from "./baseline.ts";
import { Incidents } from "./incidents.ts";
import { judge, type Verdict } from "./verdict.ts";

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
}

/**
 * The probability of a window's alarm at which the budget is kept: what independent windows would allow, halved until
 * the reference itself, judged again, would have paged no more than three quarters of the budget.
 *
 * The reference is scored once, which costs a few microseconds per field and window.
 */
export function budgetProbability(question: BudgetQuestion): number {
  const { fields, baseline, windowMs, practical, rules, budget, windows } = question;
  const perPeriod = budget.perMs / windowMs;
  // With three windows of five: a sequence of them begins in one of six ways.
  const ways = waysToFire(rules.fire.windows, rules.fire.of);
  const independent = (budget.pages / (ways * fields.length * perPeriod)) ** (1 / rules.fire.windows);
  const pagesMax = (shareOfChance * budget.pages * windows.length) / perPeriod;
  const scored = windows.map((window) => judge(fields, baseline, window, { practical, probability: 1 }));
  let probability = Math.min(probabilityMax, independent);
  for (let i = 0; i < halvingsMax && pagesAt(question, scored, probability) > pagesMax; i++) probability /= 2;
  return probability;
}

/** Pages of the reference when it is judged as later windows are. */
function pagesAt(
  { baseline, windows, windowMs, practical, rules }: BudgetQuestion,
  scored: readonly (readonly Verdict[])[],
  probability: number,
): number {
  const points = baseline.nulls.map(({ freedom, scale }) => chiSquarePoint(probability, freedom) * scale);
  const incidents = new Incidents(rules);
  for (const [w, verdicts] of scored.entries()) {
    const evaluations = verdicts.map(({ field, kind, score, n, m }, i) => {
      const threshold = Math.max(practical, (points[i] ?? 0) * (1 / n + 1 / m));
      if (kind === "insufficient") return { field, kind, score, threshold };
      return { field, kind: score >= threshold ? ("drift" as const) : ("ok" as const), score, threshold };
    });
    incidents.add(evaluations, (windows[w]?.fromMs ?? 0) + windowMs);
  }
  return incidents.count;
}

/** In how many ways `windows` alarms lie within `of` windows of which the last is one of them. */
function waysToFire(windows: number, of: number): number {
  let ways = 1;
  for (let i = 1; i < windows; i++) ways = (ways * (of - i)) / i;
  return ways;
}
