import { describe, expect, test } from "vitest";
import { defaultRules, Incidents, type Verdict } from "../../../src/monitor/index.ts";

const hourMs = 3_600_000;

function verdict(field: string, kind: Verdict["kind"]): Verdict {
  const score = kind === "drift" ? 2 : 0;
  const numbers = { threshold: 1, noiseFloor: 0, probability: 0, falseDiscoveryRate: 0, ks: 0, cells: 2, n: 1, m: 1 };
  return { field, fromMs: 0, kind, score, ...numbers, season: "none", culprits: [] };
}

/** Per window the fields that drift; answers what happened in each. */
function steps(windows: readonly string[]) {
  const incidents = new Incidents(defaultRules);
  const all = windows.map((drifting, i) => {
    const verdicts = ["a", "b"].map((field) => verdict(field, drifting.includes(field) ? "drift" : "ok"));
    return incidents.add(verdicts, (i + 1) * hourMs);
  });
  return { all, incidents };
}

test("a field that joins an open incident is no further page, and the last to end closes it", () => {
  const { all, incidents } = steps(["a", "ab", "ab", "b", "b", "b", "", "", ""]);
  expect(all.map(({ opened }) => opened)).toEqual([undefined, undefined, 0, ...Array(6).fill(undefined)]);
  expect(all.map(({ fired }) => fired.join())).toEqual(["", "", "a", "b", "", "", "", "", ""]);
  expect(all.map(({ resolved }) => resolved.join())).toEqual(["", "", "", "", "", "a", "", "", "b"]);
  expect(all.map(({ closed }) => closed)).toEqual([...Array(8).fill(undefined), 0]);
  expect(incidents.count).toBe(1);
  expect(incidents.alertOf("a").phase).toBe("ok");
});

test("fields that begin to fire in one window open one incident, and a later one opens the next", () => {
  const { all, incidents } = steps(["ab", "ab", "ab", "", "", "", "", "b", "b", "b"]);
  expect(all.map(({ opened }) => opened).filter((at) => at !== undefined)).toEqual([0, 1]);
  expect(all[2]?.fired).toEqual(["a", "b"]);
  expect(incidents.count).toBe(2);
});

test("what comes again within the cool-down opens nothing", () => {
  const incidents = new Incidents({ ...defaultRules, cooldownMs: 10 * hourMs });
  for (const [i, drifting] of ["a", "a", "a", "", "", "", "a", "a", "a"].entries())
    incidents.add([verdict("a", drifting === "a" ? "drift" : "ok")], (i + 1) * hourMs);
  expect(incidents.count).toBe(1);
  expect(incidents.alertOf("a").phase).toBe("firing");
});

describe("a drift that is usual at its hour", () => {
  /** Per window: D drifts, u drifts as usual, . is well. Answers incidents opened, told and fired by the window's number. */
  const follow = (told: string, cooldownMs = hourMs) => {
    const incidents = new Incidents({ ...defaultRules, cooldownMs });
    const found: Record<"opened" | "told" | "fired" | "closed", number[]> = {
      opened: [],
      told: [],
      fired: [],
      closed: [],
    };
    for (const [i, what] of [...told].entries()) {
      const evaluation = { ...verdict("a", what === "." ? "ok" : "drift"), isUsual: what === "u" };
      const step = incidents.add([evaluation], (i + 1) * hourMs);
      if (step.opened !== undefined) found.opened.push(i);
      if (step.told.length > 0) found.told.push(i);
      if (step.fired.length > 0) found.fired.push(i);
      if (step.closed !== undefined) found.closed.push(i);
    }
    return found;
  };

  test("fires and opens no incident", () => {
    expect(follow("uuuu....uuuu...")).toEqual({ opened: [], told: [], fired: [2, 10], closed: [] });
  });

  test("opens one while it fires, with as many windows that are not usual as it takes to fire", () => {
    expect(follow("uuuuDD.D...")).toEqual({ opened: [7], told: [7], fired: [2], closed: [10] });
    expect(follow("uuuDuDu....").opened).toEqual([]);
    // Once told, it is not told again.
    expect(follow("uuuDDDDDDuuuDDD").told).toEqual([5]);
  });

  test("begins no cool-down for what is not", () => {
    expect(follow("uuu...DDD", 24 * hourMs).opened).toEqual([8]);
    expect(follow("DDD...DDD", 24 * hourMs).opened).toEqual([2]);
  });

  test("is no part of an open incident, which ends with the last field that is", () => {
    const incidents = new Incidents(defaultRules);
    const add = (i: number, a: Verdict["kind"], b: Verdict["kind"]) =>
      incidents.add([verdict("a", a), { ...verdict("b", b), isUsual: true }], i * hourMs);
    const opened = [1, 2, 3].map((i) => add(i, "drift", "drift"));
    expect(opened[2]).toMatchObject({ opened: 0, told: ["a"], fired: ["a", "b"] });
    const ended = [4, 5, 6].map((i) => add(i, "ok", "drift").closed);
    expect(ended).toEqual([undefined, undefined, 0]);
    expect([incidents.isOpen, incidents.isFiring("b"), incidents.isUntold("b")]).toEqual([false, true, true]);
    expect([7, 8, 9].map((i) => add(i, "ok", "ok").closed)).toEqual([undefined, undefined, undefined]);
  });
});
