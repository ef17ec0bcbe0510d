import { describe, expect, test } from "vitest";
import { isDue, modesOf } from "../../../bench/quality/modes.ts";
import {
  columns,
  firstOf,
  firstRows,
  labelDelayRows,
  labelText,
  type Readings,
  readingsOf,
  readingText,
  rowAtTime,
  shuffled,
  timeOfRow,
} from "../../../bench/quality/readings.ts";
import { accuracyOf, checkVersions, lineOf, repeatAccuracy } from "../../../bench/quality/result.ts";

const header = "period,nswprice,nswdemand,vicprice,vicdemand,transfer,class";
const two = readingsOf(`${header}\n0,0.1,0.2,0.3,0.4,0.5,1\n0.5,0.6,0.7,0.8,0.9,1,0\n`, "two.csv");

/** Readings of zeros with these labels after the first rows, and 0 before. */
function labelled(after: readonly number[]): Readings {
  const count = firstRows + after.length;
  const labels = new Uint8Array(count);
  labels.set(after, firstRows);
  return { count, inputs: new Float64Array(count * columns.length), labels };
}

describe("the electricity readings", () => {
  test("are numbers per column, and a label per row", () => {
    expect([...two.inputs]).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    expect([...two.labels]).toEqual([1, 0]);
  });

  test.for([
    ["another column", "period,price\n0,0\n"],
    ["a value that is missing", `${header}\n0,0.1,0.2,0.3,0.4,1\n`],
    ["a value that is no number", `${header}\n0,0.1,x,0.3,0.4,0.5,1\n`],
    ["a label that is neither", `${header}\n0,0.1,0.2,0.3,0.4,0.5,2\n`],
  ] as const)("are refused with %s", ([, text]) => {
    expect(() => readingsOf(text, "given.csv")).toThrow(/^reading given\.csv/);
  });

  test("become events half an hour apart from 7 May 1996 on, of the six columns and nothing else", () => {
    expect(JSON.parse(readingText(two, 1))).toEqual({
      reading_id: "r1",
      at: "1996-05-07T00:30:00.000Z",
      period: 0.5,
      nswprice: 0.6,
      nswdemand: 0.7,
      vicprice: 0.8,
      vicdemand: 0.9,
      transfer: 1,
    });
  });

  test("have labels that are known 48 rows later", () => {
    expect(JSON.parse(labelText(two, 1))).toEqual({
      reading_id: "r1",
      known_at: "1996-05-08T00:30:00.000Z",
      is_up: false,
    });
    expect(rowAtTime(timeOfRow(1 + labelDelayRows))).toBe(49);
  });

  test("keep each row's label when they are shuffled, and all of their rows", () => {
    const rows = Array.from({ length: 200 }, (_, row) => `${row},0,0,0,0,0,${row % 3 === 0 ? 1 : 0}`);
    const mixed = shuffled(readingsOf([header, ...rows].join("\n"), "rows.csv"), 7);
    const seen = Array.from({ length: 200 }, (_, row) => mixed.inputs[row * columns.length] as number);
    expect(seen.map((period) => (period % 3 === 0 ? 1 : 0))).toEqual([...mixed.labels]);
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, row) => row));
    expect(seen.slice(0, 10)).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("can be cut to the first ones", () => {
    expect(firstOf(two, 1)).toMatchObject({ count: 1, labels: Uint8Array.of(1) });
    expect(firstOf(two, 9).count).toBe(2);
  });
});

describe("the modes", () => {
  const modeNamed = (name: string) => modesOf("mlp").find((mode) => mode.name === name)!;
  const dueUntil = (name: string, rows: number) =>
    Array.from({ length: rows + 1 }, (_, row) => row).filter((row) => isDue(modeNamed(name), row));

  test("of a timer go off at its period, moved by its phase, and never with the first training", () => {
    expect(dueUntil("timer-960-0", 2_000)).toEqual([960, 1_920]);
    expect(dueUntil("timer-960-240", 2_200)).toEqual([240, 1_200, 2_160]);
    expect(dueUntil("timer-480-0", 1_000)).toEqual([480, 960]);
    expect(dueUntil("static", 40_781)).toEqual([]);
  });

  test("of a timer of 960 train 42 times over all rows, one of 480 trains 84 times", () => {
    expect(dueUntil("timer-960-0", 40_780)).toHaveLength(42);
    expect(dueUntil("timer-480-0", 40_780)).toHaveLength(84);
  });

  test("of a warm start are for the network alone, one per seed", () => {
    const warm = modesOf("mlp").filter(({ isWarm }) => isWarm);
    expect(warm.map(({ name, seed, everyRows }) => [name, seed, everyRows])).toEqual([
      ["warm-0", 0, 960],
      ["warm-1", 1, 960],
      ["warm-2", 2, 960],
    ]);
    expect(modesOf("logistic").filter(({ isWarm }) => isWarm)).toEqual([]);
  });
});

describe("the result", () => {
  const servedOf = (scores: readonly number[]) => {
    const all = new Float64Array(firstRows + scores.length);
    all.set(scores, firstRows);
    return { scores: all, versions: new Int32Array(all.length) };
  };

  test("counts a score of at least a half as up, over the rows after the first", () => {
    // Right, right, wrong, wrong.
    expect(accuracyOf(labelled([1, 0, 1, 0]), servedOf([0.5, 0.49, 0.2, 0.9]))).toBe(0.5);
  });

  test("is refused for a row without a score", () => {
    expect(() => accuracyOf(labelled([1, 0]), servedOf([0.5, Number.NaN]))).toThrow(
      `row ${firstRows + 1} has the score`,
    );
  });

  test("is refused for a row that an older version has scored", () => {
    const served = servedOf([0.5, 0.5]);
    const inService = new Int32Array(firstRows + 2).fill(2);
    served.versions.fill(2);
    expect(() => checkVersions("timer", served, inService)).not.toThrow();
    served.versions[firstRows + 1] = 1;
    expect(() => checkVersions("timer", served, inService)).toThrow(
      `timer: row ${firstRows + 1} was scored by version 1, and 2 was in service`,
    );
  });

  test("of repeating what is known says the label of 48 rows ago", () => {
    // Rows before the first measured are 0: the first label is said wrong, the other 47 right, the last is the first's.
    expect(repeatAccuracy(labelled([1, ...Array.from({ length: 47 }, () => 0), 1]))).toBeCloseTo(48 / 49, 12);
  });

  test("is a line of model, mode, accuracy in per cent, trainings, promotions and processor time", () => {
    const result = {
      model: "mlp",
      mode: "warm-0",
      accuracy: 0.77654,
      retrainings: 42,
      promoted: 41,
      cpuSeconds: 12.34,
    };
    expect(lineOf(result)).toBe("elec2 mlp warm-0 77.65 42 41 12.3");
  });
});
