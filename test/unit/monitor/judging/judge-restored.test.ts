import fc from "fast-check";
import { expect, test } from "vitest";
import { Judge, type Judgement, type JudgeOptions, type VerdictRecord } from "../../../../src/monitor/index.ts";
import { atEndOf, baseline, baselineWithNights, even, feed, head, hourMs, options, partial, shifted } from "./rig.ts";

function ready(over: Partial<JudgeOptions> = {}, measured = baseline()): Judge {
  const judge = new Judge({ ...options, ...over });
  for (const record of [measured, head()]) judge.takeBaseline(record);
  return judge;
}

/** What a window counted: even, shifted, between the levels, few rows. */
const rows = [even, shifted, [320, 180], [50, 50]] as const;
const anyWindows = fc.array(fc.constantFrom(...rows), { minLength: 4, maxLength: 30 });

const anyStop = fc.record({
  cut: fc.nat(29),
  hasNights: fc.boolean(),
  hasPartialsToo: fc.boolean(),
  hours: fc.constantFrom(1, 10),
  isSilenced: fc.boolean(),
});
/** For a part of the windows. */
const silence = {
  key: "silence/1",
  value: JSON.stringify({ who: "me", reason: "", until: new Date(atEndOf(12)).toISOString(), requestId: "1" }),
};

const told = ({ verdicts, events }: Judgement) => ({ verdicts, events });

test("a judge that was told what was judged before goes on as one that judged it, wherever it stopped (J2)", () => {
  fc.assert(
    fc.property(anyWindows, anyStop, (windows, { cut, hasNights, hasPartialsToo, hours, isSilenced }) => {
      const at = Math.min(cut, windows.length);
      const over = { rules: { ...options.rules, cooldownMs: hours * hourMs } };
      const measured = hasNights ? baselineWithNights : baseline();
      const whole = ready(over, measured);
      if (isSilenced) whole.takeCommand(silence);
      const straight = feed(whole, windows);
      const judge = ready(over, measured);
      const before = straight.slice(0, at);
      for (const { verdicts } of before) for (const verdict of verdicts) judge.takeVerdict(verdict);
      if (isSilenced) judge.takeCommand(silence);
      // An event may stand on its topic twice.
      for (const { events } of before) for (const event of [...events, ...events]) judge.takeEvent(event);
      // The topic of the partials is read again from its beginning, or from where it was.
      if (hasPartialsToo) expect(feed(judge, windows.slice(0, at)).flatMap(({ verdicts }) => verdicts)).toEqual([]);
      expect(feed(judge, windows.slice(at), at).map(told)).toEqual(straight.slice(at).map(told));
      // As far as somebody has told it the time.
      if (at < windows.length) expect(judge.pagesSpent("m")).toBe(whole.pagesSpent("m"));
    }),
  );
});

test("verdicts that stand on the topic twice count once", () => {
  const straight = feed(ready(), [shifted, shifted, shifted, shifted]);
  const judge = ready();
  const [one, two] = straight.slice(0, 2).flatMap(({ verdicts }) => verdicts) as [VerdictRecord, VerdictRecord];
  for (const verdict of [one, one, two, one]) judge.takeVerdict(verdict);
  expect(feed(judge, [shifted, shifted], 2).map(told)).toEqual(straight.slice(2).map(told));
});

test("an incident whose beginning is not there any more goes on under its name, and ends", () => {
  const straight = feed(ready(), [shifted, shifted, shifted, shifted, shifted, even, even, even]);
  const judge = ready();
  for (const { verdicts } of straight.slice(4, 5)) for (const verdict of verdicts) judge.takeVerdict(verdict);
  const after = feed(judge, [even, even, even], 5);
  expect(after.map(({ verdicts }) => verdicts[0]?.phase)).toEqual(["recovering", "recovering", "ok"]);
  expect(after.map(({ events }) => events)).toEqual(straight.slice(5).map(({ events }) => events));
});

test("the same records give the same verdicts, however many are taken before it is asked (J3)", () => {
  const records = [0, 1, 2, 3, 4, 5].flatMap((window) =>
    [0, 1].map((partition) => partial(partition, window, window % 2 === 0 ? shifted : even)),
  );
  const straight = feed(ready(), [shifted, even, shifted, even, shifted, even]);
  const judge = ready();
  for (const record of records)
    judge.takePartial(record, atEndOf(Math.round((record.fromMs - records[0]!.fromMs) / 3_600_000)));
  const { verdicts, events } = judge.judge();
  expect(verdicts).toEqual(straight.flatMap((one) => one.verdicts));
  expect(events).toEqual(straight.flatMap((one) => one.events));
});

test("totals of one task with one timestamp belong together: the window waits for the last of them (J3)", () => {
  const judge = ready();
  judge.takeBaseline(baseline("c"));
  judge.takePartial(partial(0, 0, even), atEndOf(0));
  judge.takePartial(partial(1, 0, even), atEndOf(0));
  judge.takePartial(partial(1, 0, [400, 400], { baseline: "c" }), atEndOf(0));
  expect(judge.judge().verdicts.map(({ baseline: id, m }) => `${id} ${m}`)).toEqual(["c 800", "b 1000"]);
});

test("what fires again within the cool-down is no part of an incident that has ended before", () => {
  const rules = { rules: { ...options.rules, cooldownMs: 20 * hourMs } };
  const windows = [shifted, shifted, shifted, even, even, even, shifted, shifted, shifted];
  const straight = feed(ready(rules), windows);
  const judge = ready(rules);
  for (const verdict of straight.slice(0, 6).flatMap(({ verdicts }) => verdicts)) judge.takeVerdict(verdict);
  const after = feed(judge, windows.slice(6), 6);
  expect(after[2]?.verdicts).toMatchObject([{ phase: "firing", incident: undefined }]);
  expect(after[2]?.events).toMatchObject([{ type: "millrace.alert.firing", incident: undefined }]);
  expect(after.map(told)).toEqual(straight.slice(6).map(told));
});
