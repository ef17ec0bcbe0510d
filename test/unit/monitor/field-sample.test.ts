import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CellsSource,
  cellsOf,
  fieldSample,
  type MonitoredField,
  type MonitoredValue,
} from "../../../src/monitor/index.ts";

const of = (kind: MonitoredField["kind"], isSensitive = false): MonitoredField => ({ name: "x", kind, isSensitive });

function cellsFrom(field: MonitoredField, values: Iterable<MonitoredValue>): CellsSource {
  const sample = fieldSample(field);
  for (const value of values) sample.add(value);
  return sample.cells();
}

function edgesFrom(values: Iterable<MonitoredValue>, isSensitive = false): readonly number[] {
  const source = cellsFrom(of("numbers", isSensitive), values);
  return source.kind === "numbers" ? source.edges : [];
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const times = (count: number, value: MonitoredValue): MonitoredValue[] => Array.from({ length: count }, () => value);

describe("edges of numbers", () => {
  test("are the smallest, the largest and the twentieths between them", () => {
    // 0 .. 200: quantile i/20 is 10 i.
    expect(edgesFrom(upTo(201))).toEqual(upTo(21).map((i) => 10 * i));
  });

  test("leave out what is no finite number", () => {
    expect(edgesFrom([null, Number.NaN, Number.POSITIVE_INFINITY, 4, Number.NEGATIVE_INFINITY, "9", true])).toEqual([
      4,
    ]);
    expect(edgesFrom([null, Number.NaN])).toEqual([]);
  });

  test("hold the smallest and the largest of more values than are kept, and quantiles within two percent", () => {
    const count = 100_000;
    // Values in an order with a period, as of hours of a day; the two ends come last.
    const values = [...upTo(count).map((i) => ((i * 7_919) % count) / count), -5, 7];
    const edges = edgesFrom(values);
    expect([edges[0], edges.at(-1)]).toEqual([-5, 7]);
    // A sample that preferred what came late would have its middle there.
    const ascending = edgesFrom(upTo(count).map((i) => i / count));
    for (let i = 1; i < 20; i++) {
      expect(Math.abs((edges[i] ?? 9) - i / 20)).toBeLessThan(0.02);
      expect(Math.abs((ascending[i] ?? 9) - i / 20)).toBeLessThan(0.02);
    }
    expect(edges).toHaveLength(21);
  });

  test("are the same for the same values, and not of one phase of values with a period", () => {
    const values = upTo(65_536).map((i) => i % 16);
    expect(edgesFrom(values)).toEqual(edgesFrom(values));
    expect(edgesFrom(values)).toEqual([...upTo(15), 14.5, 15]);
  });

  test("of a flag keep its two values apart, and of one value there is one", () => {
    const source = cellsFrom(of("numbers"), [...times(50, 0), ...times(50, 1)]);
    const cells = cellsOf(source);
    expect(cells.cellOf(0)).not.toBe(cells.cellOf(1));
    expect(edgesFrom(times(30, 7))).toEqual([7]);
  });

  test("leave a largest value that is rare in the bin of its neighbours", () => {
    expect(edgesFrom([...upTo(1_000), 5_000]).slice(-2)).toEqual([950, 5_000]);
  });

  test("of a sensitive field are quantiles of two digits, and no value of the ends", () => {
    const edges = edgesFrom([...upTo(20_001).map((i) => 10_000 + i), 1_234_567, -1_234_567], true);
    expect(edges.length).toBeGreaterThan(10);
    for (const edge of edges) expect(Number(edge.toPrecision(2))).toBe(edge);
    expect(edges[0]).toBeGreaterThanOrEqual(10_000);
    expect(edges.at(-1)).toBeLessThanOrEqual(30_000);
    const flags = cellsOf(cellsFrom(of("numbers", true), [...times(50, 0), ...times(50, 1)]));
    expect(flags.cellOf(0)).not.toBe(flags.cellOf(1));
  });

  test("ascend, and hold every value that is not sensitive", () => {
    const values = fc.array(fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: 0, max: 3 })), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.boolean(), (given, isSensitive) => {
        const edges = edgesFrom(given, isSensitive);
        for (let i = 1; i < edges.length; i++) expect(edges[i]).toBeGreaterThan(edges[i - 1] ?? Number.NaN);
        const cells = cellsOf({ kind: "numbers", edges });
        const [below, above] = [4, cells.count - 1];
        for (const value of given) {
          if (isSensitive || !Number.isFinite(value)) continue;
          expect([below, above]).not.toContain(cells.cellOf(value));
        }
      }),
    );
  });
});

describe("values of texts", () => {
  const valuesFrom = (values: Iterable<MonitoredValue>, isSensitive = false) => {
    const source = cellsFrom(of("categories", isSensitive), values);
    return source.kind === "categories" ? source.values : [];
  };

  test("are those that at least twenty rows hold, the most frequent first, equally frequent ones by their text", () => {
    const rows = [...times(19, "rare"), ...times(20, "b"), ...times(20, "a"), ...times(21, "c"), ...times(50, null)];
    expect(valuesFrom(rows)).toEqual([
      ["c", 21],
      ["a", 20],
      ["b", 20],
    ]);
  });

  test("are what booleans are called", () => {
    expect(valuesFrom([...times(30, true), ...times(20, false)])).toEqual([
      ["true", 30],
      ["false", 20],
    ]);
  });

  test("hold no text of more than 256 characters", () => {
    expect(valuesFrom([...times(20, "x".repeat(257)), ...times(20, "x".repeat(256))])).toEqual([["x".repeat(256), 20]]);
  });

  test("hold what is frequent among more different ones than can be counted", () => {
    const rows = upTo(100_000).map((i) => (i % 10 === 0 ? "often" : `once ${i}`));
    expect(valuesFrom(rows).map(([value]) => value)).toEqual(["often"]);
  });

  test("are two hundred where all would be too large for a record", () => {
    const text = (i: number): string => `${String(i).padStart(4, "0")}${"x".repeat(240)}`;
    const many = (count: number) => upTo(count).flatMap((i) => times(20, text(i)));
    // 252 bytes each: 1,785 of them are 449,820 bytes.
    expect(valuesFrom(many(1_785))).toHaveLength(1_785);
    expect(valuesFrom(many(1_786)).map(([value]) => value)).toEqual(upTo(200).map(text));
  });

  test("of a sensitive field are none: what it holds is told from null alone", () => {
    const source = cellsFrom(of("categories", true), times(100, "secret"));
    expect(source).toEqual({ kind: "categories", values: [] });
    const cells = cellsOf(source);
    expect([cells.nameOf(cells.cellOf("secret")), cells.nameOf(cells.cellOf(null))]).toEqual(["(unseen)", "null"]);
  });
});
