import { type EpochMs, messageOf } from "../kernel/index.ts";
import { ensureBaseline } from "../monitoring/index.ts";
import { championAlias, changeAliases, promotionRecords } from "../runtime/control/index.ts";
import { type Broker, readTopicRows } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { Plan, PlannedModel } from "../topology/index.ts";
import { type TrainingOutcome, type TrainingRequest, trainVersion } from "../training/index.ts";

export interface TrainingOptions
  extends Pick<TrainingRequest, "seed" | "warmFrom" | "openTrainer" | "artefacts" | "clock" | "hasher" | "progress"> {
  readonly plan: Plan;
  readonly model: PlannedModel;
  /** Bounds on the event time of feature rows, half open; a label counts up to and including `toMs`. */
  readonly fromMs?: EpochMs;
  readonly toMs?: EpochMs;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
}

/** What became of the baseline of a monitor that compares with what the model learned from. */
export type TrainedBaseline = { readonly monitor: string } & (
  | { readonly kind: "written"; readonly id: string; readonly rows: number; readonly windows: number }
  | { readonly kind: "waiting" | "failed"; readonly reason: string }
);

/** What a training and the baselines that follow from it came to. */
export interface ModelOutcome extends TrainingOutcome {
  readonly baselines: readonly TrainedBaseline[];
}

/**
 * Trains a planned model on what its topics hold, as {@link trainVersion} does, points `champion` at the version, and
 * puts the rows that it learned from in service as the baseline of the monitors that ask for them.
 */
export async function trainModel(options: TrainingOptions, signal: AbortSignal): Promise<ModelOutcome> {
  const { plan, model, broker, registry, clock } = options;
  const { name, task, features, featuresFrom, label, candidates, metric } = model;
  const request: TrainingRequest = {
    ...options,
    model: name,
    task,
    features,
    featuresFrom,
    label,
    candidates,
    metric,
    topics: plan.topics,
    topology: plan.topology,
    planHash: plan.hash,
    rows: (topic, reader, visitor, stop) => readTopicRows(broker, registry, topic, reader, visitor, stop),
    promote: async (version, stop) => {
      const at = clock.now();
      const promotion = { model: name, version, at, by: "train" };
      await changeAliases(broker, plan.control, (aliases) => promotionRecords(aliases, promotion), at, stop);
    },
  };
  const outcome = await trainVersion(request, signal);
  return { ...outcome, baselines: await writeBaselines(options, signal) };
}

/** The version is in service whatever becomes of its baselines: what is wrong with one is told and ends nothing. */
async function writeBaselines(options: TrainingOptions, signal: AbortSignal): Promise<readonly TrainedBaseline[]> {
  const { plan, model, broker, registry, clock, hasher, artefacts } = options;
  const { monitoring, control } = plan;
  if (monitoring === undefined) return [];
  const by = { broker, registry, clock, hasher, artefacts, alias: championAlias };
  const topics = { topic: monitoring.topics.baselines.clusterName, controlTopic: control.clusterName };
  const found: TrainedBaseline[] = [];
  for (const monitor of monitoring.monitors) {
    const { name, baseline } = monitor;
    if (baseline.kind !== "model" || baseline.model !== model.name) continue;
    try {
      const ensured = await ensureBaseline({ ...by, ...topics, monitor, closed: [] }, signal);
      if (ensured.kind === "waiting") found.push({ monitor: name, ...ensured });
      else {
        const { head, rows, windows } = ensured;
        found.push({ monitor: name, kind: "written", id: head.id, rows, windows });
      }
    } catch (thrown) {
      signal.throwIfAborted();
      found.push({ monitor: name, kind: "failed", reason: messageOf(thrown) });
    }
  }
  return found;
}
