import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type DevSessionServer, serveDevSession } from "../../../src/adapters/dev-session/index.ts";
import { nodeHasher, systemClock } from "../../../src/adapters/node/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { promoteVersion } from "../../../src/app/promote-version.ts";
import { devFolders, openArtefacts, openMemoryBroker, openRegistry } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import {
  type Adoption,
  type ArtefactStore,
  adoptionKey,
  adoptionSchema,
  encodeAdoption,
  type Manifest,
  type ModelInput,
  numbersEncoder,
  versionFiles,
} from "../../../src/model/index.ts";
import { readRetrainings } from "../../../src/retraining/index.ts";
import {
  type Alias,
  type Promotion,
  promotionRecords,
  readAliases,
  writeAlias,
} from "../../../src/runtime/control/aliases.ts";
import { readControl, writeControl } from "../../../src/runtime/control/control-topic.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { createEncoder, type SchemaRegistry, writeSchemaId } from "../../../src/schema/index.ts";
import type { Plan } from "../../../src/topology/index.ts";
import { type RetrainingEvent, retrainingRecord } from "../../../src/training/index.ts";
import { manifestOf } from "../../support/manifest.ts";
import { smallSchemas, smallText } from "../topology/fixture.ts";
import { millrace } from "./command-line.ts";

const never = new AbortController().signal;
const before = process.cwd();
let folder = "";
let broker: Broker;
let registry: SchemaRegistry;
let server: DevSessionServer;
let plan: Plan;

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-models-")));
  process.chdir(folder);
  mkdirSync("schemas");
  for (const [name, text] of smallSchemas) writeFileSync(join("schemas", `${name}.avsc`), text);
  writeFileSync("small.yaml", smallText);
  broker = await openMemoryBroker(64 * 1024 * 1024, silentLogger);
  const folders = devFolders(folder);
  server = await serveDevSession(broker, folders.session, silentLogger);
  registry = await openRegistry(folders.registry, undefined, "write");
  plan = loadPlan("small.yaml", {}, "");
  await broker.admin.createTopics([{ topic: "inbox", partitions: 2, replication: undefined, configs: {} }], never);
  await applyChanges(await compareWithCluster(plan, broker, registry, never), broker, registry, never);
});
afterEach(async () => {
  await server.close();
  await broker.close();
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

const fitting: readonly ModelInput[] = ["amount", "n_1h", "mean_1h"].map((name) => ({ name, kind: "number" }));

/** Writes a version of the model; its weights differ by nothing. */
function addVersion(manifest: Partial<Manifest> = {}, inputs: readonly ModelInput[] = fitting): Promise<number> {
  const zeros = inputs.map(() => 0);
  const scaler = { mean: zeros, scale: inputs.map(() => 1), low: zeros, high: zeros };
  const model = { weights: zeros, intercept: 0, scaler, encoder: numbersEncoder(inputs.length) };
  const metrics = { rows: 50, positives: 5, auc: 0.875, averagePrecision: 0.5, logLoss: 0.25, brier: 0.125 };
  const files = versionFiles(
    { learner: "logistic", signature: { task: "binary", inputs }, model, metrics, manifest: manifestOf(manifest) },
    nodeHasher,
  );
  return openArtefacts(devFolders(folder).models).write("fraud", files, async () => undefined, never);
}

const on = (words: string, ...more: string[]) =>
  millrace(["models", words, "small.yaml", ...more, "--dev"], { environment: {} });
async function rowsOf(words: string, ...more: string[]): Promise<readonly Record<string, unknown>[]> {
  const { code, stdout, stderr } = await on(words, ...more, "-o", "json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Record<string, unknown>[];
}
/** Has partitions of the stage that scores say which versions they adopt. */
async function adopt(...adoptions: Partial<Adoption>[]): Promise<void> {
  const { id } = (await registry.lookUp("small.adoptions-value", adoptionSchema.json, never))!;
  const place = { stage: "score", topic: "features", partition: 1, model: "fraud", alias: "champion" };
  const rest = { share: 1, salt: "", atMs: 0, incident: null, version: 1, fromOffset: 0 };
  await broker.append(
    adoptions.map((given) => {
      const adoption = { ...place, ...rest, ...given };
      const [key, value] = [Buffer.from(adoptionKey(adoption)), encodeAdoption(adoption, id)];
      return { topic: "small.adoptions", partition: 0, timestampMs: 0, key, value };
    }),
    never,
  );
}
const point = (alias: string, version: number, more: Partial<Alias> = {}): Promise<void> =>
  writeAlias(broker, "small.control", { model: "fraud", alias, version, ...more }, 0, never);
/** As the product puts a version in service. */
async function promote(version: number, more: Partial<Promotion> = {}): Promise<void> {
  const { aliases: known } = await readAliases(broker, "small.control", never);
  const records = promotionRecords(known, { model: "fraud", version, at: 0, by: "ann", ...more });
  await writeControl(broker, "small.control", records, 0, never);
}
async function aliases(): Promise<Readonly<Record<string, number>>> {
  const { aliases: found } = await readAliases(broker, "small.control", never);
  return Object.fromEntries(found.map(({ alias, version }) => [alias, version]));
}

describe("models list", () => {
  test("shows each version with its aliases, when it was trained, metrics and size, the latest first", async () => {
    await addVersion();
    await addVersion({ createdAt: "2026-02-01T00:00:00.000Z", rows: { ...manifestOf().rows, train: 900 } });
    await point("champion", 2);
    await point("previous", 1);
    const rows = await rowsOf("list");
    expect(rows).toMatchObject([
      {
        model: "fraud",
        version: 2,
        aliases: ["champion"],
        created: "2026-02-01T00:00:00.000Z",
        learner: "logistic",
        trainRows: 900,
        metrics: { auc: 0.875, averagePrecision: 0.5, logLoss: 0.25 },
        fault: null,
      },
      { model: "fraud", version: 1, aliases: ["previous"] },
    ]);
    expect(rows[0]?.["bytes"]).toBeGreaterThan(500);
    const { stdout } = await on("list");
    expect(stdout.split("\n")[1]).toMatch(/^fraud +2 +champion +2026-02-01T00:00:00.000Z +logistic +900 +0.875 +0.5 /);
  });

  test("says what is wrong with a version that was changed on the disk", async () => {
    await addVersion();
    writeFileSync(join(devFolders(folder).models, "fraud", "1", "manifest.json"), "{}");
    expect(await rowsOf("list")).toMatchObject([
      { version: 1, fault: expect.stringContaining("manifest.json was changed") },
    ]);
  });

  test("refuses a model that the topology does not have, and a topology without models", async () => {
    expect(await on("list", "--model", "frauds")).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('did you mean "fraud"?'),
    });
    const unscored = smallText.slice(0, smallText.indexOf("  - name: score"));
    writeFileSync("none.yaml", unscored.replace("  predictions: { schema: inferred }\n", ""));
    const { code, stderr } = await millrace(["models", "list", "none.yaml", "--dev"]);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("has no models") });
  });
});

