import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Judge, type Judgement, type MonitorSpec, type PartialRecord } from "../../../../src/monitor/index.ts";
import type { ClosedWindow } from "../../../../src/monitor/judging/open-windows.ts";
import { RowWindows } from "../../../../src/monitor/judging/row-windows.ts";
import { baseline, cells, head, options, partial, spec, startMs } from "./rig.ts";

const minuteMs = 60_000;

/** A slice in which each task has counted so many rows. */
function slice(number: number, ...rows: readonly number[]): ClosedWindow {
  const fromMs = startMs + number * minuteMs;
  const partials = rows.map((count, of) => partial(of, 0, [count, 0], { fromMs }));
  const staleMs = rows.map((_, of) => 1_000 * (number + of));
  return {
    fromMs,
    toMs: fromMs + minuteMs,
    partials,
    staleMs,
    late: 1,
    closedAtMs: fromMs + 2 * minuteMs,
    isCurrent: true,
  };
}
/** First slice, the one behind the last, and rows. */
const shown = (windows: readonly ClosedWindow[]) =>
  windows.map(({ fromMs, toMs, partials }) => {
    const rows = partials.reduce((sum, own) => sum + own.rows, 0);
    return `${(fromMs - startMs) / minuteMs}..${(toMs - startMs) / minuteMs} ${rows}`;
  });

describe("a window of so many rows", () => {
  test("is complete with the slice that brings them, and holds all rows of it (V1)", () => {
    const windows = new RowWindows(500);
    expect(shown(windows.add([slice(0, 200, 100), slice(1, 100), slice(2, 99)]))).toEqual([]);
    expect(shown(windows.add([slice(3, 300), slice(4, 500), slice(5, 1)]))).toEqual(["0..4 799", "4..5 500"]);
    expect(shown(windows.add([slice(6, 499)]))).toEqual(["5..7 500"]);
  });

  test("adds up what each task told of its slices", () => {
    const windows = new RowWindows(500);
    const met = (id: number) => ({
      schemas: [{ id, offset: id }],
      recent: { schema: id, rows: 1, counts: [cells(1, 0)] },
    });
    const of = (number: number, over: Partial<PartialRecord>): ClosedWindow => {
      const made = slice(number, 250);
      return { ...made, partials: made.partials.map((own) => ({ ...own, ...over })) };
    };
    const first = of(0, { ...met(1), failed: 2, late: 3, offsetFrom: 10, offsetNext: 20, model: "a/1", plan: "p1" });
    const next = of(1, { ...met(1), failed: 5, late: 7, offsetFrom: 5, offsetNext: 15, model: undefined, plan: "p2" });
    const [window] = windows.add([first, next]);
    expect(window).toMatchObject({ late: 2, closedAtMs: startMs + 3 * minuteMs, staleMs: [1_000] });
    expect(window?.partials).toMatchObject([
      {
        ...{ fromMs: startMs, rows: 500, failed: 7, late: 10, offsetFrom: 5, offsetNext: 20, model: "a/1", plan: "p2" },
        schemas: [{ id: 1, offset: 1 }],
        recent: { schema: 1, rows: 2, counts: [cells(2, 0)] },
        counts: [cells(500, 0)],
      },
    ]);
    const newer = windows.add([of(2, met(1)), of(3, met(2))]);
    expect(newer[0]?.partials).toMatchObject([{ schemas: [{ id: 1 }, { id: 2 }], recent: { schema: 2, rows: 1 } }]);
  });

  test("keeps apart what was counted under another baseline, and loses no row of counts over other cells", () => {
    const windows = new RowWindows(500);
    const of = (number: number, over: Partial<PartialRecord>): ClosedWindow => {
      const made = slice(number, 200);
      return { ...made, partials: made.partials.map((own) => ({ ...own, ...over })) };
    };
    const [window] = windows.add([of(0, {}), of(1, { baseline: "", counts: [] }), of(2, { counts: [] })]);
    expect(window?.partials.map(({ baseline: id, rows, counts }) => [id, rows, counts])).toEqual([
      ["b", 400, []],
      ["", 200, []],
    ]);
  });

  test("ends as it is where no row comes for an hour, which is a window by itself (V2)", () => {
    const windows = new RowWindows(500);
    const empties = Array.from({ length: 60 }, (_, i) => slice(2 + i));
    expect(shown(windows.add([slice(0, 100), slice(1, 100), ...empties.slice(0, 59)]))).toEqual([]);
    expect(shown(windows.add(empties.slice(59)))).toEqual(["0..2 200", "2..62 0"]);
    expect(shown(windows.add(Array.from({ length: 60 }, (_, i) => slice(62 + i))))).toEqual(["62..122 0"]);
    expect(shown(windows.add([slice(122), slice(123, 500)]))).toEqual(["122..124 500"]);
  });

  test("does not reach over time that was passed over", () => {
    const windows = new RowWindows(500);
    expect(shown(windows.add([slice(0, 100), slice(9, 100)]))).toEqual(["0..1 100"]);
    expect(shown(windows.add([slice(10, 400)]))).toEqual(["9..11 500"]);
  });
});

