import { describe, expect, test } from "vitest";
import { commandRecord, Judge, type Judgement, type JudgeOptions } from "../../../../src/monitor/index.ts";
import {
  atEndOf,
  baseline,
  baselineWithNights,
  cells,
  even,
  feed,
  head,
  hourMs,
  options,
  partial,
  shifted,
  spec,
  startMs,
} from "./rig.ts";

function ready(over: Partial<JudgeOptions> = {}): Judge {
  const judge = new Judge({ ...options, ...over });
  for (const record of [baseline(), head()]) judge.takeBaseline(record);
  return judge;
}
const kinds = (judged: readonly Judgement[]) =>
  judged.map(({ verdicts }) =>
    verdicts.map(({ kind, reason }) => (reason === undefined ? kind : `${kind}(${reason})`)).join(),
  );
const phases = (judged: readonly Judgement[]) =>
  judged.map(({ verdicts }) => verdicts.map(({ phase }) => phase).join());
const types = (judged: readonly Judgement[]) =>
  judged.map(({ events }) =>
    events.map(({ type, isPage }) => `${type.slice("millrace.".length)}${isPage ? "!" : ""}`).join(),
  );

describe("a verdict", () => {
  test("tells the window, what it was judged by, who gave what, and where the rows stand", () => {
    const [judged] = feed(ready(), [[350, 150]]);
    // (0.7 - 0.5) ln 1.4 + (0.3 - 0.5) ln 0.6, by hand.
    const score = 0.2 * Math.log(1.4) - 0.2 * Math.log(0.6);
    const [verdict] = judged?.verdicts ?? [];
    expect(verdict).toMatchObject({
      eventId: `m/x/${startMs}/b`,
      topology: "t",
      monitor: "m",
      field: "x",
      fromMs: startMs,
      toMs: startMs + hourMs,
      baseline: "b",
      kind: "DRIFT",
      reason: undefined,
      unit: "psi",
      threshold: 0.1,
      practical: 0.1,
      cells: 2,
      n: 30_000,
      m: 1_000,
      late: 0,
      season: "none",
      schemas: [1],
      cause: "world",
      phase: "suspect",
      incident: undefined,
      judgedAtMs: atEndOf(0),
    });
    expect(verdict?.score).toBeCloseTo(score, 12);
    expect(verdict?.culprits.map(({ cell, name }) => `${cell} ${name}`)).toEqual(["6 [1, 2]", "5 [0, 1)"]);
    expect(
      verdict?.partitions.map(({ partition, rows, offsetFrom, offsetNext }) => [
        partition,
        rows,
        offsetFrom,
        offsetNext,
      ]),
    ).toEqual([
      [0, 500, 0, 500],
      [1, 500, 0, 500],
    ]);
    expect(verdict?.partitions.map(({ part }) => part)).toEqual([
      expect.closeTo(score / 2, 9),
      expect.closeTo(score / 2, 9),
    ]);
    // One degree of freedom; of the floor's probability there is no more than one in fifty: 5.412.
    expect(verdict?.noiseFloor).toBeCloseTo(5.412 * (1 / 30_000 + 1 / 1_000), 5);
  });

  test("is LEARNING while no baseline is in service", () => {
    const judge = new Judge(options);
    for (const partition of [0, 1])
      judge.takePartial(partial(partition, 0, even, { baseline: "", counts: [] }), atEndOf(0));
    const { verdicts } = judge.judge();
    expect(verdicts).toMatchObject([
      { kind: "LEARNING", baseline: "", m: 1_000, phase: "learning", score: Number.NaN },
    ]);
  });

  test("is NO_DATA of a window without rows", () => {
    const judge = ready();
    feed(judge, [even]);
    for (const partition of [0, 1]) judge.takePartial(partial(partition, 2, even), atEndOf(2));
    const { verdicts } = judge.judge();
    expect(verdicts.map(({ field, kind, m, phase }) => `${field} ${kind} ${m} ${phase}`)).toEqual([
      "x NO_DATA 0 no-data",
      "quality.arrival NO_DATA 0 firing",
      "x OK 1000 ok",
      "quality.arrival OK 1000 ok",
    ]);
  });

  test("is INSUFFICIENT of few rows, of counts of another configuration, and of a baseline that is not there", () => {
    expect(kinds(feed(ready(), [[100, 100]]))).toEqual(["INSUFFICIENT(rows)"]);
    const judge = ready();
    judge.takePartial(partial(0, 0, shifted), atEndOf(0));
    judge.takePartial(partial(1, 0, shifted, { version: "v0" }), atEndOf(0));
    expect(kinds([judge.judge()])).toEqual(["INSUFFICIENT(config)"]);
    judge.takePartial(partial(0, 1, shifted, { counts: [Float64Array.of(450, 50)] }), atEndOf(1));
    judge.takePartial(partial(1, 1, shifted), atEndOf(1));
    expect(kinds([judge.judge()])).toEqual(["INSUFFICIENT(config)"]);
    expect(kinds(feed(judge, [even], 2))).toEqual(["OK"]);
  });

  test("waits for the baseline that was counted by, and for no longer than a minute", () => {
    const judge = new Judge(options);
    expect(kinds(feed(judge, [even]))).toEqual([""]);
    judge.takeBaseline(baseline());
    expect(kinds([judge.judge()])).toEqual(["OK"]);
    for (const partition of [0, 1]) judge.takePartial(partial(partition, 1, even, { baseline: "other" }), atEndOf(1));
    expect(kinds([judge.judge()])).toEqual([""]);
    judge.takeHeartbeat({ stage: "s", partition: 0, streamTimeMs: 0, isIdle: false }, atEndOf(1) + 60_000);
    expect(kinds([judge.judge()])).toEqual(["INSUFFICIENT(baseline)"]);
  });

  test("is given per baseline where it changed within the window; the alert notes the one with more rows", () => {
    const judge = ready();
    judge.takeBaseline(baseline("c"));
    judge.takePartial(partial(0, 0, [500, 500], { baseline: "c" }), atEndOf(0));
    judge.takePartial(partial(1, 0, [400, 50]), atEndOf(0));
    const { verdicts } = judge.judge();
    expect(verdicts.map(({ baseline: id, kind, reason }) => `${id} ${kind} ${reason}`)).toEqual([
      "b INSUFFICIENT baseline",
      "c OK undefined",
    ]);
    expect(verdicts.map(({ phase }) => phase)).toEqual(["learning", "ok"]);
  });

  test("is INSUFFICIENT for its baseline where too few rows were counted since that came into service", () => {
    const judge = ready();
    judge.takePartial(partial(0, 0, even, { baseline: "", counts: [] }), atEndOf(0));
    judge.takePartial(partial(1, 0, [200, 200]), atEndOf(0));
    expect(kinds([judge.judge()])).toEqual(["INSUFFICIENT(baseline)"]);
  });

  test("goes by a baseline as it was written last", () => {
    const judge = ready();
    feed(judge, [even]);
    judge.takeBaseline({ ...baseline(), windows: baseline().windows.slice(10) });
    expect(feed(judge, [even], 1)[0]?.verdicts[0]?.n).toBe(20_000);
  });

  test("keeps to the latest of Kafka's times", () => {
    const judge = ready();
    judge.takePartial(partial(0, 0, even), atEndOf(0) + 9);
    judge.takePartial(partial(1, 0, even), atEndOf(0));
    expect(judge.judge().verdicts[0]?.judgedAtMs).toBe(atEndOf(0) + 9);
    expect(judge.nowMs).toBe(atEndOf(0) + 9);
  });

  test("waits for the stages of its monitor alone", () => {
    const judge = ready();
    judge.takeHeartbeat({ stage: "other", partition: 0, streamTimeMs: startMs, isIdle: false }, startMs);
    expect(kinds(feed(judge, [even]))).toEqual(["OK"]);
  });

  test("names ten cells, and sums what the others give", () => {
    const judge = new Judge(options);
    const edges = Array.from({ length: 21 }, (_, i) => i);
    const counts = Float64Array.of(0, 0, 0, 0, 0, ...Array(20).fill(50), 0);
    const windows = Array.from({ length: 30 }, (_, i) => ({ fromMs: i * hourMs, rows: 1_000, counts }));
    judge.takeBaseline({ ...baseline(), cells: { kind: "numbers", edges }, windows });
    judge.takeBaseline(head());
    const tilted = Float64Array.from(counts, (count, cell) => (cell < 5 ? count : count === 0 ? 0 : (cell - 4) * 5));
    const rows = tilted.reduce((sum, count) => sum + count, 0);
    for (const partition of [0, 1])
      judge.takePartial(partial(partition, 0, even, { rows, counts: [tilted] }), atEndOf(0));
    const [verdict] = judge.judge().verdicts;
    expect(verdict?.culprits).toHaveLength(11);
    expect(verdict?.culprits[10]).toMatchObject({ cell: -1, name: "" });
    expect(verdict?.culprits.reduce((sum, { part }) => sum + part, 0)).toBeCloseTo(verdict?.score ?? 0, 12);
  });

  test("counts rows that came too late for the window before", () => {
    const judge = ready();
    feed(judge, [even]);
    judge.takePartial(partial(1, 0, [260, 250]), atEndOf(0) + 1);
    expect(feed(judge, [even], 1)[0]?.verdicts[0]?.late).toBe(10);
  });

  test("names no cell of a field that is sensitive", () => {
    const sensitive = { ...spec, fields: [{ name: "x", kind: "numbers" as const, isSensitive: true }] };
    const [judged] = feed(ready({ monitors: [sensitive] }), [shifted]);
    expect(judged?.verdicts[0]?.culprits.map(({ cell, name }) => `${cell}${name}`)).toEqual(["6", "5"]);
  });

  test("counts late rows of tasks, and sums what more than twenty of them gave", () => {
    const judge = ready({ partitions: new Map([["s", 23]]) });
    for (let partition = 0; partition < 23; partition++)
      judge.takePartial(partial(partition, 0, [30 + partition, 20], { late: 2 }), atEndOf(0));
    const [verdict] = judge.judge().verdicts;
    expect(verdict?.late).toBe(46);
    expect(verdict?.partitions).toHaveLength(21);
    expect(verdict?.partitions[20]).toMatchObject({ stage: "", partition: -1, rows: 50 + 51 + 52 });
    expect(verdict?.partitions.reduce((sum, { part }) => sum + part, 0)).toBeCloseTo(verdict?.score ?? 0, 9);
  });
});

