import { describe, expect, test } from "vitest";
import {
  type BaselineFieldRecord,
  BaselineSet,
  type PartialRecord,
  qualityDefaults,
  type VerdictRecord,
} from "../../../src/monitor/index.ts";
import {
  type FieldReport,
  fieldReports,
  fieldStatuses,
  modelReports,
  performanceStatuses,
  reportedWindows,
  reportPage,
} from "../../../src/monitoring/index.ts";
import type { PlannedMonitor, PlannedPerformance } from "../../../src/topology/index.ts";
import { hourMs, rowsMonitor } from "./baseline-scene.ts";
import { verdictOf } from "./verdicts.ts";

const id = "card/2-0a0b0c0d";
const monitor = { ...rowsMonitor, season: "none" } as unknown as PlannedMonitor;

/** Cells of amount: null, NaN, -Infinity, Infinity, below, [0, 1), [1, 2], above. Of country: null, (other), (unseen), "ES", "IT". */
const field = (name: "amount" | "country", given: Partial<BaselineFieldRecord> = {}): BaselineFieldRecord => ({
  monitor: "m",
  id,
  field: name,
  fields: 2,
  cells:
    name === "amount"
      ? { kind: "numbers", edges: [0, 1, 2] }
      : {
          kind: "categories",
          values: [
            ["ES", 30],
            ["IT", 20],
          ],
        },
  windows: [8, 9].map((hour) => ({
    fromMs: hour * hourMs,
    rows: 25,
    counts: name === "amount" ? Float64Array.of(1, 0, 0, 0, 0, 20, 4, 0) : Float64Array.of(0, 0, 0, 15, 10),
  })),
  ...given,
});

function baselinesOf(fields: readonly BaselineFieldRecord[]): BaselineSet {
  const set = new BaselineSet();
  for (const record of fields) set.take(record);
  set.take({ monitor: "m", version: monitor.version, id, origin: "a test", asked: "", atMs: 0 });
  return set;
}
// The baseline's fields come in another order than the monitor's.
const baselines = baselinesOf([field("country"), field("amount")]);

const partial = (partition: number, given: Partial<PartialRecord> = {}): PartialRecord => ({
  monitor: "m",
  version: monitor.version,
  stage: "s",
  partition,
  fromMs: 10 * hourMs,
  baseline: id,
  rows: 10,
  late: 0,
  counts: [Float64Array.of(0, 0, 0, 0, 0, 1, 6, 3), Float64Array.of(0, 0, 2, 8, 0)],
  offsetFrom: 0,
  offsetNext: 10,
  schemas: [],
  recent: undefined,
  streamTimeMs: 0,
  isClosed: true,
  plan: "",
  model: undefined,
  ...given,
});

const judged = (hour: number, given: Partial<VerdictRecord> = {}) => [
  verdictOf({ fromMs: hour * hourMs, ...given }),
  verdictOf({ fromMs: hour * hourMs, field: "country", ...given }),
];