describe("models show", () => {
  test("shows manifest, signature, metrics, files and who has pointed what at the version", async () => {
    const ranges = [{ topic: "features", partition: 0, from: 3, to: 9 }];
    await addVersion({ ranges, seed: 11 });
    await point("champion", 1, { at: Date.UTC(2026, 2, 1), by: "ann", reason: "why not", incident: "small/7" });
    const [shown] = await rowsOf("show", "1");
    expect(shown).toMatchObject({
      version: 1,
      manifest: { seed: 11, ranges },
      signature: { kind: "logistic", inputs: [{ name: "amount" }, { name: "n_1h" }, { name: "mean_1h" }] },
      measured: { auc: 0.875 },
      pointedAt: [{ alias: "champion", by: "ann", reason: "why not", incident: "small/7" }],
      baselines: [],
      files: { "manifest.json": expect.any(Number) },
    });
    const { stdout } = await on("show", "v1");
    expect(stdout).toContain("since 2026-03-01T00:00:00.000Z by ann, why not, incident small/7\n");
    expect(stdout).toMatch(/^manifest seed +11$/m);
  });

  test("refuses what is no version, and a version that is not there", async () => {
    expect(await on("show", "latest")).toMatchObject({ code: 64, stderr: expect.stringContaining("is no version") });
    expect(await on("show", "4")).toMatchObject({ code: 1, stderr: expect.stringContaining("has no version 4") });
  });
});

