import { readTakenCommand, type TakenCommand } from "../monitor/telling/index.ts";
import { AlertsSince } from "../monitoring/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { CommandContext } from "./cli/command.ts";
import { eventually } from "./eventually.ts";
import { type ExitCode, exitCodes } from "./exit.ts";

/** Where a judge says what it has taken. */
export interface ToTake {
  readonly broker: Broker;
  /** Cluster name of the alerts topic. */
  readonly alertsTopic: string;
}

/** A command as a judge names it when it has taken it. */
export type GivenCommand = Pick<TakenCommand, "key" | "request">;

/**
 * Gives a command with `write`, and waits until the judge has taken it; says so on stderr where it has not within ten
 * seconds: the command stands and counts as soon as somebody judges. 1 where nothing came of `write`, which says why.
 */
export async function giveCommand(
  { broker, alertsTopic }: ToTake,
  context: CommandContext,
  write: () => Promise<GivenCommand | undefined>,
): Promise<ExitCode> {
  const { stop } = context;
  const since = await AlertsSince.open(broker, alertsTopic, stop);
  const command = await write();
  if (command === undefined) return exitCodes.failure;
  const isTaken = await eventually(
    async () => (await since.texts(stop)).some((text) => isAnswer(readTakenCommand(text), command)),
    stop,
  );
  if (isTaken) return exitCodes.ok;
  context.stderr(
    "no judge has taken it yet: is `millrace run` running, or `millrace run --stage monitor`? It counts as soon as one does\n",
  );
  return exitCodes.temporary;
}

function isAnswer(taken: TakenCommand | undefined, { key, request }: GivenCommand): boolean {
  return taken !== undefined && taken.key === key && taken.request === request;
}
