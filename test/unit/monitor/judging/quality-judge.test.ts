import { describe, expect, test } from "vitest";
import {
  Judge,
  type Judgement,
  type JudgeOptions,
  type PartialRecord,
  qualityDefaults,
  type VerdictRecord,
} from "../../../../src/monitor/index.ts";
import type { QualityMetric } from "../../../../src/monitor/quality/quality-spec.ts";
import { atEndOf, baseline, even, head, hourMs, options, partial, shifted, spec, startMs } from "./rig.ts";

/** A monitor that says so much of quality. */
const asking = (...metrics: QualityMetric[]) => ({ ...spec, quality: { metrics, practical: qualityDefaults } });

function ready(metrics: readonly QualityMetric[], over: Partial<JudgeOptions> = {}): Judge {
  const judge = new Judge({ ...options, monitors: [asking(...metrics)], ...over });
  for (const record of [baseline(), head()]) judge.takeBaseline(record);
  return judge;
}

/** What both tasks count of a window; undefined: nothing, and they have nothing to read. */
type Counted = readonly [rows: readonly number[], over?: Partial<PartialRecord>] | undefined;

/** Windows from 0 on, judged one by one. */
function feed(judge: Judge, windows: readonly Counted[], from = 0): Judgement[] {
  return windows.map((counted, i) => {
    const window = from + i;
    const beginMs = startMs + window * hourMs;
    for (const of of counted === undefined ? [] : [0, 1])
      judge.takeHeartbeat({ stage: "s", partition: of, streamTimeMs: beginMs, isIdle: false }, atEndOf(window));
    for (const of of [0, 1]) {
      const streamTimeMs = startMs + (window + 1) * hourMs + spec.lateMs;
      if (counted === undefined)
        judge.takeHeartbeat({ stage: "s", partition: of, streamTimeMs, isIdle: true }, atEndOf(window));
      else judge.takePartial(partial(of, window, counted[0], counted[1] ?? {}), atEndOf(window));
    }
    return judge.judge();
  });
}

const saidOf = (judged: readonly Judgement[], field: string) =>
  judged.map(({ verdicts }) => {
    const found = verdicts.find((verdict) => verdict.field === field);
    return found === undefined
      ? ""
      : `${found.kind}${found.reason === undefined ? "" : `(${found.reason})`} ${found.phase}`;
  });
const eventsOf = (judged: readonly Judgement[]) =>
  judged.map(({ events }) =>
    events
      .map(
        ({ type, kind, field, isPage }) =>
          `${type.slice(9)} ${kind}${field === undefined ? "" : ` ${field}`}${isPage ? "!" : ""}`,
      )
      .join(),
  );
const steady: Counted = [even];
const nulls: Counted = [[200, 200, 100]];