describe("an alert", () => {
  test("fires at the third of five, and is one incident with one page until it ends", () => {
    const judged = feed(ready(), [even, shifted, even, shifted, shifted, even, even, even, even]);
    expect(kinds(judged)).toEqual(["OK", "DRIFT", "OK", "DRIFT", "DRIFT", "OK", "OK", "OK", "OK"]);
    expect(phases(judged)).toEqual([
      "ok",
      "suspect",
      "suspect",
      "suspect",
      "firing",
      "recovering",
      "recovering",
      "ok",
      "ok",
    ]);
    const quiet = ["", "", "", ""];
    expect(types(judged)).toEqual([
      ...quiet,
      "incident.opened!,alert.firing",
      "",
      "",
      "alert.resolved,incident.closed",
      "",
    ]);
    const [opened, firing] = judged[4]?.events ?? [];
    const incident = "t/m/20231106T000000Z";
    const iso = new Date(startMs + 4 * hourMs).toISOString();
    expect(opened?.incident?.replace(/\d{8}T\d{6}/, "20231106T000000")).toBe(incident);
    expect(opened).toMatchObject({
      id: `${opened?.incident}/opened`,
      fingerprint: "t/m",
      field: undefined,
      fields: ["x"],
      cause: "world",
      summary: "m: x drifts.",
    });
    expect(Date.parse(firing?.from ?? "")).toBe(Date.parse(iso));
    expect(firing).toMatchObject({
      id: `m/x/${startMs + 4 * hourMs}/b/firing`,
      fingerprint: "t/m/x",
      field: "x",
      severity: "page",
      isPage: false,
      n: 30_000,
      m: 1_000,
      threshold: 0.1,
    });
    expect(firing?.summary).toBe("x of m drifts: score 0.879, threshold 0.1, 1000 rows.");
    expect(judged.map(({ verdicts }) => verdicts[0]?.incident)).toEqual([
      ...Array(4).fill(undefined),
      ...Array(3).fill(opened?.incident),
      undefined,
      undefined,
    ]);
  });

  test("of severity ticket pages nobody", () => {
    const judged = feed(ready({ monitors: [{ ...spec, severity: "ticket" }] }), [shifted, shifted, shifted]);
    expect(types(judged)[2]).toBe("incident.opened,alert.firing");
  });

  test("that is silenced or acknowledged pages nobody, until that has run out", () => {
    const told = { who: "a", reason: "b", requestId: "r" };
    const silence = { kind: "silence" as const, id: "1", field: undefined, ...told };
    const untilMs = atEndOf(2) + 1;
    const cases = [
      [{ ...silence, monitor: "m", untilMs }, "incident.opened,alert.suppressed"],
      [{ ...silence, monitor: undefined, field: "x", untilMs }, "incident.opened,alert.suppressed"],
      [{ ...silence, monitor: "other", untilMs }, "incident.opened!,alert.firing"],
      [{ ...silence, monitor: "m", field: "y", untilMs }, "incident.opened!,alert.firing"],
      [{ ...silence, monitor: "m", untilMs: atEndOf(2) }, "incident.opened!,alert.firing"],
      [{ kind: "ack" as const, fingerprint: "t/m/x", ...told, untilMs }, "incident.opened,alert.suppressed"],
      [{ kind: "ack" as const, fingerprint: "t/m/y", ...told, untilMs }, "incident.opened!,alert.firing"],
    ] as const;
    for (const [command, expected] of cases) {
      const judge = ready();
      judge.takeCommand(commandRecord(command));
      expect(types(feed(judge, [shifted, shifted, shifted]))[2]).toBe(expected);
    }
  });

  test("takes no note of windows that are old, or counted while their stage was far behind", () => {
    const judge = ready();
    judge.lagging("s", hourMs + 1);
    const behind = feed(judge, [shifted, shifted, shifted]);
    expect(kinds(behind)).toEqual(Array(3).fill("SUPPRESSED(catching-up)"));
    expect(phases(behind)).toEqual(Array(3).fill("learning"));
    judge.lagging("s", hourMs);
    expect(kinds(feed(judge, [shifted], 3))).toEqual(["DRIFT"]);
    const late = ready();
    for (const window of [0, 1]) {
      for (const partition of [0, 1]) late.takePartial(partial(partition, window, shifted), atEndOf(6) + 60_000);
    }
    expect(kinds([late.judge()])).toEqual(["SUPPRESSED(old),DRIFT"]);
  });

  test("counts its pages within the period of the budget", () => {
    const judge = ready();
    feed(judge, [shifted, shifted, shifted]);
    expect(judge.pagesSpent("m")).toBe(1);
    judge.takeHeartbeat({ stage: "s", partition: 0, streamTimeMs: 0, isIdle: true }, startMs + 723 * hourMs + 1);
    expect(judge.pagesSpent("m")).toBe(0);
  });
});

