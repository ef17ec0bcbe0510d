import { expect, test } from "vitest";
import type { PartialRecord } from "../../../../src/monitor/index.ts";
import { Deployments } from "../../../../src/monitor/judging/deployments.ts";

const partial = (fromMs: number, given: Partial<PartialRecord> = {}): PartialRecord =>
  ({ stage: "s", partition: 0, fromMs, plan: "p1", model: "fraud/1", schemas: [], ...given }) as PartialRecord;
const taken = (...partials: readonly PartialRecord[]): Deployments => {
  const deployments = new Deployments();
  for (const each of partials) deployments.take(each);
  return deployments;
};
/** Of the windows that begin at 0, 10, 20 ..., those with a change. */
const changes = (deployments: Deployments) =>
  [0, 10, 20, 30, 40].filter((ms) => deployments.hasChangeWithin(ms, ms + 10));

test("a task that goes over to another plan or model has changed in the window that it says it in", () => {
  expect(changes(taken(partial(0), partial(10), partial(20, { plan: "p2" }), partial(30, { plan: "p2" })))).toEqual([
    20,
  ]);
  expect(changes(taken(partial(0), partial(10, { model: "fraud/2" })))).toEqual([10]);
  // In the same window too.
  expect(changes(taken(partial(0), partial(0, { plan: "p2" })))).toEqual([0]);
});

test("a window in which no model is known changes none, and what it was before is remembered", () => {
  const none = { model: undefined };
  expect(changes(taken(partial(0), partial(10, none), partial(20)))).toEqual([]);
  expect(changes(taken(partial(0), partial(10, none), partial(20, { model: "fraud/2" })))).toEqual([20]);
  expect(changes(taken(partial(0, none), partial(10)))).toEqual([]);
});

test("tasks are apart, and a window that comes late is no change", () => {
  const other = { plan: "p2" };
  expect(
    changes(taken(partial(0), partial(10, { ...other, partition: 1 }), partial(20, { ...other, stage: "t" }))),
  ).toEqual([]);
  expect(changes(taken(partial(20), partial(10, other), partial(30)))).toEqual([]);
});

test("a change counts from the begin of its window to before the end that is asked for", () => {
  const deployments = taken(partial(0), partial(20, { plan: "p2" }));
  expect(
    [
      [20, 21],
      [10, 20],
      [21, 30],
      [0, 21],
    ].map(([from, to]) => deployments.hasChangeWithin(from!, to!)),
  ).toEqual([true, false, false, true]);
});

test("the last 64 windows with a change are remembered", () => {
  const plans = Array.from({ length: 66 }, (_, i) => partial(i, { plan: `p${i}` }));
  const deployments = taken(...plans);
  expect([deployments.hasChangeWithin(1, 2), deployments.hasChangeWithin(2, 3)]).toEqual([false, true]);
  expect(taken(...plans.slice(0, 65)).hasChangeWithin(1, 2)).toBe(true);
});

test("a schema is there since the earliest window that had it, unless it was there in the first of all", () => {
  const has = (fromMs: number, ...ids: number[]) => partial(fromMs, { schemas: ids.map((id) => ({ id }) as never) });
  const deployments = taken(has(10, 1), has(30, 1, 2), has(20, 2), has(40, 2));
  expect([1, 2, 3].map((id) => deployments.schemaSince(id))).toEqual([undefined, 20, undefined]);
  // A window before that one comes late: now the first schema has a begin.
  deployments.take(has(0));
  expect([1, 2].map((id) => deployments.schemaSince(id))).toEqual([10, 20]);
});