test("models show tells where tasks have adopted the version, and for which incident", async () => {
  await addVersion();
  await adopt({ fromOffset: 4, atMs: 1_000, incident: "small/3" }, { partition: 0, fromOffset: 6, version: 2 });
  expect(await rowsOf("show", "1")).toMatchObject([
    {
      adoptions: [
        {
          stage: "score",
          topic: "features",
          partition: 1,
          fromOffset: 4,
          at: "1970-01-01T00:00:01.000Z",
          incident: "small/3",
        },
      ],
    },
  ]);
  expect((await on("show", "1")).stdout).toMatch(
    /^adopted score +features-1 from offset 4 on, at 1970-01-01T00:00:01.000Z, incident small\/3$/m,
  );
});

describe("models promote", () => {
  test("moves champion, keeps the one before as previous, and says where on the control topic", async () => {
    for (let i = 0; i < 2; i++) await addVersion();
    expect(await on("promote", "1")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("there was no champion"),
    });
    const { code, stdout } = await on("promote", "2", "--by", "ann", "--reason", "better");
    // A store of the plan is described on the topic by apply, at offset 0; two records and a marker by the first promotion.
    const { offsetNext } = await readAliases(broker, "small.control", never);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `model fraud champion -> 2, previous -> 1, at offset ${offsetNext - 2} of small.control\nstage score does not run: it adopts when it starts\n`,
    });
    const { aliases: found } = await readAliases(broker, "small.control", never);
    expect(found).toMatchObject([
      { alias: "champion", version: 2, by: "ann", reason: "better", at: expect.any(Number) },
      { alias: "previous", version: 1, by: "ann" },
    ]);
  });

  test("names the user of the process where nobody is named", async () => {
    await addVersion();
    await on("promote", "1");
    const { aliases: found } = await readAliases(broker, "small.control", never);
    expect(found).toMatchObject([{ by: userInfo().username }]);
  });

  test("with --dry-run tries the version and moves nothing", async () => {
    await addVersion();
    expect(await on("promote", "1", "--dry-run")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("would promote"),
    });
    expect(await aliases()).toEqual({});
  });

  test("the version that waited as challenger is one no more, and another one stays", async () => {
    for (let i = 0; i < 3; i++) await addVersion();
    await point("champion", 1);
    await point("challenger", 2);
    await on("promote", "3");
    expect(await aliases()).toEqual({ champion: 3, previous: 1, challenger: 2 });
    await on("promote", "2");
    expect(await aliases()).toEqual({ champion: 2, previous: 3 });
  });

  test("promoting the champion is said and changes nothing", async () => {
    for (let i = 0; i < 2; i++) await addVersion();
    await point("champion", 2);
    await point("previous", 1);
    expect(await on("promote", "2")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^version 2 of fraud is the champion already\n/),
    });
    expect(await aliases()).toEqual({ champion: 2, previous: 1 });
  });

  test("refuses a version that is not there, is damaged, or was trained on other fields, and moves nothing", async () => {
    await addVersion();
    await addVersion({}, fitting.slice(1));
    writeFileSync(join(devFolders(folder).models, "fraud", "1", "scaler.json"), "{}");
    expect(await on("promote", "9")).toMatchObject({ code: 1, stderr: expect.stringContaining("no such version") });
    expect(await on("promote", "1")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("scaler.json was changed"),
    });
    expect(await on("promote", "2")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("it was trained on n_1h, mean_1h; the stage has amount, n_1h, mean_1h"),
    });
    expect(await aliases()).toEqual({});
  });
});

describe("models rollback", () => {
  test("goes back to the previous version, which becomes the champion, and forth again", async () => {
    for (let i = 0; i < 3; i++) await addVersion();
    await point("champion", 3);
    await point("previous", 1);
    expect(await on("rollback")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /champion -> 1, previous -> 3.*\nstage score does not run: it adopts when it starts\n$/,
      ),
    });
    expect(await aliases()).toEqual({ champion: 1, previous: 3 });
    await on("rollback");
    expect(await aliases()).toEqual({ champion: 3, previous: 1 });
  });

  test("does not move to a previous version that does not open, and says that there is none", async () => {
    expect(await on("rollback")).toMatchObject({ code: 1, stderr: expect.stringContaining("no previous version") });
    await addVersion();
    await addVersion();
    await point("champion", 2);
    await point("previous", 1);
    writeFileSync(join(devFolders(folder).models, "fraud", "1", "SHA256SUMS"), "");
    expect((await on("rollback")).code).toBe(1);
    expect(await aliases()).toEqual({ champion: 2, previous: 1 });
  });
});

