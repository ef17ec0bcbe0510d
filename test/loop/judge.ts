/**
 * Judges what a run of the loop has left. It shares no code with the product: it knows the names and meanings of records,
 * and derives from them by itself what every prediction had to be made by.
 *
 * - **Switch offsets**: each partition serves every version from one offset on, those offsets ascend, all partitions serve
 *   the champions in the order of the control topic, and each prediction bears the version that was adopted for its offset.
 * - **Versions**: each input has a prediction, one version made all copies of it, and in an exactly-once chain there are
 *   none; whatever served is whole on the disk and was the champion, and whatever was promoted says what it was made from
 *   and what the gate found; a request has one training and one end; an incident's promotion, adoptions and request bear its
 *   id, it is closed, and monitors compare with the champion in the end.
 */
import type { AdoptionRecord, AliasRecord, LoopLogs } from "./logs.ts";

export interface LoopVerdict {
  readonly incidents: number;
  /** Champions after the first. */
  readonly promotions: number;
  readonly trainings: number;
  /** What is wrong with the offsets at which versions change, a line each. */
  readonly switchFaults: readonly string[];
  /** What is wrong with everything else, a line each. */
  readonly versionFaults: readonly string[];
}

export function judgeLoop(logs: LoopLogs): LoopVerdict {
  const champions = championsOf(logs);
  return {
    incidents: new Set(logs.alerts.filter(({ what }) => what === "opened").map(({ incident }) => incident)).size,
    promotions: Math.max(champions.length - 1, 0),
    trainings: logs.retraining.filter(({ type }) => type === "trained").length,
    switchFaults: [...adoptionFaults(logs), ...servedFaults(logs)],
    versionFaults: [
      ...predictionFaults(logs),
      ...folderFaults(logs),
      ...originFaults(logs, champions),
      ...baselineFaults(logs, champions),
      ...requestFaults(logs),
      ...incidentFaults(logs, champions),
    ],
  };
}

/** `loop seed S incidents N promotions N switch-offsets ok|BAD versions ok|BAD trainings N`. */
export function lastLine(seed: number, verdict: LoopVerdict): string {
  const { incidents, promotions, trainings, switchFaults, versionFaults } = verdict;
  const said = (faults: readonly string[]): string => (faults.length === 0 ? "ok" : "BAD");
  return `loop seed ${seed} incidents ${incidents} promotions ${promotions} switch-offsets ${said(switchFaults)} versions ${said(versionFaults)} trainings ${trainings}`;
}

/** The champions of the model in their order, each once: a record that repeats the one before is none. */
function championsOf({ aliases, model }: LoopLogs): LoopLogs["aliases"] {
  const records = aliases.filter((record) => record.model === model && record.alias === "champion");
  return records.filter((record, index) => record.version !== records[index - 1]?.version);
}

/** Adoptions of a partition in the order of their log; a record that was written again after a kill is one. */
function adoptionsByPartition({ adoptions, model }: LoopLogs): ReadonlyMap<number, readonly AdoptionRecord[]> {
  const found = new Map<number, AdoptionRecord[]>();
  for (const record of adoptions) {
    if (record.model !== model || record.alias !== "champion") continue;
    const own = found.get(record.partition) ?? [];
    const last = own.at(-1);
    if (last?.version === record.version && last.fromOffset === record.fromOffset) continue;
    found.set(record.partition, [...own, record]);
  }
  return found;
}

function adoptionFaults(logs: LoopLogs): string[] {
  const champions = championsOf(logs).map(({ version }) => version);
  const adopted = adoptionsByPartition(logs);
  const faults: string[] = [];
  for (const partition of new Set(logs.inputs.map((input) => input.partition))) {
    const own = adopted.get(partition) ?? [];
    if (own.length === 0) faults.push(`partition ${partition} has adopted nothing`);
    for (const [index, { version, fromOffset }] of own.entries()) {
      const before = own[index - 1];
      if (before !== undefined && before.fromOffset >= fromOffset)
        faults.push(
          `partition ${partition} adopts version ${version} from ${fromOffset}, not behind ${before.fromOffset}`,
        );
      if (own.findIndex((other) => other.version === version) !== index)
        faults.push(`partition ${partition} adopts version ${version} a second time, from ${fromOffset}`);
    }
    // It may have come late to the first champions; from then on it has every one of them, to the last.
    const versions = own.map(({ version }) => version);
    const expected = champions.slice(Math.max(champions.indexOf(versions[0] ?? -1), 0));
    if (own.length > 0 && versions.join() !== expected.join())
      faults.push(`partition ${partition} adopts versions ${versions.join()}, champions were ${champions.join()}`);
  }
  return faults;
}

/** Predictions that bear another version than the one that was adopted for the offset of their input. */
function servedFaults(logs: LoopLogs): string[] {
  const adopted = adoptionsByPartition(logs);
  const places = new Map(logs.inputs.map((input) => [input.eventId, input]));
  const faults: string[] = [];
  for (const { eventId, version } of logs.predictions) {
    const at = places.get(eventId);
    if (at === undefined) {
      faults.push(`prediction of ${eventId} has no input`);
      continue;
    }
    const due = (adopted.get(at.partition) ?? []).findLast(({ fromOffset }) => fromOffset <= at.offset);
    if (due === undefined)
      faults.push(`${eventId} at ${at.partition}/${at.offset} is scored before anything is adopted`);
    else if (due.version !== version)
      faults.push(
        `${eventId} at ${at.partition}/${at.offset} is scored by version ${version}, adopted is ${due.version}`,
      );
  }
  return faults;
}

