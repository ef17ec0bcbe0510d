/** What the commands on models have in common: a topology with models, a cluster, the model that is meant, who asks. */
import { userInfo } from "node:os";
import type { Command } from "commander";
import { systemClock } from "../../adapters/node/index.ts";
import { assert, closest, type EpochMs } from "../../kernel/index.ts";
import type { Plan, PlannedModel } from "../../topology/index.ts";
import { ExitError, exitCodes, usageError } from "../exit.ts";
import { loadFilePlan } from "../load-topology.ts";
import { openReach, type Reach } from "../reach.ts";
import { type CommandContext, connectionFlags, devFlag, flag, withConnection } from "./command.ts";

/** `<file>`, the connection, `--dev`, `--model`. */
export function withModels(command: Command): Command {
  return withConnection(command)
    .argument("<file>", "topology file")
    .addOption(flag("--model <name>", "model that is meant, where the topology has several"))
    .addOption(devFlag("ask"));
}

/** `--by`, `--reason`. */
export function withWhy(command: Command): Command {
  return command
    .addOption(flag("--by <name>", "who does it; the user that runs the command when it is left out"))
    .addOption(flag("--reason <text>", "what for"));
}

/** Who does it and what for, as it goes into records. */
export interface Why {
  readonly by: string;
  readonly reason?: string;
}

export function whyOf(flags: Readonly<Record<string, unknown>>): Why {
  const { by, reason } = flags;
  return {
    by: typeof by === "string" ? by : userInfo().username,
    ...(typeof reason === "string" ? { reason } : {}),
  };
}

/** What such a command works on. */
export interface OnModels {
  readonly plan: Plan;
  readonly reach: Reach;
  readonly nowMs: EpochMs;
}

/**
 * Runs `work` on the models of a topology file, with the cluster or dev session that the flags name.
 * @throws ExitError 1 for a topology that has no models
 */
export async function onModels<T>(
  context: CommandContext,
  file: unknown,
  flags: Readonly<Record<string, unknown>>,
  work: (on: OnModels) => Promise<T>,
): Promise<T> {
  const connection = connectionFlags(flags);
  const dev = flags["dev"] === true;
  // A dev session has a broker to itself and no namespace.
  const loaded = loadFilePlan(String(file), context.environment, dev ? "" : connection.namespace);
  if (loaded.first.models.length === 0)
    throw new ExitError(exitCodes.failure, `${String(file)}: topology ${loaded.first.topology} has no models`);
  const reach = await openReach(connection, dev, context);
  try {
    const plan = await loaded.against(reach.registry, context.stop);
    return await work({ plan, reach, nowMs: systemClock.now() });
  } finally {
    await reach.close();
  }
}

/** The models that `--model` names: one, or all where it is not given. @throws ExitError 64 for one that is not there */
export function namedModels({ models }: Plan, flags: Readonly<Record<string, unknown>>): readonly PlannedModel[] {
  const name = flags["model"];
  if (name === undefined) return models;
  const found = models.filter((model) => model.name === name);
  if (found.length > 0) return found;
  const names = models.map((model) => model.name);
  const meant = closest(String(name), names);
  const hint = meant === undefined ? `it has ${names.join(", ")}` : `did you mean "${meant}"?`;
  throw usageError(`--model: the topology has no model ${JSON.stringify(name)}`, hint);
}

/** The one model that is meant. @throws ExitError 64 where `--model` is needed or names none */
export function namedModel(plan: Plan, flags: Readonly<Record<string, unknown>>): PlannedModel {
  const [model, ...others] = namedModels(plan, flags);
  assert(model !== undefined, "a topology that has models");
  if (others.length === 0) return model;
  throw usageError("--model is needed", `the topology has ${plan.models.map(({ name }) => name).join(", ")}`);
}

/** The number of a version, `3` or `v3`. @throws ExitError 64 for anything else */
export function versionArgument(text: unknown): number {
  const match = /^v?([1-9]\d{0,8})$/.exec(String(text));
  if (match?.[1] === undefined)
    throw usageError(
      `${JSON.stringify(text)} is no version: a number such as 3 is needed`,
      "see `millrace models list`",
    );
  return Number(match[1]);
}