describe("alerts of two fields and monitors", () => {
  const fields = ["x", "y"].map((name) => ({ name, kind: "numbers" as const, isSensitive: false }));
  const judgeOfTwo = (): Judge => {
    const judge = new Judge({ ...options, monitors: [{ ...spec, fields }] });
    for (const field of ["x", "y"]) judge.takeBaseline(baseline("b", "m", field, 2));
    judge.takeBaseline(head());
    return judge;
  };
  const counts = (x: readonly number[], y: readonly number[]) => {
    return { counts: [x, y].map(([left, right, nulls]) => cells(left ?? 0, right ?? 0, nulls)) };
  };
  const run = (judge: Judge, windows: readonly (readonly [readonly number[], readonly number[]])[]) =>
    windows.map(([x, y], window) => {
      for (const partition of [0, 1])
        judge.takePartial(partial(partition, window, even, counts(x, y)), atEndOf(window));
      return judge.judge();
    });
  const holes = [150, 150, 200];

  test("are one incident, whose cause is the first in the order of precedence; it is part of those alone that fire", () => {
    const judged = run(judgeOfTwo(), [
      [shifted, even],
      [shifted, even],
      [shifted, even],
      [shifted, holes],
    ]);
    expect(judged[3]?.verdicts.map(({ field, incident }) => [field, incident !== undefined])).toEqual([
      ["x", true],
      ["y", false],
    ]);
    const both =
      run(judgeOfTwo(), [
        [shifted, holes],
        [shifted, holes],
        [shifted, holes],
      ])[2]?.events ?? [];
    expect(both.map(({ type, cause, fields: told }) => `${type.slice(9)} ${cause} ${told}`)).toEqual([
      "incident.opened nulls x,y",
      "alert.firing world ",
      "alert.firing nulls ",
    ]);
    expect(both[0]?.summary).toBe("m: x, y drift, and the cause looks like: nulls.");
  });

  test("page when one of them is silenced and the other is not", () => {
    const judge = judgeOfTwo();
    const told = { who: "a", reason: "b", requestId: "r", untilMs: atEndOf(9) };
    judge.takeCommand(commandRecord({ ...told, kind: "silence", id: "1", monitor: "m", field: "x" }));
    const judged = run(judge, [
      [shifted, shifted],
      [shifted, shifted],
      [shifted, shifted],
    ]);
    expect(types(judged)[2]).toBe("incident.opened!,alert.suppressed,alert.firing");
  });

  test("come in the order in which windows ended", () => {
    const short = { ...spec, name: "short", windowMs: hourMs / 2, lateMs: 0 };
    const judge = ready({ monitors: [spec, short], stagesOf: new Map(["m", "short"].map((name) => [name, ["s"]])) });
    judge.takeBaseline(baseline("b", "short"));
    judge.takeBaseline(head("b", "short"));
    for (const half of [0, 0.5])
      for (const partition of [0, 1])
        judge.takePartial(
          partial(partition, half, even, { monitor: "short", streamTimeMs: startMs + hourMs }),
          atEndOf(0),
        );
    for (const partition of [0, 1]) judge.takePartial(partial(partition, 0, even), atEndOf(0));
    const ends = judge
      .judge()
      .verdicts.flatMap(({ monitor, field, toMs }) => (field === "x" ? `${monitor} ${(toMs - startMs) / hourMs}` : []));
    expect(ends).toEqual(["short 0.5", "m 1", "short 1"]);
  });
});

