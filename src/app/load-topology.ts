import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { nodeHasher } from "../adapters/node/index.ts";
import { messageOf } from "../kernel/index.ts";
import type { RegisteredSchema, SchemaRegistry } from "../schema/index.ts";
import { sampleGenerators } from "../testing/index.ts";
import {
  formatProblem,
  inferredSubjects,
  type LocatedProblem,
  type Plan,
  type PlanRequest,
  type PlanResult,
  planTopology,
  widenedBy,
} from "../topology/index.ts";
import { ExitError, exitCodes } from "./exit.ts";
import type { Environment } from "./settings.ts";

/** Levels above a topology file that are searched for its `schemas` folder. */
const levelsMax = 3;

/**
 * Reads and checks a topology file with the schemas beside it: the nearest `schemas` folder, from the file's own
 * folder upwards.
 *
 * @throws ExitError when the file cannot be read; what is wrong inside is in the answer
 */
export function checkTopologyFile(file: string, environment: Environment, namespace: string | undefined): PlanResult {
  return planTopology(requestFor(file, environment, namespace));
}

function requestFor(file: string, environment: Environment, namespace: string | undefined): PlanRequest {
  return {
    text: readBytes(file),
    file: relative(process.cwd(), resolve(file)) || file,
    environment,
    fileText: textOfFile,
    ...schemasBeside(file),
    namespace,
    generators: sampleGenerators.map((generator) => generator.name),
    hasher: nodeHasher,
  };
}

/** Largest file that a value is taken from. */
const valueBytesMax = 65_536;

/** What `${file:/path}` stands for: secrets are mounted as files, often with a line end behind them. */
function textOfFile(path: string): { readonly text: string } | { readonly reason: string } {
  try {
    const { size } = statSync(path);
    if (size > valueBytesMax) return { reason: `it has ${size} bytes, and a value has at most ${valueBytesMax}` };
    return { text: readFileSync(path, "utf8").replace(/\r?\n$/, "") };
  } catch (thrown) {
    return { reason: messageOf(thrown) };
  }
}

/**
 * The plan of a file as a first `apply` would make it, for commands that need no registry.
 * @throws ExitError 1 with every problem of the file
 */
export function loadPlan(file: string, environment: Environment, namespace: string | undefined): Plan {
  return planOrThrow(checkTopologyFile(file, environment, namespace));
}

/**
 * A plan that was made without a look at the registry, and how to make the one that runs: inferred schemas then take
 * into account what is registered, so that they read the records that are there. While the registry does not change,
 * and also after the plan's own schemas are registered, the second is the same every time.
 */
export interface FilePlan {
  readonly first: Plan;
  /** @throws ExitError 1 when what is registered makes a plan that was sound unsound, with the reason */
  against(registry: SchemaRegistry, signal: AbortSignal): Promise<Plan>;
}

/** @throws ExitError 1 with every problem of the file */
export function loadFilePlan(file: string, environment: Environment, namespace: string | undefined): FilePlan {
  const request = requestFor(file, environment, namespace);
  const first = planOrThrow(planTopology(request));
  return {
    first,
    against: async (registry, signal) => {
      const registered = new Map<string, readonly RegisteredSchema[]>();
      for (const subject of inferredSubjects(first)) {
        const versions = await registry.versions(subject, signal);
        if (versions.length > 0) registered.set(subject, versions);
      }
      if (registered.size === 0) return first;
      const result = planTopology({ ...request, registered });
      if (result.plan !== undefined) return result.plan;
      throw new ExitError(exitCodes.failure, problemsText(result.problems), {
        hint: [
          "this follows from the schemas that are registered:",
          ...widenedBy(first, registered),
          "guard the field where it is read, or give it a default where it is made: { is: ..., default: ... }",
        ].join("\n  "),
      });
    },
  };
}

function planOrThrow(result: PlanResult): Plan {
  if (result.plan !== undefined) return result.plan;
  throw new ExitError(exitCodes.failure, problemsText(result.problems));
}

/** One problem per line, as `validate` prints them. */
export function problemsText(problems: readonly LocatedProblem[]): string {
  return problems.map(formatProblem).join("\n");
}

function schemasBeside(file: string): Pick<PlanRequest, "schemas" | "schemaFolder"> {
  let folder = dirname(resolve(file));
  for (let level = 0; level < levelsMax; level++) {
    const schemas = join(folder, "schemas");
    if (existsSync(schemas) && statSync(schemas).isDirectory())
      return { schemas: schemaFiles(schemas), schemaFolder: relative(process.cwd(), schemas) || "." };
    folder = dirname(folder);
  }
  return { schemas: new Map() };
}

function schemaFiles(folder: string): ReadonlyMap<string, Uint8Array> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".avsc"));
  return new Map(names.sort().map((name) => [name.slice(0, -".avsc".length), readBytes(join(folder, name))]));
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ExitError(exitCodes.failure, `reading ${path}: ${messageOf(cause)}`, { code: "MR_IO", cause });
  }
}
