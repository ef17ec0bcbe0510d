import { describe, expect, test } from "vitest";
import { OpenWindows } from "../../../../src/monitor/judging/open-windows.ts";
import { atEndOf, even, hourMs, partial, spec, startMs } from "./rig.ts";

const tasks = [0, 1].map((partition) => ({ stage: "s", partition }));
const windows = () => new OpenWindows(spec, tasks, 6 * hourMs);
const beat = (partition: number, streamTimeMs: number, isIdle = false) => ({
  stage: "s",
  partition,
  streamTimeMs,
  isIdle,
});
/** Window numbers of what closed. */
const numbers = (closed: readonly { readonly fromMs: number }[]) =>
  closed.map(({ fromMs }) => (fromMs - startMs) / hourMs);
/** The end of window 0 with its late rows. */
const dueMs = startMs + hourMs + spec.lateMs;

describe("a window closes", () => {
  test("when every task has come past its end and the late rows, and not before the last one (W2)", () => {
    const open = windows();
    open.takePartial(partial(0, 0, even), dueMs);
    expect(open.close(dueMs)).toEqual([]);
    open.takePartial(partial(1, 0, even, { streamTimeMs: dueMs - 1 }), dueMs);
    expect(open.close(dueMs)).toEqual([]);
    open.takeHeartbeat(beat(1, dueMs), dueMs + 1);
    expect(open.close(dueMs + 1)).toMatchObject([
      {
        fromMs: startMs,
        toMs: startMs + hourMs,
        late: 0,
        closedAtMs: dueMs + 1,
        partials: [{ partition: 0 }, { partition: 1 }],
      },
    ]);
    expect(open.close(dueMs + 2)).toEqual([]);
  });

  test("without a task that has nothing to read, once another has come past it (W2)", () => {
    const open = windows();
    open.takeHeartbeat(beat(1, Number.NEGATIVE_INFINITY, true), dueMs);
    open.takePartial(partial(0, 0, even, { streamTimeMs: dueMs - 1 }), dueMs);
    expect(open.close(dueMs)).toEqual([]);
    open.takeHeartbeat(beat(0, dueMs), dueMs);
    expect(numbers(open.close(dueMs))).toEqual([0]);
  });

  test("by Kafka's time alone where no task reads anything", () => {
    const open = windows();
    open.takePartial(partial(0, 0, even, { streamTimeMs: startMs + 5 }), startMs + 5);
    for (const partition of [0, 1]) open.takeHeartbeat(beat(partition, startMs + 5, true), startMs + 10);
    expect(open.close(dueMs + spec.idleAfterMs - 1)).toEqual([]);
    expect(numbers(open.close(dueMs + spec.idleAfterMs))).toEqual([0]);
  });

  test("without a task that is silent, when it has been for a minute and the window is a minute past (W3)", () => {
    const open = windows();
    open.takeHeartbeat(beat(1, startMs + 10), dueMs + 50_000);
    open.takePartial(partial(0, 0, even), dueMs);
    expect(open.close(dueMs + 109_999)).toEqual([]);
    expect(numbers(open.close(dueMs + 110_000))).toEqual([0]);
  });

  test("without a task that says the same again and again (W3)", () => {
    const open = windows();
    open.takePartial(partial(0, 0, even), dueMs);
    for (let s = 0; s < 60; s += 5) {
      open.takeHeartbeat(beat(1, startMs + 10), dueMs + s * 1_000);
      expect(open.close(dueMs + s * 1_000)).toEqual([]);
    }
    expect(numbers(open.close(dueMs + 60_000))).toEqual([0]);
  });

  test("not while a task comes on, however long after (W3)", () => {
    const open = windows();
    const laterMs = dueMs + 1_000 * hourMs;
    open.takePartial(partial(0, 0, even), laterMs);
    for (let step = 1; step < 50; step++) {
      open.takeHeartbeat(beat(1, startMs + step * 1_000), laterMs + step * 50_000);
      expect(open.close(laterMs + step * 50_000)).toEqual([]);
    }
  });

  test("when a task that nobody ever heard of was missed for a minute", () => {
    const open = windows();
    open.takePartial(partial(0, 0, even), dueMs);
    expect(open.close(dueMs + 500_000)).toEqual([]);
    expect(open.close(dueMs + 559_999)).toEqual([]);
    expect(numbers(open.close(dueMs + 560_000))).toEqual([0]);
  });
});

