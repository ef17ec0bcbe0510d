import type { ModelInput } from "../../model/index.ts";
import {
  type GateSettings,
  gateDefaults,
  type RetrainSettings,
  type RetrainTrigger,
  type RolloutSettings,
} from "../../training/index.ts";
import { monitorsOfModel } from "../plan/model-monitors.ts";
import type { PlannedMonitoring } from "../plan/monitoring.ts";
import type { PlannedModel, PlannedStage } from "../plan/plan.ts";
import { defaults } from "../spec/defaults.ts";
import type { ModelSpec } from "../spec/model-spec.ts";
import type { GateEntry, RetrainEntry, RolloutEntry } from "../spec/retrain-spec.ts";
import type { Outline } from "../spec/shape.ts";
import { ms } from "./alerts.ts";
import type { Findings } from "./findings.ts";

type Path = readonly (string | number)[];

/** What a model's entry says of labels, gate, rollout and retraining, with what counts where it says nothing. */
export function planRetraining(
  { label, gate, rollout, retrain }: ModelSpec,
  path: Path,
  features: readonly ModelInput[],
  findings: Findings,
): Pick<PlannedModel, "label" | "gate" | "rollout" | "retrain"> {
  checkSlices(gate?.slices ?? [], [...path, "gate", "slices"], features, findings);
  const unlearnt = (["gate", "rollout", "retrain"] as const).filter((name) => ({ gate, rollout, retrain })[name]);
  if (label === undefined)
    for (const name of unlearnt)
      findings.problem(
        "MR_CONFLICT",
        [...path, name],
        "without a label the model is never trained",
        "say under label where training finds the truth",
      );
  return {
    label: label && {
      topic: label.topic,
      on: label.on,
      field: label.field,
      withinMs: label.within === undefined ? undefined : ms(label.within),
      matureAfterMs: label.matureAfter === undefined ? undefined : ms(label.matureAfter),
    },
    gate: gateOf(gate ?? {}),
    rollout: rolloutOf(rollout, [...path, "rollout"], findings),
    retrain: retrain && retrainOf(retrain, path, findings),
  };
}

/** Whether labels all say the same, so that nothing could be learned from them: presence alone, and no absence. */
export function checkAbsence({ label }: ModelSpec, path: Path, findings: Findings): void {
  if (label === undefined || label.field !== undefined || label.matureAfter !== undefined) return;
  const message = "that a label is there says true, and nothing says false";
  const hint = "name its field, or say with matureAfter when absence means false";
  findings.problem("MR_MISSING_KEY", [...path, "label"], message, hint);
}

function gateOf({ recent, before, slices, sliceFloor, latencyP99Ms, sizeBytes }: GateEntry): GateSettings {
  const rows = { rowsMin: defaults.gate.rowsMin, rowsMax: defaults.gate.rowsMax };
  return {
    recent:
      recent === false ? false : { rowsMin: recent?.rowsMin ?? rows.rowsMin, rowsMax: recent?.rowsMax ?? rows.rowsMax },
    before: before ?? gateDefaults.before,
    slices: slices ?? [],
    sliceFloor: sliceFloor ?? defaults.gate.sliceFloor,
    latencyP99Ms: latencyP99Ms ?? defaults.gate.latencyP99Ms,
    sizeBytes: sizeBytes ?? defaults.gate.sizeBytes,
  };
}

function rolloutOf(rollout: RolloutEntry = "none", path: Path, findings: Findings): RolloutSettings | "none" {
  if (rollout === "none") return "none";
  const { shadow } = defaults;
  if (rollout.shadow === undefined) {
    // What comes in a later version was taken out, and reported.
    if (!findings.isMisshapen(path))
      findings.problem("MR_MISSING_KEY", path, "it says nothing", "write rollout: { shadow: { for: 2h } }");
    return "none";
  }
  return {
    shadow: {
      forMs: ms(rollout.shadow.for ?? shadow.for),
      recordsMin: rollout.shadow.recordsMin ?? shadow.recordsMin,
    },
  };
}

function retrainOf(retrain: RetrainEntry, path: Path, findings: Findings): RetrainSettings {
  const { retrain: absent } = defaults;
  return {
    on: triggersOf(retrain.on, [...path, "retrain", "on"], findings),
    mode: retrain.mode ?? absent.mode,
    rows: retrain.rows ?? absent.rows,
    cooldownMs: ms(retrain.cooldown ?? absent.cooldown),
    perDay: retrain.perDay ?? absent.perDay,
    labelsMin: retrain.labelsMin ?? absent.labelsMin,
    breaker: retrain.breaker ?? absent.breaker,
    approve: retrain.approve ?? absent.approve,
  };
}

function triggersOf(on: RetrainEntry["on"], path: Path, findings: Findings): readonly RetrainTrigger[] {
  const triggers: RetrainTrigger[] = [];
  for (const [index, entry] of on.entries()) {
    const trigger = triggerOf(entry);
    const at = [...path, index];
    if (trigger === undefined)
      findings.problem("MR_MISSING_KEY", at, "the entry gives no reason", "write one of age, labels, schedule");
    // One schedule more is one more time; of all else a second entry would contradict the first.
    else if (trigger.kind !== "schedule" && triggers.some(({ kind }) => kind === trigger.kind))
      findings.problem("MR_CONFLICT", at, `${trigger.kind} is among the reasons already`, "remove it");
    else triggers.push(trigger);
  }
  return triggers;
}

