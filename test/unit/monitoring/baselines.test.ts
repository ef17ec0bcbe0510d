import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ArtefactFiles } from "../../../src/model/index.ts";
import { cellsOf, decodeBaseline, encodeBaseline } from "../../../src/monitor/index.ts";
import {
  type BaselinedMonitor,
  type EnsureOptions,
  ensureBaseline,
  measureBaseline,
  ownRecords,
  readBaselines,
  writeBaseline,
} from "../../../src/monitoring/index.ts";
import { writeAlias } from "../../../src/runtime/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import { writtenAtMs } from "../../support/records.ts";
import { BaselineScene, hourMs, rowsMonitor } from "./baseline-scene.ts";

const never = new AbortController().signal;
let scene: BaselineScene;
beforeEach(async () => {
  scene = await BaselineScene.open();
});
afterEach(() => scene.broker.close());

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
/** A hundred rows of one hour: amounts 0 .. 99, every fourth from Spain. */
const hourOf = (hour: number): Row[] =>
  upTo(100).map((i) => ({ at: hour * hourMs + i * 1_000, amount: i, country: i % 4 === 0 ? "ES" : "IT" }));
const measured = (options: Partial<Parameters<typeof measureBaseline>[0]> = {}) =>
  measureBaseline({ broker: scene.broker, registry: scene.registry, monitor: rowsMonitor, ...options }, never);

describe("measuring a baseline", () => {
  test("counts the rows of all partitions by window, in cells of what all of them hold", async () => {
    await scene.send(0, hourOf(10));
    await scene.send(1, [...hourOf(10), ...hourOf(12)]);
    const { fields, ...found } = await measured();
    const span = { fromMs: 10 * hourMs, toMs: 12 * hourMs + 99_000 };
    expect(found).toEqual({ rows: 300, windows: 2, span, undecodable: 0, untimed: 0 });
    const [amount, country] = fields;
    expect(amount?.cells.kind === "numbers" && amount.cells.edges.length).toBe(21);
    expect(country?.cells).toEqual({
      kind: "categories",
      values: [
        ["IT", 225],
        ["ES", 75],
      ],
    });
    expect(country?.windows).toEqual([
      { fromMs: 10 * hourMs, rows: 200, counts: Float64Array.of(0, 0, 0, 150, 50) },
      { fromMs: 12 * hourMs, rows: 100, counts: Float64Array.of(0, 0, 0, 75, 25) },
    ]);
    // Every row has one cell in every field, and what the reference holds is neither below nor above it.
    const counts = amount?.windows.map((window) => [...window.counts]) ?? [];
    expect(counts.map((own) => own.reduce((a, b) => a + b, 0))).toEqual([200, 100]);
    expect(counts.map((own) => own.slice(0, 5).concat(own.slice(-1)))).toEqual([
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
    ]);
  });

  test("takes the rows of a range of event time, its end left out, and none outside of the offsets given", async () => {
    await scene.send(0, [...hourOf(10), ...hourOf(11)]);
    await scene.send(1, hourOf(11));
    const bounded = await measured({ fromMs: 11 * hourMs, toMs: 11 * hourMs + 50_000 });
    expect(bounded.rows).toBe(100);
    expect(bounded.span).toEqual({ fromMs: 11 * hourMs, toMs: 11 * hourMs + 49_000 });
    const ranges = [{ topic: "shop.rows", partition: 0, from: 90, to: 1_000 }];
    expect((await measured({ ranges })).fields[0]?.windows.map(({ rows }) => rows)).toEqual([10, 100]);
  });

  test("counts null apart, and passes over what cannot be read or has no time, with their numbers", async () => {
    await scene.send(0, [...hourOf(10), { at: 10 * hourMs, amount: null, country: "IT" }, undefined, { at: null }]);
    const { fields, undecodable, untimed, rows } = await measured();
    expect({ undecodable, untimed, rows }).toEqual({ undecodable: 1, untimed: 1, rows: 101 });
    expect(fields[0]?.windows[0]?.counts[0]).toBe(1);
  });

  test("takes a whole number beyond 2^53 for the nearest number, and not for none", async () => {
    await scene.send(0, [
      { at: 0, serial: 2n ** 60n },
      { at: 1, serial: 7 },
    ]);
    const fields = [{ name: "serial", kind: "numbers", isSensitive: false }] as const;
    const { fields: found } = await measured({ monitor: { ...rowsMonitor, fields } });
    expect(found[0]?.cells).toMatchObject({ kind: "numbers" });
    expect(found[0]?.cells.kind === "numbers" && [found[0].cells.edges[0], found[0].cells.edges.at(-1)]).toEqual([
      7,
      2 ** 60,
    ]);
  });

  test("reads no offset that retention has taken", async () => {
    await scene.send(0, hourOf(10));
    const broker = {
      ...{ read: scene.broker.read.bind(scene.broker) },
      admin: { watermarks: async () => [{ partition: 0, low: 60, end: 100 }] },
    } as unknown as typeof scene.broker;
    const ranges = [{ topic: "shop.rows", partition: 0, from: 0, to: 90 }];
    expect((await measured({ broker, ranges })).fields[1]?.windows.map(({ rows }) => rows)).toEqual([30]);
  });

  test("of windows of so many rows puts slices together, and says when the reference has too few for one", async () => {
    await scene.send(0, hourOf(10));
    await scene.send(1, [...hourOf(10), ...hourOf(11)]);
    const { rows: all, windows } = await measured();
    expect(windows).toBe(2);
    const whole = await measured({ monitor: { ...rowsMonitor, windowRows: all } });
    expect([whole.windows, whole.rows]).toEqual([1, all]);
    await expect(measured({ monitor: { ...rowsMonitor, windowRows: all + 1 } })).rejects.toThrow(
      `measuring a baseline of monitor m: its windows have ${all + 1} rows, and the reference has ${all}`,
    );
  });

  test("says of no rows what there is instead", async () => {
    await scene.send(0, [...hourOf(10), { at: null }]);
    await expect(measured({ fromMs: 11 * hourMs })).rejects.toThrow(
      "measuring a baseline of monitor m: topic rows holds no row in that time; 0 cannot be decoded and 1 have no time",
    );
  });

  test("tells how far it is through both readings", async () => {
    await scene.send(0, hourOf(10));
    const seen: number[] = [];
    await measured({ progress: (done, total) => seen.push(done / total) });
    expect([seen.at(-1), seen.every((share, i) => share >= (seen[i - 1] ?? 0))]).toEqual([1, true]);
  });
});

