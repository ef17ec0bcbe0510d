/** A training that the trainer of a running topology does: asked for on its topic, and followed to its end. */
import { randomUUID } from "node:crypto";
import { type Clock, formatIsoTime } from "../kernel/index.ts";
import { retrainingEventsIn } from "../retraining/index.ts";
import { readUpTo } from "../runtime/control/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { Plan } from "../topology/index.ts";
import { isEnd, type RetrainingEvent, type RetrainSettings, retrainingRecord } from "../training/index.ts";
import type { RawBatch } from "../wire/index.ts";
import { type ExitCode, exitCodes } from "./exit.ts";

/** How often it is seen what has become of a request. */
const askEveryMs = 200;
/** How long a topology may be without a trainer before nobody waits for one: a restart takes less. */
const absentMsMax = 30_000;

export interface TrainingRequestOptions {
  readonly plan: Pick<Plan, "retraining">;
  readonly broker: Pick<Broker, "append" | "read" | "admin">;
  readonly model: string;
  readonly by: string;
  readonly reason?: string;
  /** Left out, as the topology says. */
  readonly mode?: RetrainSettings["mode"];
  /** What follows when a version has passed: it serves at once, or scores beside the champion first. */
  readonly hasRollout: boolean;
  readonly clock: Clock;
  /** A line for each thing that happens. */
  readonly say: (line: string) => void;
}

/** Whether somebody does what is asked for on the topic. */
export async function hasTrainer(
  { retraining }: Pick<Plan, "retraining">,
  broker: Pick<Broker, "admin">,
  signal: AbortSignal,
): Promise<boolean> {
  return retraining !== undefined && (await broker.admin.members(retraining.group, signal)).length > 0;
}

/**
 * Asks for a training and tells what becomes of it, until it has ended, waits for a person, or scores beside the champion.
 * Where there is no champion to score beside, what has passed serves at once, and that is waited for.
 *
 * @returns 0 for a version that serves or is on its way; 1 where there is none; 75 where nothing was decided, or nobody is
 *   there to decide it
 */
export async function requestTraining(options: TrainingRequestOptions, signal: AbortSignal): Promise<ExitCode> {
  const { plan, broker, model, by, reason, mode, clock, say } = options;
  const { clusterName: topic = "" } = plan.retraining ?? {};
  const request = randomUUID();
  const asked: RetrainingEvent = {
    type: "requested",
    id: request,
    request,
    model,
    at: formatIsoTime(clock.now()),
    cause: "manual",
    by,
    reason,
    mode,
  };
  const [{ end: from } = { end: 0 }] = await broker.admin.watermarks(topic, signal);
  await broker.append([{ topic, partition: 0, timestampMs: clock.now(), ...retrainingRecord(asked) }], signal);
  say(`request ${request} of model ${model}: the trainer of the topology does it`);
  return follow(options, request, from, signal);
}

async function follow(
  options: TrainingRequestOptions,
  request: string,
  from: number,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { plan, broker, clock, say } = options;
  const told = new Set<string>();
  let next = from;
  let hasChampion = false;
  let seenMs = clock.monotonicMs();
  for (;;) {
    const { events, offsetNext } = await eventsFrom(next, options, signal);
    next = offsetNext;
    for (const event of events) {
      if (event.request !== request || event.type === "requested" || told.has(event.id)) continue;
      told.add(event.id);
      for (const line of linesOf(event)) say(line);
      // The one that the training began beside, as it says at its start.
      hasChampion = event.type === "started" ? event.champion !== undefined : hasChampion;
      const code = codeAt(event, options, hasChampion);
      if (code !== undefined) return code;
    }
    const nowMs = clock.monotonicMs();
    if (await hasTrainer(plan, broker, signal)) seenMs = nowMs;
    else if (nowMs - seenMs >= absentMsMax) {
      say(`no trainer runs any more: the next one takes request ${request} up; millrace triggers cancel takes it back`);
      return exitCodes.temporary;
    }
    await clock.sleep(askEveryMs, signal);
  }
}

async function eventsFrom(
  from: number,
  { plan, broker }: TrainingRequestOptions,
  signal: AbortSignal,
): Promise<{ readonly events: readonly RetrainingEvent[]; readonly offsetNext: number }> {
  const { clusterName: topic = "" } = plan.retraining ?? {};
  const [{ end } = { end: from }] = await broker.admin.watermarks(topic, signal);
  const events: RetrainingEvent[] = [];
  const take = (batch: RawBatch): void => {
    for (const { event } of retrainingEventsIn(batch)) events.push(event);
  };
  await readUpTo(broker, { topic, from, to: end }, take, signal);
  return { events, offsetNext: Math.max(from, end) };
}

/** The exit code, where nothing more is waited for. */
function codeAt(
  event: RetrainingEvent,
  { hasRollout, say }: TrainingRequestOptions,
  hasChampion: boolean,
): ExitCode | undefined {
  const { type } = event;
  if (type === "promoted") return exitCodes.ok;
  if (type === "waiting") {
    say(`millrace models approve promotes version ${event.version}`);
    return exitCodes.ok;
  }
  if (type === "trained" && hasRollout && hasChampion) {
    say(`version ${event.version} scores beside the champion first; millrace triggers list shows what becomes of it`);
    return exitCodes.ok;
  }
  if (!isEnd(event)) return undefined;
  return type === "undecided" || type === "suppressed" ? exitCodes.temporary : exitCodes.failure;
}

function linesOf({ type, version, reason, checks }: RetrainingEvent): readonly string[] {
  const what = version === undefined ? type : `${type} version ${version}`;
  return [
    reason === undefined ? what : `${what}: ${reason}`,
    ...(checks ?? []).map(({ name, outcome, text }) => `check ${name} ${outcome}: ${text}`),
  ];
}