function triggerOf(entry: RetrainEntry["on"][number]): RetrainTrigger | undefined {
  if (typeof entry === "string") return { kind: entry };
  if (entry.age !== undefined) return { kind: "age", ageMs: ms(entry.age) };
  if (entry.labels !== undefined) return { kind: "labels", count: entry.labels };
  return entry.schedule === undefined ? undefined : { kind: "schedule", cron: entry.schedule };
}

/** A part is told by a text or a boolean that the model is given. */
function checkSlices(slices: readonly string[], path: Path, features: readonly ModelInput[], findings: Findings): void {
  const fit = features.filter(({ kind }) => kind !== "number").map(({ name }) => name);
  for (const [index, slice] of slices.entries()) {
    if (fit.includes(slice)) continue;
    findings.dangling([...path, index], "feature of the model, a text or a boolean, named", slice, fit);
  }
}

/**
 * An alert is a reason to train again only when something can raise it: a reason that never comes would be silence.
 *
 * @param stages undefined where one is broken
 */
export function checkReasons(
  outline: Outline,
  models: Iterable<PlannedModel | undefined>,
  stages: Iterable<PlannedStage | undefined>,
  monitoring: PlannedMonitoring | undefined,
  findings: Findings,
): void {
  const known = [...stages].filter((stage) => stage !== undefined);
  const { monitors, lag, performance } = monitoring ?? { monitors: [], lag: [], performance: [] };
  const monitorCount = monitors.length + lag.length + performance.length;
  // What is broken, and reported, may be the monitor or the stage that is meant.
  if (known.length !== outline.stages.length || monitorCount !== outline.monitors.length || !outline.has.monitors)
    return;
  for (const model of models) {
    if (model?.label === undefined) continue;
    const { path, spec } = outline.models.get(model.name) ?? { path: [], spec: undefined };
    const kinds = new Set<string>(monitorsOfModel(model, known, monitoring).map(({ kind }) => kind));
    for (const [index, reason] of (spec?.retrain?.on ?? []).entries()) {
      if (typeof reason !== "string" || reason === "webhook" || kinds.has(reason)) continue;
      const predictions = known.find(({ infer }) => infer?.model === model.name)?.to.name ?? "TOPIC";
      const { message, hint } = nobodyLooks(
        reason,
        model.name,
        model.featuresFrom,
        `{ predictions: ${predictions}, labels: ${model.label.topic} }`,
      );
      findings.problem("MR_CONFLICT", [...path, "retrain", "on", index], message, hint);
    }
  }
}

/** @param rows the topic of the features @param outcomes what a monitor of performance is of */
function nobodyLooks(
  reason: "drift" | "performance" | "estimate" | "quality",
  model: string,
  rows: string,
  outcomes: string,
) {
  const looks = {
    drift: { at: "looks at the features, predictions or labels", on: rows },
    performance: { at: "looks at the predictions and labels together", on: outcomes },
    estimate: { at: "estimates anything", on: `${outcomes}, metrics: [estimated_auc]` },
    quality: {
      at: "says anything of the quality of the features, predictions or labels",
      on: `${rows}, metrics: [missing]`,
    },
  }[reason];
  return {
    message: `no monitor ${looks.at} of model ${model}: ${reason} would never ask for a training`,
    hint: `write under monitors, for example: - { name: ${model}-${reason}, on: ${looks.on} }`,
  };
}

/**
 * A version scores beside the champion where a stage serves that; without such a stage it never has, and never may serve.
 *
 * @param stages undefined where one is broken
 */
export function checkRollouts(
  outline: Outline,
  models: Iterable<PlannedModel | undefined>,
  stages: Iterable<PlannedStage | undefined>,
  findings: Findings,
): void {
  const known = [...stages].filter((stage) => stage !== undefined);
  if (known.length !== outline.stages.length) return;
  for (const model of models) {
    if (model === undefined || model.rollout === "none") continue;
    const { name } = model;
    if (known.some(({ infer }) => infer?.model === name && infer.shadow !== undefined)) continue;
    const path = [...(outline.models.get(name)?.path ?? []), "rollout"];
    const message = `no stage infers ${name}@champion: a version would have nothing to score beside, and never serve`;
    findings.problem("MR_CONFLICT", path, message, `infer ${name}@champion in a stage, or write rollout: none`);
  }
}

/** Who is to tell of alerts needs somebody who listens, and a plan does not know how it will be run. */
export function warnOfHooks(outline: Outline, models: Iterable<PlannedModel | undefined>, findings: Findings): void {
  for (const model of models) {
    const index = model?.retrain?.on.findIndex(({ kind }) => kind === "webhook") ?? -1;
    if (model === undefined || index === -1) continue;
    const path = outline.models.get(model.name)?.path ?? [];
    const message = `model ${model.name} is trained on alerts of others, which only a process hears that is run with --http and MILLRACE_HOOK_TOKEN_FILE`;
    const hint = `have Alertmanager post those with the label millrace_model=${model.name} to /api/v1/hooks/alertmanager there`;
    findings.warn("MR_HOOK", [...path, "retrain", "on", index], message, hint);
  }
}

/** The trainer's group is named like a stage. */
export function checkTrainerName(outline: Outline, findings: Findings): void {
  for (const { name, path } of outline.stages) {
    if (name !== "trainer") continue;
    const message = "a topology with labels has a group of the name trainer of its own";
    findings.problem("MR_CONFLICT", [...path, "name"], message, "give the stage another name");
  }
}
