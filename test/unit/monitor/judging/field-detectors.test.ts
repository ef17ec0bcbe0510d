import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createDetector,
  detectorCatalogue,
  Judge,
  type Judgement,
  type JudgeOptions,
  type MonitorSpec,
  type PartialRecord,
  qualityDefaults,
} from "../../../../src/monitor/index.ts";
import { atEndOf, baseline, even, feed, head, hourMs, options, partial, shifted, spec } from "./rig.ts";

/** So that each says something of some dozens of windows. */
const configs: Readonly<Record<keyof typeof detectorCatalogue, object>> = {
  adwin: { everySamples: 1, warmUpSamples: 5 },
  "hddm-a": {},
  "hddm-w": {},
  "page-hinkley": {},
  cusum: {},
  ddm: {},
  eddm: {},
  kswin: { windowSamples: 20, recentSamples: 8 },
};
const configOf = (kind: keyof typeof detectorCatalogue) => detectorCatalogue[kind].config.parse(configs[kind]);
const watching = (...kinds: (keyof typeof detectorCatalogue)[]): MonitorSpec => ({
  ...spec,
  detectors: { fields: ["x"], detectors: kinds.map((kind) => ({ kind, config: configOf(kind) })) },
});

function ready(monitor: MonitorSpec, over: Partial<JudgeOptions> = {}): Judge {
  const judge = new Judge({ ...options, monitors: [monitor], ...over });
  for (const record of [baseline(), head()]) judge.takeBaseline(record);
  return judge;
}
const lineOf = (judged: readonly Judgement[], line: string) =>
  judged.map(({ verdicts }) => verdicts.find(({ field }) => field === line));
const changed = [...Array.from({ length: 40 }, () => even), ...Array.from({ length: 60 }, () => shifted)];

describe.each(Object.keys(detectorCatalogue) as (keyof typeof detectorCatalogue)[])("%s", (kind) => {
  test("alarms where the detector itself does, given the level of each window", () => {
    const detector = createDetector(kind, configOf(kind));
    const isBinary = detectorCatalogue[kind].values === "zero-or-one";
    // A reference that never differs: the rows lie as it has them, or eight deviates and more below.
    const expected = changed.map((rows) => {
      const deviates = rows === even ? 0 : -8;
      return detector.add(isBinary ? Number(deviates !== 0) : deviates) === "drift";
    });
    const said = lineOf(feed(ready(watching(kind)), changed), `x.${kind}`);
    expect(said.map((verdict) => verdict?.kind === "DRIFT")).toEqual(expected);
    expect(expected.slice(0, 40)).not.toContain(true);
    expect(expected).toContain(true);
  });
});

test("an alarm is an alert by itself, of the incident that its monitor has open, and ends with three windows without", () => {
  const judged = feed(ready(watching("adwin")), changed);
  const said = lineOf(judged, "x.adwin");
  const at = said.findIndex((verdict) => verdict?.kind === "DRIFT");
  expect(said[at]).toMatchObject({
    score: 1,
    threshold: 1,
    value: -8,
    reference: 0,
    phase: "firing",
    m: 1_000,
    baseline: "b",
  });
  expect(said.slice(at + 1, at + 4).map((verdict) => verdict?.phase)).toEqual(["recovering", "recovering", "ok"]);
  const incidents = judged.flatMap(({ events }) => events.filter(({ type }) => type === "millrace.incident.opened"));
  expect(incidents.map(({ kind }) => kind)).toEqual(["drift"]);
});

test("windows that say nothing, or whose rows are broken, are given to no detector", () => {
  const monitor = { ...watching("adwin"), quality: { metrics: ["missing" as const], practical: qualityDefaults } };
  const judge = ready(monitor);
  const judged = feed(judge, [even, [100, 100], [200, 200, 100], even]);
  expect(lineOf(judged, "x.adwin").map((verdict) => [verdict?.kind, verdict?.reason, verdict?.value])).toEqual([
    ["OK", undefined, 0],
    ["INSUFFICIENT", "rows", undefined],
    ["SUPPRESSED", "quality", undefined],
    ["OK", undefined, 0],
  ]);
  const learning = new Judge({ ...options, monitors: [monitor] });
  learning.takePartial(partial(0, 0, even, { baseline: "", counts: [] }), atEndOf(0));
  learning.takePartial(partial(1, 0, even, { baseline: "", counts: [] }), atEndOf(0));
  expect(lineOf([learning.judge()], "x.adwin").map((verdict) => verdict?.kind)).toEqual(["LEARNING"]);
});

test("an alarm of an old window tells nobody", () => {
  const judge = ready(watching("adwin"), { ageMaxMs: 60_000 });
  const judged = changed.map((rows, window) => {
    for (const of of [0, 1]) judge.takePartial(partial(of, window, rows), atEndOf(window) + hourMs);
    return judge.judge();
  });
  const alarms = lineOf(judged, "x.adwin").filter((verdict) => verdict?.score === 1);
  expect(alarms.map((verdict) => [verdict?.kind, verdict?.reason])).toEqual(alarms.map(() => ["SUPPRESSED", "old"]));
  expect(alarms.length).toBeGreaterThan(0);
  expect(judged.flatMap(({ events }) => events)).toEqual([]);
});

