import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JoinedLabel, JoinedPrediction, LabelledRecord, PerformanceSpec } from "../../../../src/monitor/index.ts";
import { detectorCatalogue, practicalDefaults } from "../../../../src/monitor/index.ts";
import { type JoinedWindow, LabelJoin } from "../../../../src/monitoring/labels/label-join.ts";

const minute = 60_000;

const specOf = (over: Partial<PerformanceSpec> = {}): PerformanceSpec => ({
  name: "m",
  kind: "performance",
  severity: "page",
  join: "j",
  windowMs: 10 * minute,
  waitMs: 5 * minute,
  withinMs: undefined,
  isAbsenceNegative: false,
  lateMs: minute,
  metrics: ["accuracy"],
  practical: practicalDefaults,
  detectors: [],
  version: "v",
  ...over,
});

const prediction = (eventId: string, atMin: number, over: Partial<JoinedPrediction> = {}): JoinedPrediction => ({
  join: "j",
  key: eventId,
  eventId,
  timeMs: atMin * minute,
  model: "fraud",
  version: 1,
  score: 0.9,
  ...over,
});
const label = (key: string, atMin: number, value: 0 | 1, eventId = `l-${key}-${atMin}`): JoinedLabel => ({
  join: "j",
  key,
  eventId,
  timeMs: atMin * minute,
  label: value,
});
/** What brings both stream times so far that windows close: a prediction and a label that belong to nothing. */
const until = (atMin: number): LabelledRecord[] => [
  prediction(`end-${atMin}`, atMin),
  label(`nobody-${atMin}`, atMin, 1),
];

interface Run {
  readonly rowsMax?: number;
  readonly kafkaMs?: (index: number) => number;
}

function run(spec: PerformanceSpec, records: readonly LabelledRecord[], { rowsMax = 1_000, kafkaMs }: Run = {}) {
  const join = new LabelJoin(spec, { rowsMax, referenceOf: () => undefined });
  return records.flatMap((record, i) => join.take(record, i, kafkaMs?.(i) ?? 0));
}

const counts = (windows: readonly JoinedWindow[]) =>
  windows.map(({ fromMs, performance: { versions, isOutage, late } }) => ({
    from: fromMs / minute,
    isOutage,
    late,
    versions: versions.map(({ version, rows, kept, labelled, positives, metrics }) => {
      return { version, rows, kept, labelled, positives, accuracy: metrics[0]?.value };
    }),
  }));

// A step per row of the key, for each of its rows: 40,000 rows of one device stopped the loop for half a minute when their
// window closed, beyond every session. The time that a test may take ends the run that does so.
test("rows and labels of one key come and go as fast as those of many", () => {
  const count = 100_000;
  const ofOne = Array.from({ length: count }, (_, i) => prediction(`p${i}`, i / count, { key: "device" }));
  const labels = Array.from({ length: count }, (_, i) => label("other", 2 + i / count, 1, `l${i}`));
  const [window] = counts(run(specOf(), [...ofOne, ...labels, ...until(30)], { rowsMax: 2 * count }));
  expect(window?.versions).toMatchObject([{ rows: count, kept: count, labelled: 0 }]);
});

