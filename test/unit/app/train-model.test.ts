import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeHasher } from "../../../src/adapters/node/index.ts";
import { challengeModel, challengeText } from "../../../src/app/challenge-model.ts";
import { outcomeText } from "../../../src/app/cli/train.ts";
import { followPromotion } from "../../../src/app/promote-version.ts";
import { type ModelOutcome, type TrainingOptions, trainModel } from "../../../src/app/train-model.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { baselinesText } from "../../../src/app/written-baselines.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { type ArtefactFiles, type ArtefactStore, withChecksums } from "../../../src/model/index.ts";
import { baselineSchema } from "../../../src/monitor/index.ts";
import { readBaselines } from "../../../src/monitoring/index.ts";
import { readAliases, writeAlias } from "../../../src/runtime/control/aliases.ts";
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
import { type GateSettings, gateDefaults, openTrainerHere, type TrainerOpener } from "../../../src/training/index.ts";
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
  label: { topic: "labels", on: "id", field: "is_bad", withinMs: undefined, matureAfterMs: undefined },
  candidates: ["logistic"],
  metric: "average_precision",
  gate: gateDefaults,
  rollout: "none",
  retrain: undefined,
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
  control: { clusterName: "shop.control", aliasesId: "shop.aliases" },
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

/** The first fields of a feature or a label: event id, join key, time. */
const common = [
  { name: "event_id", type: "string" },
  { name: "id", type: "string" },
  { name: "at", type: ["null", { type: "long", logicalType: "timestamp-millis" }], default: null },
];

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

/** Keeps the files of the last version; may spoil what it reads back. */
class HeldArtefacts implements ArtefactStore {
  files: ArtefactFiles = new Map();
  prepared = 0;
  /** The number that the next one is given. */
  version = 1;
  spoil: (files: ArtefactFiles) => ArtefactFiles = (files) => files;
  async prepare(): Promise<void> {
    this.prepared++;
  }
  async write(
    _model: string,
    files: ArtefactFiles,
    check: (readBack: ArtefactFiles) => Promise<void>,
  ): Promise<number> {
    await check(this.spoil(files));
    this.files = files;
    return this.version;
  }
  isReadable = false;
  async read(): Promise<ArtefactFiles | undefined> {
    return this.isReadable ? this.files : undefined;
  }
  async remove(): Promise<void> {
    this.files = new Map();
  }
  async versions(): Promise<readonly number[]> {
    return [];
  }
  json(name: string): Record<string, unknown> {
    return JSON.parse(Buffer.from(this.files.get(name) ?? []).toString("utf8")) as Record<string, unknown>;
  }
}

const artefacts = new HeldArtefacts();
beforeEach(() => {
  artefacts.files = new Map();
  artefacts.prepared = 0;
  artefacts.version = 1;
  artefacts.isReadable = false;
  artefacts.spoil = (files) => files;
});

const feature = (i: number, at: number | null, x = i): Row => ({ event_id: `f-0-${i}`, id: `p${i}`, at, x });
const known = (i: number, at: number | null, is_bad = i % 3 === 0): Row => ({
  event_id: `l-0-${i}`,
  id: `p${i}`,
  at,
  is_bad,
});
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function training(given: Partial<TrainingOptions> = {}, signal: AbortSignal = never): Promise<ModelOutcome> {
  const ports = { broker, registry, artefacts, openTrainer: openTrainerHere, clock: new FakeClock(writtenAtMs) };
  return trainModel(
    { plan, model, seed: 0, progress: () => undefined, hasher: nodeHasher, ...ports, ...given },
    signal,
  );
}

/** What champion points at. */
async function champion(): Promise<readonly number[]> {
  return (await readAliases(broker, "shop.control", never)).aliases.map(({ version }) => version);
}

