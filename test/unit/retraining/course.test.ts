import { expect, test } from "vitest";
import { Courses, isRolledOut } from "../../../src/retraining/course.ts";
import { PromotionsDue } from "../../../src/retraining/promotions-due.ts";
import type { RetrainingEvent } from "../../../src/training/index.ts";

let made = 0;
const event = (type: RetrainingEvent["type"], request: string, given: Partial<RetrainingEvent> = {}): RetrainingEvent =>
  ({ type, request, id: `e${++made}`, by: "trainer", model: "fraud", ...given }) as RetrainingEvent;

test("a course has its starts, what passed the gate, and whether somebody is waited for", () => {
  const courses = new Courses();
  const trained = event("trained", "r");
  for (const each of [event("requested", "r"), event("started", "r"), event("started", "r"), trained])
    courses.take(each);
  expect(courses.of("r")).toMatchObject({ starts: 2, trained, isWaiting: false, hasEnded: false });
  courses.take(event("waiting", "r"));
  expect(courses.of("r")).toMatchObject({ trained, isWaiting: true, hasEnded: false });
  expect(courses.open.map(({ request }) => request.request)).toEqual(["r"]);
  courses.take(event("promoted", "r"));
  expect(courses.open).toEqual([]);
  // What comes behind its end is nothing.
  courses.take(event("started", "r"));
  expect(courses.of("r")).toMatchObject({ starts: 2, hasEnded: true });
});

test("an event that is written twice, or asks again for what was asked for, changes nothing", () => {
  const courses = new Courses();
  const [asked, started] = [event("requested", "r"), event("started", "r")];
  for (const each of [asked, started, started, asked, event("requested", "r", { by: "ann" })]) courses.take(each);
  expect(courses.of("r")).toMatchObject({ request: asked, starts: 1 });
});

test("what nobody asked for has no course: not what the policy held back, nor what follows nothing", () => {
  const courses = new Courses();
  courses.take(event("suppressed", "held", { by: "policy" }));
  courses.take(event("started", "unknown"));
  courses.take(event("requested", "r", { by: "policy" }));
  courses.take(event("suppressed", "r", { by: "policy" }));
  expect([courses.of("held"), courses.of("unknown"), courses.of("r")?.hasEnded]).toEqual([undefined, undefined, false]);
});

test("a version is rolled out when it has scored for long enough and often enough", () => {
  const rollout = { shadow: { forMs: 1_000, recordsMin: 10 } };
  const seen = (records: number, spanMs: number) => isRolledOut(rollout, { records, spanMs } as never);
  expect([seen(10, 1_000), seen(9, 1_000), seen(10, 999)]).toEqual([true, false, false]);
});

test("promotions of a model are followed one at a time, each until it went well, and hold up no other model", async () => {
  const done: string[] = [];
  const slept: number[] = [];
  const busy = new Set<string>();
  let failures = 2;
  const due = new PromotionsDue(
    async (model) => {
      expect(busy.has(model)).toBe(false);
      busy.add(model);
      await new Promise(setImmediate);
      busy.delete(model);
      if (model === "a" && failures-- > 0) throw new Error("away");
      done.push(model);
    },
    {
      sleep: async (ms) => {
        slept.push(ms);
      },
    },
  );
  due.take("a", 4);
  due.take("a", 7);
  due.take("b", 9);
  expect(due.offsets).toEqual([4, 7, 9]);
  while (due.offsets.length > 0) await new Promise(setImmediate);
  expect([done, slept]).toEqual([
    ["b", "a", "a"],
    [1_000, 2_000],
  ]);
});

test("what is given up is left to who comes next, and what comes afterwards is followed", async () => {
  const followed: [string, boolean][] = [];
  const due = new PromotionsDue(
    async (model, signal) => {
      await new Promise<void>((resolve) =>
        model === "c" ? resolve() : signal.addEventListener("abort", () => resolve()),
      );
      followed.push([model, signal.aborted]);
    },
    { sleep: async () => undefined },
  );
  due.take("a", 4);
  due.take("a", 7);
  await new Promise(setImmediate);
  const released = due.release();
  // Until it has let go of what it was at, it still answers for it.
  expect(due.offsets).toEqual([4, 7]);
  await released;
  expect([due.offsets, followed]).toEqual([[], [["a", true]]]);
  due.take("c", 9);
  while (due.offsets.length > 0) await new Promise(setImmediate);
  expect(followed.at(-1)).toEqual(["c", false]);
});