describe("a window", () => {
  test("is done with when both sides have come past all that it waits for, and measured by its labels", () => {
    const records = [
      prediction("a", 1),
      prediction("b", 2, { score: 0.2 }),
      prediction("c", 3, { score: 0.7 }),
      label("a", 4, 1),
      label("b", 4, 0),
      label("c", 5, 0),
    ];
    const [end, labelEnd] = until(15);
    expect(run(specOf(), [...records, end!])).toEqual([]);
    expect(run(specOf(), [...records, prediction("e", 12), label("x", 14.9, 1)])).toEqual([]);
    expect(counts(run(specOf(), [...records, end!, labelEnd!]))).toEqual([
      {
        from: 0,
        isOutage: false,
        late: 0,
        versions: [{ version: 1, rows: 3, kept: 3, labelled: 3, positives: 1, accuracy: 2 / 3 }],
      },
    ]);
  });

  test("keeps versions apart, most predictions last", () => {
    const of = (version: number, ids: string[]) => ids.map((id) => prediction(id, 1, { version }));
    const records = [...of(2, ["a", "b"]), ...of(1, ["c"]), label("a", 2, 1), label("b", 2, 1), label("c", 2, 0)];
    expect(counts(run(specOf(), [...records, ...until(15)]))[0]?.versions).toEqual([
      { version: 1, rows: 1, kept: 1, labelled: 1, positives: 0, accuracy: 0 },
      { version: 2, rows: 2, kept: 2, labelled: 2, positives: 2, accuracy: 1 },
    ]);
  });

  test("takes labels that stand in the log before their predictions", () => {
    expect(counts(run(specOf(), [label("a", 3, 0), prediction("a", 1), ...until(15)]))[0]?.versions).toMatchObject([
      { labelled: 1, positives: 0 },
    ]);
  });

  test("counts as late what comes when it is closed, in the window that closes next", () => {
    const records = [prediction("a", 1), label("a", 2, 1), ...until(15)];
    const after = [label("a", 16, 0), prediction("b", 9), label("end-15", 16, 1), ...until(25)];
    const [first, second] = counts(run(specOf(), [...records, ...after]));
    expect(first?.versions).toMatchObject([{ labelled: 1, positives: 1 }]);
    expect(second).toMatchObject({ from: 10, late: 2, versions: [{ rows: 1 }] });
  });

  test("takes a prediction that is there twice once", () => {
    const records = [prediction("a", 1), prediction("a", 1), label("a", 2, 1), ...until(15)];
    expect(counts(run(specOf(), records))[0]?.versions).toMatchObject([{ rows: 1, labelled: 1 }]);
  });
});

describe("of several labels", () => {
  test.each<[string, LabelledRecord[], number]>([
    ["the last by event time counts, however they come", [label("a", 3, 1), label("a", 2, 0)], 1],
    ["the last counts when it comes last", [label("a", 2, 1), label("a", 3, 0)], 0],
    ["of one time the larger event id counts", [label("a", 2, 1, "y"), label("a", 2, 0, "x")], 1],
    ["one that is written again counts as it was written last", [label("a", 2, 1, "x"), label("a", 2, 0, "x")], 0],
  ])("%s", (_, labels, positives) => {
    for (const records of [
      [prediction("a", 1), ...labels],
      [...labels, prediction("a", 1)],
    ])
      expect(counts(run(specOf(), [...records, ...until(15)]))[0]?.versions).toMatchObject([{ positives }]);
  });

  test("within a time those count that lie from the event on and no later", () => {
    const spec = specOf({ withinMs: 3 * minute });
    const records = [prediction("a", 2, { key: "k" }), prediction("b", 5, { key: "k" })];
    // 5 is within 3 min of the first and of the second, and 4 before the second.
    const [window] = counts(run(spec, [...records, label("k", 4, 1), label("k", 8.5, 0), ...until(15)]));
    expect(window?.versions).toMatchObject([{ rows: 2, labelled: 1, positives: 1 }]);
    const [both] = counts(run(spec, [...records, label("k", 5, 1), ...until(15)]));
    expect(both?.versions).toMatchObject([{ labelled: 2, positives: 2 }]);
  });
});