// A null time became 1970: the row was the first to learn from, whatever --from said, and its label was the oldest.
test("rows and labels without an event time are passed over and counted", async () => {
  const rows = upTo(20).map((i) => feature(i, 1_000 + i));
  await send("features", features, [...rows, feature(20, null, 1_000_000), feature(21, null, 1_000_000)]);
  const timed = upTo(22).map((i) => known(i, 1_000 + i));
  await send("labels", labels, [...timed, { ...known(1, null, true), event_id: "l-1-1" }]);
  const outcome = await training();
  expect(outcome).toMatchObject({ untimed: 3, trainRows: 16, validationRows: 4, unlabelled: 0, undecodable: 0 });
  expect(outcomeText("bad", outcome)).toContain(" unlabelled 0 undecodable 0 untimed 3\n");
  // The mean of 0 to 15: no row with a million is among those learnt from.
  const scaler = JSON.stringify(artefacts.json("scaler.json"));
  expect(scaler).toContain("7.5");
  expect(scaler).not.toMatch(/\d{5}\./);
  expect(await champion()).toEqual([1]);
});

describe("several learners", () => {
  const candidates = ["logistic", "mlp"] as const;
  const sendRows = async (): Promise<void> => {
    await send(
      "features",
      features,
      upTo(40).map((i) => feature(i, 1_000 + i)),
    );
    await send(
      "labels",
      labels,
      upTo(40).map((i) => known(i, 1_000 + i, i % 2 === 0)),
    );
  };

  test("are all named with what they came to, in the answer and in the version, and one is written", async () => {
    await sendRows();
    const outcome = await training({ model: { ...model, candidates, metric: "log_loss" } });
    const chosen = outcome.candidates.find(({ isChosen }) => isChosen);
    const figures = outcome.candidates.map(({ learner, metrics }) => `${learner} ${metrics?.logLoss.toFixed(4)}`);
    expect(outcome.candidates.map(({ learner }) => learner)).toEqual(candidates);
    expect(outcomeText("bad", outcome)).toContain(
      `\ncandidates by log_loss ${figures.join(" ")}: ${chosen?.learner}\n`,
    );
    expect(artefacts.json("signature.json")).toMatchObject({ kind: chosen?.learner });
    expect(artefacts.json("metrics.json")).toMatchObject({
      metric: "log_loss",
      candidates: JSON.parse(JSON.stringify(outcome.candidates)),
    });
  });

  test("a single one is not compared with anything", async () => {
    await sendRows();
    const outcome = await training();
    expect(outcomeText("bad", outcome)).not.toContain("candidates");
    expect(artefacts.json("metrics.json")).not.toHaveProperty("candidates");
    expect(artefacts.json("manifest.json")).not.toHaveProperty("warmFrom");
  });
});

describe("what labels count", () => {
  test("no label after --to is read, one at it is, and the manifest says how many there were", async () => {
    await send(
      "features",
      features,
      upTo(20).map((i) => feature(i, 1_000 + i)),
    );
    await send("labels", labels, [
      ...upTo(20).map((i) => known(i, 1_000 + i)),
      known(19, 1_050, true),
      known(18, 1_051),
    ]);
    const outcome = await training({ toMs: 1_050 });
    expect(outcome).toMatchObject({ labelsAfterBound: 1, trainRows: 16, validationRows: 4 });
    expect(artefacts.json("manifest.json")).toMatchObject({
      labelsAfterBound: 1,
      eventTimes: { from: null, to: "1970-01-01T00:00:01.050Z" },
    });
    // Of the four later rows 18 and, by its second label, 19 are bad.
    expect(outcome.metrics?.positives).toBe(2);
    expect((await training({ toMs: 1_049 })).labelsAfterBound).toBe(2);
  });

  test("rows whose label became known after the split are left out, which is counted everywhere", async () => {
    await send(
      "features",
      features,
      upTo(20).map((i) => feature(i, 1_000 + i)),
    );
    await send(
      "labels",
      labels,
      upTo(20).map((i) => known(i, i === 7 ? 1_016 : 1_000 + i)),
    );
    const outcome = await training();
    expect(outcome).toMatchObject({ labelledAfterSplit: 1, trainRows: 15, validationRows: 4 });
    expect(artefacts.json("manifest.json")).toMatchObject({ rows: { train: 15, labelledAfterSplit: 1 } });
    expect(outcomeText("bad", outcome)).toContain("\nleft out labelled_after_split 1 ");
  });

  test.each([
    ["int", 2],
    ["int", -1],
    ["double", 0.5],
    ["double", Number.NaN],
    ["double", Number.POSITIVE_INFINITY],
  ])("a label that is the %s %s stops the training and names its event", async (type, value) => {
    const numeric = schemaOf("Number", [...common, { name: "is_bad", type }]);
    const topics = [topicOf("features", features), topicOf("labels", numeric)];
    await send(
      "features",
      features,
      upTo(20).map((i) => feature(i, 1_000 + i)),
    );
    await send(
      "labels",
      numeric,
      upTo(20).map((i) => ({ ...known(i, 2_000), is_bad: i === 4 ? value : i % 2 })),
    );
    await expect(training({ plan: { ...plan, topics } as Plan })).rejects.toMatchObject({
      code: "MR_TRAINING",
      message: `reading labels from topic labels: is_bad of event l-0-4 is ${value}, and a label is 0, 1, true or false; derive a boolean from it in the stage that writes the labels`,
    });
    expect(await champion()).toEqual([]);
  });
});

