import { nodeHasher } from "../../src/adapters/node/index.ts";
import type { ArtefactFiles, ArtefactStore } from "../../src/model/index.ts";
import { parseRecordSchema, type RecordSchema, type Row } from "../../src/schema/index.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { type ChallengerRequest, gateDefaults, openTrainerHere, type RowSource } from "../../src/training/index.ts";
import { writtenAtMs } from "./records.ts";

/** Versions in memory, numbered as they are written. */
export class MemoryArtefacts implements ArtefactStore {
  readonly held: ArtefactFiles[] = [];
  async prepare(): Promise<void> {
    return;
  }
  async write(
    _model: string,
    files: ArtefactFiles,
    check: (readBack: ArtefactFiles) => Promise<void>,
    signal: AbortSignal,
  ): Promise<number> {
    await check(files);
    signal.throwIfAborted();
    return this.held.push(files);
  }
  async read(_model: string, version: number): Promise<ArtefactFiles | undefined> {
    return this.held[version - 1];
  }
  async versions(): Promise<readonly number[]> {
    return this.held.map((_, i) => i + 1);
  }
  async remove(): Promise<void> {
    throw new Error("a training removes no version");
  }
  json(version: number, name: string): Record<string, unknown> {
    return JSON.parse(Buffer.from(this.held[version - 1]?.get(name) ?? []).toString("utf8")) as Record<string, unknown>;
  }
}

const time = { type: "long", logicalType: "timestamp-millis" };
const featureFields = [
  { name: "event_id", type: "string" },
  { name: "id", type: "string" },
  { name: "at", type: time },
  { name: "x", type: "double" },
  { name: "shop", type: "string", sensitive: true },
];
const labelFields = [
  { name: "event_id", type: "string" },
  { name: "id", type: "string" },
  { name: "at", type: time },
  { name: "is_bad", type: "boolean" },
];

function schemaOf(name: string, fields: readonly unknown[]): RecordSchema {
  const parsed = parseRecordSchema({ type: "record", name, fields }, name);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.schema;
}

/** Rows of two topics, `features` and `labels`, as they would be read. */
export function topicsOf(features: readonly Row[], labels: readonly Row[]): RowSource {
  return async (topic, _reader, visitor, signal) => {
    const rows = topic === "features" ? features : labels;
    visitor.begin?.(rows.length);
    for (const row of rows) {
      signal.throwIfAborted();
      visitor.row(row, -1);
    }
    visitor.progress?.(rows.length, rows.length);
    return { ranges: [{ topic, partition: 0, from: 0, to: rows.length }], schemaIds: [1], undecodable: 0 };
  };
}

/** A request that reads these rows and has a champion or none. */
export function requestOf(
  rows: RowSource,
  artefacts: ArtefactStore,
  given: Partial<ChallengerRequest> = {},
): ChallengerRequest {
  const topic = (name: string, schema: RecordSchema) => ({
    name,
    clusterName: name,
    format: "avro",
    time: "at",
    schema,
  });
  return {
    model: "bad",
    task: "binary",
    topology: "shop",
    planHash: "0",
    seed: 0,
    topics: [topic("features", schemaOf("Features", featureFields)), topic("labels", schemaOf("Label", labelFields))],
    featuresFrom: "features",
    features: [
      { name: "x", kind: "number" },
      { name: "shop", kind: "category" },
    ],
    label: { topic: "labels", on: "id", field: "is_bad" },
    candidates: ["logistic"],
    metric: "log_loss",
    rows,
    artefacts,
    openTrainer: openTrainerHere,
    clock: new FakeClock(writtenAtMs),
    hasher: nodeHasher,
    progress: () => undefined,
    gate: gateDefaults,
    champion: undefined,
    cause: "drift",
    newestRows: undefined,
    mode: "full",
    ...given,
  };
}
