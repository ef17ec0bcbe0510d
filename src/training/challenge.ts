/**
 * One challenger against the version in service: chosen, fitted without the newest rows, held to the gate's checks
 * beside the champion, and, accepted, fitted again on all that is known.
 *
 *   rows        [ ...... before ][ ...... unseen by the champion ...... ]
 *                                [ learned last        ][ recent        ]
 *
 * The model that is answered has learned from `recent` too; what stood the checks is its twin that had not. So a
 * model that comes out worse than the champion on those very rows is refused after all: its fit went wrong.
 */
import { formatIsoTime } from "../kernel/index.ts";
import { type DirectScorer, type LearnerKind, type LearnerModel, learnerOf, type Signature } from "../model/index.ts";
import type { ChallengePlan, ChallengeResult } from "./challenge-plan.ts";
import { type ChallengeSpans, learnFrom, setOf, spansOf } from "./challenge-rows.ts";
import { championLearnedUntil } from "./champion.ts";
import { rankOf } from "./choice-metric.ts";
import { judged, type Measured, recentChecks } from "./gate.ts";
import { encodeCategories } from "./inputs.ts";
import type { TrainingSet, WholeSet } from "./join-rows.ts";
import { outageText } from "./label-outage.ts";
import { foldsByTime } from "./time-split.ts";
import { type FitPlan, scoreAll, type TrainingResult, train } from "./training-run.ts";

/** Stretches of time that a learner is chosen on, and the share of the rows that each of them measures. */
const choiceFolds = 3;
const choiceShare = 0.2;

/** What a challenge needs of its surroundings. */
export interface ChallengeTools {
  readonly signature: Signature;
  readonly onIteration?: (iteration: number, loss: number) => void;
  readonly monotonicMs: () => number;
  readonly signal?: AbortSignal;
}

/**
 * Fits a challenger and judges it.
 *
 * @throws OperationError MR_TRAINING when a feature leads to numbers that are not finite; what the signal was aborted
 *   with, between two iterations
 */
export function challenge(whole: WholeSet, plan: ChallengePlan, tools: ChallengeTools): ChallengeResult {
  const refused = undecidedOf(whole, plan);
  const spans = spansToCompare(whole, plan);
  if (typeof spans === "string") return refused(spans);
  const end = whole.timesMs.length;
  const { recentFrom, unseenFrom } = spans;
  const start = startOf(plan);
  const from = learnFrom(recentFrom, unseenFrom, plan.newestRows, start !== undefined);
  const learn = { from, to: recentFrom, beforeMs: whole.timesMs[recentFrom] };
  const set = setOf(whole, { learn, measure: { from: recentFrom, to: end } });
  const oneClass = oneClassOf(set);
  if (oneClass !== undefined) return refused(oneClass);

  const choice = start?.candidates[0] ?? chosenLearner(whole, { from, to: recentFrom }, plan, tools);
  const fitPlan: FitPlan = { ...start, candidates: [choice], metric: plan.metric, seed: plan.seed };
  const candidate = train(set, tools.signature, tools.onIteration, fitPlan, tools.signal);
  const measured = measuredOf(whole, spans, set, candidate, plan, tools);
  const decision = judged(measured, plan);
  const found = {
    counts: set.counts,
    split: set.split,
    metrics: candidate.metrics,
    candidates: candidate.candidates,
    metric: plan.metric,
    warnings: [...warmWarnings(plan, start), ...whole.outages.map(outageText), ...candidate.warnings],
  };
  if (decision.kind !== "accepted") return { ...found, decision, accepted: undefined };

  const fullFrom = learnFrom(end, unseenFrom, plan.newestRows, start !== undefined);
  const full = setOf(whole, { learn: { from: fullFrom, to: end }, measure: { from: end, to: end } });
  const last = train(full, tools.signature, tools.onIteration, fitPlan, tools.signal);
  const scores = scoresOf(whole, recentFrom, end, last, tools.signature);
  const fault = refitFault({ ...measured, candidate: scores }, plan);
  if (fault !== undefined)
    return { ...found, decision: { ...decision, kind: "rejected", reason: fault }, accepted: undefined };
  const { learner, model, sample } = last;
  const learnedUntilMs = (whole.timesMs[end - 1] as number) + 1;
  const { calibration } = candidate;
  const fitted = { learner, model, sample, trainRows: full.split.trainCount, isWarm: start !== undefined };
  // What goes on from the champion still knows what that had learned.
  const learnedFromMs = fullFrom > 0 && start === undefined ? whole.timesMs[fullFrom] : undefined;
  const accepted = { ...fitted, learnedUntilMs, learnedFromMs, calibration };
  return { ...found, decision, accepted };
}

