import { parseDurationMs } from "../../kernel/index.ts";
import { ExitError, exitCodes, usageError } from "../exit.ts";
import type { RunOptions } from "../run-worker.ts";
import { standbyVariable } from "../supervised-worker.ts";
import { type CommandDefinition, connectionFlags, flag, withConnection } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("<file>", "topology file")
      .addOption(flag("--stage <names...>", "run only these stages"))
      .addOption(
        flag(
          "--role <role>",
          "worker: all but the trainer; trainer: it alone; left out: all, with the trainer where a model has retrain",
        ),
      )
      .addOption(flag("--instance-id <name>", "stable name of this worker: a restart under it keeps its partitions"))
      .addOption(
        flag("--state-dir <dir>", "keep snapshots of stores here, so that a restart reads back only what came since"),
      )
      .addOption(flag("--http <host:port>", "serve /livez, /readyz and /metrics, and the webhook for alerts"))
      .addOption(flag("--drain-timeout <duration>", "how long a stop may take").default("25s"))
      .addOption(flag("--until-caught-up", "end at the offsets that are the end now"))
      .addOption(flag("--leave-on-stop", "give the partitions up when stopped, as a worker without --instance-id does"))
      .addOption(
        flag("--no-spare", "keep no second process ready to take a dead worker's place, which saves its memory"),
      )
      .addOption(flag("--no-supervise", "run in this process alone, for those who have a supervisor")),

  async run(context, [file], flags) {
    refuseLater(flags);
    const options = optionsOf(String(file), flags);
    const { ownCommand } = context;
    if (flags["supervise"] === false || options.untilCaughtUp || ownCommand === undefined) {
      const { runWorker } = await import("../run-worker.ts");
      if (context.environment[standbyVariable] !== undefined) {
        const { standBy } = await import("../stand-by.ts");
        if (!(await standBy(context, options))) return exitCodes.ok;
      }
      return runWorker(context, options);
    }
    const { superviseRun } = await import("../supervise-run.ts");
    return superviseRun(context, ownCommand, options);
  },
};

/** @throws ExitError 64 for what is malformed */
function optionsOf(file: string, flags: Readonly<Record<string, unknown>>): RunOptions {
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  const drainTimeoutMs = parseDurationMs(String(flags["drainTimeout"]));
  if (drainTimeoutMs === undefined) throw usageError("--drain-timeout: a duration such as 25s is needed");
  return {
    file,
    named: connectionFlags(flags),
    stages: (flags["stage"] as string[] | undefined) ?? [],
    role: text("role") as RunOptions["role"],
    http: text("http"),
    drainTimeoutMs,
    untilCaughtUp: flags["untilCaughtUp"] === true,
    instanceId: text("instanceId"),
    stateDir: text("stateDir"),
    leavesOnStop: flags["leaveOnStop"] === true,
    hasSpare: flags["spare"] !== false,
  };
}

/** What belongs to later versions is refused, never accepted and ignored. */
function refuseLater(flags: Readonly<Record<string, unknown>>): void {
  const unsupported = (what: string, why: string): ExitError =>
    new ExitError(exitCodes.usage, `${what}: ${why}`, { code: "MR_UNSUPPORTED" });
  if (!["worker", "trainer", undefined].includes(flags["role"] as string | undefined))
    throw unsupported(`--role ${String(flags["role"])}`, "this version has worker and trainer");
  if (flags["role"] === "trainer" && flags["stage"] !== undefined)
    throw usageError("--stage: a trainer runs no stages", "leave one of --role and --stage out");
}
