import type { Alias } from "./aliases.ts";

/** What is to become of a version, and why. */
export interface PruneDecision {
  readonly version: number;
  readonly action: "keep" | "remove";
  readonly reason: string;
}

/** A version that served, of which records are still there that a replay would read. */
export interface VersionInUse {
  readonly version: number;
  /** What of it is still there, for people. */
  readonly where: string;
}

/**
 * Which versions of a model nobody needs any more: those that no alias names, that no record which is still there was or
 * would be scored with, and that are not among the latest.
 *
 * @param versions that there are
 * @param aliases of all models
 * @param keep how many of the latest stay whatever else holds, at least 1: the number of the last would be given again
 * @returns a decision for each, the latest first
 */
export function pruneDecisions(
  model: string,
  versions: readonly number[],
  { aliases, inUse, keep }: { aliases: readonly Alias[]; inUse: readonly VersionInUse[]; keep: number },
): readonly PruneDecision[] {
  const latestFirst = [...versions].sort((a, b) => b - a);
  return latestFirst.map((version, index) => {
    const names = aliases.filter((known) => known.model === model && known.version === version);
    const uses = inUse.filter((use) => use.version === version);
    const reasons = [
      ...names.map(({ alias }) => `it is ${alias}`),
      ...uses.map(({ where }) => `a replay needs it: ${where}`),
      ...(index < Math.max(keep, 1) ? [`it is among the latest ${Math.max(keep, 1)}`] : []),
    ];
    const [reason = "nobody needs it"] = reasons;
    return { version, action: reasons.length > 0 ? "keep" : "remove", reason };
  });
}
