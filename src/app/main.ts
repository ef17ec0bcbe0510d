/** The `millrace` command: finds the command, runs it, and turns what it throws into one line and an exit code. */
import { setMaxListeners } from "node:events";
import { Command, CommanderError } from "commander";
import { systemClock } from "../adapters/node/index.ts";
import { closest, say } from "../kernel/index.ts";
import { type CommandContext, flagsOf } from "./cli/command.ts";
import { type CommandEntry, commands, groups } from "./cli/commands.ts";
import { describeFailure, type ExitCode, exitCodeOf, exitCodes, isStopped, usageError } from "./exit.ts";
import { createPeopleLogger } from "./people-logger.ts";
import { stopOnSignals } from "./signals.ts";
import { supervisorVariable } from "./supervised-worker.ts";
import { unknownVariables } from "./unknown-variables.ts";
import { version } from "./version.ts";

/** Listeners of one signal from which on Node warns of a leak. */
const listenersMax = 10_000;
/** Columns of a help text. */
const helpWidth = 100;

/**
 * Runs one command line.
 *
 * @param argv arguments after `node millrace`
 * @returns the exit code; everything that was to be said has been said
 */
export async function runCommandLine(argv: readonly string[], context: CommandContext): Promise<ExitCode> {
  try {
    const [first, ...rest] = argv;
    // Commander's own help command knows the first word of a name alone.
    const words = first === "help" && rest.length > 0 ? [...rest, "--help"] : argv;
    const named = first === "help" && rest.length === 0 ? undefined : nameIn(words);
    let code: ExitCode = exitCodes.ok;
    const program = await programFor(named, context, (ended) => {
      code = ended;
    });
    if (first === undefined) {
      program.outputHelp({ error: true });
      return exitCodes.usage;
    }
    await program.parseAsync(words, { from: "user" });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    // A person who stops a command knows why it ends; SIGINT makes it 130.
    if (isStopped(thrown, context.stop)) return exitCodes.ok;
    context.stderr(`${describeFailure(thrown)}\n`);
    return exitCodeOf(thrown);
  }
}

/** Every command by name and summary; only the one that is asked for is loaded and has its flags. */
async function programFor(
  named: string | undefined,
  context: CommandContext,
  ended: (code: ExitCode) => void,
): Promise<Command> {
  const program = new Command("millrace")
    .description("Stream processing that turns Kafka events into predictions.")
    .version(version, "-V, --version")
    .configureOutput({
      writeOut: context.stdout,
      writeErr: context.stderr,
      outputError: (text, write) => write(`MR_USAGE ${text.replace(/^error: /, "")}`),
      // Help texts are compared and put into the reference: their width must not hang on a terminal.
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText(
      "after",
      "\nA flag wins over its MILLRACE_* variable. Start with: millrace dev topologies/card-fraud.yaml",
    )
    .exitOverride();
  for (const entry of commands) {
    const [group, ...own] = entry.name.split(" ");
    const isGrouped = own.length > 0;
    const command = (isGrouped ? groupIn(program, group ?? "") : program)
      .command(own.join(" ") || entry.name)
      .summary(entry.summary)
      .description(`${sentence(entry.summary)}.`);
    command.addHelpText("after", `\nExample:\n  ${entry.example}`);
    if (entry.name !== named) continue;
    const { command: definition } = await entry.load();
    definition.configure(command).action(async (...parsed: unknown[]) => {
      const args = parsed.slice(0, -2);
      const flags = flagsOf(command, context.environment);
      const files = [args, flags["sample"]].flat(2).filter((file) => typeof file === "string");
      await warnOfVariables(files, entry, context);
      ended(await definition.run(context, args, flags));
    });
  }
  return program;
}

/** The command that has others below it. */
function groupIn(program: Command, name: string): Command {
  const made = program.commands.find((command) => command.name() === name);
  if (made !== undefined) return made;
  const summary = groups[name] ?? "";
  return program
    .command(name)
    .summary(summary)
    .description(`${sentence(summary)}.`)
    .helpCommand(false);
}

/** Says it as the command logs: a worker in JSON, for machines, the others for people. */
async function warnOfVariables(files: readonly string[], entry: CommandEntry, context: CommandContext): Promise<void> {
  // Whoever started this worker has said it.
  if (context.environment[supervisorVariable] !== undefined) return;
  const unknown = await unknownVariables(context.environment, files);
  if (unknown.length === 0) return;
  const logger =
    entry.logs === "json"
      ? (await import("../adapters/pino/index.ts")).createPinoLogger("info")
      : createPeopleLogger(context.stderr, systemClock.now);
  for (const fields of unknown) say(logger, "variableUnknown", fields);
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * The name of the command that a command line begins with: one word, or two of a command below another. Undefined where
 * it begins with a flag, or names a group of commands alone.
 *
 * @throws ExitError 64 for a command that does not exist
 */
function nameIn([first, second]: readonly string[]): string | undefined {
  if (first === undefined || first.startsWith("-")) return undefined;
  const names = commands.map((entry) => entry.name);
  if (groups[first] === undefined)
    return knownName(first, [...names.filter((name) => !name.includes(" ")), ...Object.keys(groups)]);
  if (second === undefined || second.startsWith("-")) return undefined;
  return knownName(
    `${first} ${second}`,
    names.filter((name) => name.startsWith(`${first} `)),
  );
}

function knownName(name: string, names: readonly string[]): string {
  if (names.includes(name)) return name;
  const meant = closest(name, names);
  throw usageError(
    `unknown command ${JSON.stringify(name)}; ${meant === undefined ? "see millrace --help" : `did you mean "${meant}"?`}`,
  );
}

/** The process's own entry: signals, streams, exit code. A second signal ends at once with 75. */
export async function main(argv: readonly string[]): Promise<void> {
  // Each task listens for the end of its stage: ten listeners, where Node warns of a leak, are few partitions.
  setMaxListeners(listenersMax);
  const stop = stopOnSignals(process, (code) => process.exit(code));
  process.on("uncaughtException", (thrown) => {
    process.stderr.write(`${describeFailure(thrown)}\n`);
    process.exit(exitCodeOf(thrown));
  });
  process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`| head`) is no error; a full disk is, or what was to be kept is lost unnoticed.
    if (cause.code === "EPIPE") process.exit(exitCodes.ok);
    process.stderr.write(`MR_IO writing to standard output: ${cause.message}\n`);
    process.exit(exitCodes.failure);
  });
  const code = await runCommandLine(argv, {
    environment: process.env,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    stdin: process.stdin,
    isTerminal: process.stderr.isTTY === true && process.env["CI"] === undefined && process.env["TERM"] !== "dumb",
    stop: stop.signal,
    ownCommand: { execArgv: process.execArgv, entry: process.argv[1] ?? "", args: process.argv.slice(2) },
  });
  process.exitCode = stop.exitCode(code);
  await flushed(process.stdout);
  process.exit();
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

// Run from its sources (`tsx src/app/main.ts`); `bin/millrace` imports this file and calls `main` itself.
if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2));