describe("a promotion that others come in between of", () => {
  const request = (artefacts: Pick<ArtefactStore, "read" | "versions">) => ({
    plan,
    reach: { broker, artefacts: artefacts as ArtefactStore },
    model: "fraud",
    version: 1,
    by: "ann",
    isDry: false,
  });

  test("ends where the alias that it was decided by has moved, and moves nothing", async () => {
    const store = openArtefacts(devFolders(folder).models);
    await addVersion();
    await point("champion", 3);
    await point("previous", 2);
    const expected = { alias: "previous", version: 1 };
    await expect(promoteVersion({ ...request(store), expected }, never)).rejects.toMatchObject({ exitCode: 75 });
    expect(await aliases()).toEqual({ champion: 3, previous: 2 });
  });

  test("says so where the version was removed meanwhile", async () => {
    const store = openArtefacts(devFolders(folder).models);
    await addVersion();
    const pruned = { read: store.read.bind(store), versions: async () => [2] };
    await expect(promoteVersion(request(pruned), never)).rejects.toThrow(
      "version 1 of fraud was removed while it was promoted",
    );
  });
});

describe("models approve", () => {
  const approvals = async (): Promise<readonly string[]> => {
    const keys: string[] = [];
    await readControl(broker, "small.control", ({ key }) => void keys.push(key), never);
    return keys.filter((key) => key.startsWith("approve/"));
  };

  test("writes who, until, reason and request, and ends with 0 when the version is the champion", async () => {
    await addVersion();
    const seen: [string, string | null][] = [];
    const approved = on("approve", "1", "--by", "ann", "--reason", "looks fine", "--for", "2h");
    const beganMs = Date.now();
    const approval = async (): Promise<boolean> => {
      seen.length = 0;
      await readControl(broker, "small.control", ({ key, value }) => void seen.push([key, value]), never);
      return seen.some(([key]) => key === "approve/fraud/1");
    };
    // Stands for the trainer, which acts on it.
    await expect.poll(approval, { timeout: 10_000, interval: 10 }).toBe(true);
    await point("champion", 1);
    expect(await approved).toMatchObject({ code: 0, stdout: expect.stringContaining("model fraud champion -> 1") });
    const value = JSON.parse(seen.find(([key]) => key === "approve/fraud/1")?.[1] ?? "");
    expect(value).toMatchObject({
      who: "ann",
      reason: "looks fine",
      request: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(Math.abs(Date.parse(value.until) - beganMs - 7_200_000)).toBeLessThan(60_000);
  });

  test("refuses a version that is not there and writes nothing", async () => {
    expect(await on("approve", "3")).toMatchObject({ code: 1, stderr: expect.stringContaining("has no version 3") });
    expect(await approvals()).toEqual([]);
  });

  test("says what to look at where no trainer acts on it for ten seconds", async () => {
    await addVersion();
    const approved = on("approve", "1");
    await expect.poll(async () => (await approvals()).length, { timeout: 10_000, interval: 10 }).toBe(1);
    const monotonicMs = systemClock.monotonicMs;
    const later = vi.spyOn(systemClock, "monotonicMs").mockImplementation(() => monotonicMs() + 10_000);
    try {
      expect(await approved).toMatchObject({
        code: 75,
        stdout: expect.stringMatching(/^version 1 of fraud is approved until \S+\n$/),
        stderr: expect.stringContaining(
          "the trainer has not promoted it yet: is `millrace run --role trainer` running",
        ),
      });
    } finally {
      later.mockRestore();
    }
  });

  test("the champion needs no approval, and nothing is written", async () => {
    await addVersion();
    await point("champion", 1);
    expect(await on("approve", "1")).toMatchObject({ code: 0, stdout: "version 1 of fraud is the champion already\n" });
    expect(await approvals()).toEqual([]);
  });
});

describe("triggers reset", () => {
  test("writes who closes the breaker of the model and what for, and ends with 75 where no trainer takes it", async () => {
    const ending = millrace(["triggers", "reset", "small.yaml", "--by", "ann", "--reason", "mended", "--dev"], {
      environment: {},
    });
    const written = () => readRetrainings(broker, "small.retraining", never);
    await expect.poll(async () => (await written()).length, { timeout: 10_000, interval: 10 }).toBe(1);
    const monotonicMs = systemClock.monotonicMs;
    const later = vi.spyOn(systemClock, "monotonicMs").mockImplementation(() => monotonicMs() + 10_000);
    try {
      expect(await ending).toMatchObject({ code: 75, stdout: "" });
    } finally {
      later.mockRestore();
    }
    expect(await written()).toMatchObject([
      { type: "reset", model: "fraud", cause: "manual", by: "ann", reason: "mended" },
    ]);
  });

  test("is refused where nothing says what a model could learn from", async () => {
    writeFileSync("small.yaml", smallText.replace(/\n {4}label: .*/, ""));
    expect(await millrace(["triggers", "reset", "small.yaml", "--dev"], { environment: {} })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no model of topology small has a label"),
    });
  });
});

describe("triggers", () => {
  const on = (words: string, ...more: string[]) =>
    millrace(["triggers", words, "small.yaml", ...more, "--dev"], { environment: {} });
  const write = async (...events: readonly Partial<RetrainingEvent>[]): Promise<void> => {
    const records = events.map((event, i) =>
      retrainingRecord({
        id: `e${i}`,
        request: "r1",
        model: "fraud",
        at: `t${i}`,
        cause: "drift",
        by: "trainer",
        ...event,
      } as RetrainingEvent),
    );
    await broker.append(
      records.map((record) => ({ topic: "small.retraining", partition: 0, timestampMs: 0, ...record })),
      never,
    );
  };

  const cancels = async (): Promise<number> => {
    let count = 0;
    const take = ({ key }: { readonly key: string }): void => {
      if (!key.startsWith("store/")) count++;
    };
    await readControl(broker, "small.control", take, never);
    return count;
  };

  test("list shows what has happened, the latest first, of one model where it is named", async () => {
    await write(
      { type: "requested", incident: "i1" },
      { type: "trained", version: 4 },
      { type: "requested", model: "churn" },
    );
    const { stdout } = await on("list");
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["AT", "EVENT", "MODEL", "CAUSE", "INCIDENT", "VERSION", "REQUEST", "REASON"],
      ["t2", "requested", "churn", "drift", "-", "-", "r1", "-"],
      ["t1", "trained", "fraud", "drift", "-", "4", "r1", "-"],
      ["t0", "requested", "fraud", "drift", "i1", "-", "r1", "-"],
      [""],
    ]);
    const named = await on("list", "--model", "churn", "-o", "json");
    expect(JSON.parse(named.stdout)).toMatchObject([{ model: "churn" }]);
  });

  test("cancel says what became of a request that has ended, and that there is none by that name", async () => {
    await write({ type: "requested" }, { type: "rejected", reason: "it is worse" });
    expect(await on("cancel", "r1")).toMatchObject({ code: 0, stdout: "request r1 ended: rejected, it is worse\n" });
    expect(await on("cancel", "r2")).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("there is no request r2"),
    });
    expect(await cancels()).toBe(0);
  });

  test("cancel asks the trainer for the end of one that has not ended, and tells it", async () => {
    await write({ type: "requested" });
    const cancelled = on("cancel", "r1", "--by", "ann");
    await expect.poll(cancels, { timeout: 10_000, interval: 10 }).toBe(1);
    await write({ type: "cancelled", id: "end" });
    expect(await cancelled).toMatchObject({ code: 0, stdout: "request r1 ended: cancelled, -\n" });
  });

  test("test says of each reason what would come of it, and which guard holds it back", async () => {
    writeFileSync("small.yaml", `${smallText}    retrain: { on: [{ labels: 9 }, { age: 7d }] }\n`);
    const { code, stdout, stderr } = await on("test", "-o", "json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const answers = JSON.parse(stdout) as {
      reason: string;
      answer: string;
      guard: string | null;
      why: string | null;
    }[];
    expect(answers.map(({ reason }) => reason)).toEqual(["labels", "age"]);
    for (const { answer, guard, why } of answers)
      expect([answer, why === null]).toEqual(guard === null ? ["requested", true] : ["suppressed", false]);
  });
});

