/** The `millrace` command: finds the command, runs it, and turns what it throws into one line and an exit code. */
import { Command, CommanderError } from "commander";
import { closest } from "../kernel/index.ts";
import type { CommandContext, CommandDefinition } from "./cli/command.ts";
import { commands } from "./cli/commands.ts";
import { describeFailure, type ExitCode, exitCodeOf, exitCodes } from "./exit.ts";
import { version } from "./version.ts";

/**
 * Runs one command line.
 *
 * @param argv arguments after `node millrace`
 * @returns the exit code; everything that was to be said has been said
 */
export async function runCommandLine(argv: readonly string[], context: CommandContext): Promise<ExitCode> {
  const program = new Command("millrace")
    .description("Stream processing that turns Kafka events into predictions.")
    .version(version, "-V, --version")
    .configureOutput({ writeOut: context.stdout, writeErr: context.stderr })
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      "after",
      "\nA flag wins over its MILLRACE_* variable. Start with: millrace dev topologies/card-fraud.yaml",
    )
    .exitOverride();
  let code: ExitCode = exitCodes.ok;
  const attach = (name: string, summary: string, definition: CommandDefinition | undefined): void => {
    const command = program.command(name).summary(summary).description(summary).exitOverride();
    definition?.configure(command).action(async (...parsed: unknown[]) => {
      const args = parsed.slice(0, -2);
      code = await definition.run(context, args, command.opts());
    });
  };
  const wanted = commands.find((entry) => entry.name === argv[0]);
  for (const entry of commands) {
    attach(entry.name, entry.summary, entry === wanted ? (await entry.load()).command : undefined);
  }
  if (argv.length === 0) {
    program.outputHelp({ error: true });
    return exitCodes.usage;
  }
  try {
    const unknown =
      argv[0]?.startsWith("-") === false && argv[0] !== "help" && wanted === undefined ? argv[0] : undefined;
    if (unknown !== undefined) return sayUnknown(unknown, context);
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    context.stderr(`${describeFailure(thrown)}\n`);
    return exitCodeOf(thrown);
  }
}

function sayUnknown(name: string, context: CommandContext): ExitCode {
  const meant = closest(
    name,
    commands.map((entry) => entry.name),
  );
  const hint = meant === undefined ? "see millrace --help" : `did you mean "${meant}"?`;
  context.stderr(`MR_USAGE unknown command ${JSON.stringify(name)}; ${hint}\n`);
  return exitCodes.usage;
}

/** The process's own entry: signals, streams, exit code. A second signal ends at once with 75. */
export async function main(argv: readonly string[]): Promise<void> {
  const stop = new AbortController();
  let interrupted = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(exitCodes.temporary);
      interrupted = signal === "SIGINT";
      stop.abort(new Error(`stopped by ${signal}`));
    });
  }
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code === "EPIPE") process.exit(exitCodes.ok);
  });
  const code = await runCommandLine(argv, {
    environment: process.env,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    stdin: process.stdin,
    isTerminal: process.stderr.isTTY === true && process.env["CI"] === undefined && process.env["TERM"] !== "dumb",
    stop: stop.signal,
  });
  process.exitCode = interrupted && code === exitCodes.ok ? exitCodes.interrupted : code;
  await flushed(process.stdout);
  process.exit();
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}