describe("labels that are missing", () => {
  const many = (from: number, n: number, atMin: number) =>
    Array.from({ length: n }, (_, i) => prediction(`p${from + i}`, atMin, { score: 0.2 }));

  test("are an outage when the labels stand still for long by Kafka's time, and no window closes before", () => {
    const records = [prediction("a", 1), prediction("b", 16), prediction("c", 17)];
    const silent = (ms: number) => counts(run(specOf(), records, { kafkaMs: (i) => (i === 2 ? ms : 0) }));
    expect(silent(15 * minute - 1)).toEqual([]);
    expect(silent(15 * minute)).toMatchObject([{ from: 0, isOutage: true, versions: [{ labelled: 0 }] }]);
  });

  test("are an outage where their absence would mean false and far fewer positives come than usual", () => {
    const spec = specOf({ isAbsenceNegative: true });
    const ten = many(0, 100, 1)
      .slice(0, 10)
      .map(({ key }) => label(key, 2, 1));
    const usual = [...many(0, 100, 1), ...ten, ...until(15)];
    // Of 100 rows 10 are positive as a rule (21 of 201 with the row that ends the window): none has a probability of e^-10.
    const [first, outage] = counts(run(spec, [...usual, ...many(100, 100, 16), ...until(25)]));
    expect(first).toMatchObject({ isOutage: false, versions: [{ rows: 100, labelled: 100, positives: 10 }] });
    expect(outage).toMatchObject({ isOutage: true, versions: [{ rows: 101, labelled: 0 }] });
    const four = [100, 101, 102, 103].map((n) => label(`p${n}`, 17, 1));
    // Four or fewer of ten have a probability of 0.03, which is believed.
    const [, believed] = counts(run(spec, [...usual, ...many(100, 100, 16), ...four, ...until(25)]));
    expect(believed).toMatchObject({ isOutage: false, versions: [{ labelled: 101, positives: 4 }] });
  });

  test("are an outage where fewer than half as many rows as usual have one", () => {
    const labelsOf = (rows: readonly JoinedPrediction[]) =>
      rows.map(({ key, timeMs }) => label(key, timeMs / minute, 1));
    const [rows, later] = [many(0, 40, 1), many(40, 40, 16)];
    const log = (labelled: number) => [
      ...[...rows, ...labelsOf(rows), ...until(15)],
      ...[...later, ...labelsOf(later.slice(0, labelled)), ...until(25)],
    ];
    expect(counts(run(specOf(), log(20)))[1]).toMatchObject({ isOutage: true });
    expect(counts(run(specOf(), log(21)))[1]).toMatchObject({ isOutage: false });
  });
});

test("more predictions than can wait are thinned out by their keys, and the window says how many are held", () => {
  const rows = Array.from({ length: 400 }, (_, i) => prediction(`p${i}`, 1));
  const labels = rows.map(({ key }) => label(key, 2, 1));
  const [window] = counts(run(specOf(), [...rows, ...labels, ...until(15)], { rowsMax: 150 }));
  const [version] = window?.versions ?? [];
  expect(version?.rows).toBe(400);
  // A quarter of the keys: 100 are expected, and 60 to 140 are five deviations wide.
  expect(version?.kept).toBeGreaterThan(60);
  expect(version?.kept).toBeLessThan(140);
  expect(version?.labelled).toBe(version?.kept);
});

describe("detectors", () => {
  const spec = specOf({ detectors: [{ kind: "ddm", config: detectorCatalogue.ddm.config.parse({}) }] });

  test("see the errors in the order of labels, keep their first alarm, and begin anew with another version", () => {
    const rows = (from: number, n: number, version: number, isWrong: (i: number) => boolean) =>
      Array.from({ length: n }, (_, i): LabelledRecord[] => {
        const id = `p${from + i}`;
        return [prediction(id, 1, { version }), label(id, 2, isWrong(i) ? 0 : 1)];
      }).flat();
    const wrongFrom = (at: number) => (i: number) => i >= at || i % 10 === 0;
    const log = [...rows(0, 100, 1, wrongFrom(60)), ...rows(100, 50, 2, (i) => i % 10 === 0), ...until(15)];
    const [window] = run(spec, log);
    const [second, first] = window?.performance.versions ?? [];
    expect(second).toMatchObject({ version: 2, detectors: [{ kind: "ddm", rows: 50, sinceRow: undefined }] });
    expect(first).toMatchObject({ version: 1, detectors: [{ kind: "ddm", rows: 100, sinceMs: minute }] });
    const since = first?.detectors[0]?.sinceRow ?? 0;
    // Behind the change at row 61, and before the end.
    expect(since).toBeGreaterThan(60);
    expect(since).toBeLessThan(90);
  });
});