describe("writing a baseline", () => {
  const write = async (hours: readonly number[], model?: string) => {
    const { fields } = await measured({ fromMs: (hours[0] ?? 0) * hourMs, toMs: ((hours.at(-1) ?? 0) + 1) * hourMs });
    return writeBaseline(scene, { monitor: rowsMonitor, fields, model, origin: "a test", asked: "" }, never);
  };
  const keys = async () => {
    const held = new Map<string, boolean>();
    for await (const { key, value } of ownRecords(scene.broker, scene.topic, never)) held.set(key, value !== null);
    return [...held].filter(([, isThere]) => isThere).map(([key]) => key);
  };

  beforeEach(() => scene.send(0, [...hourOf(10), ...hourOf(11), ...hourOf(12)]));

  test("puts it in service for who reads the topic, with its fields before its head", async () => {
    const head = await write([10, 11]);
    expect(head).toMatchObject({ monitor: "m", version: rowsMonitor.version, origin: "a test", atMs: writtenAtMs });
    expect(head.id).toMatch(/^[0-9a-f]{16}$/);
    const { baselines, heads, unread } = await readBaselines(scene.broker, scene.registry, scene.topic, never);
    expect(heads.get("m")).toEqual(head);
    expect(unread).toBe(0);
    const current = baselines.current("m");
    expect(current?.id).toBe(head.id);
    expect(current?.fields.map(({ field }) => field)).toEqual(["amount", "country"]);
    const written = (await measured({ fromMs: 10 * hourMs, toMs: 12 * hourMs })).fields;
    expect(current?.fields).toEqual(written.map((field) => ({ ...field, id: head.id })));
    expect(await keys()).toEqual([`m/${head.id}/amount`, `m/${head.id}/country`, "m"]);
  });

  test("has one id for the same counts, and another for others, with the version of the model it is of", async () => {
    const [first, again, other] = [await write([10]), await write([10]), await write([10, 11])];
    expect(again.id).toBe(first.id);
    expect(other.id).not.toBe(first.id);
    // The same values an hour later: the cells are the same, the windows are others.
    expect((await write([11])).id).not.toBe(first.id);
    const ofModel = await write([10], "card/3");
    expect(ofModel.id).toBe(`card/3-${first.id.slice(0, 8)}`);
  });

  test("keeps the one before, and deletes what was replaced longer ago", async () => {
    const { fields } = await measured();
    const another = { name: "another", version: "v" };
    const theirs = fields.map((field) => ({ ...field, monitor: "another" }));
    const other = await writeBaseline(
      scene,
      { monitor: another, fields: theirs, model: undefined, origin: "", asked: "" },
      never,
    );
    const ids: string[] = [];
    for (const hour of [10, 11, 12]) {
      ids.push((await write([10, hour])).id);
      scene.clock.advance(3_600_001);
    }
    const [, second, third] = ids;
    expect(new Set(ids).size).toBe(3);
    const held = await keys();
    expect(held).toContain(`another/${other.id}/amount`);
    expect(held.filter((key) => key.startsWith("m/")).sort()).toEqual(
      [second, third].flatMap((id) => [`m/${id}/amount`, `m/${id}/country`]).sort(),
    );
  });

  test("leaves alone what another may be writing just now", async () => {
    await write([10]);
    await write([10, 11]);
    await write([10, 12]);
    expect(await keys()).toHaveLength(7);
  });

  test("does not begin while its schema is not registered", async () => {
    await expect(
      writeBaseline(
        { ...scene, topic: "shop.control" },
        { monitor: rowsMonitor, fields: [], model: undefined, origin: "", asked: "" },
        never,
      ),
    ).rejects.toThrow(
      "writing topic shop.control: its schema is not registered as shop.control-value; run millrace apply",
    );
  });

  test("cannot be mistaken: a record that is none is passed over, and a topic that is not there is named", async () => {
    await scene.broker.append(
      [{ topic: scene.topic, partition: 0, timestampMs: 0, key: Buffer.from("x"), value: Buffer.from("none") }],
      never,
    );
    const read = await readBaselines(scene.broker, scene.registry, scene.topic, never);
    expect([read.unread, read.heads.size]).toEqual([1, 0]);
    await expect(readBaselines(scene.broker, scene.registry, "nowhere", never)).rejects.toThrow(
      "reading topic nowhere: it does not exist; run millrace apply",
    );
  });
});

