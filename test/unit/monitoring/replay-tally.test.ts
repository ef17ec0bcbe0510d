import { expect, test } from "vitest";
import type { AlertEvent } from "../../../src/monitor/index.ts";
import { MonitorTally } from "../../../src/monitoring/replay-tally.ts";
import { verdictOf } from "./verdicts.ts";

const opened = (given: Partial<AlertEvent>): AlertEvent =>
  ({
    type: "millrace.incident.opened",
    at: "1970-01-01T00:00:09.000Z",
    fields: ["a"],
    isPage: false,
    ...given,
  }) as AlertEvent;

test("verdicts are counted by kind, and windows once, from the first time of the range to before its end", () => {
  const tally = new MonitorTally("m", 1_000, 3_000);
  for (const fromMs of [999, 1_000, 2_999, 3_000]) tally.addVerdict(verdictOf({ fromMs }));
  for (const kind of ["DRIFT", "DRIFT", "INSUFFICIENT", "SUPPRESSED"] as const)
    tally.addVerdict(verdictOf({ fromMs: 1_000, kind }));
  expect(tally.outcome).toEqual({
    monitor: "m",
    from: "1970-01-01T00:00:01.000Z",
    to: "1970-01-01T00:00:02.999Z",
    windows: 2,
    verdicts: 6,
    drift: 2,
    insufficient: 1,
    suppressed: 1,
    incidents: [],
    pages: 0,
  });
});

test("windows that came out of their order begin with the earliest", () => {
  const tally = new MonitorTally("m", 0, 10_000);
  for (const fromMs of [5_000, 900, 7_000]) tally.addVerdict(verdictOf({ fromMs }));
  expect(tally.outcome).toMatchObject({ from: "1970-01-01T00:00:00.900Z", to: "1970-01-01T00:00:07.000Z" });
  expect(new MonitorTally("m", 0, 1).outcome).toMatchObject({ from: null, to: null, windows: 0 });
});

test("incidents are those that opened within the range, by the begin of their window, else by their own time", () => {
  const tally = new MonitorTally("m", 1_000, 3_000);
  tally.addEvent(opened({ incident: "i1", from: "1970-01-01T00:00:01.000Z", isPage: true }));
  tally.addEvent(opened({ incident: "i2", from: "1970-01-01T00:00:03.000Z" }));
  tally.addEvent(opened({ incident: "i3", at: "1970-01-01T00:00:02.000Z" }));
  tally.addEvent(opened({ type: "millrace.incident.closed", incident: "i4", from: "1970-01-01T00:00:02.000Z" }));
  tally.addEvent(opened({ incident: "i5", from: "when?" }));
  const { incidents, pages } = tally.outcome;
  expect([incidents.map(({ id }) => id), pages]).toEqual([["i1", "i3"], 1]);
  expect(incidents[0]).toEqual({ id: "i1", at: "1970-01-01T00:00:09.000Z", isPage: true, fields: ["a"] });
});
