import { existsSync, readFileSync, statSync } from "node:fs";
import { Command } from "commander";
import { closest, type FactFields } from "../kernel/index.ts";
import { hasVariable, variableOf } from "./cli/command.ts";
import { commands } from "./cli/commands.ts";
import { connectionVariables, type Environment } from "./settings.ts";

const prefix = "MILLRACE_";
/** The test suite's and the demo's own; a command that they start inherits them. */
const suiteVariables = /^MILLRACE_(?:TEST|BENCH|ORACLE)_/;
/** What Kubernetes puts into every container beside a Service of the name `millrace` or `millrace-x`. */
const serviceVariables =
  /^MILLRACE_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;
/** Larger files are no topologies. */
const fileBytesMax = 4 * 1024 * 1024;

/**
 * The `MILLRACE_*` variables that nothing reads, as fields of a warning each: a misspelt name is a setting that
 * silently does not count. Values are never shown.
 *
 * @param files arguments that may be topology files: what they name as `${MILLRACE_X}` is theirs
 */
export async function unknownVariables(
  environment: Environment,
  files: readonly string[],
): Promise<readonly FactFields<"variableUnknown">[]> {
  const suspects = Object.keys(environment).filter(
    (name) =>
      name.startsWith(prefix) &&
      !connectionVariables.includes(name) &&
      !suiteVariables.test(name) &&
      !serviceVariables.test(name),
  );
  if (suspects.length === 0) return [];
  const flags = await flagVariables();
  const known = new Set([...connectionVariables, ...flags]);
  const unknown = suspects.filter((name) => !known.has(name));
  if (unknown.length === 0) return [];
  const named = new Set(files.flatMap(variablesIn));
  const words = [...known].map((name) => name.slice(prefix.length));
  const found = unknown.filter((name) => !named.has(name)).sort();
  return found.map((variable) => {
    const meant = closest(variable.slice(prefix.length), words);
    const hint = meant === undefined ? {} : { hint: `did you mean ${prefix}${meant}?` };
    return { variable, ...hint };
  });
}

/** The variables of all flags of all commands: one that another command reads is no mistake. */
async function flagVariables(): Promise<readonly string[]> {
  const loaded = await Promise.all(commands.map((entry) => entry.load()));
  return loaded.flatMap(({ command }) => command.configure(new Command()).options.filter(hasVariable).map(variableOf));
}

function variablesIn(file: string): readonly string[] {
  try {
    if (!existsSync(file) || !statSync(file).isFile() || statSync(file).size > fileBytesMax) return [];
    return [...readFileSync(file, "utf8").matchAll(/\$\{(MILLRACE_\w+)/g)].map((match) => match[1] ?? "");
  } catch {
    // The command itself will say what is wrong with the file.
    return [];
  }
}