describe("the budget of pages", () => {
  /** So little that it is no drift of a window, and far off for a detector. */
  const lean = [260, 240];
  const sways = [even, lean, even, lean].flatMap((rows) => Array.from({ length: 40 }, () => rows));
  const over = { budget: { pages: 1, perMs: 60 * hourMs } };
  const pagesOf = (judged: readonly Judgement[]) =>
    judged.flatMap(({ events }, window) => (events.some(({ isPage }) => isPage) ? [window] : []));
  const straight = feed(ready(watching("adwin"), over), sways);

  test("is what detectors have: an alarm beyond it is a ticket, and the indices stay", () => {
    const said = lineOf(straight, "x.adwin");
    const alarms = said.flatMap((verdict, window) => (verdict?.kind === "DRIFT" ? [window] : []));
    const [first, second] = [alarms.find((at) => at >= 40)!, alarms.find((at) => at >= 80)!];
    const third = alarms.find((at) => at >= 120)!;
    expect(said[first]?.reason).toBeUndefined();
    expect(said[second]).toMatchObject({ reason: "budget", phase: "firing", incident: undefined });
    expect(straight[second]?.events.map(({ type, severity, incident }) => [type, severity, incident])).toEqual([
      ["millrace.alert.firing", "ticket", undefined],
    ]);
    expect(said[third]?.reason).toBeUndefined();
    expect(pagesOf(straight)).toEqual([first, third]);
    // As many as without a bound.
    const unbound = feed(ready(watching("adwin"), { budget: { ...over.budget, pages: 99 } }), sways);
    expect(lineOf(unbound, "x.adwin").flatMap((verdict, at) => (verdict?.kind === "DRIFT" ? [at] : []))).toEqual(
      alarms,
    );
    expect(pagesOf(unbound)).toEqual([first, second, third]);
  });

  test("is known to a judge that was told what was judged before", () => {
    for (const at of [50, 90, 130]) {
      const judge = ready(watching("adwin"), over);
      for (const { verdicts } of straight.slice(0, at)) for (const verdict of verdicts) judge.takeVerdict(verdict);
      for (const { events } of straight.slice(0, at)) for (const event of events) judge.takeEvent(event);
      expect(feed(judge, sways.slice(at), at)).toEqual(straight.slice(at));
    }
  });

  test("does not keep a drift of the windows from waking somebody", () => {
    const judged = feed(ready(watching("adwin"), over), [...sways.slice(0, 60), shifted, shifted, shifted]);
    expect(pagesOf(judged)).toHaveLength(2);
    expect(pagesOf(judged)[1]).toBe(62);
  });
});

test("with another baseline detectors begin anew", () => {
  const judge = ready(watching("adwin"));
  judge.takeBaseline(baseline("c"));
  const judged = [
    ...feed(judge, changed.slice(0, 40)),
    ...changed.slice(40, 60).map((rows, i) => {
      for (const of of [0, 1]) judge.takePartial(partial(of, 40 + i, rows, { baseline: "c" }), atEndOf(40 + i));
      return judge.judge();
    }),
  ];
  // To those that begin with the new level it is no change.
  expect(lineOf(judged, "x.adwin").map((verdict) => verdict?.kind)).not.toContain("DRIFT");
});

test("a judge that was told what was judged before alarms where one does that judged it (J2)", () => {
  const monitor = watching("adwin", "page-hinkley", "ddm", "kswin");
  const straight = feed(ready(monitor), changed);
  for (const at of [1, 39, 41, 45, 48, 60]) {
    const judge = ready(monitor);
    for (const { verdicts } of straight.slice(0, at)) for (const verdict of verdicts) judge.takeVerdict(verdict);
    for (const { events } of straight.slice(0, at)) for (const event of events) judge.takeEvent(event);
    expect(feed(judge, changed.slice(at), at)).toEqual(straight.slice(at));
  }
});

test("however rows are shared out among tasks, and in whatever order they tell, every number is the one of a single pass", () => {
  const monitor = {
    ...watching("adwin", "ddm"),
    quality: { metrics: ["missing", "out_of_range", "rows", "errors"] as const, practical: qualityDefaults },
  };
  const anyWindow = fc.record({
    cells: fc.tuple(...Array.from({ length: 8 }, () => fc.nat(300))),
    failed: fc.nat(100),
    shares: fc.array(fc.nat(7), { minLength: 1, maxLength: 4 }),
    isReversed: fc.boolean(),
  });
  const judgeOf = (partitions: number) => ready(monitor, { partitions: new Map([["s", partitions]]) });
  /** All that a verdict says of rows, without who gave them. */
  const numbersOf = ({ verdicts }: Judgement) =>
    verdicts.map(({ field, kind, score, threshold, probability, value, reference, m, phase }) => {
      return [field, kind, score, threshold, probability, value, reference, m, phase];
    });
  const tell = (
    judge: Judge,
    window: number,
    counts: readonly Float64Array[],
    failed: readonly number[],
    isReversed: boolean,
  ) => {
    const order = counts.map((_, i) => i);
    if (isReversed) order.reverse();
    for (const of of order) {
      const own = counts[of]!;
      const over: Partial<PartialRecord> = { counts: [own], rows: own.reduce((a, b) => a + b, 0), failed: failed[of]! };
      judge.takePartial(partial(of, window, [0, 0], over), atEndOf(window));
    }
    return judge.judge();
  };
  fc.assert(
    fc.property(fc.array(anyWindow, { minLength: 1, maxLength: 12 }), (windows) => {
      const [single, shared] = [judgeOf(1), judgeOf(4)];
      for (const [window, { cells, failed, shares, isReversed }] of windows.entries()) {
        const split = Array.from({ length: 4 }, () => new Float64Array(8));
        const failedOf = [0, 0, 0, 0];
        for (const [cell, count] of cells.entries())
          for (let row = 0; row < count; row++) split[(shares[row % shares.length]! + cell) % 4]![cell]!++;
        for (let row = 0; row < failed; row++) failedOf[shares[row % shares.length]! % 4]!++;
        const whole = tell(single, window, [Float64Array.from(cells)], [failed], false);
        expect(numbersOf(tell(shared, window, split, failedOf, isReversed))).toEqual(numbersOf(whole));
      }
    }),
    { numRuns: 60 },
  );
});
