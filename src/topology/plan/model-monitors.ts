import type { PlannedMonitoring } from "./monitoring.ts";
import type { PlannedModel, PlannedStage } from "./plan.ts";

/** A monitor whose alerts are a model's concern, and what they are about. */
export interface ModelMonitor {
  readonly name: string;
  readonly kind: "drift" | "performance" | "estimate" | "quality";
}

/** The monitors that look at what a model reads, writes and is told, in the order of the plan. */
export function monitorsOfModel(
  { name, featuresFrom, label }: PlannedModel,
  stages: readonly Pick<PlannedStage, "infer" | "to">[],
  monitoring: Pick<PlannedMonitoring, "monitors" | "performance"> | undefined,
): readonly ModelMonitor[] {
  const written = stages.flatMap(({ infer, to }) => (infer?.model === name ? [to.name] : []));
  const topics = new Set([featuresFrom, ...written, ...(label === undefined ? [] : [label.topic])]);
  const { monitors, performance } = monitoring ?? { monitors: [], performance: [] };
  return [
    ...monitors.flatMap((monitor): ModelMonitor[] => {
      if (!topics.has(monitor.topic.name)) return [];
      const { name: of, quality } = monitor;
      return [{ name: of, kind: "drift" }, ...(quality === undefined ? [] : [{ name: of, kind: "quality" as const }])];
    }),
    ...performance.flatMap((monitor): ModelMonitor[] => {
      if (monitor.model !== name) return [];
      const { name: of, estimate } = monitor;
      return [{ name: of, kind: "performance" }, ...(estimate ? [{ name: of, kind: "estimate" as const }] : [])];
    }),
  ];
}
