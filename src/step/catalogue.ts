import { cast } from "./clean/cast.ts";
import { clamp } from "./clean/clamp.ts";
import { dedupe } from "./clean/dedupe.ts";
import { derive } from "./clean/derive.ts";
import { extract } from "./clean/extract.ts";
import { filter } from "./clean/filter.ts";
import { impute } from "./clean/impute.ts";
import { requireStep } from "./clean/require.ts";
import type { StepDefinition } from "./contract.ts";
import { rolling } from "./features/rolling.ts";
import { infer } from "./score/infer.ts";

/** Every step of this version by the name it has in a topology, in the order of the reference page. */
export const stepCatalogue = {
  extract,
  require: requireStep,
  cast,
  filter,
  derive,
  clamp,
  impute,
  dedupe,
  rolling,
  infer,
} as const;

type StepKind = keyof typeof stepCatalogue;

/** The step of that name with its config type erased; undefined when the language has none. */
export function stepNamed(name: string): StepDefinition<unknown> | undefined {
  return Object.hasOwn(stepCatalogue, name) ? (stepCatalogue[name as StepKind] as StepDefinition<unknown>) : undefined;
}

/** Steps that the language will have: a topology that uses one is refused as MR_UNSUPPORTED, not as misspelt. */
export const stepNamesLater: readonly string[] = [
  "lookup",
  "join",
  "window",
  "session",
  "sketch",
  "route",
  "rekey",
  "use",
];
