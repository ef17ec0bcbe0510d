import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { nodeHasher } from "../adapters/node/index.ts";
import { messageOf } from "../kernel/index.ts";
import { sampleGenerators } from "../testing/index.ts";
import {
  formatProblem,
  type LocatedProblem,
  type Plan,
  type PlanRequest,
  type PlanResult,
  planTopology,
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
  return planTopology({
    text: readBytes(file),
    file: relative(process.cwd(), resolve(file)) || file,
    environment,
    ...schemasBeside(file),
    namespace,
    generators: sampleGenerators.map((generator) => generator.name),
    hasher: nodeHasher,
  });
}

/** The plan of a file, for commands that go on with it. @throws ExitError 1 with every problem of the file */
export function loadPlan(file: string, environment: Environment, namespace: string | undefined): Plan {
  const result = checkTopologyFile(file, environment, namespace);
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
