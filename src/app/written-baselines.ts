/** The baselines that follow when a version comes into service. */
import { type Clock, type Hasher, messageOf } from "../kernel/index.ts";
import { ensureBaseline, readBaselines } from "../monitoring/index.ts";
import { championAlias } from "../runtime/control/index.ts";
import type { Plan } from "../topology/index.ts";
import type { Reach } from "./reach.ts";

export interface BaselinesOptions extends Pick<Reach, "broker" | "registry" | "artefacts"> {
  readonly plan: Plan;
  readonly model: string;
  /** Baselines that are of this version already are left as they are; absent: each is measured. */
  readonly lackingOf?: number;
  readonly clock: Pick<Clock, "now">;
  readonly hasher: Hasher;
}

/** What became of the baseline of a monitor that compares with what the model learned from. */
export type TrainedBaseline = { readonly monitor: string } & (
  | { readonly kind: "written"; readonly id: string; readonly rows: number; readonly windows: number }
  | { readonly kind: "waiting" | "failed"; readonly reason: string }
);

/** The version is in service whatever becomes of its baselines: what is wrong with one is told and ends nothing. */
export async function writeBaselines(
  options: BaselinesOptions,
  signal: AbortSignal,
): Promise<readonly TrainedBaseline[]> {
  const { plan, model, lackingOf, broker, registry, clock, hasher, artefacts } = options;
  const { monitoring, control } = plan;
  if (monitoring === undefined) return [];
  const by = { broker, registry, clock, hasher, artefacts, alias: championAlias };
  const topics = { topic: monitoring.topics.baselines.clusterName, controlTopic: control.clusterName };
  const found: TrainedBaseline[] = [];
  for (const monitor of monitoring.monitors) {
    const { name, baseline } = monitor;
    if (baseline.kind !== "model" || baseline.model !== model) continue;
    try {
      if (lackingOf !== undefined) {
        const head = (await readBaselines(broker, registry, topics.topic, signal)).heads.get(name);
        if (head?.version === monitor.version && head.id.startsWith(`${model}/${lackingOf}-`)) continue;
      }
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

/** A line per monitor whose baseline follows from the model; none of a topology without such monitors. */
export function baselinesText(baselines: readonly TrainedBaseline[]): string {
  return baselines
    .map((found) => {
      const { monitor, kind } = found;
      const said = kind === "written" ? `${found.id} rows ${found.rows} windows ${found.windows}` : found.reason;
      return `baseline ${monitor} ${kind} ${said}\n`;
    })
    .join("");
}
