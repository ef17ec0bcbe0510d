import { type Command, Option } from "commander";
import type { ExitCode } from "../exit.ts";
import type { ConnectionFlags, Environment } from "../settings.ts";

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
}

/** One command: a file in this folder and a line in the table of `commands.ts`. */
export interface CommandDefinition {
  /** Declares arguments and flags; the action is attached by the caller. */
  configure(command: Command): Command;
  /** `args` and `flags` as commander parsed them. */
  run(context: CommandContext, args: readonly unknown[], flags: Readonly<Record<string, unknown>>): Promise<ExitCode>;
}

/** A flag with its `MILLRACE_*` variable, which the help text shows. */
export function flag(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`MILLRACE_${option.name().replaceAll("-", "_").toUpperCase()}`);
}

/** `--brokers`, `--registry`, `--models-dir`, `--namespace`: where a cluster is needed. */
export function withConnection(command: Command): Command {
  return command
    .addOption(flag("--brokers <list>", "Kafka brokers, host:port with commas between"))
    .addOption(flag("--registry <url|dir>", "schema registry: a URL, or a folder"))
    .addOption(flag("--models-dir <dir>", "folder of model versions"))
    .addOption(flag("--namespace <name>", "goes before every topic, group and id that is not external"));
}

/** The connection flags among all flags. */
export function connectionFlags(flags: Readonly<Record<string, unknown>>): ConnectionFlags {
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  const [brokers, registry, modelsDir, namespace] = ["brokers", "registry", "modelsDir", "namespace"].map(text);
  return {
    ...(brokers === undefined ? {} : { brokers }),
    ...(registry === undefined ? {} : { registry }),
    ...(modelsDir === undefined ? {} : { modelsDir }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}
