/** What labels make of predictions survives the death of who joins them: on a real cluster, against one pass over the log. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { createFolderArtefacts } from "../../src/adapters/artefact-fs/index.ts";
import { seededRng } from "../../src/kernel/index.ts";
import { decodeLabelled, decodePartial, isHeartbeat, type PartialRecord } from "../../src/monitor/index.ts";
import { readReference } from "../../src/monitoring/index.ts";
import { LabelJoin } from "../../src/monitoring/labels/label-join.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { beginMs, windowMs, windowRows } from "./support/item-rows.ts";
import { type ItemRow, ModelLoop, model, ownStages } from "./support/model-loop.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 180_000 });

const { signal } = new AbortController();
const deadlineMs = 60_000;
const rowsPerWindow = 120;
const kills = 2;

describeKafka("a labeller that is killed -9 again and again", () => {
  let broker: Broker;
  let millrace: BuiltMillrace;
  let loop: ModelLoop | undefined;
  beforeAll(async () => {
    [broker, millrace] = await Promise.all([connect(testBroker().bootstrap), buildMillrace()]);
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await broker?.close();
    await millrace?.remove();
    await loop?.remove();
  });

  test("writes each window once, as one pass over the log and the rows themselves have it", async () => {
    const { bootstrap } = testBroker();
    const options = { bootstrap, broker, millrace, namespace: uniqueNamespace(), delivery: "exactly-once" } as const;
    const opened = await ModelLoop.open(options);
    loop = opened;
    const rng = seededRng(11);
    await opened.send(windowRows(-1, 300, "large-is-bad", -300, rng));
    await opened.runThrough("ingest", "outcomes");
    await opened.trainFirst(beginMs);
    const sent: ItemRow[] = [];
    const sendWindow = async (): Promise<void> => {
      const window = sent.length / rowsPerWindow;
      // The world changes half way, so that windows are not all alike.
      const rows = windowRows(window, rowsPerWindow, window < 3 ? "large-is-bad" : "small-is-bad", sent.length, rng);
      sent.push(...rows);
      await opened.send(rows);
    };
    const stages = opened.start(["--stage", ...opened.stages]);
    const startLabeller = (): WorkerProcess => opened.start(["--stage", "monitor", "--instance-id", "one"]);
    let labeller = startLabeller();
    await stages.ready(deadlineMs);
    for (let kill = 0; kill < kills; kill++) {
      await labeller.ready(deadlineMs);
      const before = (await windowsOf(opened)).length;
      // A window is whole before the next one begins: partitions that are a window apart would have late rows.
      await sendWindow();
      await stages.until(opened.workedOff(deadlineMs));
      // In the middle of this one the window before ends.
      await sendWindow();
      await labeller.until(
        eventually(deadlineMs, "another window", async () => (await windowsOf(opened)).length > before || undefined),
      );
      labeller.kill("SIGKILL");
      await labeller.ended(deadlineMs);
      // What comes while nobody joins is there for the next.
      await stages.until(opened.workedOff(deadlineMs));
      await sendWindow();
      await stages.until(opened.workedOff(deadlineMs));
      labeller = startLabeller();
    }
    await stages.until(opened.workedOff(deadlineMs));
    const { group = "", clusterName = "" } = opened.plan.monitoring?.labelled ?? {};
    await labeller.until(
      eventually(deadlineMs, "all labels", async () => (await opened.hasReadAll(group, clusterName)) || undefined),
    );
    for (const worker of [stages, labeller]) worker.kill("SIGTERM");
    for (const worker of [stages, labeller]) await worker.endedWell(deadlineMs);

    const told = await windowsOf(opened);
    expect(told.map(joined)).toEqual(await singlePass(opened));
    // All but the last, whose labels nothing shows to be complete.
    const count = sent.length / rowsPerWindow;
    expect(told.map(({ fromMs }) => fromMs)).toEqual(
      Array.from({ length: count - 1 }, (_, window) => beginMs + window * windowMs),
    );
    expect(told.map(counted)).toEqual(await expectedCounts(opened, sent));
  });
});

/** Windows of predictions and labels as they stand on the topic of partials, in their order, copies too. */
async function windowsOf(loop: ModelLoop): Promise<PartialRecord[]> {
  const records = await loop.read(loop.plan.monitoring?.topics.partials.clusterName ?? "");
  return records.flatMap(({ value }) => {
    const record = value === null ? undefined : decodePartial(value);
    return record === undefined || isHeartbeat(record) || record.performance === undefined ? [] : [record];
  });
}

function joined({ fromMs, offsetFrom, offsetNext, streamTimeMs, performance }: PartialRecord) {
  return { fromMs, offsetFrom, offsetNext, streamTimeMs, performance };
}

/** What a labeller makes of the log that nobody ends. */
async function singlePass(loop: ModelLoop) {
  const { labelled, performance } = loop.plan.monitoring ?? {};
  const [spec] = performance ?? [];
  if (labelled === undefined || spec === undefined) throw new Error("the topology joins no labels");
  const artefacts = createFolderArtefacts(loop.modelsFolder);
  const reference = await readReference(artefacts, model, 1, signal);
  const join = new LabelJoin(spec, { rowsMax: 1_000_000, referenceOf: () => reference });
  const records = await loop.read(labelled.clusterName);
  return records.flatMap(({ value, offset, timestampMs }) => join.take(decodeLabelled(value!), offset, timestampMs));
}

interface Counts {
  readonly rows: number;
  readonly labelled: number;
  readonly positives: number;
  readonly accuracy: number | undefined;
}

function counted({ performance }: PartialRecord): Counts | undefined {
  const [only, ...others] = performance?.versions ?? [];
  if (only === undefined || others.length > 0) return undefined;
  const { rows, labelled, positives, metrics } = only;
  return { rows, labelled, positives, accuracy: metrics.find(({ metric }) => metric === "accuracy")?.value };
}

/** The same from what was sent and what was predicted. */
async function expectedCounts(loop: ModelLoop, sent: readonly ItemRow[]): Promise<Counts[]> {
  const predictions = await loop.readRows(loop.stage(ownStages[2]).to.clusterName);
  const scores = new Map(predictions.map(({ row }) => [String(row["id"]), Number(row["score"])]));
  const windows = Array.from({ length: sent.length / rowsPerWindow - 1 }, (_, window) =>
    sent.slice(window * rowsPerWindow, (window + 1) * rowsPerWindow),
  );
  return windows.map((rows) => ({
    rows: rowsPerWindow,
    labelled: rowsPerWindow,
    positives: rows.filter(({ isBad }) => isBad).length,
    accuracy: rows.filter(({ id, isBad }) => (scores.get(id) ?? -1) >= 0.5 === isBad).length / rowsPerWindow,
  }));
}
