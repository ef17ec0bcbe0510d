import { describe, expect, test } from "vitest";
import {
  type AlertEvent,
  defaultRules,
  LagAlerts,
  type LagMonitorSpec,
  type SeenLag,
} from "../../../src/monitor/index.ts";

const secondsOf = (seconds: number | undefined, isGrowing = false) => ({ records: undefined, seconds, isGrowing });
const monitor: LagMonitorSpec = { name: "behind", warn: secondsOf(30), page: secondsOf(120), heldSeconds: undefined };
const nothingHeld = { records: 0, seconds: 0 };
const alertsOf = (more: Partial<LagMonitorSpec> = {}, stages = ["score"]): LagAlerts =>
  new LagAlerts({ topology: "shop", monitors: [{ ...monitor, ...more }], stages, rules: defaultRules });
const nobody = (): boolean => false;
/** 2026-01-01T00:00:00Z, and a look every ten seconds. */
const startMs = 1_767_225_600_000;

/** Looks at lags of so many seconds, one after the other; undefined is a look that failed. */
function look(
  alerts: LagAlerts,
  seconds: readonly (number | undefined)[],
  { from = 0, isMuted = nobody as (monitor: string, field: string) => boolean, seen = {} as Partial<SeenLag> } = {},
): AlertEvent[] {
  return seconds.flatMap((own, i) => {
    const lag = {
      stage: "score",
      records: (own ?? 0) * 10,
      seconds: own,
      held: nothingHeld,
      status: "stopped",
      ...seen,
    };
    return alerts.look(own === undefined ? undefined : [lag], startMs + 10_000 * (from + i), isMuted);
  });
}
const told = (events: readonly AlertEvent[]) =>
  events.map(({ type, fingerprint }) => `${type.slice(9)} ${fingerprint}`);

describe("a stage that falls behind", () => {
  test("opens one incident when 3 of 5 looks are over the page level, tells of both levels, and ends when it has caught up", () => {
    const alerts = alertsOf();
    const events = look(alerts, [0, 40, 40, 130, 140, 150, 160, 200, 200, 0, 0, 0, 0]);
    expect(told(events)).toEqual([
      "alert.firing shop/behind/score/warn",
      "incident.opened shop/behind/score",
      "alert.firing shop/behind/score/page",
      "alert.resolved shop/behind/score/warn",
      "alert.resolved shop/behind/score/page",
      "incident.closed shop/behind/score",
    ]);
    const [warn, opened, page, , , closed] = events as [
      AlertEvent,
      AlertEvent,
      AlertEvent,
      AlertEvent,
      AlertEvent,
      AlertEvent,
    ];
    expect(warn).toMatchObject({ kind: "lag", severity: "ticket", incident: undefined, isPage: false });
    expect(opened).toMatchObject({
      kind: "lag",
      severity: "page",
      isPage: true,
      at: "2026-01-01T00:00:50.000Z",
      incident: "shop/behind/score/20260101T000050Z",
      summary: "behind: score is 1500 records behind, the oldest for 150 s (stopped); too much is 120 s.",
      fields: ["score"],
    });
    expect(page).toMatchObject({ severity: "page", isPage: false, incident: opened.incident, score: 150 / 120 });
    expect(closed).toMatchObject({ id: `${opened.incident}/closed`, summary: "behind: score has caught up." });
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });

  test("is told of by records or seconds, whichever is reached first, and by records where the seconds are not known", () => {
    const bounds = { records: 1_000, seconds: 60, isGrowing: false };
    const by = (seen: Partial<SeenLag>) =>
      look(alertsOf({ warn: bounds, page: undefined }), [1, 1, 1], { seen }).length;
    expect(by({ records: 1_000, seconds: 1 })).toBe(1);
    expect(by({ records: 999, seconds: 60 })).toBe(1);
    expect(by({ records: 999, seconds: 59 })).toBe(0);
    expect(by({ records: 1_000, seconds: undefined })).toBe(1);
    expect(by({ records: 999, seconds: undefined })).toBe(0);
  });

  test("is not told of by a level that wants growth while the lag shrinks, and is when all of 5 looks are above and it grows", () => {
    const growing = { warn: undefined, page: secondsOf(100, true) };
    expect(look(alertsOf(growing), [900, 800, 700, 600, 500, 400, 300, 200])).toEqual([]);
    // Five looks above the level come first, and then 3 of 5 that say so.
    const rising = [110, 120, 130, 140, 150, 160, 170];
    expect(look(alertsOf(growing), rising.slice(0, 6))).toEqual([]);
    expect(told(look(alertsOf(growing), rising))).toEqual([
      "incident.opened shop/behind/score",
      "alert.firing shop/behind/score/page",
    ]);
    const once = [110, 120, 130, 90, 150, 160, 170, 180];
    expect(look(alertsOf(growing), once)).toEqual([]);
  });

  test("grows by its last 30 looks: how it fell before them says nothing", () => {
    const growing = { warn: undefined, page: secondsOf(100, true) };
    const fell = Array.from({ length: 60 }, (_, i) => 5_000 - 80 * i);
    const rises = Array.from({ length: 30 }, (_, i) => 281 + i);
    expect(told(look(alertsOf(growing), [...fell, ...rises]))).toContain("incident.opened shop/behind/score");
  });

  test("a look that failed is neither well nor ill: it fires nothing and ends nothing", () => {
    const failed = Array<undefined>(20).fill(undefined);
    const alerts = alertsOf({ page: undefined });
    expect(look(alerts, [40, 40, ...failed])).toEqual([]);
    expect(told(look(alerts, [40]))).toEqual(["alert.firing shop/behind/score/warn"]);
    expect(look(alerts, [0, 0, ...failed])).toEqual([]);
    expect(told(look(alerts, [0]))).toEqual(["alert.resolved shop/behind/score/warn"]);
  });

  test("that somebody has silenced opens an incident that pages nobody, and its alert says so", () => {
    const isMuted = (name: string, field: string): boolean => name === "behind" && field === "score/page";
    const events = look(alertsOf({ warn: undefined }), [200, 200, 200, 0, 0, 0], { isMuted });
    expect(events.map(({ type, isPage }) => [type.slice(9), isPage])).toEqual([
      ["incident.opened", false],
      ["alert.suppressed", false],
      ["alert.resolved", false],
      ["incident.closed", false],
    ]);
  });

  test("again within the cool-down is told without another incident, and after it with one", () => {
    const alerts = alertsOf({ warn: undefined });
    look(alerts, [200, 200, 200, 0, 0, 0]);
    const quiet = look(alerts, [200, 200, 200, 0, 0, 0], { from: 6 });
    expect(quiet.map(({ type, incident }) => [type, incident])).toEqual([
      ["millrace.alert.firing", undefined],
      ["millrace.alert.resolved", undefined],
    ]);
    expect(told(look(alerts, [200, 200, 200], { from: 400 }))).toContain("incident.opened shop/behind/score");
  });
});