/** Which rows are for what, or why nothing can be decided. */
function spansToCompare(whole: WholeSet, { champion, gate }: ChallengePlan): ChallengeSpans | string {
  const newest = whole.outages.find(({ isNewest }) => isNewest);
  if (newest !== undefined) return outageText(newest);
  if (champion.kind === "foreign")
    return `version ${champion.version} cannot be compared with: ${champion.reason}; promote by hand`;
  if (champion.kind === "none" || gate.recent === false)
    return spansOf(whole, championLearnedUntil(champion), undefined) ?? "there are no rows";
  const learnedUntilMs = championLearnedUntil(champion);
  return spansOf(whole, learnedUntilMs, gate.recent) ?? tooFew(whole, learnedUntilMs, gate.recent.rowsMin);
}

/** What stood the checks had not learned the recent rows, and this one has: it cannot do worse on them, but by a fault. */
function refitFault(measured: Measured, plan: ChallengePlan): string | undefined {
  if (plan.gate.recent === false) return undefined;
  const failed = recentChecks(measured, plan).find(({ name, outcome }) => name === "recent" && outcome === "failed");
  return failed && `fitted on all rows it came out worse than without the newest: ${failed.text}`;
}

/** What a warm start goes on from; undefined for a full fit, and where the champion gives nothing to go on from. */
function startOf({ mode, champion }: ChallengePlan): Required<Pick<FitPlan, "candidates" | "start">> | undefined {
  if (mode !== "warm" || champion.kind !== "opened") return undefined;
  const { learner, model } = champion;
  return learnerOf(learner).modes.includes("warm") ? { candidates: [learner], start: { learner, model } } : undefined;
}

function warmWarnings({ mode, champion }: ChallengePlan, start: object | undefined): readonly string[] {
  if (mode !== "warm" || start !== undefined) return [];
  const why =
    champion.kind === "opened" ? `a ${champion.learner} learns from nothing only` : "there is no version to go on from";
  return [`fitted from nothing and not on from the champion: ${why}`];
}

/** The learner that does best over several stretches of time, all before the rows of the gate. */
function chosenLearner(
  whole: WholeSet,
  { from, to }: { readonly from: number; readonly to: number },
  { candidates, metric, seed }: ChallengePlan,
  { signature, signal }: ChallengeTools,
): LearnerKind {
  const first = candidates[0] ?? "logistic";
  if (candidates.length < 2) return first;
  const ranks = new Map<LearnerKind, number>(candidates.map((kind) => [kind, 0]));
  for (const fold of foldsByTime(whole.timesMs.subarray(from, to), choiceFolds, choiceShare)) {
    const middle = from + fold.trainCount;
    const learn = { from, to: middle, beforeMs: fold.splitAtMs };
    const set = setOf(whole, { learn, measure: { from: middle, to: middle + fold.validationCount } });
    if (oneClassOf(set) !== undefined) continue;
    const result = train(set, signature, undefined, { candidates, metric, seed }, signal);
    for (const each of result.candidates) {
      const rank = rankOf(each.metrics, metric);
      if (Number.isFinite(rank)) ranks.set(each.learner, (ranks.get(each.learner) ?? 0) + rank);
    }
  }
  // Every fold that can be measured is so for all candidates, so that sums compare as means do.
  return candidates.reduce((a, b) => ((ranks.get(b) ?? 0) > (ranks.get(a) ?? 0) ? b : a), first);
}