describe("missing values", () => {
  test("are told with share, reference, threshold and rows, and with what each task gave", () => {
    const judge = ready(["missing"]);
    judge.takePartial(partial(0, 0, [250, 150, 100]), atEndOf(0));
    judge.takePartial(partial(1, 0, even), atEndOf(0));
    const verdict = judge.judge().verdicts.find(({ field }) => field === "x.missing");
    expect(verdict).toMatchObject({
      eventId: `m/x.missing/${startMs}/b`,
      kind: "DRIFT",
      unit: "share",
      score: 0.1,
      value: 0.1,
      reference: 0,
      threshold: 0.01,
      practical: 0.01,
      n: 30_000,
      m: 1_000,
      baseline: "b",
      phase: "suspect",
      cause: undefined,
    });
    expect(verdict?.partitions.map(({ partition, rows, part }) => [partition, rows, part])).toEqual([
      [0, 500, 0.1],
      [1, 500, 0],
    ]);
  });

  test("open an incident of quality of their own, and the drift that they are is none", () => {
    const judged = feed(ready(["missing"]), [steady, nulls, nulls, nulls, steady, steady, steady]);
    expect(saidOf(judged, "x")).toEqual([
      "OK ok",
      ...Array.from({ length: 3 }, () => "SUPPRESSED(quality) ok"),
      ...Array.from({ length: 3 }, () => "OK ok"),
    ]);
    expect(eventsOf(judged)).toEqual([
      "",
      "",
      "",
      "incident.opened quality!,alert.firing quality x.missing",
      "",
      "",
      "alert.resolved quality x.missing,incident.closed quality",
    ]);
    const [opened] = judged[3]!.events;
    expect(opened).toMatchObject({ incident: "t/m.quality/20231105T190000Z", fingerprint: "t/m.quality" });
    expect(opened?.summary).toBe("m: x.missing is not what it was.");
  });

  test("leave the drift of other fields to be told, and stop nothing when they are as they were", () => {
    const fields = ["x", "y"].map((name) => ({ name, kind: "numbers" as const, isSensitive: false }));
    const two = { ...asking("missing"), fields };
    const judge = new Judge({ ...options, monitors: [two] });
    for (const name of ["x", "y"]) judge.takeBaseline(baseline("b", "m", name, 2));
    judge.takeBaseline(head());
    const counts = (x: readonly number[], y: readonly number[]) => [x, y].map((own) => partial(0, 0, own).counts[0]!);
    const judged = feed(judge, [[[500], { counts: counts([200, 200, 100], shifted), rows: 500 }]]);
    expect(saidOf(judged, "x")).toEqual(["SUPPRESSED(quality) learning"]);
    expect(saidOf(judged, "y")).toEqual(["DRIFT suspect"]);
    expect(saidOf(judged, "y.missing")).toEqual(["OK ok"]);
  });
});

describe("rows that are broken before", () => {
  const after = { ...spec, name: "after" };
  const both = (metrics: readonly QualityMetric[], rows: readonly number[]) => {
    const judge = ready(metrics, {
      monitors: [asking(...metrics), after],
      stagesOf: new Map([
        ["m", ["s"]],
        ["after", ["s"]],
      ]),
      upstreamOf: new Map([["after", ["m"]]]),
    });
    judge.takeBaseline(baseline("b", "after"));
    judge.takeBaseline(head("b", "after"));
    for (const of of [0, 1]) {
      judge.takePartial(partial(of, 0, rows), atEndOf(0));
      judge.takePartial(partial(of, 0, shifted, { monitor: "after" }), atEndOf(0));
    }
    return judge.judge().verdicts.filter(({ monitor, field }) => monitor === "after" && field === "x");
  };

  test("make no drift of what follows from them; rows that are well let it be told", () => {
    expect(both(["missing"], [200, 200, 100])).toMatchObject([{ kind: "SUPPRESSED", reason: "quality" }]);
    expect(both(["missing"], even)).toMatchObject([{ kind: "DRIFT" }]);
    // Nobody asked what is missing there.
    expect(both(["rows"], [200, 200, 100])).toMatchObject([{ kind: "DRIFT" }]);
  });
});

