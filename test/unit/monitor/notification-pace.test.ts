import { expect, test } from "vitest";
import type { AlertEvent } from "../../../src/monitor/index.ts";
import { isTold, NotificationPace, subjectOf, turnOf } from "../../../src/monitor/telling/index.ts";

const event = (type: string, subject: string, given: Partial<AlertEvent> = {}): AlertEvent =>
  ({
    type: `millrace.${type}`,
    id: `${type} ${subject}`,
    fingerprint: subject,
    incident: type.startsWith("incident.") ? subject : undefined,
    topology: "shop",
    severity: "page",
    isPage: true,
    summary: `${subject} ${type}`,
    ...given,
  }) as AlertEvent;
const fires = (subject: string) => event("alert.firing", subject);
const ends = (subject: string) => event("alert.resolved", subject);

test("so many are told within a minute, and a minute later others", () => {
  const pace = new NotificationPace(2);
  expect(["a", "b", "c"].map((subject) => pace.admits(fires(subject), 0))).toEqual([true, true, false]);
  expect(pace.admits(fires("d"), 59_999)).toBe(false);
  expect(["e", "f", "g"].map((subject) => pace.admits(fires(subject), 60_000))).toEqual([true, true, false]);
});

test("the rest is told in one summary a minute after the first of it, with five sentences at most", () => {
  const pace = new NotificationPace(0);
  for (const [i, subject] of ["a", "b", "c", "d", "e", "f"].entries()) pace.admits(fires(subject), 1_000 + i);
  expect(pace.summary(60_999, 5)).toBeUndefined();
  expect(pace.summary(61_000, 5)).toEqual({
    kind: "summary",
    id: "alert.firing a/and-5-more",
    topology: "shop",
    at: "1970-01-01T00:00:00.005Z",
    count: 6,
    first: ["a", "b", "c", "d", "e"].map((subject) => `${subject} alert.firing`),
  });
  expect(pace.summary(200_000, 5)).toBeUndefined();
  // The next minute begins with the next that is gathered.
  pace.admits(fires("g"), 100_000);
  expect([pace.summary(159_999, 5), pace.summary(160_000, 5)]).toMatchObject([undefined, { count: 1 }]);
});

test("the end of what was told is told whatever the pace, and takes nobody else's place", () => {
  const pace = new NotificationPace(1);
  expect([pace.admits(fires("a"), 0), pace.admits(ends("a"), 1), pace.admits(ends("b"), 2)]).toEqual([
    true,
    true,
    true,
  ]);
  expect([pace.admits(fires("c"), 60_000), pace.admits(fires("d"), 60_000)]).toEqual([true, false]);
});

test("the end of what only a summary has counted is counted by a summary, and what begins anew has an end of its own", () => {
  const pace = new NotificationPace(1);
  pace.admits(fires("a"), 0);
  expect([pace.admits(fires("b"), 0), pace.admits(ends("b"), 1)]).toEqual([false, false]);
  expect(pace.summary(60_000, 0)).toMatchObject({ count: 2 });
  expect([pace.admits(fires("b"), 60_000), pace.admits(ends("b"), 60_001)]).toEqual([true, true]);
  // What happens without an end leaves none untold.
  expect([pace.admits(event("alert.suppressed", "c"), 60_002), pace.admits(ends("c"), 60_003)]).toEqual([false, true]);
});

test("machines are told everything, Alertmanager alerts, people incidents, and PagerDuty pages and their ends", () => {
  const events = [
    fires("a"),
    ends("a"),
    event("alert.suppressed", "a"),
    event("incident.opened", "i"),
    event("incident.opened", "i", { isPage: false }),
    event("incident.closed", "i", { isPage: false }),
    event("incident.opened", "i", { severity: "ticket" }),
  ];
  const told = (kind: Parameters<typeof isTold>[0]) => events.map((each) => Number(isTold(kind, each))).join("");
  expect([told("webhook"), told("slack"), told("pagerduty")]).toEqual(["1111111", "1101111", "0001010"]);
  expect(told("alertmanager")).toBe("1100000");
  // A field of an incident is no news beside the incident.
  expect(isTold("slack", { ...fires("a"), incident: "i" })).toBe(false);
});

test("an event opens, closes or happens, and belongs to its incident or its alert", () => {
  const types = ["alert.firing", "incident.opened", "alert.suppressed", "alert.resolved", "incident.closed"];
  expect(types.map((type) => turnOf(event(type, "x")))).toEqual(["opens", "opens", "happens", "closes", "closes"]);
  expect(subjectOf(event("incident.opened", "i", { fingerprint: "f" }))).toBe("i");
  expect(subjectOf(event("incident.opened", "i", { fingerprint: "f", incident: undefined }))).toBe("f");
  expect(subjectOf(event("alert.firing", "f", { incident: "i" }))).toBe("f");
});
