import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ModelLoop } from "../kafka/support/model-loop.ts";
import type { AliasRecord, RetrainingRecord, VersionFolder } from "./logs.ts";

const aliasKey = /^alias\/([^/]+)\/([^/]+)$/;
const sumLine = /^([0-9a-f]{64}) {2}(.+)$/;

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

/** What lies under numbers in the folder of a model; whatever has another name nobody can be pointed at. */
export async function readVersions(folder: string): Promise<VersionFolder[]> {
  const names = (await readdir(folder)).filter((name) => /^\d+$/.test(name));
  const versions = names.map(Number).sort((a, b) => a - b);
  return Promise.all(
    versions.map(async (version) => ({ version, broken: await brokenIn(join(folder, String(version))) })),
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
