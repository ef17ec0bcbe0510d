import { detectorCatalogue } from "./catalogue.ts";
import type { Detector } from "./detector.ts";

/** @throws TypeError for a kind that the catalogue does not have: plans have none such */
export function createDetector(kind: string, config: unknown): Detector {
  const found = definitionOf(kind);
  return (found.create as (config: unknown) => Detector)(config);
}

/** Whether a detector is made for 0 and 1. @throws TypeError for a kind that the catalogue does not have */
export function isForZeroOrOne(kind: string): boolean {
  return definitionOf(kind).values === "zero-or-one";
}

function definitionOf(kind: string) {
  const found = Object.values(detectorCatalogue).find((definition) => definition.kind === kind);
  if (found === undefined) throw new TypeError(`there is no detector ${kind}`);
  return found;
}
