import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeAdoption } from "../../src/model/index.ts";
import type { PlannedStage } from "../../src/topology/index.ts";
import { type ModelLoop, model } from "../kafka/support/model-loop.ts";
import type {
  AdoptionRecord,
  AlertRecord,
  AliasRecord,
  InputRecord,
  LoopLogs,
  PredictionRecord,
  RetrainingRecord,
  VersionFolder,
} from "./logs.ts";

const aliasKey = /^alias\/([^/]+)\/([^/]+)$/;
const sumLine = /^([0-9a-f]{64}) {2}(.+)$/;

/**
 * Reads what a run has left, as a reader of committed records finds it.
 *
 * @param from where each partition of the scored topic begins to be scored; what is before it was learned from
 */
export async function readLoopLogs(
  loop: ModelLoop,
  delivery: LoopLogs["delivery"],
  from: readonly number[],
): Promise<LoopLogs> {
  const score = loop.stage("score");
  return {
    delivery,
    model,
    inputs: await readInputs(loop, score, from),
    predictions: await readPredictions(loop, score),
    adoptions: await readAdoptions(loop),
    aliases: await readAliasRecords(loop),
    retraining: await readRetrainingRecords(loop),
    alerts: await readAlertRecords(loop),
    versions: await readVersions(join(loop.modelsFolder, model)),
    baselines: await loop.baselines(),
  };
}

async function readInputs(
  loop: ModelLoop,
  { from: { clusterName } }: PlannedStage,
  from: readonly number[],
): Promise<InputRecord[]> {
  const rows = await loop.readRows(clusterName);
  return rows
    .filter(({ partition, offset }) => offset >= (from[partition] ?? 0))
    .map(({ partition, offset, row }) => ({ partition, offset, eventId: String(row["event_id"]) }));
}

async function readPredictions(loop: ModelLoop, { to }: PlannedStage): Promise<PredictionRecord[]> {
  const rows = await loop.readRows(to.clusterName);
  return rows.map(({ row }) => ({
    eventId: String(row["event_id"]),
    model: String(row["model"]),
    version: Number(row["model_version"]),
  }));
}

async function readAdoptions(loop: ModelLoop): Promise<AdoptionRecord[]> {
  const records = await loop.read(loop.plan.adoptions?.clusterName ?? "");
  return records.flatMap(({ value }) => (value === null ? [] : [decodeAdoption(value)]));
}

/** Every record of an alias, those that a later one has replaced too. */
export async function readAliasRecords(loop: ModelLoop): Promise<AliasRecord[]> {
  const records = await loop.read(loop.plan.control.clusterName);
  return records.flatMap(({ key, value }) => {
    const [, of, alias] = aliasKey.exec(String(key)) ?? [];
    if (of === undefined || alias === undefined || value === null) return [];
    const { version, incident = null, request = null } = JSON.parse(String(value));
    return [{ model: of, alias, version, incident, request }];
  });
}

export async function readRetrainingRecords(loop: ModelLoop): Promise<RetrainingRecord[]> {
  const records = await loop.read(loop.plan.retraining?.clusterName ?? "");
  return records.map(({ value }) => {
    const { type, request, incident = null, version = null } = JSON.parse(String(value));
    return { type, request, incident, version };
  });
}

export async function readAlertRecords(loop: ModelLoop): Promise<AlertRecord[]> {
  const records = await loop.read(loop.plan.monitoring?.topics.alerts.clusterName ?? "");
  return records.flatMap(({ value }) => {
    const { type, incident } = JSON.parse(String(value));
    if (typeof incident !== "string") return [];
    const step = /^millrace\.incident\.(opened|closed)$/.exec(type)?.[1];
    return [{ incident, what: step === "opened" || step === "closed" ? step : "other" }];
  });
}

/** What lies under numbers in the folder of a model; whatever has another name nobody can be pointed at. */
export async function readVersions(folder: string): Promise<VersionFolder[]> {
  const names = (await readdir(folder)).filter((name) => /^\d+$/.test(name));
  const versions = names.map(Number).sort((a, b) => a - b);
  return Promise.all(
    versions.map(async (version) => {
      const own = join(folder, String(version));
      return { version, files: (await readdir(own)).sort(), broken: await brokenIn(own) };
    }),
  );
}

async function brokenIn(folder: string): Promise<string[]> {
  const sums = await readFile(join(folder, "SHA256SUMS"), "utf8").catch(() => undefined);
  if (sums === undefined) return ["SHA256SUMS"];
  const listed = new Map(sums.split("\n").flatMap((line) => sumOf(line)));
  const broken: string[] = [];
  for (const name of new Set([...listed.keys(), ...(await readdir(folder))])) {
    if (name === "SHA256SUMS") continue;
    const bytes = await readFile(join(folder, name)).catch(() => undefined);
    if (bytes === undefined || createHash("sha256").update(bytes).digest("hex") !== listed.get(name)) broken.push(name);
  }
  return broken;
}

function sumOf(line: string): readonly (readonly [string, string])[] {
  const [, sum, name] = sumLine.exec(line) ?? [];
  return sum === undefined || name === undefined ? [] : [[name, sum]];
}