describe("of the topic as a whole", () => {
  test("half as many rows as usual are told, whatever they hold", () => {
    const judged = feed(ready(["rows"]), [steady, [[125, 125]], [[126, 126]]]);
    expect(saidOf(judged, "quality.rows")).toEqual(["OK ok", "DRIFT suspect", "OK suspect"]);
    expect(judged[1]?.verdicts.find(({ field }) => field === "quality.rows")).toMatchObject({
      score: 0.5,
      value: 500,
      reference: 1_000,
    });
  });

  test("dead letters are a share of all records, also where no row is left", () => {
    const judged = feed(ready(["errors"]), [
      steady,
      [even, { failed: 5 }],
      [even, { failed: 50 }],
      [[0, 0], { failed: 50, counts: [new Float64Array(8)] }],
      [[0, 0], { failed: 10, counts: [new Float64Array(8)] }],
    ]);
    expect(saidOf(judged, "quality.errors")).toEqual([
      "OK ok",
      "OK ok",
      "DRIFT suspect",
      "DRIFT suspect",
      "INSUFFICIENT(rows) insufficient",
    ]);
    const verdict = judged[2]?.verdicts.find(({ field }) => field === "quality.errors");
    expect(verdict).toMatchObject({ m: 1_100, unit: "share" });
    expect(verdict?.value).toBeCloseTo(100 / 1_100, 12);
    expect(verdict?.partitions.map(({ part }) => part)).toEqual([50 / 1_100, 50 / 1_100]);
  });

  test("rows are fresh that are told of soon, and those that come ten minutes behind their time are not", () => {
    const judge = ready(["freshness"]);
    const tell = (window: number, behindMs: number) => {
      const streamTimeMs = startMs + (window + 1) * hourMs + spec.lateMs;
      for (const of of [0, 1])
        judge.takePartial(partial(of, window, even, { streamTimeMs }), streamTimeMs + (of === 0 ? 1_000 : behindMs));
      return judge.judge();
    };
    const judged = [tell(0, 2_000), tell(1, 599_999), tell(2, 600_000)];
    expect(saidOf(judged, "quality.freshness")).toEqual(["OK ok", "OK ok", "DRIFT suspect"]);
    expect(judged[0]?.verdicts.find(({ field }) => field === "quality.freshness")).toMatchObject({
      unit: "seconds",
      score: 2,
      threshold: 600,
    });
  });

  test("what is old is judged and tells nobody", () => {
    const judge = ready(["missing"], { ageMaxMs: 60_000 });
    for (const of of [0, 1]) judge.takePartial(partial(of, 0, [200, 200, 100]), atEndOf(0) + 60_000);
    expect(saidOf([judge.judge()], "x.missing")).toEqual(["SUPPRESSED(old) learning"]);
  });

  test("without a baseline shares are LEARNING, and errors are told", () => {
    const judge = new Judge({ ...options, monitors: [asking("missing", "errors")] });
    const judged = feed(judge, [[even, { baseline: "", counts: [], failed: 100 }]]);
    expect(saidOf(judged, "x.missing")).toEqual(["LEARNING learning"]);
    expect(saidOf(judged, "quality.errors")).toEqual(["DRIFT suspect"]);
  });
});