describe("windows", () => {
  test("close in order, and an empty one between as well (W1)", () => {
    const open = windows();
    open.takePartial(partial(1, 2, even), atEndOf(2));
    open.takePartial(partial(0, 0, even), atEndOf(2));
    open.takePartial(partial(0, 2, even), atEndOf(2));
    const closed = open.close(atEndOf(2));
    expect(numbers(closed)).toEqual([0, 1, 2]);
    expect(closed.map(({ partials }) => partials.length)).toEqual([1, 0, 2]);
  });

  test("hold the last total of a task and baseline", () => {
    const open = windows();
    open.takePartial(partial(0, 0, [1, 1], { streamTimeMs: startMs }), startMs);
    open.takePartial(partial(0, 0, [1, 1], { streamTimeMs: startMs, baseline: "c" }), startMs);
    for (const partition of [0, 1]) open.takePartial(partial(partition, 0, even), dueMs);
    const [window] = open.close(dueMs);
    expect(window?.partials.map(({ rows, baseline }) => `${rows} ${baseline}`)).toEqual(["500 b", "2 c", "500 b"]);
  });

  test("that are empty and older than the age are passed over, up to the next that is not", () => {
    const open = windows();
    for (const partition of [0, 1]) open.takePartial(partial(partition, 0, even), dueMs);
    expect(numbers(open.close(dueMs))).toEqual([0]);
    for (const partition of [0, 1]) open.takePartial(partial(partition, 500, even), atEndOf(900));
    // 900 ended just before: what ended more than six hours before that and is empty is not told.
    expect(numbers(open.close(atEndOf(900)))).toEqual([500]);
    for (const partition of [0, 1]) open.takeHeartbeat(beat(partition, atEndOf(900)), atEndOf(900));
    expect(numbers(open.close(atEndOf(900)))).toEqual([895, 896, 897, 898, 899, 900]);
  });

  test("count rows that come after they were closed into the next, once", () => {
    const open = windows();
    open.takePartial(partial(0, 0, even), dueMs);
    open.takePartial(partial(1, 0, [10, 0]), dueMs);
    expect(open.close(dueMs)).toMatchObject([{ late: 0 }]);
    open.takePartial(partial(1, 0, [13, 0]), dueMs + 1);
    open.takePartial(partial(1, 0, [15, 0]), dueMs + 2);
    open.takePartial(partial(1, 0, [15, 0]), dueMs + 2);
    open.takePartial(partial(0, 0, even), dueMs + 2);
    for (const partition of [0, 1]) open.takePartial(partial(partition, 1, even), atEndOf(1));
    expect(open.close(atEndOf(1))).toMatchObject([{ late: 5 }]);
    for (const partition of [0, 1]) open.takePartial(partial(partition, 2, even), atEndOf(2));
    expect(open.close(atEndOf(2))).toMatchObject([{ late: 0 }]);
  });

  test("that are yet to come are not closed by a row that is dated then (W4)", () => {
    const open = windows();
    for (const partition of [0, 1]) open.takePartial(partial(partition, 0, even), dueMs);
    open.takePartial(partial(0, 600_000, even), dueMs);
    open.takeHeartbeat(beat(1, dueMs, true), dueMs);
    // The window that goes on now is left empty, since the only one that reads has come past it.
    expect(numbers(open.close(dueMs))).toEqual([0, 1]);
    expect(numbers(open.close(dueMs + hourMs))).toEqual([2]);
  });

  test("that were judged before are not closed again", () => {
    const open = windows();
    for (const window of [0, 1, 2])
      for (const partition of [0, 1]) open.takePartial(partial(partition, window, even), atEndOf(2));
    open.judgedBefore(startMs + hourMs);
    expect(numbers(open.close(atEndOf(2)))).toEqual([2]);
  });

  test("that were judged before do not keep empty old ones in reach", () => {
    const open = windows();
    for (const partition of [0, 1]) open.takePartial(partial(partition, 0, even), dueMs);
    open.judgedBefore(startMs);
    for (const partition of [0, 1]) open.takePartial(partial(partition, 500, even), atEndOf(900));
    expect(numbers(open.close(atEndOf(500)))).toEqual([495, 496, 497, 498, 499, 500]);
  });
});