describe("repeats", () => {
  const sound = async (more: readonly Row[]): Promise<void> => {
    await send("features", features, [...upTo(20).map((i) => feature(i, 1_000 + i)), ...more]);
    await send(
      "labels",
      labels,
      upTo(20).map((i) => known(i, 1_000 + i)),
    );
  };

  test("are counted in metrics, manifest and outcome, and those that differ are told once", async () => {
    await sound([feature(1, 1_001), feature(2, 1_002, 77), feature(3, 1_003, 88)]);
    const outcome = await training();
    expect(outcome).toMatchObject({ repeats: 3, repeatsDiffering: 2, trainRows: 16 });
    expect(artefacts.json("metrics.json")).toMatchObject({ repeats: 3, repeatsDiffering: 2, rows: 4 });
    expect(artefacts.json("manifest.json")).toMatchObject({ rows: { repeats: 3, repeatsDiffering: 2 } });
    expect(outcome.warnings).toEqual([expect.stringContaining("2 repeats have other features")]);
    expect(outcomeText("bad", outcome)).toContain(" repeats 3 repeats_differing 2 ");
  });

  test("of another time or key stop the training, and champion stays where it is", async () => {
    await sound([{ ...feature(1, 1_001), id: "of the new inbox" }]);
    await expect(training()).rejects.toMatchObject({
      code: "MR_TRAINING",
      message: expect.stringContaining("event_id f-0-1 is no repeat but stands for two events"),
    });
    expect(artefacts.files.size).toBe(0);
    expect(await champion()).toEqual([]);
  });
});

describe("what champion may point at", () => {
  beforeEach(async () => {
    await send(
      "features",
      features,
      upTo(20).map((i) => feature(i, 1_000 + i)),
    );
    await send(
      "labels",
      labels,
      upTo(20).map((i) => known(i, 1_000 + i)),
    );
  });

  const spoilt = (name: string, text: string) => (files: ArtefactFiles) => {
    const others = [...files].filter(([key]) => key !== "SHA256SUMS");
    return withChecksums(new Map([...others, [name, Buffer.from(text)]]), nodeHasher);
  };

  test.each([
    ["does not open", spoilt("weights.json", '{"intercept": null, "weights": [1]}'), "weights.json has no intercept"],
    ["lost a byte", (files: ArtefactFiles) => new Map([...files, ["weights.json", Buffer.from("{")]]), "was changed"],
    ["scores otherwise", spoilt("weights.json", '{"intercept": 3, "weights": [1]}'), "trying model bad/new: it scores"],
  ])("not a version that %s when it is read back", async (_, spoil, says) => {
    artefacts.spoil = spoil;
    await expect(training()).rejects.toMatchObject({ code: "MR_MODEL", message: expect.stringContaining(says) });
    expect(await champion()).toEqual([]);
  });

  test("a models directory that cannot be written is found before anything is read", async () => {
    const denied = Object.assign(new HeldArtefacts(), { prepare: () => Promise.reject(new Error("read-only")) });
    const progress = (): void => {
      throw new Error("it has begun to read");
    };
    await expect(training({ artefacts: denied, progress })).rejects.toThrow("read-only");
  });

  test("the trainer is closed whether the training went well or not", async () => {
    let closed = 0;
    const openTrainer: TrainerOpener = (signature) => ({
      ...openTrainerHere(signature),
      close: async () => void closed++,
    });
    await training({ openTrainer });
    artefacts.spoil = () => new Map();
    await expect(training({ openTrainer })).rejects.toThrow("SHA256SUMS is missing");
    expect(closed).toBe(2);
  });
});

