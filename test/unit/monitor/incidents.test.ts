import { expect, test } from "vitest";
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