describe("a window without rows", () => {
  test("is an alert at once, says so in every window, and comes back with the first row", () => {
    const judged = feed(ready([]), [steady, undefined, undefined, steady, steady]);
    expect(saidOf(judged, "quality.arrival")).toEqual(["", "NO_DATA firing", "NO_DATA firing", "OK ok", ""]);
    expect(saidOf(judged, "x")).toEqual(["OK ok", "NO_DATA no-data", "NO_DATA no-data", "OK ok", "OK ok"]);
    expect(eventsOf(judged)).toEqual([
      "",
      "incident.opened quality!,alert.firing quality quality.arrival",
      "",
      "alert.resolved quality quality.arrival,incident.closed quality",
      "",
    ]);
    expect(judged[1]?.events.map(({ summary }) => summary)).toEqual([
      "m: quality.arrival has had no row in a window.",
      "quality.arrival of m has had no row in a window.",
    ]);
    expect(judged[2]?.verdicts.find(({ field }) => field === "quality.arrival")).toMatchObject({
      unit: "windows",
      score: 2,
      threshold: 1,
      reference: 0,
    });
  });

  test("is none where the reference has as many in a row, and one more is", () => {
    const gaps = baseline().windows.filter((_, hour) => hour % 10 < 8);
    const judge = new Judge(options);
    for (const record of [{ ...baseline(), windows: gaps }, head()]) judge.takeBaseline(record);
    const judged = feed(judge, [steady, undefined, undefined, undefined, steady]);
    expect(saidOf(judged, "quality.arrival")).toEqual([
      "",
      "NO_DATA no-data",
      "NO_DATA no-data",
      "NO_DATA firing",
      "OK ok",
    ]);
  });

  test("is a ticket of a monitor that has learnt nothing yet, from when the judge has begun", () => {
    const judge = new Judge(options);
    const beat = (ms: number) => {
      for (const of of [0, 1])
        judge.takeHeartbeat({ stage: "s", partition: of, streamTimeMs: Number.NEGATIVE_INFINITY, isIdle: true }, ms);
      return judge.judge();
    };
    // What stood on the topic before tells how old it is, and nothing of this monitor.
    expect(eventsOf([beat(startMs - 2_000 * hourMs), beat(startMs - 3 * hourMs), beat(startMs - 2)])).toEqual([
      "",
      "",
      "",
    ]);
    judge.begin();
    const judged = [beat(startMs - 1), beat(startMs + hourMs), beat(startMs + hourMs + 120_000)];
    expect(eventsOf(judged)).toEqual(["", "", "alert.firing quality quality.arrival"]);
    expect(judged[2]?.events[0]).toMatchObject({ severity: "ticket", incident: undefined });
    expect(saidOf(judged, "quality.arrival")).toEqual(["", "", "NO_DATA(learning) firing"]);
    expect(saidOf(feed(judge, [[even, { baseline: "", counts: [] }]], 1), "quality.arrival")).toEqual(["OK ok"]);
  });

  test("wakes somebody once it has learnt, also where it was told before", () => {
    const learning: Counted = [even, { baseline: "", counts: [] }];
    const judge = new Judge(options);
    expect(eventsOf(feed(judge, [learning, undefined, undefined]))).toEqual([
      "",
      "alert.firing quality quality.arrival",
      "",
    ]);
    for (const record of [baseline(), head()]) judge.takeBaseline(record);
    expect(eventsOf(feed(judge, [undefined, undefined], 3))).toEqual([
      "incident.opened quality!,alert.firing quality quality.arrival",
      "",
    ]);
  });

  test("is none that the rows of a backfill are still to come to", () => {
    const judge = ready([]);
    const lateBy = (ms: number, window: number): Judgement => {
      for (const of of [0, 1]) judge.takePartial(partial(of, window, even), atEndOf(window) + ms);
      return judge.judge();
    };
    expect(eventsOf([lateBy(3 * hourMs, 0), lateBy(3 * hourMs, 2)])).toEqual(["", ""]);
    // From when it has caught up it is one.
    const opensAndCloses =
      "incident.opened quality!,alert.firing quality quality.arrival,alert.resolved quality quality.arrival,incident.closed quality";
    expect(eventsOf([lateBy(0, 5), lateBy(0, 6), lateBy(0, 8)])).toEqual([opensAndCloses, "", opensAndCloses]);
  });

  test("is told of a stage that does not read what waits for it, whose other lines are excused", () => {
    const judge = ready(["missing"]);
    judge.lagging("s", 3 * hourMs);
    const judged = feed(judge, [nulls, undefined]);
    expect(saidOf(judged, "x.missing")).toEqual([
      "SUPPRESSED(catching-up) learning",
      "SUPPRESSED(catching-up) learning",
    ]);
    expect(saidOf(judged, "quality.arrival")).toEqual(["", "NO_DATA firing"]);
  });

  test("is no outage when it lies in old history", () => {
    const judge = ready([], { ageMaxMs: Number.MAX_SAFE_INTEGER });
    const oldMs = 7 * hourMs;
    for (const of of [0, 1]) judge.takePartial(partial(of, 0, even), atEndOf(0) + oldMs);
    for (const of of [0, 1]) judge.takePartial(partial(of, 2, even), atEndOf(2) + oldMs);
    const judged = [judge.judge()];
    expect(judged[0]?.verdicts.map(({ field, kind }) => `${field} ${kind}`)).toEqual(["x OK", "x NO_DATA", "x OK"]);
    expect(eventsOf(judged)).toEqual([""]);
  });

  test("wakes nobody while it is silenced", () => {
    const judge = ready([]);
    const until = new Date(atEndOf(9)).toISOString();
    judge.takeCommand({
      key: "silence/1",
      value: JSON.stringify({ who: "a", reason: "", until, requestId: "1", monitor: "m" }),
    });
    expect(eventsOf(feed(judge, [steady, undefined]))[1]).toBe(
      "incident.opened quality,alert.suppressed quality quality.arrival",
    );
  });
});