describe("models prune", () => {
  test("removes versions that no alias names and that are not among the latest, and says why others stay", async () => {
    for (let i = 0; i < 5; i++) await addVersion();
    await point("champion", 3);
    await point("previous", 1);
    const expected = (removed: string) => [
      { version: 5, action: "kept", reason: "it is among the latest 1" },
      { version: 4, action: removed },
      { version: 3, action: "kept", reason: "it is champion" },
      { version: 2, action: removed },
      { version: 1, action: "kept", reason: "it is previous" },
    ];
    expect(await rowsOf("prune", "--keep", "1", "--dry-run")).toMatchObject(expected("would be removed"));
    expect(await openArtefacts(devFolders(folder).models).versions("fraud", never)).toEqual([1, 2, 3, 4, 5]);
    expect(await rowsOf("prune", "--keep", "1")).toMatchObject(expected("removed"));
    expect(await openArtefacts(devFolders(folder).models).versions("fraud", never)).toEqual([1, 3, 5]);
  });

  test("keeps versions with which records would be scored again that are still on their topic", async () => {
    for (let i = 0; i < 4; i++) await addVersion();
    await point("champion", 4);
    await adopt(
      { version: 1, fromOffset: 0 },
      { version: 2, fromOffset: 0 },
      { partition: 0, version: 1, fromOffset: 3 },
      { version: 3, fromOffset: 5 },
      { partition: 0, version: 3, fromOffset: 3 },
      { topic: "gone", version: 1, fromOffset: 0 },
    );
    expect(await rowsOf("prune", "--keep", "1")).toMatchObject([
      { version: 4, action: "kept", reason: "it is champion" },
      { version: 3, action: "kept", reason: "a replay needs it: features-1 from offset 5 on" },
      { version: 2, action: "kept", reason: "a replay needs it: features-1 from offset 0 to 4" },
      { version: 1, action: "removed" },
    ]);
  });

  test("keeps the latest five where nothing else is said", async () => {
    for (let i = 0; i < 6; i++) await addVersion();
    await rowsOf("prune");
    expect(await openArtefacts(devFolders(folder).models).versions("fraud", never)).toEqual([2, 3, 4, 5, 6]);
  });
});

