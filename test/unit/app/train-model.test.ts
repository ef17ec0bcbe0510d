import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeHasher } from "../../../src/adapters/node/index.ts";
import { outcomeText } from "../../../src/app/cli/train.ts";
import { trainModel } from "../../../src/app/train-model.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import type { ArtefactFiles, ArtefactStore } from "../../../src/model/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import {
  createEncoder,
  parseRecordSchema,
  type RecordSchema,
  type Row,
  writeSchemaId,
} from "../../../src/schema/index.ts";
import { FakeClock, MemoryRegistry } from "../../../src/testing/index.ts";
import type { Plan, PlannedModel, PlannedTopic } from "../../../src/topology/index.ts";
import { writtenAtMs } from "../../support/records.ts";

const never = new AbortController().signal;
const time = ["null", { type: "long", logicalType: "timestamp-millis" }];
const features = schemaOf("Features", [
  { name: "event_id", type: "string" },
  { name: "id", type: "string" },
  { name: "at", type: time, default: null },
  { name: "x", type: "double" },
]);
const labels = schemaOf("Label", [
  { name: "event_id", type: "string" },
  { name: "id", type: "string" },
  { name: "at", type: time, default: null },
  { name: "is_bad", type: "boolean" },
]);
const model: PlannedModel = {
  name: "bad",
  task: "binary",
  featuresFrom: "features",
  features: [{ name: "x", kind: "number" }],
  label: { topic: "labels", on: "id", field: "is_bad" },
  candidates: ["logistic"],
};
const topicOf = (name: string, schema: RecordSchema): Partial<PlannedTopic> => ({
  name,
  clusterName: name,
  format: "avro",
  schema,
  time: "at",
});
/** As much of a plan as training looks at. */
const plan = {
  topology: "shop",
  hash: "0",
  topics: [topicOf("features", features), topicOf("labels", labels)],
  control: { clusterName: "shop.control" },
} as unknown as Plan;

let broker: Broker;
let registry: MemoryRegistry;

beforeEach(async () => {
  registry = new MemoryRegistry();
  broker = await openMemoryBroker(16 * 1024 * 1024, silentLogger);
  const topics = ["features", "labels", "shop.control"];
  const spec = { partitions: 1, replication: undefined, configs: {} };
  await broker.admin.createTopics(
    topics.map((topic) => ({ topic, ...spec })),
    never,
  );
});
afterEach(() => broker.close());

function schemaOf(name: string, fields: readonly unknown[]): RecordSchema {
  const parsed = parseRecordSchema({ type: "record", name, fields }, name);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.schema;
}

async function send(topic: string, schema: RecordSchema, rows: readonly Row[]): Promise<void> {
  const { id } = registry.add(`${topic}-value`, schema.json);
  const encoder = createEncoder(schema);
  const records = rows.map((row) => {
    const bytes = Buffer.alloc(200);
    const value = bytes.subarray(0, encoder.encode(row, bytes, writeSchemaId(bytes, 0, id)));
    return { topic, partition: 0, timestampMs: writtenAtMs, key: null, value };
  });
  await broker.append(records, never);
}

/** Keeps the files of the last version. */
class HeldArtefacts implements ArtefactStore {
  files: ArtefactFiles = new Map();
  async write(_model: string, files: ArtefactFiles): Promise<number> {
    this.files = files;
    return 1;
  }
  async read(): Promise<undefined> {
    return undefined;
  }
  async versions(): Promise<readonly number[]> {
    return [];
  }
}

// A null time became 1970: the row was the first to learn from, whatever --from said, and its label was the oldest.
test("rows and labels without an event time are passed over and counted", async () => {
  const feature = (i: number, at: number | null, x = i): Row => ({ event_id: `f-0-${i}`, id: `p${i}`, at, x });
  const rows = Array.from({ length: 20 }, (_, i) => feature(i, 1_000 + i));
  await send("features", features, [...rows, feature(20, null, 1_000_000), feature(21, null, 1_000_000)]);
  const known = (i: number, at: number | null, is_bad = i % 3 === 0): Row => ({
    event_id: `l-0-${i}`,
    id: `p${i}`,
    at,
    is_bad,
  });
  const timed = Array.from({ length: 22 }, (_, i) => known(i, 2_000 + i));
  await send("labels", labels, [...timed, { ...known(1, null, true), event_id: "l-1-1" }]);
  const artefacts = new HeldArtefacts();
  const ports = { broker, registry, artefacts, clock: new FakeClock(writtenAtMs), hasher: nodeHasher };
  const outcome = await trainModel({ plan, model, seed: 0, progress: () => undefined, ...ports }, never);
  expect(outcome).toMatchObject({ untimed: 3, trainRows: 16, validationRows: 4, unlabelled: 0, undecodable: 0 });
  expect(outcomeText("bad", outcome)).toContain(" unlabelled 0 undecodable 0 untimed 3\n");
  // The mean of 0 to 15: no row with a million is among those learnt from.
  const scaler = Buffer.from(artefacts.files.get("scaler.json") ?? []).toString("utf8");
  expect(scaler).toContain("7.5");
  expect(scaler).not.toMatch(/\d{5}\./);
});