const monitor: MonitorSpec = { ...spec, windowMs: minuteMs, windowRows: 1_000 };

function judgeOf(partitions: number): Judge {
  const judge = new Judge({ ...options, monitors: [monitor], partitions: new Map([["s", partitions]]) });
  for (const record of [baseline(), head()]) judge.takeBaseline(record);
  return judge;
}

/** What tasks count of a slice, told when it is over; @param shares rows of each task, left and right */
function tell(judge: Judge, number: number, shares: readonly (readonly [number, number])[]): Judgement {
  const fromMs = startMs + number * minuteMs;
  const streamTimeMs = fromMs + minuteMs + monitor.lateMs;
  for (const [of, [left, right]] of shares.entries())
    judge.takePartial(partial(of, 0, [left, right], { fromMs, streamTimeMs }), streamTimeMs + 1_000);
  return judge.judge();
}
const numbersOf = ({ verdicts }: Judgement) =>
  verdicts.map(({ field, fromMs, toMs, kind, score, threshold, m, phase }) => {
    return [field, (fromMs - startMs) / minuteMs, (toMs - startMs) / minuteMs, kind, score, threshold, m, phase];
  });
const anySlices = fc.array(
  fc.record({ left: fc.nat(400), right: fc.nat(400), shares: fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }) }),
  { minLength: 5, maxLength: 40 },
);

test("however rows are shared out among tasks, windows have the same bounds and verdicts as those of a single pass", () => {
  let windows = 0;
  fc.assert(
    fc.property(anySlices, (slices) => {
      const [single, shared] = [judgeOf(1), judgeOf(4)];
      for (const [number, { left, right, shares }] of slices.entries()) {
        const split = Array.from({ length: 4 }, (): [number, number] => [0, 0]);
        for (let row = 0; row < left; row++) split[shares[row % shares.length]!]![0]++;
        for (let row = 0; row < right; row++) split[shares[(row + 1) % shares.length]!]![1]++;
        const whole = numbersOf(tell(single, number, [[left, right]]));
        windows += whole.length;
        expect(numbersOf(tell(shared, number, split))).toEqual(whole);
      }
    }),
    { numRuns: 60 },
  );
  expect(windows).toBeGreaterThan(100);
});

test("a judge that was told what was judged before makes the windows that one makes that judged it (J2)", () => {
  fc.assert(
    fc.property(anySlices, fc.nat(39), (slices, cut) => {
      const at = Math.min(cut, slices.length);
      const straightOf = judgeOf(1);
      const straight = slices.map(({ left, right }, number) => tell(straightOf, number, [[left, right]]));
      const judge = judgeOf(1);
      for (const { verdicts } of straight.slice(0, at)) for (const verdict of verdicts) judge.takeVerdict(verdict);
      // The partials are read again from their beginning.
      const again = slices.slice(0, at).map(({ left, right }, number) => tell(judge, number, [[left, right]]));
      expect(again.flatMap(({ verdicts }) => verdicts)).toEqual([]);
      const rest = slices.slice(at).map(({ left, right }, i) => tell(judge, at + i, [[left, right]]));
      expect(rest.map(numbersOf)).toEqual(straight.slice(at).map(numbersOf));
    }),
    { numRuns: 60 },
  );
});