test("texts and booleans of the topic are features of the model", async () => {
  const schema = schemaOf("Shop", [
    ...common,
    { name: "country", type: ["null", "string"], default: null },
    { name: "plan", type: { type: "enum", name: "Plan", symbols: ["FREE", "PAID"] } },
    { name: "is_new", type: "boolean" },
  ]);
  const topics = [topicOf("features", schema), topicOf("labels", labels)];
  const inputs = [
    { name: "plan", kind: "category" },
    { name: "is_new", kind: "boolean" },
    { name: "country", kind: "category" },
  ] as const;
  const rows = upTo(60).map((i) => ({
    ...feature(i, 1_000 + i),
    country: ["FR", "DE", null][i % 3] ?? null,
    plan: i % 2 === 0 ? "FREE" : "PAID",
    is_new: i % 5 === 0,
  }));
  await send("features", schema, rows);
  await send(
    "labels",
    labels,
    upTo(60).map((i) => known(i, 1_000 + i)),
  );
  const outcome = await training({ plan: { ...plan, topics } as Plan, model: { ...model, features: inputs } });
  expect(outcome.metrics?.auc).toBe(1); // the label is whether the country is FR
  expect(artefacts.json("signature.json")["inputs"]).toEqual([
    { name: "plan", kind: "category", columns: 4 },
    { name: "is_new", kind: "boolean", columns: 4 },
    { name: "country", kind: "category", columns: 4 },
  ]);
  expect(artefacts.json("encoder.json")["inputs"]).toEqual([
    { values: ["FREE", "PAID"] },
    { values: ["false", "true"] },
    { values: ["DE", "FR"] },
  ]);
});

test("rows that are all left out are told with the reason, and not as an empty topic", async () => {
  const schema = schemaOf("Long", [...common, { name: "x", type: "long" }]);
  const topics = [topicOf("features", schema), topicOf("labels", labels)];
  await send(
    "features",
    schema,
    upTo(3).map((i) => ({ ...feature(i, 1_000 + i), x: 90_071_992_547_409_930n })),
  );
  await expect(training({ plan: { ...plan, topics } as Plan })).rejects.toMatchObject({
    code: "MR_TRAINING",
    message:
      "reading features from topic features: all 3 rows were left out, 3 because a feature is a whole number beyond 9007199254740991, which no model takes exactly; leave the field out with except, or make it text",
  });
});

test("a feature row with a whole number beyond 2^53 is left out, counted and told, and never rounded", async () => {
  const schema = schemaOf("Long", [...common, { name: "x", type: "long" }]);
  const topics = [topicOf("features", schema), topicOf("labels", labels)];
  const rows = upTo(21).map((i) => ({ ...feature(i, 1_000 + i), x: i === 3 ? 9_007_199_254_740_993n : i }));
  await send("features", schema, rows);
  await send(
    "labels",
    labels,
    upTo(21).map((i) => known(i, 1_000 + i)),
  );
  const outcome = await training({ plan: { ...plan, topics } as Plan });
  expect(outcome).toMatchObject({ inexact: 1, trainRows: 16, validationRows: 4, unlabelled: 0 });
  expect(outcome.warnings).toEqual([expect.stringContaining("1 feature rows were left out")]);
  expect(outcomeText("bad", outcome)).toContain(" inexact 1\n");
});

