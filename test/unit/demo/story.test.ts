import { expect, test } from "vitest";
import { Progress } from "../../../demo/progress.ts";
import { closing, fed, followed, setAside, verdict } from "../../../demo/story.ts";

test("the last four lines are those that other programs read", () => {
  const totals = { events: 582_845, predictions: 95_673, deadLetters: 5, seconds: 31.4 };
  expect(closing(totals, { aucCalendar: 0.5874, aucKeyed: 0.73249 })).toBe(
    "events 582845 predictions 95673 dead-letters 5\nauc calendar 0.587\nauc keyed 0.732\nseconds 31\n",
  );
});

test("the verdict is one sentence in whole percent", () => {
  const quality = { aucKeyed: 0.7, aucCalendar: 0.6, lateShare: 0.264 };
  expect(verdict({ ...quality, lateShareWorstKeyed: 0.716, lateShareWorstCalendar: 0.3549 })).toBe(
    "Of the 10 % of flights rated worst, 72 % were late; with the schedule alone 35 %; overall 26 %.\n\n",
  );
});

test("a rate is what was sent over the time it took", () => {
  expect(fed("January", 306_387, 10)).toBe("January: 306,387 events, 10.0 s, 30,600 a second.\n");
});

test("a flight is followed in one line per topic, also when nothing had landed or it never landed", () => {
  const text = followed(7, {
    sent: { kind: "departure", origin: "ORD", destination: "MIA" },
    raw: { event_id: "flights.inbox-3-17" },
    clean: {},
    features: { hour: 18, weekday: 3, landed_1h: 0, landed_3h: 4, late_share_3h: 0.75, delay_mean_3h: 41.6 },
    keyed: { score: 0.7175, warn: true },
    calendar: { score: 0.2678 },
    landing: { at: "2001-02-14T22:17:12.000Z", delay: 68, late: true },
  });
  const lines = text.trimEnd().split("\n");
  expect(lines).toHaveLength(8);
  expect(lines[0]).toContain("number 7, ORD to MIA");
  expect(lines[2]).toContain("flights.inbox-3-17");
  expect(lines[4]).toContain("weekday 3, hour 18; landed: 0 in 1h, 4 in 3h (75 % late, mean 42 min), 0 in 24h");
  expect(lines[5]).toContain("0.72 by what landed: will be late");
  expect(lines[7]).toContain("68 min late, so it was late");
});

test("dead letters are a table of code, stage and reason", () => {
  const letters = [{ eventId: "e", code: "MR_LATE", stage: "features", message: "at is older" }];
  expect(setAside(letters)).toContain("\n  MR_LATE      features  at is older\n");
});

test("on a terminal progress is one line that is written over; elsewhere a line every three seconds", () => {
  for (const [isTerminal, expected] of [
    [true, ["\r\u001b[2KJanuary 2,000 of 4,000 (50 %)", "\r\u001b[2KJanuary 4,000 of 4,000 (100 %)", "\r\u001b[2K"]],
    [false, ["January 4,000 of 4,000 (100 %)\n"]],
  ] as const) {
    const written: string[] = [];
    let nowMs = 0;
    const progress = new Progress(
      (text) => written.push(text),
      isTerminal,
      () => nowMs,
    );
    progress.show("January", 1_000, 4_000);
    nowMs = 300;
    progress.show("January", 2_000, 4_000);
    nowMs = 3_100;
    progress.show("January", 4_000, 4_000);
    progress.clear();
    expect(written).toEqual(expected);
  }
});

// A log that ended with "97 %" looked like a run that had died.
test("without a terminal each thing ends with a line of 100 %, however quick it was, and only one", () => {
  const written: string[] = [];
  const progress = new Progress(
    (text) => written.push(text),
    false,
    () => 0,
  );
  for (const done of [1, 3, 4, 4]) progress.show("January", done, 4);
  progress.show("February", 0, 0);
  progress.show("January", 1, 4);
  progress.show("January", 4, 4);
  expect(written).toEqual(["January 4 of 4 (100 %)\n", "February 0 of 0 (100 %)\n", "January 4 of 4 (100 %)\n"]);
});