/** The same by a pass over all records at once: windows by hand, no state that goes along. */
function oracle(spec: PerformanceSpec, records: readonly LabelledRecord[]) {
  const found: unknown[] = [];
  let closedTo = Number.NEGATIVE_INFINITY;
  for (let n = 1; n <= records.length; n++) {
    const seen = records.slice(0, n);
    const labels = seen.filter((record) => "label" in record) as JoinedLabel[];
    const accepted = acceptedBy(spec, seen);
    const labelTime = Math.max(...labels.map(({ timeMs }) => timeMs), Number.NEGATIVE_INFINITY);
    const time = Math.max(...accepted.map(({ timeMs }) => timeMs), Number.NEGATIVE_INFINITY);
    const begins = [...new Set(accepted.map(({ timeMs }) => Math.floor(timeMs / spec.windowMs) * spec.windowMs))];
    for (const from of begins.sort((a, b) => a - b)) {
      const to = from + spec.windowMs;
      if (from < closedTo || time < to + spec.lateMs || labelTime < to + spec.waitMs) continue;
      closedTo = to;
      const rows = accepted.filter(({ timeMs }) => timeMs >= from && timeMs < to);
      const known = rows.flatMap((row) => {
        const own = labels.filter(({ key, timeMs }) => {
          if (key !== row.key) return false;
          if (spec.withinMs === undefined) return row.timeMs <= timeMs + spec.waitMs;
          return timeMs >= row.timeMs && timeMs - row.timeMs <= spec.withinMs;
        });
        own.sort((a, b) => a.timeMs - b.timeMs || (a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0));
        const last = own.at(-1);
        return last === undefined ? [] : [{ row, label: last.label }];
      });
      const right = known.filter(({ row, label: is }) => row.score >= 0.5 === (is === 1)).length;
      found.push({ from, rows: rows.length, labelled: known.length, accuracy: right / known.length });
    }
  }
  return found;
}

/** Predictions that are not late when they come, each once. */
function acceptedBy(spec: PerformanceSpec, seen: readonly LabelledRecord[]): JoinedPrediction[] {
  const accepted: JoinedPrediction[] = [];
  let [closedTo, labelTime, time] = [-Infinity, -Infinity, -Infinity];
  for (const record of seen) {
    if ("label" in record) labelTime = Math.max(labelTime, record.timeMs);
    else {
      const from = Math.floor(record.timeMs / spec.windowMs) * spec.windowMs;
      if (from < closedTo || accepted.some(({ eventId }) => eventId === record.eventId)) continue;
      accepted.push(record);
      time = Math.max(time, record.timeMs);
    }
    for (const { timeMs } of accepted) {
      const to = (Math.floor(timeMs / spec.windowMs) + 1) * spec.windowMs;
      if (to > closedTo && time >= to + spec.lateMs && labelTime >= to + spec.waitMs) closedTo = Math.max(closedTo, to);
    }
  }
  return accepted;
}

test("windows come to what a pass over all records says, whatever the order of both sides", () => {
  const record = fc.record({
    isLabel: fc.boolean(),
    key: fc.constantFrom("a", "b", "c", "d"),
    id: fc.integer({ min: 0, max: 30 }),
    at: fc.integer({ min: 0, max: 8 }),
    value: fc.boolean(),
  });
  const log = fc.array(record, { maxLength: 60 });
  fc.assert(
    fc.property(log, fc.constantFrom(undefined, 3 * minute), (drawn, withinMs) => {
      const spec = specOf({ withinMs });
      const records = drawn.map(({ isLabel, key, id, at, value }, i): LabelledRecord => {
        // Event time goes on, and jumps back by up to four minutes.
        const atMin = Math.floor(i / 2) + at - 4;
        if (isLabel) return label(key, atMin, value ? 1 : 0, `l${id}`);
        return prediction(`${key}${id}`, atMin, { key, score: value ? 0.8 : 0.2 });
      });
      const windows = run(spec, records).map(({ fromMs, performance: { versions } }) => {
        const [only] = versions;
        return { from: fromMs, rows: only?.rows, labelled: only?.labelled, accuracy: only?.metrics[0]?.value };
      });
      expect(windows).toEqual(oracle(spec, records));
    }),
    { numRuns: Number(process.env["NUM_RUNS"] ?? 60) },
  );
});
