import { type Command, Option } from "commander";
import { parseIsoTimeMs } from "../../kernel/index.ts";
import { type ExitCode, usageError } from "../exit.ts";
import { type ConnectionFlags, checkNamespace, type Environment } from "../settings.ts";
import type { OwnCommand } from "../supervised-worker.ts";

/** What a command may touch, passed in so that tests run it without a process. */
export interface CommandContext {
  readonly environment: Environment;
  /** Data only. */
  readonly stdout: (text: string) => void;
  /** Progress, hints, warnings, logs. */
  readonly stderr: (text: string) => void;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly isTerminal: boolean;
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  /** How to start this process once more; undefined where the command does not have a process to itself. */
  readonly ownCommand?: OwnCommand;
}

/** One command: a file in this folder and a line in the table of `commands.ts`. */
export interface CommandDefinition {
  /** Declares arguments and flags; the action is attached by the caller. */
  configure(command: Command): Command;
  /** `args` and `flags` as commander parsed them. */
  run(context: CommandContext, args: readonly unknown[], flags: Readonly<Record<string, unknown>>): Promise<ExitCode>;
}

/** A flag; its `MILLRACE_*` variable, which the help text shows, stands in where the flag is not given. */
export function flag(flags: string, description: string): Option {
  const option = new Option(flags);
  option.description = `${description} [${variableOf(option)}]`;
  return option;
}

const actOptions = new WeakSet<Option>();

/**
 * A flag that asks for one act and may be given several times. It has no variable: one that stays set would do it again
 * and again.
 */
export function actFlag(flags: string, description: string): Option {
  const option = new Option(flags, description);
  option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  actOptions.add(option);
  return option;
}

/** Whether a variable stands in for the flag where it is not given. */
export function hasVariable(option: Option): boolean {
  return !actOptions.has(option);
}

/** The environment variable of a flag: `--models-dir` is MILLRACE_MODELS_DIR. */
export function variableOf(option: Option): string {
  return `MILLRACE_${option.name().replaceAll("-", "_").toUpperCase()}`;
}

/**
 * The flags of a command line: as given, else from their variables, else their defaults. An empty variable counts
 * as not set; a switch's is true or false, a list's has commas.
 *
 * Commander's own reading of variables is not used: it looks at the process, and it takes `false` for on.
 *
 * @throws ExitError 64 for a switch's variable that is neither
 */
export function flagsOf(command: Command, environment: Environment): Readonly<Record<string, unknown>> {
  const flags: Record<string, unknown> = { ...command.opts() };
  for (const option of command.options.filter(hasVariable)) {
    const name = option.attributeName();
    const text = environment[variableOf(option)];
    if (text === undefined || text === "" || command.getOptionValueSource(name) === "cli") continue;
    if (option.variadic) flags[name] = text.split(",").map((part) => part.trim());
    else if (option.isBoolean() || option.negate) flags[name] = switchOf(variableOf(option), text) !== option.negate;
    else flags[name] = text;
  }
  return flags;
}

function switchOf(variable: string, text: string): boolean {
  if (["true", "1"].includes(text)) return true;
  if (["false", "0"].includes(text)) return false;
  throw usageError(`${variable}: ${JSON.stringify(text)} is neither true nor false`);
}

/** The flag that reaches the dev session of the folder, with what the command does there. */
export function devFlag(what: string): Option {
  return flag("--dev", `${what} the dev session of this folder`);
}

/** `--brokers`, `--registry`, `--models-dir`, `--namespace`: where a cluster is needed. */
export function withConnection(command: Command): Command {
  return command
    .addOption(flag("--brokers <list>", "Kafka brokers, host:port with commas between"))
    .addOption(flag("--registry <url|dir>", "schema registry: a URL, or a folder"))
    .addOption(flag("--models-dir <dir>", "folder of model versions"))
    .addOption(flag("--namespace <name>", "goes before every topic, group and id that is not external"));
}

/** The connection flags among all flags. @throws ExitError 64 for a namespace that no topic's name could begin with */
export function connectionFlags(flags: Readonly<Record<string, unknown>>): ConnectionFlags {
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  const [brokers, registry, modelsDir, namespace] = ["brokers", "registry", "modelsDir", "namespace"].map(text);
  if (namespace !== undefined) checkNamespace(namespace);
  return {
    ...(brokers === undefined ? {} : { brokers }),
    ...(registry === undefined ? {} : { registry }),
    ...(modelsDir === undefined ? {} : { modelsDir }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

/** A whole number above 0, or undefined when the flag is not given. @throws ExitError 64 for anything else */
export function countFlag(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const count = Number(value);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw usageError(`--${name}: a whole number above 0 is needed, found ${JSON.stringify(value)}`);
}

/** A time, or undefined when the flag is not given. @throws ExitError 64 for anything else */
export function timeFlag(name: "from" | "to", flags: Readonly<Record<string, unknown>>): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const timeMs = parseIsoTimeMs(String(text));
  if (timeMs === undefined)
    throw usageError(`--${name}: ${JSON.stringify(text)} is no ISO 8601 time such as 2026-01-01T00:00:00Z`);
  return timeMs;
}
