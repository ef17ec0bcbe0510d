/** What the commands on monitors have in common: a topology with monitors, a cluster, a form of output. */
import type { Command } from "commander";
import { systemClock } from "../../adapters/node/index.ts";
import { closest, type EpochMs, formatDurationMs, parseDurationMs } from "../../kernel/index.ts";
import type { Plan, PlannedMonitor, PlannedMonitoring } from "../../topology/index.ts";
import { ExitError, exitCodes, usageError } from "../exit.ts";
import { loadFilePlan } from "../load-topology.ts";
import { openReach, type Reach } from "../reach.ts";
import { type CommandContext, connectionFlags, devFlag, flag, withConnection } from "./command.ts";

/** `<file>`, the connection, `--dev`. */
export function withMonitors(command: Command): Command {
  return withConnection(command).argument("<file>", "topology file").addOption(devFlag("ask"));
}

/** `-o table|json|jsonl`. */
export function withOutput(command: Command): Command {
  return command.addOption(flag("-o, --output <form>", "table, json or jsonl").default("table"));
}

/** What such a command works on. */
export interface Monitored {
  readonly plan: Plan;
  readonly monitoring: PlannedMonitoring;
  readonly reach: Reach;
  readonly nowMs: EpochMs;
}

/**
 * Runs `work` on the monitors of a topology file, with the cluster or dev session that the flags name.
 * @throws ExitError 1 for a topology that has no monitors
 */
export async function onMonitors<T>(
  context: CommandContext,
  file: unknown,
  flags: Readonly<Record<string, unknown>>,
  work: (monitored: Monitored) => Promise<T>,
): Promise<T> {
  const connection = connectionFlags(flags);
  const dev = flags["dev"] === true;
  // A dev session has a broker to itself and no namespace.
  const loaded = loadFilePlan(String(file), context.environment, dev ? "" : connection.namespace);
  if (loaded.first.monitoring === undefined)
    throw new ExitError(exitCodes.failure, `${String(file)}: topology ${loaded.first.topology} has no monitors`, {
      hint: "name what is to be watched under `monitors:`",
    });
  const reach = await openReach(connection, dev, context);
  try {
    const plan = await loaded.against(reach.registry, context.stop);
    return await work({
      plan,
      monitoring: plan.monitoring ?? loaded.first.monitoring,
      reach,
      nowMs: systemClock.now(),
    });
  } finally {
    await reach.close();
  }
}

/**
 * Of the monitors of values those that `--monitor` names: one, or all when it is not given.
 * @throws ExitError 64 for one that is not there
 */
export function namedMonitors(
  { monitors }: PlannedMonitoring,
  flags: Readonly<Record<string, unknown>>,
): readonly PlannedMonitor[] {
  return named(monitors, flags);
}

/** The same of all that have verdicts, those of values and those of models. */
export function judgedMonitors(
  { monitors, performance }: PlannedMonitoring,
  flags: Readonly<Record<string, unknown>>,
): Pick<PlannedMonitoring, "monitors" | "performance"> {
  const names = new Set(named([...monitors, ...performance], flags).map(({ name }) => name));
  const isNamed = ({ name }: { readonly name: string }): boolean => names.has(name);
  return { monitors: monitors.filter(isNamed), performance: performance.filter(isNamed) };
}

function named<M extends { readonly name: string }>(
  monitors: readonly M[],
  flags: Readonly<Record<string, unknown>>,
): readonly M[] {
  const name = flags["monitor"];
  if (name === undefined) return monitors;
  const found = monitors.filter((monitor) => monitor.name === name);
  if (found.length > 0) return found;
  const names = monitors.map((monitor) => monitor.name);
  const meant = closest(String(name), names);
  const hint = meant === undefined ? `it has ${names.join(", ")}` : `did you mean "${meant}"?`;
  throw usageError(`--monitor: the topology has no monitor ${JSON.stringify(name)}`, hint);
}

/** A duration above 0. @throws ExitError 64 for anything else */
export function durationFlag(name: string, value: unknown): number {
  const ms = parseDurationMs(String(value));
  if (ms === undefined || ms <= 0)
    throw usageError(
      `--${name}: ${JSON.stringify(value)} is no time such as 30m, 2h or ${formatDurationMs(604_800_000)}`,
    );
  return ms;
}

/** A number of a table: three digits, or `-` where there is none. */
export function shownNumber(value: number | null | undefined): string {
  return value === null || value === undefined || Number.isNaN(value) ? "-" : String(Number(value.toPrecision(3)));
}

/** What is said of records that could not be read; nothing of none. */
export function unreadWarning(count: number): string {
  return count === 0
    ? ""
    : `${count} records of Millrace's own topics cannot be read and are left out: a later version wrote them, or others have\n`;
}
