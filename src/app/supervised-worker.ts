import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { GroupMembership } from "../adapters/kafkajs/index.ts";
import { type ExitCode, exitCodes } from "./exit.ts";
import type { Environment } from "./settings.ts";
import type { SpareWorker, WorkerEnd } from "./supervisor.ts";

/** Holds, in the environment of a supervised worker, the process id of its supervisor. */
export const supervisorVariable = "MILLRACE_SUPERVISOR";

/** Set in the environment of one that is to wait until it is needed. */
export const standbyVariable = "MILLRACE_STANDBY";

/** What the supervisor sends to a spare. */
const beginMessage = "begin";

/** How this process was started: what Node was told, the program, its arguments. */
export interface OwnCommand {
  readonly execArgv: readonly string[];
  readonly entry: string;
  readonly args: readonly string[];
}

/**
 * Starts a worker as this process was started, with what `environment` says on top. It reads and writes where this one
 * does, is not reached by what a terminal sends to this one, and ends with it, however it ends.
 */
export function forkWorker({ execArgv, entry, args }: OwnCommand, environment: Environment): SpareWorker {
  const child: ChildProcess = fork(entry, [...args], {
    execArgv: [...execArgv],
    env: { ...process.env, ...environment, [supervisorVariable]: String(process.pid) },
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    detached: true,
  });
  const ended = new Promise<WorkerEnd>((resolve, reject) => {
    child.once("error", reject);
    once(child, "exit").then(([code, signal]) => resolve({ code, signal }), reject);
  });
  return {
    pid: child.pid,
    ended,
    onJoined: (tell) => child.on("message", (message) => tell(message as GroupMembership)),
    kill: (signal) => void child.kill(signal),
    // One that ended in this moment is a worker that died.
    begin: () => void child.send(beginMessage, () => undefined),
  };
}

/**
 * Waits, in a spare, until its supervisor needs it. One whose supervisor ends does so too.
 *
 * @returns false when it was stopped before
 */
export async function untilNeeded(stop: AbortSignal, exitNow: (code: ExitCode) => void): Promise<boolean> {
  const orphaned = (): void => exitNow(exitCodes.temporary);
  process.once("disconnect", orphaned);
  if (!process.connected) orphaned();
  try {
    await once(process, "message", { signal: stop });
    return true;
  } catch (thrown) {
    if (stop.aborted) return false;
    throw thrown;
  } finally {
    process.off("disconnect", orphaned);
  }
}

/** The supervisor of this process, to whom it tells where it is a member; undefined when it has none. */
export interface OwnSupervisor {
  joined(member: GroupMembership): void;
}

/**
 * Also sees to it that this process ends at once when its supervisor does: a new one would start another worker in the
 * same slot, and what is in hand is done again there.
 */
export function ownSupervisor(environment: Environment, exitNow: (code: ExitCode) => void): OwnSupervisor | undefined {
  const supervisor = environment[supervisorVariable];
  if (supervisor === undefined || process.send === undefined) return undefined;
  process.once("disconnect", () => exitNow(exitCodes.temporary));
  // It may have died before anybody listened.
  if (supervisor !== String(process.ppid) || !process.connected) exitNow(exitCodes.temporary);
  // The channel alone keeps no process alive.
  process.channel?.unref();
  return { joined: (member) => void process.send?.(member) };
}