describe("the report of a field", () => {
  test("puts the last judged window beside its reference, in the same cells", () => {
    const others = [
      partial(2, { fromMs: 9 * hourMs }),
      partial(2, { version: "another" }),
      partial(2, { baseline: "another" }),
      partial(2, { monitor: "another" }),
      partial(2, { rows: 0, counts: [] }),
    ];
    const verdicts = [
      ...judged(9),
      ...judged(10, { kind: "DRIFT" }),
      ...judged(11, { kind: "NO_DATA", baseline: "", m: 0 }),
    ];
    const [amount, country, ...rest] = fieldReports(
      [monitor],
      verdicts,
      [partial(0), partial(1), ...others],
      baselines,
    );
    expect(rest).toEqual([]);
    expect(amount?.cells).toEqual([
      { name: "null", reference: 2, current: 0 },
      { name: "[0, 1)", reference: 40, current: 2 },
      { name: "[1, 2]", reference: 8, current: 12 },
      { name: "above", reference: 0, current: 6 },
    ]);
    expect([amount?.n, amount?.m, amount?.verdicts.length, amount?.last?.kind]).toEqual([50, 20, 3, "NO_DATA"]);
    expect(country?.cells).toEqual([
      { name: "(unseen)", reference: 0, current: 4 },
      { name: '"ES"', reference: 30, current: 16 },
      { name: '"IT"', reference: 20, current: 0 },
    ]);
  });

  test("compares with the season that the judge has compared with", () => {
    // Four windows at ten o'clock, which make a season, and four at eleven.
    const windows = [10, 11, 34, 35, 58, 59, 82, 83].map((hour) => {
      const counts = new Float64Array(8);
      counts[hour % 24 === 10 ? 5 : 6] = 25;
      return { fromMs: hour * hourMs, rows: 25, counts };
    });
    const country = windows.map((window) => ({ ...window, counts: Float64Array.of(0, 0, 0, 25, 0) }));
    const set = baselinesOf([field("amount", { windows }), field("country", { windows: country })]);
    const seasonal = { ...monitor, season: "hour-of-day" } as PlannedMonitor;
    const [amount] = fieldReports([seasonal], judged(10), [partial(0)], set);
    expect(amount?.cells[0]).toEqual({ name: "[0, 1)", reference: 100, current: 1 });
    expect(amount?.n).toBe(100);
  });

  test("tells no value of a sensitive field", () => {
    const fields = [{ ...monitor.fields[0], isSensitive: true }, monitor.fields[1]] as PlannedMonitor["fields"];
    const [amount] = fieldReports([{ ...monitor, fields }], judged(10), [partial(0)], baselines);
    expect(amount?.cells.map(({ name }) => name)).toEqual(["cell 0", "cell 5", "cell 6", "cell 7"]);
  });

  test("has no cells where the counts or the baseline are gone, or are of the monitor as it was", () => {
    const cellsOf = (partials: readonly PartialRecord[], set: BaselineSet) =>
      fieldReports([monitor], judged(10), partials, set).map(({ cells, n, m }) => [cells.length, n, m]);
    const nothing = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    expect(cellsOf([], baselines)).toEqual(nothing);
    expect(cellsOf([partial(0)], new BaselineSet())).toEqual(nothing);
    const older = baselinesOf([field("country", { field: "city" }), field("amount")]);
    expect(cellsOf([partial(0)], older)).toEqual(nothing);
  });

  test("is of the last window that a baseline counted", () => {
    const learning = judged(12, { kind: "LEARNING", baseline: "" });
    expect(reportedWindows([monitor], [...judged(10), ...judged(11), ...learning])).toEqual([
      { monitor: "m", fromMs: 11 * hourMs, toMs: 12 * hourMs, baseline: id },
    ]);
    expect(reportedWindows([monitor], learning)).toEqual([]);
  });
});