test("the clock closes no window that a backfill has not come to, and those that it has (W5)", () => {
  const open = windows();
  const daysMs = 240 * hourMs;
  for (const partition of [0, 1])
    open.takePartial(partial(partition, 0, even, { streamTimeMs: startMs + 5 }), startMs + daysMs);
  const pausedMs = startMs + daysMs + spec.idleAfterMs;
  expect(open.close(pausedMs - 1)).toEqual([]);
  expect(open.close(pausedMs)).toMatchObject([{ fromMs: startMs, isCurrent: false }]);
  expect(open.close(pausedMs + 2 * daysMs)).toEqual([]);
  for (const partition of [0, 1]) open.takePartial(partial(partition, 2, even), pausedMs + 2 * daysMs);
  const closed = open.close(pausedMs + 2 * daysMs);
  expect(closed.map(({ fromMs, partials, late }) => [fromMs - startMs, partials.length, late])).toEqual([
    [2 * hourMs, 2, 0],
  ]);
});

describe("where nothing was ever counted", () => {
  test("the first whole window since the judge has begun closes when tasks have nothing to read, empty", () => {
    const open = windows();
    expect(open.close(startMs - 900 * hourMs)).toEqual([]);
    open.begin();
    const sinceMs = startMs + 5;
    for (const partition of [0, 1]) open.takeHeartbeat(beat(partition, Number.NEGATIVE_INFINITY, true), sinceMs);
    expect(open.close(sinceMs)).toEqual([]);
    expect(numbers(open.close(dueMs + spec.idleAfterMs))).toEqual([]);
    expect(open.close(dueMs + hourMs + spec.idleAfterMs)).toMatchObject([{ fromMs: startMs + hourMs, partials: [] }]);
  });

  test("it closes without a task that never said anything, and not before there is a time", () => {
    const open = windows();
    open.begin();
    expect(open.close(Number.NEGATIVE_INFINITY)).toEqual([]);
    expect(open.close(startMs)).toEqual([]);
    expect(open.close(dueMs + spec.idleAfterMs)).toEqual([]);
    expect(numbers(open.close(dueMs + 2 * spec.idleAfterMs))).toEqual([0]);
  });

  test("older rows that come before it closes are judged in their own windows, the first of them first", () => {
    const open = windows();
    expect(open.close(startMs)).toEqual([]);
    open.takePartial(partial(0, -3, even, { streamTimeMs: dueMs - 2 * hourMs }), dueMs);
    open.takePartial(partial(1, -3, even, { streamTimeMs: dueMs - 2 * hourMs }), dueMs);
    expect(numbers(open.close(dueMs))[0]).toBe(-3);
  });
});

test("how far rows are behind is told of the first word on them, not of what is told again when the window is over", () => {
  const open = windows();
  open.takePartial(partial(0, 0, even, { streamTimeMs: startMs + 1_000 }), startMs + 9_000);
  open.takePartial(partial(0, 0, even, { streamTimeMs: startMs + 1_000 }), dueMs);
  open.takePartial(partial(1, 0, even, { streamTimeMs: startMs + 4_000 }), startMs + 5_000);
  for (const partition of [0, 1]) open.takeHeartbeat(beat(partition, dueMs), dueMs);
  expect(open.close(dueMs)).toMatchObject([{ staleMs: [8_000, 1_000] }]);
});