function oneClassOf({ labels, split }: TrainingSet): string | undefined {
  const positives = labels.subarray(0, split.trainCount).reduce((sum, label) => sum + label, 0);
  if (positives > 0 && positives < split.trainCount) return undefined;
  if (split.trainCount === 0) return "no row that is not needed to compare has a label that was known in time";
  return `all ${split.trainCount} rows to learn from are ${positives === 0 ? "negative" : "positive"}; both classes are needed`;
}

/** The scores and labels that the checks go by. */
function measuredOf(
  whole: WholeSet,
  { recentFrom, before }: ChallengeSpans,
  set: TrainingSet,
  candidate: TrainingResult,
  { champion }: ChallengePlan,
  { signature, monotonicMs }: ChallengeTools,
): Measured {
  const end = whole.timesMs.length;
  const { width, split } = set;
  const scorer = learnerOf(candidate.learner).scorer(candidate.model, signature);
  const recent = set.inputs.subarray(split.trainCount * width);
  const into = new Float64Array(1);
  const learned = set.labels.subarray(0, split.trainCount);
  return {
    signature,
    whole,
    recentFrom,
    labels: whole.labels.subarray(recentFrom, end),
    candidate: scoreAll(scorer, recent, width),
    champion: champion.kind === "opened" ? scoresOf(whole, recentFrom, end, champion, signature) : undefined,
    rateLearned: learned.reduce((sum, label) => sum + label, 0) / learned.length,
    before: {
      labels: whole.labels.subarray(before.from, before.to),
      scores: scoresOf(whole, before.from, before.to, candidate, signature),
    },
    scoreRow: (row) => scorer.score(recent.subarray(row * width, (row + 1) * width), 1, into, 0),
    bytes: [...learnerOf(candidate.learner).files(candidate.model).values()].reduce(
      (sum, file) => sum + file.length,
      0,
    ),
    monotonicMs,
  };
}

/** The scores that a model gives rows; texts become the codes of its own encoder. */
function scoresOf(
  whole: WholeSet,
  from: number,
  to: number,
  { learner, model }: { readonly learner: LearnerKind; readonly model: LearnerModel },
  signature: Signature,
): Float64Array {
  const set = setOf(whole, { learn: { from, to: from }, measure: { from, to } });
  encodeCategories(set, signature, model.encoder);
  const scorer: DirectScorer = learnerOf(learner).scorer(model, signature);
  return scoreAll(scorer, set.inputs, set.width);
}

function tooFew(whole: WholeSet, learnedUntilMs: number | undefined, rowsMin: number): string {
  const from = learnedUntilMs ?? Number.NEGATIVE_INFINITY;
  const count = whole.timesMs.reduce((sum, timeMs) => sum + (timeMs >= from ? 1 : 0), 0);
  const since =
    learnedUntilMs === undefined
      ? ""
      : ` from ${formatIsoTime(learnedUntilMs)} on, which the champion has not learned from`;
  const outages = whole.outages.map((outage) => `; ${outageText(outage)}`).join("");
  return `${count} rows have a label${since}, and ${rowsMin} are needed to compare (gate.recent.rowsMin)${outages}`;
}

function undecidedOf(whole: WholeSet, { metric }: ChallengePlan): (reason: string) => ChallengeResult {
  return (reason) => ({
    decision: { kind: "undecided", reason, checks: [] },
    counts: { ...whole.counts, labelledAfterSplit: 0 },
    split: { trainCount: 0, validationCount: 0, splitAtMs: undefined },
    metrics: null,
    candidates: [],
    metric,
    warnings: whole.outages.map(outageText),
    accepted: undefined,
  });
}
