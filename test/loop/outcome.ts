import type { Spoil } from "./asked.ts";
import { type LoopVerdict, lastLine } from "./judge.ts";
import type { AdoptionRecord, LoopLogs, PredictionRecord } from "./logs.ts";

/** Of the trainer, and of a scorer. */
export const killsAsked = 2;

/** How a run went. */
export interface LoopOutcome {
  readonly verdict: LoopVerdict;
  readonly kills: number;
  /** What workers said that ended without having been told to. */
  readonly deaths: readonly string[];
}

/** Why a run is not passed, a line each; none when it is. */
export function shortcomings({ verdict, kills, deaths }: LoopOutcome): string[] {
  const { incidents, promotions, trainings, switchFaults, versionFaults } = verdict;
  const one = (count: number, what: string): string[] =>
    count === 1 ? [] : [`there is to be one ${what}, and there are ${count}`];
  return [
    ...one(incidents, "incident"),
    ...one(promotions, "promotion"),
    ...one(trainings, "training that ended"),
    ...switchFaults,
    ...versionFaults,
    ...deaths,
    ...(kills < killsAsked ? [`${kills} kills happened of ${killsAsked}`] : []),
  ];
}

/** The line of a run that did not come to its end: nothing that it has left is taken for well. */
export function brokenLine(seed: number): string {
  const faults = ["it did not come to its end"];
  return lastLine(seed, { incidents: 0, promotions: 0, trainings: 0, switchFaults: faults, versionFaults: faults });
}

/** The same logs with one thing wrong in them. @throws Error where they do not have what would be spoilt */
export function spoilt(logs: LoopLogs, spoil: Spoil | undefined): LoopLogs {
  if (spoil === undefined) return logs;
  const last = logs.adoptions.at(-1);
  if (last === undefined) throw new Error("nothing was adopted");
  if (spoil === "switch-offsets") return { ...logs, adoptions: logs.adoptions.map((one) => movedOn(one, last)) };
  return { ...logs, predictions: logs.predictions.filter(isNotFirst) };
}

function movedOn(adoption: AdoptionRecord, last: AdoptionRecord): AdoptionRecord {
  return adoption === last ? { ...adoption, fromOffset: adoption.fromOffset + 1 } : adoption;
}

function isNotFirst({ eventId }: PredictionRecord, _: number, all: readonly PredictionRecord[]): boolean {
  return eventId !== all[0]?.eventId;
}
