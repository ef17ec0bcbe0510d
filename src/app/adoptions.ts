/** What tasks have adopted, asked from outside of them. */
import { systemClock } from "../adapters/node/index.ts";
import { type Clock, Facts, silentLogger, topicPartitionKey } from "../kernel/index.ts";
import type { Adoption } from "../model/index.ts";
import { AdoptionLog, type ScoringTask, scoringTasks } from "../runtime/adoption/index.ts";
import { championAlias } from "../runtime/control/index.ts";
import type { Plan } from "../topology/index.ts";
import { eventually } from "./eventually.ts";
import { ExitError, exitCodes } from "./exit.ts";
import type { Reach } from "./reach.ts";

type Asked = Pick<Reach, "broker" | "registry">;

/** Undefined where no stage infers, and before the first `apply` of a version that has the topic. */
export async function openAdoptions(
  { adoptions }: Plan,
  { broker, registry }: Asked,
  signal: AbortSignal,
): Promise<AdoptionLog | undefined> {
  if (adoptions === undefined) return undefined;
  const topic = adoptions.clusterName;
  if ((await broker.admin.describe([topic], signal)).topics.length === 0) return undefined;
  return new AdoptionLog({ broker, topic, registry, clock: systemClock, facts: new Facts(silentLogger) });
}

/** What was adopted of a version, in the order of the topic. */
export async function adoptionsOf(
  model: string,
  version: number,
  { plan, reach }: { readonly plan: Plan; readonly reach: Asked },
  signal: AbortSignal,
): Promise<readonly Adoption[]> {
  const log = await openAdoptions(plan, reach, signal);
  await log?.catchUp(signal);
  return (log?.all ?? []).filter((adoption) => adoption.model === model && adoption.version === version);
}

/** Who scores with a version that champion points at. */
export interface Adopters {
  readonly adopted: readonly ScoringTask[];
  readonly behind: readonly ScoringTask[];
  /** Stages that score with the model and do not run. */
  readonly idle: readonly string[];
}

/** Waits until each task that lives scores with the version, ten seconds at most, and answers how it stands then. */
export async function awaitAdoption(
  model: string,
  version: number,
  { plan, reach }: { readonly plan: Plan; readonly reach: Asked },
  signal: AbortSignal,
  clock: Pick<Clock, "monotonicMs" | "sleep"> = systemClock,
): Promise<Adopters> {
  let found: Adopters = { adopted: [], behind: [], idle: [] };
  const log = await openAdoptions(plan, reach, signal);
  if (log === undefined) return found;
  const options = { stages: plan.stages, model, alias: championAlias, log, admin: reach.broker.admin };
  const look = async (): Promise<boolean> => {
    const { living, idle } = await scoringTasks(options, signal);
    const behind = living.filter((task) => task.version !== version);
    found = { adopted: living.filter((task) => task.version === version), behind, idle };
    return behind.length === 0;
  };
  await eventually(look, signal, clock);
  return found;
}

/** Who has adopted it, and which stages will, in lines. */
export function adoptersText({ adopted, idle }: Adopters): string {
  const tasks = adopted.map(({ stage, topic, partition, position }) => {
    const place = `${stage} ${topicPartitionKey(topic, partition)}`;
    return `adopted by ${place}, at offset ${position}\n`;
  });
  return `${tasks.join("")}${idle.map((stage) => `${idleText(stage)}\n`).join("")}`;
}

/**
 * Says which tasks score with a version that has just come to serve, once all do, or ten seconds later.
 *
 * @returns what remains to be thrown where one is behind, once all else is done
 */
export async function followAdoption(
  model: string,
  version: number,
  by: Parameters<typeof awaitAdoption>[2],
  say: (text: string) => void,
  signal: AbortSignal,
  clock?: Pick<Clock, "monotonicMs" | "sleep">,
): Promise<() => void> {
  const adopters = await awaitAdoption(model, version, by, signal, clock);
  say(adoptersText(adopters));
  return () => refuseBehind(model, version, adopters);
}

/** @throws ExitError 75 where a task has not adopted the version in time */
export function refuseBehind(model: string, version: number, { behind, idle }: Adopters): void {
  if (behind.length === 0) return;
  const tasks = behind.map(({ stage, topic, partition, position, version: now }) => {
    const serving = now === undefined ? "no version yet" : `version ${now}`;
    return `${stage} ${topicPartitionKey(topic, partition)} (${serving}, at offset ${position})`;
  });
  throw new ExitError(
    exitCodes.temporary,
    `version ${version} of ${model} is champion, and 10 s later not adopted by ${tasks.join(", ")}`,
    {
      hint: [
        "it stays champion: each adopts it when it can open it and has worked off what was there when it began; its worker's log says what it waits for",
        ...idle.map(idleText),
      ].join("; "),
    },
  );
}

function idleText(stage: string): string {
  return `stage ${stage} does not run: it adopts when it starts`;
}
