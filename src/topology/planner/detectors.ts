import type { FieldDetectorsSpec, MonitoredField, SequenceDetector } from "../../monitor/index.ts";
import type { RowShape } from "../../schema/index.ts";
import type { MonitorEntry } from "../spec/monitor-spec.ts";
import type { Findings } from "./findings.ts";

type Path = readonly (string | number)[];

/** As the file lists them, each once. */
export function detectorsOf(
  detectors: NonNullable<MonitorEntry["detectors"]>,
  path: Path,
  findings: Findings,
): SequenceDetector[] {
  const seen = new Set<string>();
  return detectors.flatMap((detector, index) =>
    Object.entries(detector).flatMap(([kind, config]): SequenceDetector[] => {
      if (seen.has(kind)) {
        const message = `${kind} is there twice, and a verdict is named after it`;
        findings.problem("MR_CONFLICT", [...path, "detectors", index], message, "remove one");
        return [];
      }
      seen.add(kind);
      return [{ kind, config }];
    }),
  );
}

/** Which of the monitor's fields detectors watch: what has an order. Texts have none. */
export function fieldDetectors(
  { detectors = [] }: MonitorEntry,
  path: Path,
  fields: readonly MonitoredField[],
  shape: RowShape,
  findings: Findings,
): FieldDetectorsSpec | undefined {
  const asked = detectorsOf(detectors, path, findings);
  if (asked.length === 0) return undefined;
  const ordered = fields.filter(({ name, kind }) => {
    return kind === "numbers" || shape.find((field) => field.name === name)?.type.kind === "boolean";
  });
  if (ordered.length === 0 && fields.length > 0) {
    const message = "detectors watch numbers and booleans, and this monitor counts neither";
    findings.problem("MR_CONFLICT", [...path, "detectors"], message, "remove it, or name such a field");
  }
  return { detectors: asked, fields: ordered.map(({ name }) => name) };
}