describe("the baselines of monitors", () => {
  const monitor = {
    name: "inputs",
    version: "00000000000000aa",
    windowMs: 60_000,
    timeField: "at",
    topic: topicOf("features", features),
    fields: [{ name: "x", kind: "numbers", isSensitive: false }],
    baseline: { kind: "model", model: "bad" },
  };
  const topics = { baselines: { clusterName: "shop.baselines" } };
  const others = [
    { ...monitor, name: "of-another", baseline: { kind: "model", model: "other" } },
    { ...monitor, name: "of-a-range", baseline: { kind: "range", fromMs: 0, toMs: 1 } },
  ];
  const monitored = { ...plan, monitoring: { monitors: [monitor, ...others], topics } } as unknown as Plan;

  beforeEach(async () => {
    artefacts.isReadable = true;
    await send(
      "features",
      features,
      upTo(60).map((i) => feature(i, 1_000 + i)),
    );
    await send(
      "labels",
      labels,
      upTo(60).map((i) => known(i, 1_000 + i)),
    );
  });
  const train = (given: Partial<TrainingOptions> = {}) =>
    training({ plan: monitored, ...given }) as ReturnType<typeof trainModel>;

  test("that compare with what the model learned from are put in service with its version", async () => {
    await broker.admin.createTopics(
      [{ topic: "shop.baselines", partitions: 1, replication: undefined, configs: {} }],
      never,
    );
    await registry.register("shop.baselines-value", baselineSchema.json);
    const { baselines } = await train({ fromMs: 1_010, toMs: 1_050 });
    expect(baselines).toEqual([
      { monitor: "inputs", kind: "written", id: expect.stringMatching(/^bad\/1-[0-9a-f]{8}$/), rows: 40, windows: 1 },
    ]);
    expect(baselinesText(baselines)).toMatch(/^baseline inputs written bad\/1-[0-9a-f]{8} rows 40 windows 1\n$/);
    const read = await readBaselines(broker, registry, "shop.baselines", never);
    expect(read.baselines.current("inputs")?.fields[0]?.cells).toMatchObject({ kind: "numbers" });
    expect(read.heads.get("inputs")).toMatchObject({ version: monitor.version, origin: "training rows of bad/1" });
  });

  test("that cannot be written are told of, and the version is in service all the same", async () => {
    const { baselines } = await train();
    expect(baselinesText(baselines)).toBe(
      "baseline inputs failed writing topic shop.baselines: its schema is not registered as shop.baselines-value; run millrace apply\n",
    );
    expect(await champion()).toEqual([1]);
  });

  test("are put in service by whoever promotes the version, and not again when it serves already", async () => {
    await train();
    const second = await train({ isForced: false });
    expect([second.alias, second.baselines]).toEqual(["challenger", []]);
    await broker.admin.createTopics(
      [{ topic: "shop.baselines", partitions: 1, replication: undefined, configs: {} }],
      never,
    );
    await registry.register("shop.baselines-value", baselineSchema.json);
    const follow = async (offset: number | null): Promise<string> => {
      let said = "";
      const reach = { broker, registry, artefacts };
      const outcome = { model: "bad", version: 2, replaced: 1, offset };
      await followPromotion(
        outcome,
        { plan: { ...monitored, adoptions: undefined }, reach },
        (text) => (said += text),
        never,
      );
      return said;
    };
    await writeAlias(broker, "shop.control", { model: "bad", alias: "champion", version: 2 }, 0, never);
    // What promoted it was cut off before: whoever repeats it makes good what is lacking, and nothing twice.
    expect(await follow(null)).toMatch(/^baseline inputs written bad\/2-[0-9a-f]{8} rows 60 windows 1\n$/);
    expect(await follow(null)).toBe("");
    expect(await follow(4)).toMatch(/^baseline inputs written bad\/2-[0-9a-f]{8} rows 60 windows 1\n$/);
    const { heads } = await readBaselines(broker, registry, "shop.baselines", never);
    expect(heads.get("inputs")).toMatchObject({ origin: "training rows of bad/2" });
  });

  test("are none where the topology has no monitors", async () => {
    expect((await train({ plan })).baselines).toEqual([]);
    expect(baselinesText([])).toBe("");
  });
});