describe("the status of a field", () => {
  test("is its last verdict, with what is in service now", () => {
    const verdicts = [
      ...judged(9, { kind: "DRIFT" }),
      verdictOf({ judgedAtMs: 5, cause: "world", phase: "firing", incident: "i" }),
    ];
    const [amount, country] = fieldStatuses([monitor], verdicts, baselines);
    expect(amount).toEqual({
      monitor: "m",
      field: "amount",
      verdict: "OK",
      reason: null,
      score: 0.01,
      threshold: 0.1,
      noiseFloor: 0.05,
      probability: 0.5,
      falseDiscoveryRate: 0.6,
      n: 10_000,
      m: 1_000,
      late: 0,
      season: "none",
      from: "1970-01-01T10:00:00.000Z",
      to: "1970-01-01T11:00:00.000Z",
      cause: "world",
      phase: "firing",
      incident: "i",
      judgedBy: id,
      baseline: id,
    });
    expect([country?.verdict, country?.from]).toEqual(["DRIFT", "1970-01-01T09:00:00.000Z"]);
  });

  test("is followed by what was said of the rows, as far as the monitor still asks for it", () => {
    const said = ["amount.missing", "amount.unseen", "quality.arrival"].map((field) => verdictOf({ field }));
    const asking = { ...monitor, quality: { metrics: ["missing" as const], practical: qualityDefaults } };
    expect(fieldStatuses([asking], said, baselines).map(({ field, verdict }) => `${field} ${verdict}`)).toEqual([
      "amount NONE",
      "country NONE",
      "amount.missing OK",
      "quality.arrival OK",
    ]);
  });

  test("without a number has none in its place, and without a verdict is NONE", () => {
    const nothing = Number.NaN;
    const unjudged = verdictOf({
      kind: "INSUFFICIENT",
      reason: "rows",
      n: 0,
      m: 7,
      score: nothing,
      threshold: nothing,
      baseline: "",
    });
    const [amount, country] = fieldStatuses([monitor], [unjudged], new BaselineSet());
    expect(amount).toMatchObject({
      verdict: "INSUFFICIENT",
      reason: "rows",
      score: null,
      threshold: null,
      n: null,
      m: 7,
    });
    expect(amount).toMatchObject({ season: null, judgedBy: null, baseline: null });
    expect(country).toMatchObject({ verdict: "NONE", m: null, from: null });
    expect(JSON.stringify([amount, country])).not.toContain("NaN");
  });
});

