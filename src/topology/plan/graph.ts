import type { Plan, PlannedTopic } from "./plan.ts";

/**
 * The flow as a Mermaid flowchart, from left to right: topics are cylinders, stages boxes, models hexagons, monitors
 * rounded; dotted lines are what a model learns from, where it is asked, and what is watched. Stable like the printed plan.
 */
export function graphOf(plan: Plan): string {
  const topicIds = new Map(plan.topics.map((topic, index) => [topic.name, `topic${index}`]));
  const idOf = (topic: string): string => topicIds.get(topic) ?? "topic";
  const lines = ["flowchart LR"];
  for (const topic of plan.topics) lines.push(`  ${idOf(topic.name)}[("${topicLabel(topic)}")]`);
  for (const [index, stage] of plan.stages.entries()) lines.push(`  stage${index}["${stage.name}"]`);
  for (const [index, model] of plan.models.entries()) lines.push(`  model${index}{{"${model.name}"}}`);
  for (const [index, stage] of plan.stages.entries())
    lines.push(`  ${idOf(stage.from.name)} --> stage${index} --> ${idOf(stage.to.name)}`);
  for (const [index, model] of plan.models.entries()) {
    lines.push(`  ${idOf(model.featuresFrom)} -. features .-> model${index}`);
    if (model.label !== undefined) lines.push(`  ${idOf(model.label.topic)} -. labels .-> model${index}`);
    for (const [at, stage] of plan.stages.entries())
      if (stage.infer?.model === model.name) lines.push(`  model${index} -. ${stage.infer.alias} .-> stage${at}`);
  }
  for (const [index, { name, topic }] of (plan.monitoring?.monitors ?? []).entries())
    lines.push(`  monitor${index}(["${name}"])`, `  ${idOf(topic.name)} -. watched .-> monitor${index}`);
  const from = plan.monitoring?.monitors.length ?? 0;
  for (const [index, { name, predictions, labels }] of (plan.monitoring?.performance ?? []).entries())
    lines.push(
      `  monitor${from + index}(["${name}"])`,
      `  ${idOf(predictions.name)} -. predictions .-> monitor${from + index}`,
      `  ${idOf(labels.name)} -. labels .-> monitor${from + index}`,
    );
  return `${lines.join("\n")}\n`;
}

function topicLabel({ name, external, format }: PlannedTopic): string {
  const notes = [external ? "external" : "", format === "json" ? "json" : ""].filter((note) => note !== "");
  return notes.length === 0 ? name : `${name}<br/>${notes.join(", ")}`;
}