describe("ensuring a baseline", () => {
  const manifests = new Map<string, object>();
  const artefacts = {
    read: async (model: string, version: number): Promise<ArtefactFiles | undefined> => {
      const manifest = manifests.get(`${model}/${version}`);
      return manifest && new Map([["manifest.json", Buffer.from(JSON.stringify(manifest))]]);
    },
  };
  const ensured = (baseline: BaselinedMonitor["baseline"], closed: EnsureOptions["closed"] = []) => {
    const { broker, registry, clock, hasher, topic, controlTopic } = scene;
    const monitor = { ...rowsMonitor, baseline };
    return ensureBaseline(
      { broker, registry, clock, hasher, topic, controlTopic, artefacts, alias: "champion", closed, monitor },
      never,
    );
  };
  const hours = (from: number, counts: readonly number[]) =>
    counts.map((rows, i) => ({ fromMs: (from + i) * hourMs, toMs: (from + i + 1) * hourMs, rows }));

  beforeEach(async () => {
    manifests.clear();
    await scene.send(
      0,
      upTo(8).flatMap((hour) => hourOf(10 + hour)),
    );
  });

  test("of a range measures it, unless it is not over", async () => {
    const range = { kind: "range", fromMs: 10 * hourMs, toMs: 12 * hourMs } as const;
    const written = await ensured(range);
    expect(written).toMatchObject({ kind: "written", rows: 200, windows: 2 });
    expect(written).toMatchObject({ head: { origin: "1970-01-01T10:00:00.000Z to 1970-01-01T12:00:00.000Z" } });
    expect(await ensured({ ...range, toMs: writtenAtMs + 1 })).toEqual({
      kind: "waiting",
      reason: "its reference ends 2023-11-14T22:13:20.001Z",
    });
  });

  test("of a range without rows waits, and says why", async () => {
    expect(await ensured({ kind: "range", fromMs: 0, toMs: hourMs })).toEqual({
      kind: "waiting",
      reason: "measuring a baseline of monitor m: topic rows holds no row in that time",
    });
  });

  test("of the first windows waits until so many have held rows, and rows enough", async () => {
    const first = { kind: "first", windows: 3 } as const;
    expect(await ensured(first, hours(10, [100, 0, 100]))).toEqual({
      kind: "waiting",
      reason: "its first 3 windows are the reference, and 2 are over, with 200 rows",
    });
    expect(await ensured(first, hours(10, [100, 100, 100, 100]))).toMatchObject({
      kind: "waiting",
      reason: "its first 5 windows are the reference, and 4 are over, with 400 rows",
    });
    expect(await ensured(first, hours(9, [0, 100, 100, 100, 100, 100, 100]))).toMatchObject({
      kind: "written",
      rows: 500,
      windows: 5,
      head: { origin: "first 5 windows, 1970-01-01T10:00:00.000Z to 1970-01-01T15:00:00.000Z" },
    });
  });

  test("of a model waits for a version, and measures the rows that the one in service was trained on", async () => {
    const ofModel = { kind: "model", model: "card" } as const;
    expect(await ensured(ofModel)).toEqual({
      kind: "waiting",
      reason: "no version of model card is in service; run millrace train",
    });
    await writeAlias(scene.broker, scene.controlTopic, { model: "card", alias: "aside", version: 3 }, 0, never);
    await writeAlias(scene.broker, scene.controlTopic, { model: "card", alias: "champion", version: 2 }, 0, never);
    await expect(ensured(ofModel)).rejects.toThrow("opening model card/2: the models directory has no such version");
    manifests.set("card/2", {
      ranges: [
        { topic: "shop.rows", partition: 0, from: 0, to: 300 },
        { topic: "shop.labels", partition: 0, from: 0, to: 900 },
      ],
      eventTimes: { from: "1970-01-01T11:00:00.000Z", to: null },
    });
    const written = await ensured(ofModel);
    expect(written).toMatchObject({
      kind: "written",
      rows: 200,
      windows: 2,
      head: { origin: "training rows of card/2" },
    });
    expect(written.kind === "written" && written.head.id).toMatch(/^card\/2-[0-9a-f]{8}$/);
  });

  test("of a model that learned from another topic takes the first windows, and says so", async () => {
    await writeAlias(scene.broker, scene.controlTopic, { model: "card", alias: "champion", version: 2 }, 0, never);
    manifests.set("card/2", { ranges: [{ topic: "shop.features", partition: 0, from: 0, to: 300 }] });
    const ofModel = { kind: "model", model: "card" } as const;
    expect(await ensured(ofModel, hours(10, [100]))).toEqual({
      kind: "waiting",
      reason:
        "model card/2 was not trained on topic rows: its first 30 windows are the reference, and 1 are over, with 100 rows",
    });
    const many = hours(
      10,
      upTo(30).map((i) => (i < 8 ? 100 : 1)),
    );
    expect(await ensured(ofModel, many)).toMatchObject({
      kind: "written",
      rows: 800,
      head: {
        origin:
          "first 30 windows, 1970-01-01T10:00:00.000Z to 1970-01-02T16:00:00.000Z (topic rows is not what card/2 learned from)",
      },
    });
  });
});

test("cells that are made of a record that was read count as those that were measured", async () => {
  await scene.send(0, hourOf(10));
  const { fields } = await measured();
  for (const field of fields) {
    const read = decodeBaseline(encodeBaseline(field, 1));
    if (!("cells" in read)) throw new Error("a field");
    const [own, theirs] = [cellsOf(field.cells), cellsOf(read.cells)];
    for (const value of [0, 17, 99, 100, -1, null, "ES", "IT", "PT"])
      expect(theirs.cellOf(value)).toBe(own.cellOf(value));
  }
});