describe("what nobody asks for any more", () => {
  const firing = feed(ready(["missing", "errors"]), [steady, nulls, nulls, nulls]);
  const verdicts = firing.flatMap((judged) => judged.verdicts);
  const restored = (...metrics: QualityMetric[]): Judge => {
    const judge = ready(metrics);
    for (const verdict of verdicts) judge.takeVerdict(verdict);
    judge.begin();
    return judge;
  };

  test("ends, and its incident with it; the next one is told anew", () => {
    const incident = firing.at(-1)?.events.find(({ type }) => type === "millrace.incident.opened")?.incident;
    expect(incident).toBeDefined();
    const judge = restored("errors");
    const [judged] = [judge.judge()];
    expect(eventsOf([judged])).toEqual(["alert.resolved quality x.missing,incident.closed quality"]);
    expect(judged.events.map((event) => event.incident)).toEqual([incident, incident]);
    expect(judged.events[0]?.summary).toBe("x.missing of m is not watched any more.");
    expect(eventsOf(feed(judge, [undefined], 4))).toEqual([
      "incident.opened quality!,alert.firing quality quality.arrival",
    ]);
  });

  test("is told of under the kind that it was told as", () => {
    const judge = ready([]);
    const [verdict] = verdicts.filter(({ phase }) => phase === "firing");
    const told = { ...verdict, incident: undefined } as VerdictRecord;
    for (const field of ["y", "x.adwin", "x.missing", "quality.errors"]) judge.takeVerdict({ ...told, field });
    judge.takeVerdict({ ...told, field: "x.unseen", phase: "suspect" });
    judge.begin();
    expect(eventsOf([judge.judge()])).toEqual([
      "alert.resolved drift y,alert.resolved drift x.adwin,alert.resolved quality x.missing,alert.resolved quality quality.errors",
    ]);
  });

  test("and what is asked for goes on", () => {
    expect(eventsOf([restored("missing", "errors").judge()])).toEqual([""]);
    expect(eventsOf([restored("missing").judge()])).toEqual([""]);
  });
});

describe("what may be the world", () => {
  test("holds back nothing: drift beside another number of rows is told", () => {
    const many: Counted = [[300, 700]];
    const judged = feed(ready(["rows"]), [steady, many, many, many]);
    expect(saidOf(judged, "quality.rows").at(-1)).toBe("DRIFT firing");
    expect(saidOf(judged, "x").at(-1)).toBe("DRIFT firing");
  });

  test("is counted over the whole window, whatever its rows were counted by", () => {
    const judge = ready(["rows"]);
    for (const id of ["b", "c"]) judge.takeBaseline(baseline(id));
    for (const of of [0, 1]) {
      judge.takePartial(partial(of, 0, [125, 125]), atEndOf(0));
      judge.takePartial(partial(of, 0, [120, 120], { baseline: "c" }), atEndOf(0));
    }
    const said = judge.judge().verdicts.find(({ field }) => field === "quality.rows");
    // 980 of a thousand.
    expect(said).toMatchObject({ kind: "OK", value: 980 });
  });
});

test("a judge that was told what was judged before goes on with quality and gaps as one that judged it (J2)", () => {
  const windows: readonly Counted[] = [
    steady,
    nulls,
    undefined,
    undefined,
    steady,
    nulls,
    nulls,
    nulls,
    undefined,
    steady,
    steady,
  ];
  const metrics = ["missing", "rows", "errors"] as const;
  const straight = feed(ready(metrics), windows);
  for (let at = 1; at < windows.length; at++) {
    const judge = ready(metrics);
    for (const { verdicts } of straight.slice(0, at)) for (const verdict of verdicts) judge.takeVerdict(verdict);
    for (const { events } of straight.slice(0, at)) for (const event of events) judge.takeEvent(event);
    expect(feed(judge, windows.slice(at), at)).toEqual(straight.slice(at));
    expect(judge.pagesSpent("m")).toBe(2);
  }
});
