import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { type Column, outputForm, printedRows } from "../../../src/app/printed-rows.ts";
import { LagWatch, type StageLag } from "../../../src/monitoring/index.ts";

const plan = loadPlan(join(import.meta.dirname, "../../../topologies/card-fraud.yaml"), {}, undefined);
const never = new AbortController().signal;
const [first] = plan.stages;

/** A cluster in which the first stage's group has committed so much of each partition, and the others are at the end. */
class Cluster {
  committedOffsets: readonly number[] = [-1, -1];
  end = 100;
  /** Records of an open transaction behind the end of each partition. */
  held = 0;
  extents = 0;
  names: readonly string[] = [];
  readonly admin = {
    committed: async (group: string) =>
      (group === first?.group ? this.committedOffsets : [this.end, this.end]).flatMap((offset, partition) =>
        offset < 0 ? [] : [{ partition, offset, metadata: "", leaderEpoch: -1 }],
      ),
    watermarks: async () => [0, 1].map((partition) => ({ partition, low: 0, end: this.end })),
    extent: async () => {
      this.extents++;
      return { low: 0, end: this.end + this.held };
    },
    members: async () => this.names,
  };
  readonly #watch = new LagWatch(plan, this.admin as unknown as ConstructorParameters<typeof LagWatch>[1]);

  async look(nowMs: number): Promise<StageLag> {
    const stages = await this.#watch.look(nowMs, never);
    expect(stages.map(({ stage }) => stage)).toEqual(plan.stages.map(({ name }) => name));
    return stages[0]!;
  }
}

describe("of a stage", () => {
  test("on which nobody works and of which nothing is committed, everything is behind", async () => {
    const cluster = new Cluster();
    expect(await cluster.look(0)).toEqual({
      stage: first?.name,
      group: first?.group,
      topic: first?.from.clusterName,
      members: 0,
      records: 200,
      status: "no-members",
      held: { records: 0, seconds: 0 },
      catchUpMs: null,
      partitions: [0, 1].map((partition) => ({ partition, committed: null, records: 100, status: "ok" })),
    });
    cluster.committedOffsets = [100, 100];
    expect(await cluster.look(1_000)).toMatchObject({ records: 0, status: "idle" });
  });

  test("that works, the lag is what is not committed, and the pace says when it is worked off", async () => {
    const cluster = new Cluster();
    cluster.names = ["one"];
    cluster.committedOffsets = [0, 50];
    expect(await cluster.look(0)).toMatchObject({ members: 1, records: 150, status: "unjudged", catchUpMs: null });
    cluster.committedOffsets = [40, 60];
    // 50 of 150 in ten seconds: the other hundred in twenty.
    expect(await cluster.look(10_000)).toMatchObject({ records: 100, status: "ok", catchUpMs: 20_000 });
    cluster.committedOffsets = [100, 100];
    expect(await cluster.look(20_000)).toMatchObject({ records: 0, status: "ok", catchUpMs: null });
  });

  test("the status is that of its worst partition: one that has stopped, beside one that gets on", async () => {
    const cluster = new Cluster();
    cluster.names = ["one"];
    cluster.committedOffsets = [10, 20];
    await cluster.look(0);
    cluster.committedOffsets = [10, 40];
    expect(await cluster.look(30_000)).toMatchObject({ status: "ok" });
    const later = await cluster.look(30_001);
    expect(later.partitions.map(({ status }) => status)).toEqual(["stopped", "ok"]);
    expect(later.status).toBe("stopped");
  });

  test("what an open transaction holds back is told from the second look on, while the end stands still", async () => {
    const cluster = new Cluster();
    cluster.names = ["one"];
    cluster.committedOffsets = [100, 100];
    cluster.held = 7;
    expect(await cluster.look(0)).toMatchObject({ status: "ok", held: { records: 0, seconds: 0 } });
    expect(cluster.extents).toBe(0);
    expect(await cluster.look(10_000)).toMatchObject({ status: "held", records: 0, held: { records: 14, seconds: 0 } });
    expect(await cluster.look(25_000)).toMatchObject({ status: "held", held: { records: 14, seconds: 15 } });
    // Transactions that come and go move the end.
    cluster.end = 110;
    cluster.committedOffsets = [110, 110];
    expect(await cluster.look(35_000)).toMatchObject({ status: "ok", held: { records: 0, seconds: 0 } });
    cluster.held = 0;
    expect(await cluster.look(45_000)).toMatchObject({ status: "ok", held: { records: 0, seconds: 0 } });
  });

  test("an end that has stood for long is asked of once in six looks, until something is held there", async () => {
    const cluster = new Cluster();
    cluster.names = ["one"];
    cluster.committedOffsets = [100, 100];
    const asked = async (look: number): Promise<number> => {
      const before = cluster.extents;
      await cluster.look(look * 10_000);
      // Of two partitions of every stage.
      return (cluster.extents - before) / (2 * plan.stages.length);
    };
    const looks: number[] = [];
    for (let look = 0; look <= 17; look++) looks.push(await asked(look));
    expect(looks).toEqual([0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    cluster.held = 7;
    expect(await asked(18)).toBe(1);
    expect(await asked(19)).toBe(1);
    expect(await cluster.look(200_000)).toMatchObject({ status: "held", held: { records: 14, seconds: 20 } });
    // An end that moves is watched closely again.
    cluster.held = 0;
    cluster.end = 110;
    cluster.committedOffsets = [110, 110];
    expect([await asked(21), await asked(22), await asked(23)]).toEqual([0, 1, 1]);
  });

  test("that falls further behind nothing says when it is worked off", async () => {
    const cluster = new Cluster();
    cluster.names = ["one"];
    for (let i = 0; i < 4; i++) {
      cluster.end = 300 + 20 * i;
      cluster.committedOffsets = [10 * i, 10 * i];
      expect(await cluster.look(1_000 * i)).toMatchObject({ status: i === 0 ? "unjudged" : "ok", catchUpMs: null });
    }
    cluster.committedOffsets = [40, 40];
    cluster.end = 400;
    expect(await cluster.look(4_000)).toMatchObject({ status: "growing", catchUpMs: null });
  });
});

describe("rows are printed", () => {
  interface Row {
    readonly name: string;
    readonly count: number;
  }
  const rows: readonly Row[] = [
    { name: "a", count: 1 },
    { name: "long one", count: 1_000 },
  ];
  const columns: readonly Column<Row>[] = [
    { heading: "NAME", show: ({ name }) => name },
    { heading: "COUNT", show: ({ count }) => count },
  ];

  test("as a table with numbers to the right, and its headings when there are none", () => {
    expect(printedRows(rows, columns, "table")).toBe("NAME      COUNT\na             1\nlong one   1000\n");
    expect(printedRows([], columns, "table")).toBe("NAME  COUNT\n");
  });

  test("as JSON, whole or a line each", () => {
    expect(JSON.parse(printedRows(rows, columns, "json"))).toEqual(rows);
    expect(printedRows(rows, columns, "jsonl")).toBe('{"name":"a","count":1}\n{"name":"long one","count":1000}\n');
  });

  test("in no other form", () => {
    expect(["table", "json", "jsonl"].map(outputForm)).toEqual(["table", "json", "jsonl"]);
    expect(() => outputForm("yaml")).toThrow('--output: "yaml" is none of table, json, jsonl');
  });
});