describe("the page", () => {
  const reportOf = (given: Partial<FieldReport> = {}): FieldReport => ({
    monitor: "m",
    field: "amount",
    isSensitive: false,
    last: verdictOf({ kind: "DRIFT", score: 0.51234, cause: "world" }),
    cells: [
      { name: "[0, 1)", reference: 40, current: 2 },
      { name: '"<b>&"', reference: 10, current: 18 },
    ],
    n: 50,
    m: 20,
    verdicts: [verdictOf({ fromMs: 9 * hourMs }), verdictOf({ kind: "DRIFT", score: 0.51234, cause: "world" })],
    ...given,
  });
  const page = (fields: readonly FieldReport[], topology = "shop"): string => reportPage({ topology, atMs: 0, fields });

  test("says the last verdict in words, with the rows beside every number", () => {
    expect(page([reportOf()])).toContain(
      'The window 1970-01-01T10:00:00.000Z to 1970-01-01T11:00:00.000Z (m = 1000): <span class="DRIFT">DRIFT</span>, score 0.512 against a threshold of 0.1 by baseline card/2-0a0b0c0d (n = 10000). The cause is taken to be: world.',
    );
    expect(page([reportOf()])).toContain("Rows per cell: n = 50, m = 20");
    expect(page([reportOf({ last: undefined, verdicts: [], cells: [] })])).toContain("No window was judged yet.");
  });

  test("has what the drawings show as tables, and names each drawing", () => {
    const text = page([reportOf()]);
    expect(text).toContain(
      '<tr><td>[0, 1)</td><td class="number">40</td><td class="number">80.0 %</td><td class="number">2</td><td class="number">10.0 %</td></tr>',
    );
    const drawings = text.match(/<svg [^>]*>/g) ?? [];
    expect(drawings).toHaveLength(2);
    for (const drawing of drawings) expect(drawing).toMatch(/role="img" aria-label="[^"]+"/);
  });

  test("draws both shares on one scale: the highest bar is as high as the drawing", () => {
    const [drawing] = page([reportOf()]).match(/<svg .*?<\/svg>/s) ?? [];
    const heights = (name: string) =>
      [
        ...(drawing ?? "").matchAll(
          new RegExp(`<rect class="${name}" x="[^"]*" y="[^"]*" width="[^"]*" height="([^"]*)"/>`, "g"),
        ),
      ]
        .map(([, tall]) => Number(tall))
        .filter((tall) => tall !== 11);
    // Shares 80 % and 20 % of the reference, 10 % and 90 % of the window; 90 % is 180 high.
    expect(heights("reference")).toEqual([160, 40]);
    expect(heights("current")).toEqual([20, 180]);
  });

  test("shows what was not judged by its own mark, and drift by another than by colour", () => {
    const nothing = Number.NaN;
    const unjudged = verdictOf({
      fromMs: 8 * hourMs,
      kind: "INSUFFICIENT",
      reason: "rows",
      score: nothing,
      threshold: nothing,
    });
    const text = page([reportOf({ verdicts: [unjudged, ...reportOf().verdicts] })]);
    expect(text.match(/<rect class="unsure"/g)).toHaveLength(1);
    expect(text.match(/<path class="drift"/g)).toHaveLength(1);
    expect(text.match(/<circle class="ok"/g)).toHaveLength(1);
    expect(text).not.toContain("NaN");
    expect(text).toContain('<td class="INSUFFICIENT">INSUFFICIENT (rows)</td>');
  });

  test("takes nothing from anywhere, runs nothing, and shows text as text", () => {
    const text = page([reportOf({ field: "<script>alert(1)</script>" })], "a<b");
    expect(text).not.toMatch(/<script|<link|<img|src=|url\(|@import/);
    expect(text).toContain("<title>Drift of a&lt;b</title>");
    expect(text).toContain("&quot;&lt;b&gt;&amp;&quot;");
    expect(text).toContain("prefers-color-scheme: dark");
  });

  test("of a sensitive field says why cells have no names", () => {
    expect(page([reportOf({ isSensitive: true })])).toContain(
      "The field is sensitive: cells have numbers and no names.",
    );
  });

  test("draws at most sixty cells, those that hold most, and says how many are left out", () => {
    const cells = Array.from({ length: 100 }, (_, i) => ({ name: `c${i}`, reference: i, current: 0 }));
    const text = page([reportOf({ cells, n: 4_950, m: 1 })]);
    expect(text).toContain("40 smaller cells are in the table alone");
    expect(text).toContain("<td>c0</td>");
  });
});

describe("of a model", () => {
  const model = {
    name: "model",
    metrics: ["auc"],
    detectors: [{ kind: "adwin", config: {} }],
    estimate: { metrics: ["estimated_auc"] },
  } as unknown as PlannedPerformance;
  const own = { monitor: "model", baseline: "fraud/3", unit: "metric" } as const;
  const verdicts = [
    verdictOf({ ...own, field: "estimated_auc", kind: "DRIFT", score: 0.1, value: 0.8125, reference: 0.9125 }),
    verdictOf({ ...own, field: "auc", value: 0.91, reference: 0.9125, fromMs: 9 * hourMs }),
    verdictOf({ monitor: "m", field: "auc" }),
  ];

  test("what is measured, what detectors say and what is estimated are there, each with its last verdict", () => {
    const statuses = performanceStatuses([model], verdicts);
    expect(statuses.map(({ monitor: of, field: name, verdict, baseline }) => [of, name, verdict, baseline])).toEqual([
      ["model", "auc", "OK", "fraud/3"],
      ["model", "error.adwin", "NONE", null],
      ["model", "estimated_auc", "DRIFT", "fraud/3"],
    ]);
    expect(performanceStatuses([{ ...model, estimate: undefined }], verdicts)).toHaveLength(2);
  });

  test("the page says of each whether it was measured or estimated, and both numbers of each window", () => {
    const page = reportPage({ topology: "shop", atMs: 0, fields: [], models: modelReports([model], verdicts) });
    const [, auc, detector, estimated] = page.split("<section>");
    expect(auc).toContain("<h2>model / auc</h2>\n<p>Measured by labels.");
    expect(auc).toContain(
      '<td>fraud/3</td><td class="number">0.91</td><td class="number">0.912</td><td class="OK">OK</td>',
    );
    expect(detector).toContain("The last 0 of 0 verdicts");
    expect(estimated).toContain("<h2>model / estimated_auc</h2>\n<p>Estimated before labels are there");
    expect(estimated).toContain("and not that inputs mean something else");
    expect(estimated).toContain('<td class="number">0.813</td>');
  });
});
