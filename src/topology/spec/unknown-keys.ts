import { closest } from "../../kernel/index.ts";
import type { SpecProblem } from "../problems.ts";
import type { MovedKey } from "../yaml/positions.ts";
import { laterHints, laterKeys } from "./later.ts";
import { definitionAt, type JsonSchema, levelsOf } from "./levels.ts";
import { type FlatIssue, valueAt } from "./messages.ts";

type Path = readonly (string | number)[];

/** Unknown keys taken out of (or put right in) the values, so that the rest can be checked. */
export interface KeyRepair {
  readonly problems: readonly SpecProblem[];
  readonly moved: readonly MovedKey[];
}

/**
 * Reports every unknown key among the issues and repairs `file` in place: a misspelt key is read as the one that was
 * meant, when that one is not there too; any other is dropped. So its value is still checked, and nothing is said
 * twice.
 */
export function repairKeys(issues: readonly FlatIssue[], root: JsonSchema, file: unknown): KeyRepair {
  const problems: SpecProblem[] = [];
  const moved: MovedKey[] = [];
  for (const { issue, path } of issues) {
    if (issue.code !== "unrecognized_keys") continue;
    const parent = valueAt(file, path);
    if (typeof parent !== "object" || parent === null) continue;
    for (const written of issue.keys) {
      const { problem, meant } = explainKey(written, path, root);
      problems.push(problem);
      const object = parent as Record<string, unknown>;
      const value = object[written];
      delete object[written];
      if (meant === undefined || Object.hasOwn(object, meant)) continue;
      object[meant] = value;
      moved.push({ parent: path, written, meant });
    }
  }
  return { problems, moved };
}

function explainKey(
  written: string,
  path: Path,
  root: JsonSchema,
): { problem: SpecProblem; meant: string | undefined } {
  const definition = definitionAt(root, path);
  const level = definition?.level ?? "";
  const at = [...path, written];
  if ((laterKeys[level] ?? []).includes(written)) {
    const hint = laterHints[level] ?? "remove it";
    const message = `this version does not have ${written} yet`;
    return { problem: { code: "MR_UNSUPPORTED", path: at, message, hint, on: "key" }, meant: undefined };
  }
  const known = keysAt(root, level);
  const meant = closest(written, known);
  const noun = level.endsWith("steps.*") ? "step" : "key";
  const hint = meant === undefined ? elsewhere(written, level, root, known) : `did you mean "${meant}"?`;
  return { problem: { code: "MR_UNKNOWN_KEY", path: at, message: `unknown ${noun}`, hint, on: "key" }, meant };
}

function keysAt(root: JsonSchema, level: string): string[] {
  return levelsOf(root)
    .filter((entry) => entry.level === level)
    .flatMap((entry) => Object.keys(entry.schema.properties ?? {}));
}

/** The hint people ask for most: the key is right, and stands at the wrong place. */
function elsewhere(written: string, level: string, root: JsonSchema, known: readonly string[]): string {
  const places = levelsOf(root).filter(
    (entry) => entry.level !== level && Object.hasOwn(entry.schema.properties ?? {}, written),
  );
  const [first] = places;
  if (first !== undefined) return `"${written}" is known under ${placeName(first.level)}; check the indentation`;
  return known.length === 0 ? "remove it" : `known here: ${known.join(", ")}`;
}

function placeName(level: string): string {
  return level === "" ? "the root of the file" : level.replaceAll(/\.\*/g, "[]").replaceAll("topics[]", "topics.NAME");
}
