import { parseIsoTimeMs } from "../../kernel/index.ts";
import type { BaselineOrigin } from "../plan/monitoring.ts";
import type { MonitorEntry } from "../spec/monitor-spec.ts";
import type { Outline } from "../spec/shape.ts";
import type { Findings } from "./findings.ts";

type Path = readonly (string | number)[];

/** Windows of a baseline that nobody has measured before: what its own noise is can be told from so many. */
const firstWindows = 30;

/**
 * What a monitor of a topic is compared with; undefined when that cannot be told, which is reported.
 *
 * @param path of `baseline`
 */
export function baselineOrigin(
  written: MonitorEntry["baseline"],
  topic: string,
  path: Path,
  outline: Outline,
  findings: Findings,
): BaselineOrigin | undefined {
  if (written === "first") return { kind: "first", windows: firstWindows };
  if (written === undefined || written === "training") return trained(written, topic, path, outline, findings);
  if (written.model !== undefined) return ofModel(written.model, topic, [...path, "model"], outline, findings);
  const fromMs = parseIsoTimeMs(written.from ?? "") ?? 0;
  const toMs = parseIsoTimeMs(written.to ?? "") ?? 0;
  if (fromMs < toMs) return { kind: "range", fromMs, toMs };
  findings.problem("MR_OUT_OF_RANGE", [...path, "to"], "to must be later than from", "name a later time");
  return undefined;
}

/** Names of the models that learn from a topic. */
function learners(outline: Outline, topic: string): string[] {
  return [...outline.models].flatMap(([name, { spec }]) => (spec?.features.from === topic ? [name] : []));
}

function trained(
  written: "training" | undefined,
  topic: string,
  path: Path,
  outline: Outline,
  findings: Findings,
): BaselineOrigin | undefined {
  const [model, ...others] = learners(outline, topic);
  if (others.length > 0) {
    const names = [model, ...others].join(", ");
    const message = `several models learn from topic ${topic}: ${names}`;
    findings.problem("MR_AMBIGUOUS", path, message, `write baseline: { model: ${model} }, or baseline: first`);
    return undefined;
  }
  if (model !== undefined) return { kind: "model", model };
  if (written === undefined) return { kind: "first", windows: firstWindows };
  // A model that is broken may be the one that is meant.
  if ([...outline.models.values()].every(({ spec }) => spec !== undefined))
    findings.problem("MR_REFERENCE", path, `no model learns from topic ${topic}`, "write baseline: first");
  return undefined;
}

function ofModel(
  model: string,
  topic: string,
  path: Path,
  outline: Outline,
  findings: Findings,
): BaselineOrigin | undefined {
  const found = outline.models.get(model);
  if (found === undefined) {
    if (outline.has.models) findings.dangling(path, "model", model, outline.models.keys());
    return undefined;
  }
  const from = found.spec?.features.from;
  if (from === topic) return { kind: "model", model };
  if (from !== undefined) {
    const message = `model ${model} learns from topic ${from}, and this version compares windows of topic ${topic} with rows of that topic alone`;
    findings.problem("MR_UNSUPPORTED", path, message, "write baseline: first, or baseline: { from: TIME, to: TIME }");
  }
  return undefined;
}
