import { formatDurationMs } from "../../kernel/index.ts";
import { type GateSettings, gateDefaults, type RetrainSettings, type RetrainTrigger } from "../../training/index.ts";
import type { PlannedLabel, PlannedModel } from "./plan.ts";
import { countOf } from "./text.ts";

/**
 * What the printed plan says of a model that can be trained: its label, what a new version has to go through, and when
 * there is one. Of the last two only what differs from the default.
 */
export function retrainingLines({ gate, rollout, retrain }: PlannedModel, label: PlannedLabel): string[] {
  const { topic, on, field, withinMs, matureAfterMs } = label;
  const within = withinMs === undefined ? "" : ` within ${formatDurationMs(withinMs)}`;
  const after = matureAfterMs === undefined ? "" : `, its absence says false after ${formatDurationMs(matureAfterMs)}`;
  const what = field === undefined ? `label by presence in ${topic}` : `label ${field} of ${topic}`;
  const gated = gateText(gate);
  return [
    `  ${what}, joined by ${on}${within}${after}`,
    ...(gated === gateText(gateDefaults) ? [] : [`  gate ${gated}`]),
    ...(rollout === "none"
      ? []
      : [
          `  scores beside the champion for ${formatDurationMs(rollout.shadow.forMs)} and ${countOf(rollout.shadow.recordsMin, "record")} before it serves`,
        ]),
    ...(retrain === undefined ? [] : retrainLines(retrain)),
  ];
}

function gateText({ recent, before, slices, sliceFloor, latencyP99Ms, sizeBytes }: GateSettings): string {
  const parts = [
    recent === false ? "" : `recent on ${recent.rowsMin} to ${recent.rowsMax} rows`,
    before === false ? "" : `before above ${before.floor}`,
    slices.length === 0 ? "" : `slices ${slices.join(", ")} at most ${sliceFloor} worse`,
    latencyP99Ms === false ? "" : `p99 within ${latencyP99Ms} ms`,
    sizeBytes === false ? "" : `at most ${sizeBytes} bytes`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "open" : parts.join("; ");
}

function retrainLines(retrain: RetrainSettings): string[] {
  const { on, mode, rows, cooldownMs, perDay, labelsMin, breaker, approve } = retrain;
  return [
    `  trained again on ${on.map(triggerText).join(", ")}`,
    `    ${mode}, of the newest ${countOf(rows, "row")}, from ${countOf(labelsMin, "new label")} on${approve ? ", approved by a person" : ""}`,
    `    cool-down ${formatDurationMs(cooldownMs)}, ${perDay} a day, breaker after ${countOf(breaker, "rejection")}`,
  ];
}

function triggerText(trigger: RetrainTrigger): string {
  if (trigger.kind === "age") return `age ${formatDurationMs(trigger.ageMs)}`;
  if (trigger.kind === "labels") return countOf(trigger.count, "label");
  return trigger.kind === "schedule" ? `schedule ${trigger.cron}` : trigger.kind;
}