describe("after a restart", () => {
  const whole = [0, 130, 140, 150, 160, 170, 0, 0, 0, 0, 0] as const;

  test("what was told goes on: nothing is told again, and it ends under its name", () => {
    const straight = look(alertsOf(), whole);
    const opened = straight.filter(({ type }) => type === "millrace.incident.opened");
    const before = look(alertsOf(), whole.slice(0, 5));
    const alerts = alertsOf();
    for (const event of before) alerts.takeEvent(event);
    alerts.takeEvent({ ...before[0]!, kind: "drift", type: "millrace.alert.resolved" });
    const after = look(alerts, whole.slice(5), { from: 5 });
    expect(after).toEqual(straight.slice(before.length));
    expect(after.at(-1)).toMatchObject({ type: "millrace.incident.closed", incident: opened[0]!.incident });
    // The cool-down runs from the end that stands on the topic.
    const third = alertsOf({ warn: undefined });
    for (const event of straight) third.takeEvent(event);
    expect(told(look(third, [200, 200, 200], { from: 12 }))).toEqual(["alert.firing shop/behind/score/page"]);
  });

  test("what nobody watches any more is ended, once", () => {
    const before = look(alertsOf(), whole.slice(0, 5));
    const alerts = alertsOf({}, ["other"]);
    for (const event of before) alerts.takeEvent(event);
    expect(told(look(alerts, [0, 0], { seen: { stage: "other" } }))).toEqual([
      "alert.resolved shop/behind/score/warn",
      "alert.resolved shop/behind/score/page",
      "incident.closed shop/behind/score",
    ]);
  });
});

describe("records that an open transaction holds back", () => {
  const held = (alerts: LagAlerts, seconds: readonly number[]): AlertEvent[] =>
    seconds.flatMap((own, i) => {
      const lag = { stage: "score", records: 0, seconds: 0, held: { records: own === 0 ? 0 : 8, seconds: own } };
      return alerts.look([{ ...lag, status: "held" }], startMs + 10_000 * i, nobody);
    });

  test("are an alert and an incident of their own, which a lag of the same stage does not touch", () => {
    const events = held(alertsOf({ heldSeconds: 20 }), [10, 20, 30, 40, 50, 0, 0, 0, 0]);
    expect(told(events)).toEqual([
      "incident.opened shop/behind/score/held",
      "alert.firing shop/behind/score/held",
      "alert.resolved shop/behind/score/held",
      "incident.closed shop/behind/score/held",
    ]);
    expect(events[0]).toMatchObject({
      severity: "page",
      isPage: true,
      incident: "shop/behind/score/held/20260101T000030Z",
      summary:
        "behind: score gets nothing of 8 records that an open transaction holds back for 40 s; too much is 20 s.",
    });
    expect(events[2]).toMatchObject({ summary: "score gets what a transaction held back." });
  });

  test("are a ticket where no lag wakes anybody, and nothing where nobody asks", () => {
    const ticket = held(alertsOf({ page: undefined, heldSeconds: 20 }), [20, 30, 40]);
    expect(ticket.map(({ type, severity }) => [type, severity])).toEqual([["millrace.alert.firing", "ticket"]]);
    expect(held(alertsOf(), [20, 30, 40, 50])).toEqual([]);
  });
});