describe("the cause of a drift", () => {
  const causesOf = (
    judge: Judge,
    plans: readonly (readonly [readonly number[], globalThis.Partial<Parameters<typeof partial>[3]>])[],
  ) =>
    plans.map(([rows, over], window) => {
      for (const partition of [0, 1]) judge.takePartial(partial(partition, window, rows, over ?? {}), atEndOf(window));
      return judge.judge().verdicts[0]?.cause;
    });

  test("is a deployment in the first window of the drift alone, for as long as it lasts", () => {
    expect(
      causesOf(ready(), [
        [even, {}],
        [shifted, { plan: "p2" }],
        [shifted, { plan: "p2" }],
      ]),
    ).toEqual([undefined, "deployment", "deployment"]);
    expect(
      causesOf(ready(), [
        [even, {}],
        [even, { plan: "p2" }],
        [shifted, { plan: "p2" }],
      ])[2],
    ).toBe("world");
    const after = { plan: "p2" };
    expect(
      causesOf(ready(), [
        [even, {}],
        [shifted, {}],
        [shifted, after],
        [shifted, after],
      ])[3],
    ).toBe("world");
    expect(
      causesOf(ready(), [
        [even, { model: "f/1" }],
        [shifted, { model: "f/2" }],
      ])[1],
    ).toBe("deployment");
    expect(
      causesOf(ready(), [
        [even, {}],
        [shifted, { model: "f/2" }],
      ])[1],
    ).toBe("world");
  });

  test("is a deployment of a model also where none was in service between", () => {
    const models = ["f/1", undefined, "f/2"].map((model, i) => [i === 2 ? shifted : even, { model }] as const);
    expect(causesOf(ready(), models)[2]).toBe("deployment");
  });

  test("is a deployment where the plan changed within the window", () => {
    const judge = ready();
    for (const plan of ["p1", "p2"])
      for (const partition of [0, 1]) {
        const streamTimeMs = plan === "p1" ? startMs : partial(0, 0, even).streamTimeMs;
        judge.takePartial(partial(partition, 0, shifted, { plan, streamTimeMs }), atEndOf(0));
      }
    expect(judge.judge().verdicts[0]?.cause).toBe("deployment");
  });

  test("stays a schema after the window in which it was met", () => {
    const recent = { schema: 9, rows: 500, counts: [cells(450, 50)] };
    const schemas = [{ id: 9, offset: 3 }];
    const judge = ready();
    const windows = [
      [even, {}],
      [shifted, { schemas, recent }],
      [even, { schemas }],
      [shifted, { schemas }],
      ...Array(5).fill([even, { schemas }]),
      [shifted, { schemas }],
    ] as const;
    expect(causesOf(judge, windows).filter((cause) => cause !== undefined)).toEqual(["schema", "schema", "world"]);
  });

  test("is a schema only where it is new to all of the monitor's tasks", () => {
    const recent = { schema: 9, rows: 500, counts: [cells(450, 50)] };
    const met = { schemas: [{ id: 9, offset: 3 }], recent };
    expect(
      causesOf(ready(), [
        [even, {}],
        [shifted, met],
      ])[1],
    ).toBe("schema");
    expect(
      causesOf(ready(), [
        [even, {}],
        [even, { schemas: met.schemas }],
        [shifted, met],
      ])[2],
    ).toBe("schema");
    // Of the first window of all nobody knows what was there before.
    expect(causesOf(ready(), [[shifted, met]])).toEqual(["world"]);
    const known = { schemas: [{ id: 9, offset: 3 }] };
    expect(
      causesOf(ready(), [
        [even, known],
        [even, {}],
        [even, {}],
        [shifted, met],
      ])[3],
    ).toBe("world");
  });

  test("is no deployment where the stage's input drifts as well", () => {
    const before = { ...spec, name: "in" };
    const judge = ready({
      monitors: [before, spec],
      stagesOf: new Map([
        ["in", ["r"]],
        ["m", ["s"]],
      ]),
      partitions: new Map([
        ["r", 1],
        ["s", 2],
      ]),
      inputsOf: new Map([["m", ["in"]]]),
    });
    judge.takeBaseline(baseline("b", "in"));
    const causes = [even, shifted].map((rows, window) => {
      const plan = `p${window}`;
      judge.takePartial(
        partial(
          0,
          window,
          rows.map((count) => count * 2),
          { monitor: "in", stage: "r" },
        ),
        atEndOf(window),
      );
      for (const partition of [0, 1]) judge.takePartial(partial(partition, window, rows, { plan }), atEndOf(window));
      return judge.judge().verdicts.map(({ monitor, cause }) => `${monitor} ${cause}`);
    });
    expect(causes).toEqual([
      ["in undefined", "m undefined"],
      ["in world", "m world"],
    ]);
  });
});