describe("with a version in service", () => {
  const aliases = async () => (await readAliases(broker, "shop.control", never)).aliases;
  beforeEach(async () => {
    await send(
      "features",
      features,
      upTo(20).map((i) => feature(i, 1_000 + i)),
    );
    await send(
      "labels",
      labels,
      upTo(20).map((i) => known(i, 1_000 + i)),
    );
    await training();
    artefacts.version = 2;
  });

  test("a new one becomes the challenger and serves nothing", async () => {
    const outcome = await training({ by: "ann", reason: "more rows" });
    expect(outcome).toMatchObject({ version: 2, alias: "challenger" });
    expect(outcomeText("bad", outcome)).toMatch(/^alias challenger -> 2$/m);
    expect(await aliases()).toEqual([
      { model: "bad", alias: "champion", version: 1, at: expect.any(Number), by: "train" },
      { model: "bad", alias: "challenger", version: 2, at: expect.any(Number), by: "ann", reason: "more rows" },
    ]);
  });

  test("a new one that is forced replaces it, and can be taken back", async () => {
    const outcome = await training({ isForced: true, by: "ann", reason: "the old one was broken" });
    expect(outcome).toMatchObject({ version: 2, alias: "champion" });
    expect(await aliases()).toMatchObject([
      { alias: "champion", version: 2, by: "ann", reason: "the old one was broken" },
      { alias: "previous", version: 1, by: "ann" },
    ]);
  });

  test("that of another model is none of this one's", async () => {
    const other = { ...model, name: "worse" };
    expect(await training({ model: other })).toMatchObject({ alias: "champion" });
  });

  /** Trains beside version 1, by a gate that has these settings and no others. */
  const challenged = (recent: GateSettings["recent"], broken: Broker = broker) => {
    artefacts.isReadable = true;
    const gate = {
      recent,
      before: false,
      slices: [],
      sliceFloor: 0.05,
      latencyP99Ms: false,
      sizeBytes: false,
    } as const;
    const ports = { registry, artefacts, openTrainer: openTrainerHere, clock: new FakeClock(writtenAtMs) };
    const options = {
      plan,
      model: { ...model, gate },
      seed: 0,
      progress: () => undefined,
      hasher: nodeHasher,
      ...ports,
    };
    return challengeModel({ ...options, broker: broken, by: "ann" }, 1, never);
  };

  test("a challenger that the gate accepts replaces it", async () => {
    const outcome = await challenged(false);
    expect(outcome).toMatchObject({ version: 2, alias: "champion", decision: { kind: "accepted" } });
    expect(await aliases()).toMatchObject([
      { alias: "champion", version: 2, by: "ann" },
      { alias: "previous", version: 1 },
    ]);
    expect(challengeText("bad", outcome)).toContain("gate accepted: ");
    expect(challengeText("bad", outcome)).toContain("model bad version 2\nalias champion -> 2\n");
  });

  test("a challenger that the gate cannot decide on is not written, and the champion stays", async () => {
    const outcome = await challenged({ rowsMin: 1_000, rowsMax: 2_000 });
    expect(outcome).toMatchObject({ version: undefined, alias: undefined, decision: { kind: "undecided" } });
    expect(await aliases()).toMatchObject([{ alias: "champion", version: 1, by: "train" }]);
    expect(challengeText("bad", outcome)).toMatch(
      /^gate undecided: .*\nmodel bad: no version was written, champion stays 1\n$/s,
    );
  });

  test("a challenger is not put in the place of a champion that it was not compared with", async () => {
    const moving = Object.create(broker, {
      admin: { value: broker.admin },
      read: { value: broker.read.bind(broker) },
      transaction: {
        value: async (id: string, signal: AbortSignal) => {
          await writeAlias(broker, "shop.control", { model: "bad", alias: "champion", version: 9 }, 0, never);
          return broker.transaction(id, signal);
        },
      },
    }) as Broker;
    expect(await challenged(false, moving)).toMatchObject({ version: 2, alias: "challenger" });
    expect(await aliases()).toMatchObject([
      { alias: "champion", version: 9 },
      { alias: "challenger", version: 2 },
    ]);
  });
});
