import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import type { GroupMembership } from "../adapters/kafkajs/index.ts";
import { systemClock } from "../adapters/node/index.ts";
import { createPinoLogger } from "../adapters/pino/index.ts";
import { codeOf, Facts, messageOf } from "../kernel/index.ts";
import type { CommandContext } from "./cli/command.ts";
import type { ExitCode } from "./exit.ts";
import { openCluster } from "./open-cluster.ts";
import type { RunOptions } from "./run-worker.ts";
import { StoppedBySignal } from "./signals.ts";
import { forkWorker, type OwnCommand, standbyVariable } from "./supervised-worker.ts";
import { Supervisor } from "./supervisor.ts";

/** How long a coordinator is asked to let a dead member go. */
const leaveMsMax = 10_000;

/**
 * Runs the worker in a process of its own and brings it back into its slot when it dies. Without an instance id it is
 * given one that nobody else has; such a slot is given up at the stop, since nobody will come back to it.
 *
 * @returns the worker's exit code, or 128 and the number of the signal that ended it
 */
export async function superviseRun(
  context: CommandContext,
  ownCommand: OwnCommand,
  { named, instanceId, drainTimeoutMs, leavesOnStop: asked, hasSpare }: RunOptions,
): Promise<ExitCode> {
  const logger = createPinoLogger("info");
  const facts = new Facts(logger);
  const slot = instanceId ?? `worker-${randomBytes(8).toString("hex")}`;
  const leavesOnStop = asked || instanceId === undefined;
  const environment = {
    MILLRACE_NO_SUPERVISE: "true",
    MILLRACE_INSTANCE_ID: slot,
    MILLRACE_LEAVE_ON_STOP: String(leavesOnStop),
  };
  const supervisor = new Supervisor({
    start: () => forkWorker(ownCommand, environment),
    ...(hasSpare ? { startSpare: () => forkWorker(ownCommand, { ...environment, [standbyVariable]: "true" }) } : {}),
    leave: async (members) => {
      try {
        await leave(members, () => openCluster(named, context, "read", logger));
      } catch (thrown) {
        facts.emit("slotsNotGivenUp", { code: codeOf(thrown), reason: messageOf(thrown) });
      }
    },
    leavesOnStop,
    drainTimeoutMs,
    signalNumbers: constants.signals,
    clock: systemClock,
    facts,
  });
  const stopped = (): void =>
    supervisor.stop(context.stop.reason instanceof StoppedBySignal ? context.stop.reason.by : "SIGTERM");
  const others = (["SIGHUP", "SIGQUIT"] as const).map((name) => {
    const forward = (): void => supervisor.stop(name);
    process.on(name, forward);
    return () => process.off(name, forward);
  });
  context.stop.addEventListener("abort", stopped, { once: true });
  if (context.stop.aborted) stopped();
  try {
    return (await supervisor.run()) as ExitCode;
  } finally {
    context.stop.removeEventListener("abort", stopped);
    for (const forget of others) forget();
  }
}

/** The cluster is connected to for this alone. */
async function leave(members: readonly GroupMembership[], open: () => ReturnType<typeof openCluster>): Promise<void> {
  const cluster = await open();
  try {
    await cluster.broker.removeMembers(members, AbortSignal.timeout(leaveMsMax));
  } finally {
    await cluster.close();
  }
}