describe("a drift that the same hour has had before", () => {
  const nights = (): Judge => {
    const judge = new Judge(options);
    for (const record of [baselineWithNights, head()]) judge.takeBaseline(record);
    return judge;
  };
  const quiet = [even, even, even];
  const typesOf = (judged: readonly Judgement[]) =>
    judged.flatMap(({ events }) =>
      events.map(({ type, severity, isPage, cause }) => [type.replace("millrace.", ""), severity, isPage, cause]),
    );

  test("is told as a ticket, with its cause, and opens no incident", () => {
    const judged = feed(nights(), [...quiet, ...Array(5).fill(shifted), even, even, even]);
    expect(typesOf(judged)).toEqual([
      ["alert.firing", "ticket", false, "season"],
      ["alert.resolved", "page", false, undefined],
    ]);
    expect(judged[5]?.verdicts[0]).toMatchObject({
      kind: "DRIFT",
      reason: "season",
      phase: "firing",
      incident: undefined,
    });
    expect(judged[5]?.events[0]?.incident).toBeUndefined();
    expect(judged[5]?.events[0]?.summary).toContain("the time of the day or the week");
  });

  test("pages once it goes on where no hour has had it, in as many windows as it takes to fire", () => {
    const judged = feed(nights(), [...quiet, ...Array(5).fill(shifted), shifted, shifted, shifted]);
    expect(typesOf(judged.slice(0, 10))).toEqual([["alert.firing", "ticket", false, "season"]]);
    expect(typesOf(judged.slice(10))).toEqual([
      ["incident.opened", "page", true, "world"],
      ["alert.firing", "page", false, "world"],
    ]);
    expect(judged[10]?.events[1]?.incident).toBe(judged[10]?.events[0]?.incident);
  });

  test("pages by night too where it is another than the night's", () => {
    // By night 0.9 of the rows are left, and now 0.1.
    const judged = feed(nights(), [...quiet, ...Array(4).fill([50, 450])]);
    expect(typesOf(judged)).toEqual([
      ["incident.opened", "page", true, "world"],
      ["alert.firing", "page", false, "world"],
    ]);
  });
});
