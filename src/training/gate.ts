import type { Signature } from "../model/index.ts";
import type { ChallengePlan } from "./challenge-plan.ts";
import {
  checkLatency,
  checkPaired,
  checkSize,
  checkSlice,
  constantLosses,
  lossesOf,
  type PairedLosses,
  type Slice,
  skipped,
} from "./gate-checks.ts";
import type { GateCheck, GateDecision } from "./gate-decision.ts";
import type { WholeSet } from "./join-rows.ts";
import { boundedLogLoss, meanOf, squaredLoss } from "./paired-loss.ts";

/** What the checks go by: scores of the same rows, in time order. */
export interface Measured {
  readonly signature: Signature;
  readonly whole: WholeSet;
  /** The place of the first recent row among all. */
  readonly recentFrom: number;
  /** Of the recent rows. */
  readonly labels: Float64Array;
  readonly candidate: Float64Array;
  /** Undefined where the champion cannot score them. */
  readonly champion: Float64Array | undefined;
  /** Share of positives among the rows that the candidate learned from. */
  readonly rateLearned: number;
  readonly before: { readonly labels: Float64Array; readonly scores: Float64Array };
  readonly scoreRow: (row: number) => void;
  readonly bytes: number;
  readonly monotonicMs: () => number;
}

/** Makes all checks, and decides by them: one that failed is enough to reject, and none that was skipped. */
export function judged(measured: Measured, plan: ChallengePlan): GateDecision {
  const { gate } = plan;
  const checks = [
    ...(gate.recent === false ? [] : recentChecks(measured, plan)),
    ...(gate.before === false ? [] : [beforeCheck(measured, plan)]),
    ...(gate.latencyP99Ms === false ? [] : [latencyCheck(measured, gate.latencyP99Ms)]),
    ...(gate.sizeBytes === false ? [] : [checkSize(measured.bytes, gate.sizeBytes)]),
  ];
  const failed = checks.filter(({ outcome }) => outcome === "failed");
  if (failed.length > 0)
    return { kind: "rejected", reason: failed.map(({ name, text }) => `${name}: ${text}`).join("; "), checks };
  const first = checks.find(({ outcome }) => outcome === "passed");
  return {
    kind: "accepted",
    reason: first === undefined ? "no check was asked for" : `${first.name}: ${first.text}`,
    checks,
  };
}

function latencyCheck({ scoreRow, labels, monotonicMs }: Measured, msMax: number): GateCheck {
  return checkLatency(scoreRow, labels.length, msMax, monotonicMs);
}

/** Beside the champion; where it cannot score, beside what knows no more than how often the label was true. */
export function recentChecks(measured: Measured, plan: ChallengePlan): readonly GateCheck[] {
  const { labels, candidate, champion: scores, rateLearned } = measured;
  const { champion, gate } = plan;
  if (champion.kind === "none") return [skipped("recent", "there is no champion to stand beside")];
  const [loss, unit] = lossFor(plan);
  const challenger = lossesOf(loss, candidate, labels);
  const other = scores === undefined ? constantLosses(loss, rateLearned, labels) : lossesOf(loss, scores, labels);
  const why =
    champion.kind === "unusable" ? `, since version ${champion.version} cannot serve: ${champion.reason}` : "";
  const named = scores === undefined ? `no skill${why}` : `version ${champion.version}`;
  const losses = { challenger, other };
  const where = "rows that neither has learned from";
  return [
    checkPaired("recent", losses, { unit, other: named, where }),
    ...gate.slices.map((field) => sliceCheck(field, losses, measured, plan)),
  ];
}

function sliceCheck(field: string, losses: PairedLosses, measured: Measured, plan: ChallengePlan): GateCheck {
  const { signature, whole, recentFrom } = measured;
  const input = signature.inputs.findIndex(({ name }) => name === field);
  const kind = signature.inputs[input]?.kind;
  if (kind === undefined || kind === "number")
    return skipped("slice", `${field} is no input that is a category or a boolean`);
  const { width, texts } = whole;
  const names = kind === "boolean" ? ["false", "true"] : (texts[input] ?? []);
  const slice: Slice = {
    field,
    // Null is NaN, and a Map takes all NaN for one key.
    codeOf: (row) => whole.inputs[(recentFrom + row) * width + input] as number,
    nameOf: (value) => {
      if (Number.isNaN(value)) return "null";
      return plan.sensitive.includes(field) ? `value ${value}` : `= ${names[value] ?? String(value)}`;
    },
  };
  return checkSlice(slice, losses, plan.gate.sliceFloor);
}

/** A candidate that knows nothing of what was before the change will not know it when it comes again. */
function beforeCheck({ before: { labels, scores } }: Measured, plan: ChallengePlan): GateCheck {
  const { cause, champion, gate } = plan;
  if (champion.kind === "none") return skipped("before", "there is no champion, so nothing was learned before");
  if (cause === "performance")
    return skipped(
      "before",
      "concept: the champion has lost its performance, so what was true before is not asked for",
    );
  const rowsMin = gate.recent === false ? 1 : gate.recent.rowsMin;
  const rate = meanOf(labels);
  if (labels.length < rowsMin || rate === 0 || rate === 1)
    return skipped("before", `${labels.length} rows before, all alike or too few to say anything`);
  const [loss, unit] = lossFor(plan);
  const losses = { challenger: lossesOf(loss, scores, labels), other: constantLosses(loss, rate, labels) };
  return checkPaired("before", losses, { unit, other: "no skill", where: "rows that the champion has learned from" });
}

function lossFor({ metric }: ChallengePlan): readonly [typeof boundedLogLoss, string] {
  return metric === "brier" ? [squaredLoss, "Brier score"] : [boundedLogLoss, "log loss"];
}