function predictionFaults({ delivery, inputs, predictions }: LoopLogs): string[] {
  const versions = new Map<string, number[]>();
  for (const { eventId, version } of predictions) versions.set(eventId, [...(versions.get(eventId) ?? []), version]);
  const faults: string[] = [];
  for (const { eventId } of inputs) if (!versions.has(eventId)) faults.push(`${eventId} has no prediction`);
  for (const [eventId, made] of versions) {
    if (new Set(made).size > 1) faults.push(`${eventId} is predicted by versions ${made.join()}`);
    if (made.length > 1 && delivery === "exactly-once") faults.push(`${eventId} is predicted ${made.length} times`);
  }
  return faults;
}

function folderFaults(logs: LoopLogs): string[] {
  const { versions, predictions } = logs;
  const champions = new Set(championsOf(logs).map(({ version }) => version));
  const folders = new Map(versions.map((folder) => [folder.version, folder]));
  const served = new Set(predictions.map(({ version }) => version));
  return [
    ...versions.flatMap(({ version, broken }) => broken.map((name) => `version ${version} is not whole: ${name}`)),
    ...[...served]
      .filter((version) => !folders.has(version))
      .map((version) => `version ${version} served and is not there`),
    ...[...served]
      .filter((version) => !champions.has(version))
      .map((version) => `version ${version} served and was no champion`),
  ];
}

/** Files of a version that was promoted: its manifest, and what the gate found. */
const originFiles = ["manifest.json", "gate.json"];

function originFaults({ versions }: LoopLogs, champions: LoopLogs["aliases"]): string[] {
  return champions.slice(1).flatMap(({ version }) => {
    const files = versions.find((folder) => folder.version === version)?.files ?? [];
    return originFiles
      .filter((name) => !files.includes(name))
      .map((name) => `version ${version} was promoted and has no ${name}`);
  });
}

function baselineFaults({ baselines }: LoopLogs, champions: LoopLogs["aliases"]): string[] {
  const champion = champions.at(-1)?.version;
  return baselines
    .filter(({ version }) => version !== champion)
    .map(({ monitor, version }) => `monitor ${monitor} compares with version ${version}, champion is ${champion}`);
}

/** After which nothing comes for a request. */
const ends: ReadonlySet<string> = new Set(["promoted", "rejected", "undecided", "failed", "cancelled", "suppressed"]);

function requestFaults({ retraining }: LoopLogs): string[] {
  const faults: string[] = [];
  for (const request of new Set(retraining.map((record) => record.request))) {
    const own = retraining.filter((record) => record.request === request);
    const types = own.map(({ type }) => type);
    const trained = types.filter((type) => type === "trained").length;
    if (trained > 1) faults.push(`request ${request} was trained for ${trained} times`);
    const ended = types.filter((type) => ends.has(type));
    if (ended.length !== 1) faults.push(`request ${request} has ${ended.length} ends: ${ended.join() || "none"}`);
    if (types.includes("promoted") && trained === 0)
      faults.push(`request ${request} was promoted and never trained for`);
  }
  return faults;
}

/** One id from the alert to what serves: request, training, promotion, adoption in every partition, and its end. */
function incidentFaults(logs: LoopLogs, champions: LoopLogs["aliases"]): string[] {
  const { alerts } = logs;
  const opened = new Set(alerts.filter(({ what }) => what === "opened").map(({ incident }) => incident));
  const isClosed = (incident: string): boolean =>
    alerts.findLast((event) => event.incident === incident && event.what !== "other")?.what === "closed";
  return [
    ...champions.slice(1).flatMap((champion) => promotionFaults(logs, champion, opened)),
    ...[...opened].filter((incident) => !isClosed(incident)).map((incident) => `incident ${incident} is not closed`),
  ];
}

function promotionFaults(logs: LoopLogs, champion: AliasRecord, opened: ReadonlySet<string>): string[] {
  const { version, incident, request } = champion;
  if (incident === null || request === null) return [`champion ${version} names no incident or no request`];
  const faults: string[] = [];
  if (!opened.has(incident)) faults.push(`champion ${version} is of incident ${incident}, which nobody opened`);
  const own = logs.retraining.filter((record) => record.request === request);
  for (const type of ["requested", "started", "trained", "promoted"]) {
    const step = own.find((record) => record.type === type);
    if (step === undefined) faults.push(`incident ${incident}: nothing says that request ${request} was ${type}`);
    else if (step.incident !== incident) faults.push(`incident ${incident}: request ${request} is ${type} for another`);
  }
  const trained = own.find((record) => record.type === "trained")?.version;
  if (trained !== version) faults.push(`incident ${incident}: version ${trained} was trained, ${version} is champion`);
  for (const { partition, incident: told, version: adopted } of logs.adoptions)
    if (adopted === version && told !== incident)
      faults.push(`incident ${incident}: partition ${partition} adopts version ${version} for ${told}`);
  return faults;
}