describe("models who", () => {
  beforeEach(async () => {
    const topic = plan.topics.find(({ name }) => name === "predictions")!;
    const encoder = createEncoder(topic.schema!);
    const { id } = (await registry.lookUp("predictions-value", topic.schema!.json, never))!;
    const bytes = Buffer.alloc(300);
    const made = { model: "fraud", model_version: 1, score: 0.25, review: false, payment_id: "p1" };
    const row = { event_id: "inbox-1-4", event_time: 1_000, ...made };
    const value = bytes.subarray(0, encoder.encode(row, bytes, writeSchemaId(bytes, 0, id)));
    const out = { topic: "predictions", partition: 1, timestampMs: 0, key: null };
    await broker.append(
      [
        { ...out, value: null },
        { ...out, value },
      ],
      never,
    );
  });

  test("says version, training range, schema ids, plan hash and the incident behind a prediction", async () => {
    const ranges = [{ topic: "features", partition: 0, from: 3, to: 9 }];
    await addVersion({ ranges, schemaIds: [2, 5], planHash: "f00" });
    await promote(1, { incident: "small/7", request: "r1", by: "trainer", reason: "accepted" });
    const [origin] = await rowsOf("who", "predictions", "1", "1");
    expect(origin).toEqual({
      topic: "predictions",
      partition: 1,
      offset: 1,
      event_id: "inbox-1-4",
      score: 0.25,
      stage: "score",
      model: "fraud",
      version: 1,
      trained: "2026-01-01T00:00:00.000Z",
      ranges,
      eventTimes: null,
      schemaIds: [2, 5],
      planHash: "f00",
      incident: "small/7",
      request: "r1",
      promotedBy: "trainer",
      reason: "accepted",
      aliases: ["champion"],
      adopted: [],
    });
    expect((await on("who", "predictions", "1", "1")).stdout).toMatch(/^ranges +\[{"topic":"features"/m);
  });

  // The version before was given the incident, the request and the person of the one that took its place.
  test("says nothing of a version that served before by what put the next one in its place", async () => {
    await addVersion();
    await promote(1, { by: "ann", reason: "the first" });
    await promote(2, { incident: "small/7", request: "r2", by: "trainer", reason: "accepted" });
    const nothing = { incident: null, request: null, promotedBy: null, reason: null };
    expect(await rowsOf("who", "predictions", "1", "1")).toMatchObject([{ ...nothing, aliases: ["previous"] }]);
  });

  test("says of a version that served before what its own retraining came of", async () => {
    await addVersion();
    const made = {
      model: "fraud",
      cause: "drift",
      by: "trainer",
      at: "2026-01-01T00:00:00Z",
      incident: "small/3",
    } as const;
    const events: readonly RetrainingEvent[] = [
      { ...made, type: "requested", id: "r1/requested", request: "r1" },
      { ...made, type: "promoted", id: "r1/promoted", request: "r1", version: 1, reason: "accepted" },
      { ...made, type: "promoted", id: "r2/promoted", request: "r2", version: 2, incident: "small/7" },
      { ...made, type: "promoted", id: "r3/promoted", request: "r3", version: 1, model: "churn", incident: "small/9" },
    ];
    const out = { topic: "small.retraining", partition: 0, timestampMs: 0 };
    await broker.append(
      events.map((event) => ({ ...out, ...retrainingRecord(event) })),
      never,
    );
    await promote(1, { incident: "small/3", request: "r1", by: "trainer" });
    await promote(2, { incident: "small/7", request: "r2", by: "trainer" });
    const own = { incident: "small/3", request: "r1", promotedBy: "trainer", reason: "accepted" };
    expect(await rowsOf("who", "predictions", "1", "1")).toMatchObject([{ ...own, aliases: ["previous"] }]);
    // Who went back to it says so, and the incident that it was made for stays.
    await promote(1, { by: "ann", reason: "rollback" });
    expect(await rowsOf("who", "predictions", "1", "1")).toMatchObject([
      { incident: "small/3", request: null, promotedBy: "ann", reason: "rollback", aliases: ["champion"] },
    ]);
  });

  test("says from which offsets on the version was adopted, and the incident of that where no alias names it any more", async () => {
    await addVersion();
    await adopt(
      { partition: 0, fromOffset: 4, atMs: 1_000, incident: "small/3" },
      { partition: 1, fromOffset: 9, atMs: 2_000 },
      { partition: 1, fromOffset: 12, version: 2, incident: "small/4" },
      { stage: "another", incident: "small/5" },
    );
    const [origin] = await rowsOf("who", "predictions", "1", "1");
    expect(origin).toMatchObject({
      version: 1,
      incident: "small/3",
      adopted: [
        { partition: 0, fromOffset: 4, at: "1970-01-01T00:00:01.000Z" },
        { partition: 1, fromOffset: 9, at: "1970-01-01T00:00:02.000Z" },
      ],
    });
    await promote(1, { incident: "small/7" });
    expect(await rowsOf("who", "predictions", "1", "1")).toMatchObject([{ incident: "small/7" }]);
  });

  test("still names the version where it was removed", async () => {
    expect(await rowsOf("who", "predictions", "1", "1")).toMatchObject([
      { model: "fraud", version: 1, trained: null, ranges: null, incident: null, aliases: [] },
    ]);
  });

  test("says what is wrong with a place that holds no prediction", async () => {
    const said = async (...place: string[]) => (await on("who", ...place)).stderr;
    expect(await said("raw", "0", "0")).toContain(
      "no stage writes predictions to raw\n  predictions are in predictions",
    );
    expect(await said("predictions", "1", "2")).toContain("the log holds offsets 0 to 1");
    expect(await said("predictions", "7", "0")).toContain("no such partition");
    expect(await said("predictions", "1", "0")).toContain("no record is there");
    expect(await said("predictions", "1", "x")).toContain("the offset is a whole number");
  });
});
