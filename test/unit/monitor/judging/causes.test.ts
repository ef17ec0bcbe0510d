import { describe, expect, test } from "vitest";
import { type CauseQuestion, causeOf } from "../../../../src/monitor/judging/causes.ts";
import { cells } from "./rig.ts";

/** Four tasks; the reference has as many rows left as right and no nulls. */
const asked = (over: Partial<CauseQuestion>): CauseQuestion => ({
  isDeployment: false,
  reference: cells(5_000, 5_000),
  tasks: Array.from({ length: 4 }, () => cells(180, 70)),
  taskCount: 4,
  recent: [],
  sameHour: undefined,
  thresholdOf: () => 0.05,
  thresholdOfHour: () => 0.05,
  ...over,
});

describe("the cause is", () => {
  test("the world where nothing else is", () => {
    expect(causeOf(asked({}))).toBe("world");
  });

  test("a deployment before everything else", () => {
    const odd = [cells(240, 0, 10), ...Array.from({ length: 3 }, () => cells(125, 125))];
    expect(causeOf(asked({ isDeployment: true, tasks: odd }))).toBe("deployment");
  });

  test("a schema where its rows give four fifths of the score", () => {
    // Half of the rows of every task are of the new schema, all of them left; the other half is as ever.
    const tasks = Array.from({ length: 4 }, () => cells(188, 62));
    const recent = tasks.map(() => cells(125, 0));
    expect(causeOf(asked({ tasks, recent }))).toBe("schema");
    // Rows of a new schema that are like the others are not to blame for a shift of all.
    expect(causeOf(asked({ recent: [cells(90, 35), cells(90, 35)] }))).toBe("world");
    expect(causeOf(asked({ recent: [cells(180, 70), cells(180, 70), cells(180, 70), cells(40, 15)] }))).toBe("schema");
    // Seven tenths are not enough.
    expect(causeOf(asked({ recent: Array.from({ length: 4 }, () => cells(126, 49)) }))).toBe("world");
  });

  test("a partition where a quarter of them give four fifths", () => {
    const odd = [cells(250, 0), ...Array.from({ length: 3 }, () => cells(125, 125))];
    expect(causeOf(asked({ tasks: odd }))).toBe("partition");
    // Two of four are too many.
    expect(causeOf(asked({ tasks: [cells(250, 0), cells(250, 0), cells(125, 125), cells(125, 125)] }))).toBe("world");
    // Among fewer than four there is no quarter, and of eight two are one; tasks without rows are counted.
    expect(causeOf(asked({ tasks: odd.slice(0, 3), taskCount: 3 }))).toBe("world");
    const two = [cells(250, 0), cells(250, 0), cells(250, 250), cells(250, 250)];
    expect(causeOf(asked({ tasks: two, taskCount: 8 }))).toBe("partition");
    expect(causeOf(asked({ tasks: two, taskCount: 7 }))).toBe("world");
  });

  test("nulls where nothing is left without them", () => {
    const tasks = Array.from({ length: 4 }, () => cells(100, 100, 50));
    expect(causeOf(asked({ tasks }))).toBe("nulls");
    expect(causeOf(asked({ tasks: tasks.map(() => cells(150, 50, 50)) }))).toBe("world");
    expect(causeOf(asked({ tasks: tasks.map(() => cells(0, 0, 250)) }))).toBe("nulls");
    // Nulls that are gone are one of the cause's forms as well.
    expect(causeOf(asked({ tasks: tasks.map(() => cells(125, 125)), reference: cells(4_000, 4_000, 2_000) }))).toBe(
      "nulls",
    );
  });

  test("the season where the same hour was always like that", () => {
    expect(causeOf(asked({ sameHour: cells(720, 280) }))).toBe("season");
    expect(causeOf(asked({ sameHour: cells(500, 500) }))).toBe("world");
  });

  test("the first that holds: schema, partition, nulls, season", () => {
    const even = Array.from({ length: 3 }, () => cells(125, 125));
    const nulls = [cells(50, 50, 150), ...even];
    const sameHour = cells(425, 425, 150);
    expect(causeOf(asked({ tasks: nulls, recent: [cells(0, 0, 150)], sameHour }))).toBe("schema");
    expect(causeOf(asked({ tasks: nulls, sameHour }))).toBe("partition");
    const spread = Array.from({ length: 4 }, () => cells(106, 106, 38));
    expect(causeOf(asked({ tasks: spread, sameHour }))).toBe("nulls");
  });

  test("judged by thresholds of the rows that are left", () => {
    const asks: string[] = [];
    const thresholdOf = (n: number, m: number): number => {
      asks.push(`${n}/${m}`);
      return 0;
    };
    const tasks = Array.from({ length: 4 }, () => cells(150, 50, 50));
    const thresholdOfHour = (n: number, m: number): number => thresholdOf(n, m) - asks.push("by the hour");
    const reference = cells(4_000, 5_000, 1_000);
    causeOf(asked({ reference, tasks, sameHour: cells(30, 20), thresholdOf, thresholdOfHour }));
    expect(asks).toEqual(["9000/800", "50/1000", "by the hour"]);
  });
});
